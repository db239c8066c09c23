// The end of an index's file, where a segment keeps free space from being given back.
#ifndef VSEG_POSTGRES_MERGE_FILE_END_H_
#define VSEG_POSTGRES_MERGE_FILE_END_H_

#include "postgres/boundary/postgres_headers.h"

#include <vector>

#include "engine/compaction/merge_planner.h"
#include "engine/format/metapage_format.h"

namespace vseg {
namespace pg {

// The segment that is last in the file, where more than half of the file is free and a new segment
// of its rows, no more than `capacity`, would lie before it: once it is replaced, and nobody reads
// it any more, the file can end earlier. Empty otherwise. Replacing what is planned again and again
// ends. Throws PgError and CorruptIndexError.
MergeGroup segment_at_file_end(Relation index, const Metapage& metapage,
                               const std::vector<PlannedMember>& segments, uint64_t capacity);

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_MERGE_FILE_END_H_

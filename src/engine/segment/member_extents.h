// Which extents a member of the directory, or one displaced from it, owns.
#ifndef VSEG_ENGINE_SEGMENT_MEMBER_EXTENTS_H_
#define VSEG_ENGINE_SEGMENT_MEMBER_EXTENTS_H_

#include <cstdint>
#include <vector>

#include "engine/common/types.h"
#include "engine/pages/page_source.h"

namespace vseg {

// Extents of the graph segment whose header is in `header_block`, ascending; extent 0, which the
// metapage owns, left out though a segment may begin there.
std::vector<uint32_t> segment_extents(PageSource& pages, BlockNo header_block, uint32_t id,
                                      uint32_t dimensions);

// Extents of an append chain or flat run, ascending; extent 0, which the metapage owns, left out
// though the index's first chain has pages there. Every block that the chain's pages name must be
// counted here: space of a living chain that is missing is given to others.
std::vector<uint32_t> chain_extents(PageSource& pages, BlockNo header_block, uint32_t id,
                                    uint32_t dimensions);

// Extents of the pages of unranked rows that begin at `first`, ascending; extent 0 left out.
std::vector<uint32_t> unranked_extents(PageSource& pages, BlockNo first);

}  // namespace vseg

#endif  // VSEG_ENGINE_SEGMENT_MEMBER_EXTENTS_H_

// See src/postgres/README.md for the protocol.
#include "postgres/append/append_codes.h"

#include <algorithm>
#include <cstring>
#include <memory>

extern "C" {
#include "utils/memutils.h"
}

#include "engine/append/append_encoder.h"
#include "postgres/boundary/guard.h"

namespace vseg {
namespace pg {
namespace {

PageExpectation vectors_page(const Appender& a) { return {PageKind::kAppendVectors, a.chain_id}; }
PageExpectation codes_page(const Appender& a) { return {PageKind::kAppendCodes, a.chain_id}; }
PageExpectation centroid_page(const Appender& a) { return {PageKind::kAppendCentroid, a.chain_id}; }

// Consecutive bytes in consecutive payloads.
struct Bytes {
  char* data;
  uint32_t size;

  uint32_t pages() const { return (size + kPagePayload - 1) / kPagePayload; }
  char* page(uint32_t i) const { return data + size_t{i} * kPagePayload; }
  uint32_t page_bytes(uint32_t i) const { return std::min(kPagePayload, size - i * kPagePayload); }
};

// Page i of `bytes`.
void read_page(const Appender& a, BlockNumber block, PageExpectation what, const Bytes& bytes,
               uint32_t i) {
  Buffer buffer = lock_from_tail(a, block, BUFFER_LOCK_SHARE, what);
  memcpy(bytes.page(i), payload(BufferGetPage(buffer)), bytes.page_bytes(i));
  UnlockReleaseBuffer(buffer);
}

// New pages from `first` on, in one record. Nothing leads to them yet.
void write_new_pages(const Appender& a, BlockNumber first, PageExpectation what,
                     const Bytes& bytes) {
  Buffer buffers[kMaxPagesPerRecord];
  take_pages(a.index, first, bytes.pages(), buffers);
  for (uint32_t i = 0; i < bytes.pages(); i++) {
    Page page = BufferGetPage(buffers[i]);
    init_page(page, what, bytes.page_bytes(i));
    memcpy(payload(page), bytes.page(i), bytes.page_bytes(i));
  }
  log_and_release_new_pages(a.index, buffers, static_cast<int>(bytes.pages()));
}

// Calls visit(vector) for the rows from `row` to `end` that are in the same vector page; returns
// the first that is not.
template <typename Visit>
uint32_t visit_page(const Appender& a, uint32_t row, uint32_t end, Visit visit) {
  const uint32_t per_page = a.layout.vectors_per_page, page = row / per_page;
  Buffer vectors =
      lock_from_tail(a, vector_blocks(a, tail_header(a))[page], BUFFER_LOCK_SHARE, vectors_page(a));
  const char* slots = payload(BufferGetPage(vectors));
  for (; row < end && row / per_page == page; row++) {
    visit(reinterpret_cast<const float*>(slots + row % per_page * a.layout.vector_bytes));
  }
  UnlockReleaseBuffer(vectors);
  return row;
}

// Of a vector that spans pages.
const float* read_vector(const Appender& a, uint32_t row) {
  const Bytes bytes = {a.coding.vector, a.layout.vector_bytes};
  const BlockNo* blocks = vector_blocks(a, tail_header(a)) + row * a.layout.pages_per_vector;
  for (uint32_t i = 0; i < bytes.pages(); i++) {
    read_page(a, blocks[i], vectors_page(a), bytes, i);
  }
  return reinterpret_cast<const float*>(bytes.data);
}

// Calls visit(vector) for the rows of a group of the tail, in order.
template <typename Visit>
void visit_group(const Appender& a, uint32_t group, Visit visit) {
  const uint32_t first = group * kAppendGroupRows, end = first + kAppendGroupRows;
  for (uint32_t row = first; row < end;) {
    if (a.layout.vectors_per_page != 0) {
      row = visit_page(a, row, end, visit);
    } else {
      visit(read_vector(a, row++));
    }
  }
}

// The mean of a group becomes the chain's centroid: its pages, then the tail that names them.
void write_centroid(const Appender& a, uint32_t group) {
  AppendEncoder* encoder = a.coding.encoder;
  encoder->start_mean();
  visit_group(a, group, [encoder](const float* row) { encoder->add_to_mean(row); });
  const BlockNumber first = reserve_pages(a, a.layout.centroid_pages);
  write_new_pages(a, first, centroid_page(a),
                  {reinterpret_cast<char*>(encoder->centroid()), a.layout.vector_bytes});
  GenericXLogState* record = GenericXLogStart(a.index);
  auto* tail = payload_as<AppendEntriesHeader>(GenericXLogRegisterBuffer(record, a.tail, 0));
  tail->centroid = first;
  tail->extent_used += a.layout.centroid_pages;
  GenericXLogFinish(record);
}

void read_centroid(const Appender& a) {
  const BlockNumber first = tail_header(a)->centroid;
  const Bytes bytes = {reinterpret_cast<char*>(a.coding.encoder->centroid()),
                       a.layout.vector_bytes};
  for (uint32_t i = 0; i < bytes.pages(); i++) {
    read_page(a, first + i, centroid_page(a), bytes, i);
  }
}

// The encoder throws where memory is short, in its constructor only, and is deleted with the
// context: on an error together with the context above.
void prepare_coding(Appender* a) {
  Coding* coding = &a->coding;
  if (coding->context == nullptr) {
    coding->context =
        AllocSetContextCreate(CurrentMemoryContext, "vseg append codes", ALLOCSET_SMALL_SIZES);
    coding->codes = static_cast<char*>(
        MemoryContextAlloc(coding->context, std::max(kPagePayload, a->layout.group_bytes)));
    coding->vector =
        static_cast<char*>(MemoryContextAlloc(coding->context, a->layout.vector_bytes));
    run_cpp([a, coding] {
      auto encoder = std::make_unique<AppendEncoder>(a->metric, a->dimensions);
      call_pg([&] { delete_with_context(coding->context, encoder.get()); });
      coding->encoder = encoder.release();
    });
  }
  if (coding->centroid_known) {
    return;
  }
  if (tail_header(*a)->centroid == kNoBlock) {
    write_centroid(*a, tail_header(*a)->coded_groups);
  } else {
    read_centroid(*a);
  }
  coding->centroid_known = true;
}

// Codes of `count` groups from `first` on, one after the other in coding.codes.
void encode(const Appender& a, uint32_t first, uint32_t count) {
  AppendEncoder* encoder = a.coding.encoder;
  for (uint32_t i = 0; i < count; i++) {
    encoder->start_group(
        reinterpret_cast<std::byte*>(a.coding.codes + size_t{i} * a.layout.group_bytes));
    visit_group(a, first + i, [encoder](const float* row) { encoder->add(row); });
  }
}

// Codes of `count` groups from `first` on, which share a page. One record: code page and tail.
void write_to_one_page(const Appender& a, uint32_t first, uint32_t count) {
  const AppendLayout& layout = a.layout;
  const uint32_t page = first / layout.groups_per_page, slot = first % layout.groups_per_page;
  const bool fresh = slot == 0;
  const BlockNumber block = fresh ? reserve_pages(a, 1) : code_blocks(a, tail_header(a))[page];
  Buffer codes = fresh ? take_page(a.index, block)
                       : lock_from_tail(a, block, BUFFER_LOCK_EXCLUSIVE, codes_page(a));
  GenericXLogState* record = GenericXLogStart(a.index);
  Page image = GenericXLogRegisterBuffer(record, codes, fresh ? GENERIC_XLOG_FULL_IMAGE : 0);
  if (fresh) {
    init_page(image, codes_page(a), 0);
  }
  memcpy(payload(image) + size_t{slot} * layout.group_bytes, a.coding.codes,
         size_t{count} * layout.group_bytes);
  set_payload_bytes(image, size_t{slot + count} * layout.group_bytes);
  auto* tail = payload_as<AppendEntriesHeader>(GenericXLogRegisterBuffer(record, a.tail, 0));
  code_blocks(a, tail)[page] = block;
  tail->extent_used += fresh ? 1 : 0;
  tail->coded_groups = static_cast<uint16_t>(first + count);
  GenericXLogFinish(record);
  UnlockReleaseBuffer(codes);
}

// Codes of a group that spans pages: these first, then the tail that counts the group.
void write_to_many_pages(const Appender& a, uint32_t group) {
  const uint32_t pages = a.layout.pages_per_group;
  const BlockNumber first = reserve_pages(a, pages);
  write_new_pages(a, first, codes_page(a), {a.coding.codes, a.layout.group_bytes});
  GenericXLogState* record = GenericXLogStart(a.index);
  auto* tail = payload_as<AppendEntriesHeader>(GenericXLogRegisterBuffer(record, a.tail, 0));
  for (uint32_t i = 0; i < pages; i++) {
    code_blocks(a, tail)[group * pages + i] = first + i;
  }
  tail->extent_used += pages;
  tail->coded_groups = static_cast<uint16_t>(group + 1);
  GenericXLogFinish(record);
}

}  // namespace

void code_groups(Appender* a) {
  if (!has_append_codes(a->metric, a->layout)) {
    return;
  }
  const uint32_t complete = tail_header(*a)->rows / kAppendGroupRows;
  const uint32_t per_page = a->layout.groups_per_page;
  for (uint32_t first = tail_header(*a)->coded_groups; first < complete;
       first = tail_header(*a)->coded_groups) {
    prepare_coding(a);
    const uint32_t count =
        per_page != 0 ? std::min(complete - first, per_page - first % per_page) : 1;
    encode(*a, first, count);
    if (per_page != 0) {
      write_to_one_page(*a, first, count);
    } else {
      write_to_many_pages(*a, first);
    }
  }
}

void end_coding(Appender* a) {
  if (a->coding.context != nullptr) {
    MemoryContextDelete(a->coding.context);
    a->coding = Coding{};
  }
}

}  // namespace pg
}  // namespace vseg

// How far an index has come with sealing and merging, and waiting for it.
#pragma once

#include <cstddef>
#include <string>

#include "bench.h"

namespace vseg_bench {

// What vseg_segments says.
struct IndexState {
  size_t segments = 0;   // graph segments
  size_t tail_rows = 0;  // in append chains and flat runs
  size_t dead_rows = 0;
  double live_bytes = 0;  // of pages that members use
};

IndexState ReadState(Session* session, const std::string& index);

// The kind that is vseg. Throws std::runtime_error when --indexes leaves it out.
const IndexKind& VsegKind(const Bench& bench);

// A table for each kind that is not a twin: its rows change.
std::string LifeTable(const IndexKind& kind);

// Waits until no worker of vseg has been at work for half a second. False after `seconds`.
bool WaitUntilQuiet(Session* session, double seconds);

// The same; throws std::runtime_error when that takes longer than ten minutes.
void AwaitQuiet(Session* session);

// Has a worker seal what is left in the tail, however short, by VACUUM, and waits until the tail is
// empty. False when it still is not after `seconds`. Merges may follow.
bool SealTail(Session* session, const std::string& table, double seconds);

// SealTail and WaitUntilQuiet; throws std::runtime_error with the state when either takes longer
// than ten minutes.
void SealAndWait(Session* session, const std::string& table);

// "3 segments, 1200 rows in the tail, 0 dead".
std::string StateText(const IndexState& state);

// A position in the WAL, in bytes.
double WalPosition(Session* session);

}  // namespace vseg_bench

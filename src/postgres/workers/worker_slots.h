// How many workers may run at a time, in all databases: vseg.max_workers. There is no shared memory
// to count them in, since vseg needs no preloading: each holds a lock of its own.
#ifndef VSEG_POSTGRES_WORKERS_WORKER_SLOTS_H_
#define VSEG_POSTGRES_WORKERS_WORKER_SLOTS_H_

namespace vseg {
namespace pg {

// Takes a slot until this process ends; false where all are taken.
bool take_worker_slot();

// Whether a slot is free. Workers that were registered and have not come up yet are not seen, nor
// those that are between two transactions: take_worker_slot() has the last word.
bool is_worker_slot_free();

}  // namespace pg
}  // namespace vseg

#endif  // VSEG_POSTGRES_WORKERS_WORKER_SLOTS_H_

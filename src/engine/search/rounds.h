// A scan searches in rounds, each for more rows than the one before it.
#ifndef VSEG_ENGINE_SEARCH_ROUNDS_H_
#define VSEG_ENGINE_SEARCH_ROUNDS_H_

#include <cstdint>

namespace vseg {

// Rows that the round after one for `rows` rows searches for. The first round searches for
// ef_search rows; later ones for numbers that do not depend on it. So a greater ef_search never
// leads to a round for fewer rows.
uint64_t rows_of_next_round(uint64_t rows);

// Of the rows that rounds have searched for, those that may be returned before the next one in
// strict order; the others are held back, as the next round may find nearer ones. At least 1.
uint64_t confirmed_rows(uint64_t searched_for, uint32_t ef_search);

}  // namespace vseg

#endif  // VSEG_ENGINE_SEARCH_ROUNDS_H_

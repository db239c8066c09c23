// Bits of a bitmap as pages have it: bit i is bit i % 8 of byte i / 8.
#ifndef VSEG_ENGINE_COMMON_BITS_H_
#define VSEG_ENGINE_COMMON_BITS_H_

#include <cstddef>

namespace vseg {

template <typename Byte>
bool get_bit(const Byte* bits, size_t i) {
  static_assert(sizeof(Byte) == 1);
  return (static_cast<unsigned>(bits[i / 8]) >> (i % 8) & 1U) != 0;
}

template <typename Byte>
void set_bit(Byte* bits, size_t i) {
  bits[i / 8] = static_cast<Byte>(static_cast<unsigned>(bits[i / 8]) | 1U << (i % 8));
}

template <typename Byte>
void clear_bit(Byte* bits, size_t i) {
  bits[i / 8] = static_cast<Byte>(static_cast<unsigned>(bits[i / 8]) & ~(1U << (i % 8)));
}

}  // namespace vseg

#endif  // VSEG_ENGINE_COMMON_BITS_H_

#include "engine/common/bits.h"

#include <cstddef>

#include <gtest/gtest.h>

namespace vseg {
namespace {

template <typename Byte>
void set_and_clear() {
  Byte bits[3] = {};
  for (size_t i : {0, 7, 8, 23}) {
    EXPECT_FALSE(get_bit(bits, i));
    set_bit(bits, i);
    set_bit(bits, i);
    EXPECT_TRUE(get_bit(bits, i));
  }
  EXPECT_EQ(bits[0], static_cast<Byte>(0x81));
  EXPECT_EQ(bits[1], static_cast<Byte>(0x01));
  EXPECT_EQ(bits[2], static_cast<Byte>(0x80));
  clear_bit(bits, 7);
  clear_bit(bits, 7);
  EXPECT_EQ(bits[0], static_cast<Byte>(0x01));
}

TEST(Bits, AreSetAndClearedOneByOne) {
  set_and_clear<std::byte>();
  set_and_clear<char>();
}

}  // namespace
}  // namespace vseg

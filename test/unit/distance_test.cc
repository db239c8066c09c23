#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/kernels/distance.h"
#include "engine/kernels/distance_reference.h"
#include "engine/kernels/distance_targets.h"

namespace vseg {

// Names the instruction set in test names and failures. Found by argument-dependent lookup.
void PrintTo(const DistanceKernels& kernels, std::ostream* out) { *out << kernels.target; }

namespace {

std::vector<size_t> lengths() {
  std::vector<size_t> lengths;
  for (size_t n = 0; n <= 130; n++) lengths.push_back(n);
  for (size_t n : {200, 768, 784, 1536, 16000}) lengths.push_back(n);
  return lengths;
}

// Values of a vector that starts `offset` bytes after an allocation's start, so unaligned for
// offset > 0. memcpy keeps the test itself free of unaligned stores.
template <class T>
class Values {
 public:
  Values(const std::vector<T>& values, size_t offset)
      : bytes_(values.size() * sizeof(T) + offset), offset_(offset) {
    if (!values.empty())
      std::memcpy(bytes_.data() + offset, values.data(), values.size() * sizeof(T));
  }
  const T* data() const { return reinterpret_cast<const T*>(bytes_.data() + offset_); }

 private:
  std::vector<unsigned char> bytes_;
  size_t offset_;
};

std::vector<float> random_floats(size_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& value : values) value = normal(generator);
  return values;
}

std::vector<uint8_t> random_bytes(size_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<uint8_t> values(n);
  for (uint8_t& value : values) value = static_cast<uint8_t>(generator());
  return values;
}

// A float sum of n terms in any order is off by at most (n + 1) roundings of the sum of magnitudes;
// with random signs the error is nearer to their square root.
double tolerance(double magnitude, size_t n) {
  const double roundings = 4 + 2 * std::sqrt(static_cast<double>(n));
  return magnitude * roundings * std::numeric_limits<float>::epsilon();
}

double product_magnitude(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); i++) sum += std::fabs(static_cast<double>(a[i]) * b[i]);
  return sum;
}

// Bytes that end where an unreadable page begins: reading one byte more is a fault.
template <class T>
class ValuesBeforeUnreadablePage {
 public:
  explicit ValuesBeforeUnreadablePage(const std::vector<T>& values)
      : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))),
        readable_((values.size() * sizeof(T) + page_ - 1) / page_ * page_ + page_) {
    base_ = static_cast<unsigned char*>(mmap(nullptr, readable_ + page_, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_NE(base_, MAP_FAILED);
    EXPECT_EQ(mprotect(base_ + readable_, page_, PROT_NONE), 0);
    begin_ = base_ + readable_ - values.size() * sizeof(T);
    if (!values.empty()) std::memcpy(begin_, values.data(), values.size() * sizeof(T));
  }
  ~ValuesBeforeUnreadablePage() { munmap(base_, readable_ + page_); }
  ValuesBeforeUnreadablePage(const ValuesBeforeUnreadablePage&) = delete;
  ValuesBeforeUnreadablePage& operator=(const ValuesBeforeUnreadablePage&) = delete;
  const T* data() const { return reinterpret_cast<const T*>(begin_); }

 private:
  size_t page_;
  size_t readable_;
  unsigned char* base_;
  unsigned char* begin_;
};

class DistanceKernelsOfTarget : public testing::TestWithParam<DistanceKernels> {};

INSTANTIATE_TEST_SUITE_P(EveryTarget, DistanceKernelsOfTarget,
                         testing::ValuesIn(distance_kernels_of_all_targets()),
                         [](const testing::TestParamInfo<DistanceKernels>& info) {
                           return info.param.target;
                         });

TEST_P(DistanceKernelsOfTarget, FloatKernelsMatchTheReferenceAtEveryLengthAndAlignment) {
  const DistanceKernels kernels = GetParam();
  for (const size_t n : lengths()) {
    const std::vector<float> x = random_floats(n, 1), y = random_floats(n, 2);
    const double l2 = l2_squared_reference(x.data(), y.data(), n);
    const double product = inner_product_reference(x.data(), y.data(), n);
    const double l1 = l1_reference(x.data(), y.data(), n);
    for (const size_t offset : {0, 1, 4, 7}) {
      const Values<float> a(x, offset), b(y, offset == 4 ? 0 : offset);
      EXPECT_NEAR(kernels.l2_squared(a.data(), b.data(), n), l2, tolerance(l2, n)) << n;
      EXPECT_NEAR(kernels.inner_product(a.data(), b.data(), n), product,
                  tolerance(product_magnitude(x, y), n))
          << n;
      EXPECT_NEAR(kernels.l1(a.data(), b.data(), n), l1, tolerance(l1, n)) << n;
    }
  }
}

TEST_P(DistanceKernelsOfTarget, ByteKernelsAreExactAtEveryLengthAndAlignment) {
  const DistanceKernels kernels = GetParam();
  for (const size_t n : lengths()) {
    const std::vector<uint8_t> x = random_bytes(n, 3), y = random_bytes(n, 4);
    for (const size_t offset : {0, 1, 3}) {
      const Values<uint8_t> a(x, offset), b(y, 0);
      EXPECT_EQ(kernels.byte_l2_squared(a.data(), b.data(), n),
                l2_squared_reference(x.data(), y.data(), n))
          << n;
      EXPECT_EQ(kernels.byte_l1(a.data(), b.data(), n), l1_reference(x.data(), y.data(), n)) << n;
    }
  }
}

TEST_P(DistanceKernelsOfTarget, ByteKernelsAreExactForTheLargestDifferences) {
  const DistanceKernels kernels = GetParam();
  const std::vector<uint8_t> zeros(16000, 0), ones(16000, 255);
  EXPECT_EQ(kernels.byte_l2_squared(zeros.data(), ones.data(), 16000), 255u * 255u * 16000u);
  EXPECT_EQ(kernels.byte_l2_squared(ones.data(), zeros.data(), 16000), 255u * 255u * 16000u);
  EXPECT_EQ(kernels.byte_l1(zeros.data(), ones.data(), 16000), 255u * 16000u);
}

TEST_P(DistanceKernelsOfTarget, EveryElementCounts) {
  const DistanceKernels kernels = GetParam();
  for (const size_t n : {1, 15, 16, 17, 50, 127, 128, 129}) {
    for (size_t i = 0; i < n; i++) {
      std::vector<float> a(n, 0), b(n, 0);
      a[i] = 3, b[i] = -2;
      EXPECT_EQ(kernels.l2_squared(a.data(), b.data(), n), 25) << i << " of " << n;
      EXPECT_EQ(kernels.inner_product(a.data(), b.data(), n), -6) << i << " of " << n;
      EXPECT_EQ(kernels.l1(a.data(), b.data(), n), 5) << i << " of " << n;
      std::vector<uint8_t> c(n, 7), d(n, 7);
      c[i] = 9;
      EXPECT_EQ(kernels.byte_l2_squared(c.data(), d.data(), n), 4u) << i << " of " << n;
      EXPECT_EQ(kernels.byte_l1(c.data(), d.data(), n), 2u) << i << " of " << n;
    }
  }
}

TEST_P(DistanceKernelsOfTarget, NothingIsReadBeyondTheEnd) {
  const DistanceKernels kernels = GetParam();
  for (const size_t n : lengths()) {
    const ValuesBeforeUnreadablePage<float> a(random_floats(n, 5)), b(random_floats(n, 6));
    EXPECT_GE(kernels.l2_squared(a.data(), b.data(), n), 0);
    EXPECT_GE(kernels.l1(a.data(), b.data(), n), 0);
    EXPECT_TRUE(std::isfinite(kernels.inner_product(a.data(), b.data(), n)));
    const ValuesBeforeUnreadablePage<uint8_t> c(random_bytes(n, 7)), d(random_bytes(n, 8));
    EXPECT_GE(kernels.byte_l2_squared(c.data(), d.data(), n),
              kernels.byte_l1(c.data(), d.data(), n));
  }
}

TEST_P(DistanceKernelsOfTarget, OverflowGivesInfinity) {
  const DistanceKernels kernels = GetParam();
  const std::vector<float> a(40, 3e38f), b(40, -3e38f);
  EXPECT_EQ(kernels.l2_squared(a.data(), b.data(), 40), std::numeric_limits<float>::infinity());
  EXPECT_EQ(kernels.inner_product(a.data(), b.data(), 40), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(kernels.l1(a.data(), b.data(), 40), std::numeric_limits<float>::infinity());
}

TEST(DistanceKernels, AreThoseOfTheBestTarget) {
  EXPECT_STREQ(distance_kernels().target, distance_kernels_of_all_targets().front().target);
  EXPECT_EQ(distance_kernels().l2_squared, distance_kernels_of_all_targets().front().l2_squared);
}

TEST(DistanceKernels, AreChosenOnce) { EXPECT_EQ(&distance_kernels(), &distance_kernels()); }

#if defined(__x86_64__)
TEST(DistanceKernels, AreCompiledFromSse4ToAvx512) {
  std::string targets;
  for (const DistanceKernels& kernels : distance_kernels_of_all_targets()) {
    targets += std::string(kernels.target) + " ";
  }
  if (__builtin_cpu_supports("avx512bw")) {
    EXPECT_NE(targets.find("AVX3 "), std::string::npos) << targets;
  }
  if (__builtin_cpu_supports("avx2")) {
    EXPECT_NE(targets.find("AVX2 "), std::string::npos) << targets;
  }
  if (__builtin_cpu_supports("sse4.1")) {
    EXPECT_NE(targets.find("SSE4 "), std::string::npos) << targets;
  }
}
#endif

}  // namespace
}  // namespace vseg

// Files that COPY ... FROM ... (FORMAT binary) reads.
#ifndef VSEG_DEMO_LSA_COPY_FILE_H_
#define VSEG_DEMO_LSA_COPY_FILE_H_

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace vseg::demo {

// Writes rows (integer, text, text, vector) in COPY's binary format, documented in PostgreSQL's
// manual under COPY; the vector has the form of its type's binary input. Throws std::ios::failure.
class CopyFile {
 public:
  explicit CopyFile(const std::string& path);
  void write_row(int32_t id, const std::string& words, const std::string& text,
                 const std::vector<float>& embedding);
  void finish();  // nothing is complete before it

 private:
  void put16(uint16_t value);
  void put32(uint32_t value);
  void put_text(const std::string& text);

  std::ofstream file_;
};

}  // namespace vseg::demo

#endif  // VSEG_DEMO_LSA_COPY_FILE_H_

#include "demo/lsa/copy_file.h"

#include <cstring>

namespace vseg::demo {

CopyFile::CopyFile(const std::string& path) {
  file_.exceptions(std::ios::failbit | std::ios::badbit);
  file_.open(path, std::ios::binary);
  file_.write("PGCOPY\n\377\r\n\0", 11);
  put32(0);  // flags
  put32(0);  // length of the header's extension
}

void CopyFile::write_row(int32_t id, const std::string& words, const std::string& text,
                         const std::vector<float>& embedding) {
  put16(4);  // columns
  put32(sizeof(id));
  put32(static_cast<uint32_t>(id));
  put_text(words);
  put_text(text);
  put32(static_cast<uint32_t>(4 + 4 * embedding.size()));
  put16(static_cast<uint16_t>(embedding.size()));
  put16(0);
  for (const float value : embedding) {
    uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    put32(bits);
  }
}

void CopyFile::finish() {
  put16(0xFFFF);
  file_.close();
}

// Most significant byte first.
void CopyFile::put16(uint16_t value) {
  file_.put(static_cast<char>(value >> 8)).put(static_cast<char>(value));
}

void CopyFile::put32(uint32_t value) {
  put16(static_cast<uint16_t>(value >> 16));
  put16(static_cast<uint16_t>(value));
}

void CopyFile::put_text(const std::string& text) {
  put32(static_cast<uint32_t>(text.size()));
  file_.write(text.data(), static_cast<std::streamsize>(text.size()));
}

}  // namespace vseg::demo

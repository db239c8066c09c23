#include "demo/lsa/wordnet.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace vseg::demo {
namespace {

// An adjective may carry its syntactic position: "galore(ip)".
std::string plain_word(std::string word) {
  const size_t marker = word.find('(');
  if (marker != std::string::npos) word.resize(marker);
  for (char& c : word) {
    if (c == '_') c = ' ';
  }
  return word;
}

std::string without_examples(const std::string& gloss) {
  const size_t example = gloss.find("; \"");
  const std::string definition = gloss.substr(0, example);
  return definition.substr(0, definition.find_last_not_of(' ') + 1);
}

// offset lexicographer-file type word-count(hex) word lex_id [word lex_id]... pointers | gloss
Synset parse_line(const std::string& line) {
  const size_t bar = line.find(" | ");
  std::istringstream fields(line.substr(0, bar));
  std::string offset;
  std::string lexicographer_file;
  std::string type;
  int word_count = 0;
  fields >> offset >> lexicographer_file >> type >> std::hex >> word_count;
  Synset synset;
  for (int i = 0; i < word_count; ++i) {
    std::string word;
    std::string lex_id;
    fields >> word >> lex_id;
    synset.words += (i > 0 ? ", " : "") + plain_word(word);
  }
  if (bar == std::string::npos || !fields) throw std::runtime_error("not a synset: " + line);
  synset.definition = without_examples(line.substr(bar + 3));
  return synset;
}

}  // namespace

std::vector<Synset> read_wordnet(const std::string& directory) {
  std::vector<Synset> synsets;
  for (const char* part : {"noun", "verb", "adj", "adv"}) {
    const std::string path = directory + "/data." + part;
    std::ifstream file(path);
    if (!file) throw std::runtime_error("could not read " + path);
    for (std::string line; std::getline(file, line);) {
      const bool licence = line.rfind("  ", 0) == 0;  // the header's lines begin with two blanks
      if (!licence) synsets.push_back(parse_line(line));
    }
  }
  return synsets;
}

}  // namespace vseg::demo

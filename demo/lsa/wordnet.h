// The synsets of WordNet's data files (format: wndb(5WN)).
#ifndef VSEG_DEMO_LSA_WORDNET_H_
#define VSEG_DEMO_LSA_WORDNET_H_

#include <string>
#include <vector>

namespace vseg::demo {

struct Synset {
  std::string words;       // the synonyms, "sea, ocean", with spaces for WordNet's underscores
  std::string definition;  // the gloss without its quoted example sentences
};

// Reads data.noun, data.verb, data.adj and data.adv of `directory`, in this order. Throws
// std::runtime_error when a file cannot be read or a line does not have the documented form.
std::vector<Synset> read_wordnet(const std::string& directory);

}  // namespace vseg::demo

#endif  // VSEG_DEMO_LSA_WORDNET_H_

// Term weights: which terms count, and how much.
#ifndef VSEG_DEMO_LSA_TFIDF_H_
#define VSEG_DEMO_LSA_TFIDF_H_

#include <string>
#include <unordered_map>
#include <vector>

#include "demo/lsa/sparse_matrix.h"

namespace vseg::demo {

// Weighs terms by (1 + ln tf) * ln(n / df): sublinear term frequency and inverse document frequency
// (Manning, Raghavan, Schuetze, "Introduction to Information Retrieval", 2008, sections 6.2, 6.4).
class TfIdf {
 public:
  // Learns the vocabulary from texts given as terms; a term of a single text says nothing about
  // others and is left out.
  explicit TfIdf(const std::vector<std::vector<std::string>>& texts);

  size_t terms() const { return idf_.size(); }

  // The weights of a text, of unit length; empty when the vocabulary has none of its terms.
  SparseRow weigh(const std::vector<std::string>& text) const;

 private:
  std::unordered_map<std::string, int> term_number_;
  std::vector<float> idf_;
};

}  // namespace vseg::demo

#endif  // VSEG_DEMO_LSA_TFIDF_H_

#include "demo/lsa/tfidf.h"

#include <cmath>
#include <map>
#include <set>

namespace vseg::demo {

TfIdf::TfIdf(const std::vector<std::vector<std::string>>& texts) {
  std::map<std::string, int> document_frequency;  // ordered, so that terms have the same numbers
  for (const auto& text : texts) {                // on every run
    for (const std::string& term : std::set<std::string>(text.begin(), text.end())) {
      ++document_frequency[term];
    }
  }
  for (const auto& [term, frequency] : document_frequency) {
    if (frequency < 2) continue;
    term_number_.emplace(term, static_cast<int>(idf_.size()));
    idf_.push_back(std::log(static_cast<float>(texts.size()) / static_cast<float>(frequency)));
  }
}

SparseRow TfIdf::weigh(const std::vector<std::string>& text) const {
  std::map<int, int> counts;
  for (const std::string& term : text) {
    const auto found = term_number_.find(term);
    if (found != term_number_.end()) ++counts[found->second];
  }
  SparseRow row;
  float square_sum = 0;
  for (const auto& [term, count] : counts) {
    const float weight = (1 + std::log(static_cast<float>(count))) * idf_[term];
    row.push_back({term, weight});
    square_sum += weight * weight;
  }
  for (SparseEntry& entry : row) entry.value /= std::sqrt(square_sum);
  return row;
}

}  // namespace vseg::demo

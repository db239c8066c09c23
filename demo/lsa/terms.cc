#include "demo/lsa/terms.h"

#include <string_view>
#include <unordered_set>

namespace vseg::demo {
namespace {

bool is_function_word(std::string_view word) {
  static const std::unordered_set<std::string_view> kWords = {
      "a",          "about",     "after", "all",       "also",  "an",    "and",   "another",
      "any",        "are",       "as",    "at",        "be",    "been",  "being", "but",
      "by",         "can",       "did",   "do",        "does",  "each",  "else",  "etc",
      "for",        "from",      "had",   "has",       "have",  "he",    "her",   "him",
      "his",        "how",       "i",     "if",        "in",    "into",  "is",    "it",
      "its",        "may",       "more",  "most",      "no",    "nor",   "not",   "of",
      "on",         "one",       "only",  "or",        "other", "our",   "she",   "so",
      "some",       "someone",   "such",  "than",      "that",  "the",   "their", "them",
      "then",       "there",     "these", "they",      "this",  "those", "to",    "too",
      "usually",    "very",      "was",   "we",        "were",  "what",  "when",  "where",
      "which",      "who",       "whom",  "whose",     "will",  "with",  "you",   "your",
      "especially", "something", "used",  "sometimes", "often"};
  return kWords.count(word) > 0;
}

bool ends_with(const std::string& word, std::string_view end) {
  return word.size() >= end.size() && word.compare(word.size() - end.size(), end.size(), end) == 0;
}

// The "S" stemmer: D. Harman, "How effective is suffixing?", JASIS 42(1), 1991, table 1.
std::string singular(std::string word) {
  if (word.size() < 4) return word;
  if (ends_with(word, "ies") && !ends_with(word, "eies") && !ends_with(word, "aies")) {
    return word.replace(word.size() - 3, 3, "y");
  }
  const bool plural_es = ends_with(word, "es") && !ends_with(word, "aes") &&
                         !ends_with(word, "ees") && !ends_with(word, "oes");
  const bool plural_s = ends_with(word, "s") && !ends_with(word, "us") && !ends_with(word, "ss");
  if (plural_es || plural_s) word.pop_back();
  return word;
}

// The locale has no say in what a letter is.
char lower_or_blank(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : ' ';
}

}  // namespace

std::vector<std::string> terms_of(const std::string& text) {
  std::vector<std::string> terms;
  std::string word;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? lower_or_blank(text[i]) : ' ';
    if (c != ' ') {
      word += c;
    } else if (!word.empty()) {
      if (word.size() > 1 && !is_function_word(word)) terms.push_back(singular(word));
      word.clear();
    }
  }
  return terms;
}

}  // namespace vseg::demo

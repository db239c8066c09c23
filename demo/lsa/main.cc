// vseg_lsa: embeds WordNet's glosses by latent semantic analysis (Deerwester et al., JASIS 41(6),
// 1990) and writes them, and the questions of standard input, for COPY.
//
//   vseg_lsa WORDNET-DIRECTORY OUTPUT-DIRECTORY < QUESTIONS
//
// Writes glosses.copy (the dictionary), held_out.copy (glosses kept out of it, as queries) and
// questions.copy (a question a line), each of rows (id, words, text, embedding). A text is embedded
// as its tf-idf weights times the right singular vectors of the dictionary's tf-idf matrix.
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "demo/lsa/copy_file.h"
#include "demo/lsa/sparse_matrix.h"
#include "demo/lsa/terms.h"
#include "demo/lsa/tfidf.h"
#include "demo/lsa/truncated_svd.h"
#include "demo/lsa/wordnet.h"

namespace vseg::demo {
namespace {

constexpr size_t kDimensions = 256;
constexpr size_t kHeldOut = 300;

class Stopwatch {
 public:
  // Prints a line about the step that ended now.
  void lap(const std::string& step) {
    const auto now = std::chrono::steady_clock::now();
    std::printf("  %-60s %6.1f s\n", step.c_str(),
                std::chrono::duration<double>(now - last_).count());
    std::fflush(stdout);
    last_ = now;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

struct Corpus {
  std::vector<Synset> glosses;
  std::vector<Synset> held_out;  // spread evenly over WordNet
};

Corpus split(std::vector<Synset> synsets) {
  Corpus corpus;
  const size_t stride = synsets.size() / kHeldOut;
  for (size_t i = 0; i < synsets.size(); ++i) {
    const bool hold_out = i % stride == stride / 2 && corpus.held_out.size() < kHeldOut;
    (hold_out ? corpus.held_out : corpus.glosses).push_back(std::move(synsets[i]));
  }
  return corpus;
}

class Embedder {
 public:
  explicit Embedder(const std::vector<Synset>& glosses, Stopwatch* stopwatch)
      : tfidf_(terms_of_all(glosses)), term_vectors_(0, 0) {
    std::vector<SparseRow> rows;
    rows.reserve(glosses.size());
    for (const Synset& synset : glosses) rows.push_back(tfidf_.weigh(terms_of(synset.definition)));
    const SparseMatrix matrix(rows, tfidf_.terms());
    stopwatch->lap("tf-idf: " + std::to_string(matrix.rows()) + " x " +
                   std::to_string(matrix.columns()) + ", " + std::to_string(matrix.entries()) +
                   " entries");
    term_vectors_ = truncated_svd(matrix, kDimensions).right;
    stopwatch->lap("randomized SVD to " + std::to_string(kDimensions) + " dimensions (OpenBLAS)");
  }

  // All zero when no term of the text is known.
  std::vector<float> embed(const std::string& text) const {
    std::vector<float> sum(kDimensions);
    for (const SparseEntry& entry : tfidf_.weigh(terms_of(text))) {
      const float* term = term_vectors_.row(entry.column);
      for (size_t j = 0; j < kDimensions; ++j) sum[j] += entry.value * term[j];
    }
    return sum;
  }

 private:
  static std::vector<std::vector<std::string>> terms_of_all(const std::vector<Synset>& glosses) {
    std::vector<std::vector<std::string>> texts;
    texts.reserve(glosses.size());
    for (const Synset& synset : glosses) texts.push_back(terms_of(synset.definition));
    return texts;
  }

  TfIdf tfidf_;
  DenseMatrix term_vectors_;
};

// Writes the texts that have a known term, as only these have a direction; returns how many have
// none.
size_t write_embedded(const Embedder& embedder, const std::vector<Synset>& synsets,
                      const std::string& path) {
  CopyFile file(path);
  size_t unknown = 0;
  for (size_t i = 0; i < synsets.size(); ++i) {
    const std::vector<float> embedding = embedder.embed(synsets[i].definition);
    if (embedding == std::vector<float>(kDimensions)) {
      ++unknown;
      continue;
    }
    file.write_row(static_cast<int32_t>(i + 1), synsets[i].words, synsets[i].definition, embedding);
  }
  file.finish();
  return unknown;
}

std::vector<Synset> read_questions() {
  std::vector<Synset> questions;
  for (std::string line; std::getline(std::cin, line);) {
    if (!line.empty()) questions.push_back({"", line});
  }
  return questions;
}

void run(const std::string& wordnet, const std::string& output) {
  Stopwatch stopwatch;
  const Corpus corpus = split(read_wordnet(wordnet));
  stopwatch.lap("read " + std::to_string(corpus.glosses.size()) + " glosses and " +
                std::to_string(corpus.held_out.size()) + " held out");
  const Embedder embedder(corpus.glosses, &stopwatch);
  const size_t unknown = write_embedded(embedder, corpus.glosses, output + "/glosses.copy") +
                         write_embedded(embedder, corpus.held_out, output + "/held_out.copy");
  write_embedded(embedder, read_questions(), output + "/questions.copy");
  stopwatch.lap("embeddings written; " + std::to_string(unknown) + " glosses without a known term");
}

}  // namespace
}  // namespace vseg::demo

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: vseg_lsa WORDNET-DIRECTORY OUTPUT-DIRECTORY < QUESTIONS\n");
    return 2;
  }
  try {
    vseg::demo::run(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vseg_lsa: %s\n", error.what());
    return 1;
  }
  return 0;
}

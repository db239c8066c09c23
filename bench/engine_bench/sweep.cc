#include "sweep.h"

#include <algorithm>
#include <ctime>

#include "report.h"

namespace vseg_bench {
namespace {

// Time of the CPU in this thread: by the clock, where nobody else wants the CPU.
double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

class Sweeper {
 public:
  Sweeper(const Dataset& data, const ExactAnswers& exact, size_t k)
      : data_(data), exact_(exact), k_(k), found_(data.queries.rows * k) {}

  Point Warm(Engine* engine, size_t contender, size_t ef) {
    engine->Search(data_.queries, k_, ef, found_.data());
    std::vector<std::vector<int64_t>> answers(data_.queries.rows);
    for (size_t query = 0; query < answers.size(); query++) {
      for (size_t i = query * k_; i < (query + 1) * k_ && found_[i] >= 0; i++) {
        answers[query].push_back(found_[i]);
      }
    }
    return {contender,
            ef,
            Recall(data_, exact_, k_, answers),
            {},
            engine->CountPages(data_.queries, k_, ef)};
  }

  double Microseconds(Engine* engine, size_t ef) {
    double start = CpuSeconds();
    engine->Search(data_.queries, k_, ef, found_.data());
    return (CpuSeconds() - start) * 1e6 / static_cast<double>(data_.queries.rows);
  }

 private:
  const Dataset& data_;
  const ExactAnswers& exact_;
  size_t k_;
  std::vector<int64_t> found_;
};

}  // namespace

std::vector<Point> Sweep(const Options& options, const Dataset& data, const ExactAnswers& exact,
                         std::vector<Contender>* contenders, size_t k) {
  Sweeper sweeper(data, exact, k);
  std::vector<bool> done(contenders->size());
  std::vector<Point> points;
  for (size_t ef : options.ef_search) {
    if (std::all_of(done.begin(), done.end(), [](bool is_done) { return is_done; })) {
      break;
    }
    Progress("k " + std::to_string(k) + ", ef_search " + std::to_string(ef));
    size_t first = points.size();
    for (size_t i = 0; i < contenders->size(); i++) {
      Engine* engine = (*contenders)[i].engine.get();
      if (!done[i] && ef >= engine->SmallestEf(k)) {
        points.push_back(sweeper.Warm(engine, i, ef));
        done[i] = points.back().recall >= options.until;
      }
    }
    size_t count = points.size() - first;
    for (size_t repeat = 0; repeat < options.repeat; repeat++) {
      for (size_t turn = 0; turn < count; turn++) {
        Point& point = points[first + (repeat % 2 == 0 ? turn : count - 1 - turn)];
        Engine* engine = (*contenders)[point.contender].engine.get();
        point.us.push_back(sweeper.Microseconds(engine, ef));
      }
    }
  }
  return points;
}

}  // namespace vseg_bench

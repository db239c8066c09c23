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

class Searches {
 public:
  explicit Searches(size_t k) : k_(k) {}

  Point Warm(const std::vector<Contender>& contenders, size_t contender, size_t ef) {
    const Sample& sample = *contenders[contender].sample;
    Engine& engine = *contenders[contender].engine;
    Search(&engine, sample.data.queries, ef);
    std::vector<std::vector<int64_t>> answers(sample.data.queries.rows);
    for (size_t query = 0; query < answers.size(); query++) {
      for (size_t i = query * k_; i < (query + 1) * k_ && found_[i] >= 0; i++) {
        answers[query].push_back(found_[i]);
      }
    }
    return {contender,
            ef,
            Recall(sample.data, sample.exact, k_, answers),
            {},
            engine.CountPages(sample.data.queries, k_, ef)};
  }

  double Microseconds(const Contender& contender, size_t ef) {
    const Matrix<float>& queries = contender.sample->data.queries;
    double start = CpuSeconds();
    Search(contender.engine.get(), queries, ef);
    return (CpuSeconds() - start) * 1e6 / static_cast<double>(queries.rows);
  }

 private:
  void Search(Engine* engine, const Matrix<float>& queries, size_t ef) {
    found_.resize(queries.rows * k_);
    engine->Search(queries, k_, ef, found_.data());
  }

  size_t k_;
  std::vector<int64_t> found_;
};

}  // namespace

std::vector<Point> Sweep(const Options& options, const std::vector<Contender>& contenders,
                         size_t k) {
  Searches searches(k);
  std::vector<bool> done(contenders.size());
  std::vector<Point> points;
  for (size_t ef : options.ef_search) {
    if (std::all_of(done.begin(), done.end(), [](bool is_done) { return is_done; })) {
      break;
    }
    Progress("k " + std::to_string(k) + ", ef_search " + std::to_string(ef));
    size_t first = points.size();
    for (size_t i = 0; i < contenders.size(); i++) {
      if (!done[i] && ef >= contenders[i].engine->SmallestEf(k)) {
        points.push_back(searches.Warm(contenders, i, ef));
        done[i] = ef >= k && points.back().recall >= options.until;
      }
    }
    size_t count = points.size() - first;
    for (size_t repeat = 0; repeat < options.repeat; repeat++) {
      for (size_t turn = 0; turn < count; turn++) {
        Point& point = points[first + (repeat % 2 == 0 ? turn : count - 1 - turn)];
        point.us.push_back(searches.Microseconds(contenders[point.contender], ef));
      }
    }
  }
  return points;
}

}  // namespace vseg_bench

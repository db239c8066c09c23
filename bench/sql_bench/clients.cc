#include "clients.h"

#include <unistd.h>

#include <algorithm>
#include <random>

#include "index_life.h"
#include "report.h"
#include "server_cpu.h"

namespace vseg_bench {
namespace {

// The signs of a round over the data; the first round leaves rows as they are.
std::vector<float> Mirror(size_t round, size_t dim) {
  std::vector<float> signs(dim, 1.0F);
  std::mt19937_64 random(round);
  for (size_t i = 0; i < dim && round > 0; i++) {
    signs[i] = random() % 2 == 0 ? 1.0F : -1.0F;
  }
  return signs;
}

void SleepUntil(double moment) {
  double seconds = moment - Now();
  if (seconds > 0) {
    usleep(static_cast<useconds_t>(seconds * 1e6));
  }
}

}  // namespace

std::unique_ptr<Session> OpenSession() {
  auto session = std::make_unique<Session>();
  // Small tables would be scanned; a parallel plan would not be the one thread that is measured.
  session->Command("SET enable_seqscan = off");
  session->Command("SET max_parallel_workers_per_gather = 0");
  return session;
}

Background::Background(std::function<void(const std::atomic<bool>&)> work)
    : thread_([this, work = std::move(work)] {
        try {
          work(stop_);
        } catch (...) {
          error_ = std::current_exception();
        }
      }) {}

Background::~Background() {
  stop_ = true;
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Background::Stop() {
  stop_ = true;
  Wait();
}

void Background::Wait() {
  if (thread_.joinable()) {
    thread_.join();
  }
  if (error_) {
    std::rethrow_exception(std::exchange(error_, nullptr));
  }
}

Matrix<float> RowStream::Take(size_t rows) {
  rows = std::min(rows, base_.rows);
  size_t first = next_.fetch_add(rows);
  Matrix<float> taken{rows, base_.dim, std::vector<float>(rows * base_.dim)};
  std::vector<float> signs;
  for (size_t row = 0; row < rows; row++) {
    size_t place = (first + row) % base_.rows;
    if (row == 0 || place == 0) {
      signs = Mirror((first + row) / base_.rows, base_.dim);
    }
    std::transform(base_.Row(place), base_.Row(place) + base_.dim, signs.begin(), taken.Row(row),
                   [](float value, float sign) { return value * sign; });
  }
  return taken;
}

SearchLoop::SearchLoop(Bench* bench, const IndexKind& kind, const std::string& table, Pace pace)
    : background_([=](const std::atomic<bool>& stop) {
        std::unique_ptr<Session> session = OpenSession();
        Searcher searcher(bench, session.get(), kind, table, bench->options.k[0]);
        searcher.PrepareNearest();
        for (size_t query = 0; !stop; query = (query + 1) % bench->data.queries.rows) {
          double milliseconds = searcher.NearestTime(query) / 1000;
          samples_.push_back({Now() - pace.start, milliseconds});
          SleepUntil(Now() + pace.pause);
        }
        searcher.CheckNearestPlan();
      }) {}

const std::vector<Sample>& SearchLoop::Stop() {
  background_.Stop();
  return samples_;
}

StateLoop::StateLoop(const std::string& table, Pace pace)
    : background_([=](const std::atomic<bool>& stop) {
        std::unique_ptr<Session> session = OpenSession();
        while (!stop) {
          IndexState state = ReadState(session.get(), IndexName(table));
          double at = Now() - pace.start;
          tail_.push_back({at, static_cast<double>(state.tail_rows)});
          segments_.push_back({at, static_cast<double>(state.segments)});
          SleepUntil(Now() + pace.pause);
        }
      }) {}

double StateLoop::LongestTail(double from, double to) const {
  std::vector<double> rows = Values(tail_, from, to);
  return rows.empty() ? 0 : *std::max_element(rows.begin(), rows.end());
}

void RunPaced(Schedule schedule, const std::function<void(size_t n, double due)>& step) {
  double start = Now();
  for (size_t n = 0; Now() < start + schedule.seconds; n++) {
    double due = start + static_cast<double>(n) / schedule.per_second;
    SleepUntil(due);
    step(n, due);
  }
}

ClientsTime RunClients(size_t clients, const std::function<void(Session*, size_t)>& client) {
  std::vector<std::unique_ptr<Session>> sessions;
  double cpu = 0;
  for (size_t number = 0; number < clients; number++) {
    sessions.push_back(OpenSession());
    cpu -= ProcessCpuSeconds(sessions.back()->Pid());
  }
  double start = Now();
  std::vector<std::unique_ptr<Background>> threads;
  for (size_t number = 0; number < clients; number++) {
    Session* session = sessions[number].get();
    threads.push_back(std::make_unique<Background>(
        [=, &client](const std::atomic<bool>& /*stop*/) { client(session, number); }));
  }
  for (const auto& thread : threads) {
    thread->Wait();
  }
  double seconds = Now() - start;
  for (const auto& session : sessions) {
    cpu += ProcessCpuSeconds(session->Pid());
  }
  return {seconds, cpu};
}

RowRange Part(RowRange range, size_t number, size_t parts) {
  size_t rows = range.end - range.begin;
  return {range.begin + rows * number / parts, range.begin + rows * (number + 1) / parts};
}

std::string MedianAndP99(const std::vector<double>& values, int digits) {
  return values.empty()
             ? "-"
             : Number(Median(values), digits) + " / " + Number(Percentile(values, 99), digits);
}

}  // namespace vseg_bench

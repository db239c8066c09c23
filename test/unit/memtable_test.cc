#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

#include "engine/memtable/memtable.h"
#include "test_index.h"

namespace vseg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Subtransactions are numbered in the order they open; 1 is the transaction itself.
constexpr uint32_t kTop = 1;

class MemtableTest : public testing::Test {
 protected:
  void append(uint32_t number, uint32_t subtransaction) {
    auto x = static_cast<float>(number);
    float row[2] = {x, -x};
    memtable_.append(tid_of(number), row, subtransaction);
  }

  // Numbers of the live rows; each must have kept its vector.
  std::vector<uint32_t> live() const {
    std::vector<uint32_t> numbers;
    for (uint32_t i = 0; i < memtable_.rows(); i++) {
      numbers.push_back(number_of(memtable_.tid(i)));
      auto x = static_cast<float>(numbers.back());
      EXPECT_EQ(memtable_.row(i)[0], x);
      EXPECT_EQ(memtable_.row(i)[1], -x);
    }
    return numbers;
  }

  Memtable memtable_{2};
};

TEST_F(MemtableTest, KeepsRowsInOrderOfArrival) {
  append(3, kTop);
  append(1, kTop);
  append(2, kTop);
  EXPECT_THAT(live(), ElementsAre(3, 1, 2));
  EXPECT_EQ(memtable_.bytes(), 3 * (2 * sizeof(float) + sizeof(Tid)));
}

TEST_F(MemtableTest, RowsComeAfterSpareMemoryWasFreed) {
  constexpr uint32_t kRows = 5000;  // three chunks
  for (uint32_t i = 0; i < kRows; i++) {
    append(i, kTop);
  }
  memtable_.free_spare();
  EXPECT_EQ(live().size(), kRows);
  memtable_.drop_live(kRows - 1);
  memtable_.free_spare();
  EXPECT_THAT(live(), ElementsAre(kRows - 1));
  memtable_.drop_live(1);
  memtable_.free_spare();
  append(7, kTop);
  EXPECT_THAT(live(), ElementsAre(7));
}

TEST_F(MemtableTest, AbortDropsTheRowsOfItsSubtransactionOnly) {
  append(1, kTop);
  append(2, 2);
  append(3, 2);
  memtable_.abort_subtransaction(2);
  EXPECT_THAT(live(), ElementsAre(1));
}

TEST_F(MemtableTest, ParentGoesOnAfterItsChildAborted) {
  append(1, kTop);
  append(2, 2);
  memtable_.abort_subtransaction(2);
  append(3, kTop);
  append(4, 3);  // ROLLBACK TO opens the savepoint again, under a new number
  append(5, 3);
  memtable_.abort_subtransaction(3);
  append(6, kTop);
  EXPECT_THAT(live(), ElementsAre(1, 3, 6));
}

TEST_F(MemtableTest, CommittedRowsShareTheFateOfTheParent) {
  append(1, kTop);
  append(2, 2);
  append(3, 3);
  memtable_.commit_subtransaction(3, 2);
  append(4, 2);
  EXPECT_THAT(live(), ElementsAre(1, 2, 3, 4));
  memtable_.abort_subtransaction(2);
  EXPECT_THAT(live(), ElementsAre(1));
}

TEST_F(MemtableTest, ChildWithoutRowsOfItsParentCommitsAndAborts) {
  append(1, 5);
  memtable_.commit_subtransaction(5, 4);
  memtable_.commit_subtransaction(4, 3);
  append(2, 6);
  memtable_.commit_subtransaction(6, 3);
  EXPECT_THAT(live(), ElementsAre(1, 2));
  memtable_.abort_subtransaction(3);
  EXPECT_THAT(live(), IsEmpty());
  EXPECT_TRUE(memtable_.empty());
}

TEST_F(MemtableTest, SubtransactionsWithoutRowsChangeNothing) {
  append(1, kTop);
  memtable_.abort_subtransaction(2);
  memtable_.commit_subtransaction(3, kTop);
  EXPECT_THAT(live(), ElementsAre(1));
}

TEST_F(MemtableTest, SupersededRowsAreNotLive) {
  append(1, kTop);
  append(2, 2);
  memtable_.supersede(2);
  EXPECT_THAT(live(), IsEmpty());
  EXPECT_EQ(memtable_.bytes(), 0u);
  append(3, 2);
  EXPECT_THAT(live(), ElementsAre(3));
}

TEST_F(MemtableTest, AbortOfTheRebuildRevivesWhatItSuperseded) {
  append(1, kTop);
  append(2, 2);
  memtable_.supersede(2);
  append(3, 2);
  memtable_.abort_subtransaction(2);
  EXPECT_THAT(live(), ElementsAre(1));
}

TEST_F(MemtableTest, RowsAppendedAfterTheRebuildByAnotherSubtransactionAreLive) {
  append(1, kTop);
  memtable_.supersede(2);
  append(2, 3);
  EXPECT_THAT(live(), ElementsAre(2));
  memtable_.commit_subtransaction(3, 2);
  memtable_.commit_subtransaction(2, kTop);
  append(3, kTop);
  EXPECT_THAT(live(), ElementsAre(2, 3));
}

TEST_F(MemtableTest, AbortOfTheParentUndoesARebuildThatItsChildCommitted) {
  append(1, kTop);
  append(2, 2);
  memtable_.supersede(3);
  append(3, 3);
  memtable_.commit_subtransaction(3, 2);
  EXPECT_THAT(live(), ElementsAre(3));
  memtable_.abort_subtransaction(2);
  EXPECT_THAT(live(), ElementsAre(1));
}

TEST_F(MemtableTest, RebuildsInNestedSubtransactionsAreUndoneOneByOne) {
  append(1, kTop);
  memtable_.supersede(2);
  append(2, 2);
  memtable_.supersede(3);
  append(3, 3);
  memtable_.supersede(4);
  EXPECT_THAT(live(), IsEmpty());
  memtable_.abort_subtransaction(4);
  EXPECT_THAT(live(), ElementsAre(3));
  memtable_.abort_subtransaction(3);
  EXPECT_THAT(live(), ElementsAre(2));
  memtable_.abort_subtransaction(2);
  EXPECT_THAT(live(), ElementsAre(1));
}

TEST_F(MemtableTest, RepeatedRebuildsOfOneSubtransactionAreUndoneTogether) {
  append(1, kTop);
  memtable_.supersede(2);
  append(2, 2);
  memtable_.supersede(2);
  append(3, 2);
  memtable_.supersede(3);
  memtable_.commit_subtransaction(3, 2);
  EXPECT_THAT(live(), IsEmpty());
  memtable_.abort_subtransaction(2);
  EXPECT_THAT(live(), ElementsAre(1));
}

TEST_F(MemtableTest, RebuildOfAnEmptyTableSupersedesNothing) {
  memtable_.supersede(2);
  append(1, 2);
  EXPECT_THAT(live(), ElementsAre(1));
  memtable_.abort_subtransaction(2);
  EXPECT_TRUE(memtable_.empty());
}

TEST_F(MemtableTest, SupersededRowsThatCannotComeBackGo) {
  append(1, kTop);
  memtable_.supersede(kTop);
  EXPECT_TRUE(memtable_.empty());
  append(2, kTop);
  append(3, 2);
  EXPECT_EQ(memtable_.superseded_bytes(), 0u);
  const size_t row_bytes = memtable_.bytes() / 2;
  memtable_.supersede(2);
  EXPECT_EQ(memtable_.superseded_bytes(), row_bytes);
  append(4, 2);
  EXPECT_THAT(live(), ElementsAre(4));
  memtable_.commit_subtransaction(2, kTop);
  EXPECT_EQ(memtable_.superseded_bytes(), 0u);
  EXPECT_THAT(live(), ElementsAre(4));
  append(5, kTop);
  memtable_.supersede(kTop);
  EXPECT_TRUE(memtable_.empty());
}

TEST_F(MemtableTest, SupersededRowsStayUntilTheirOwnSubtransactionHasRebuilt) {
  append(1, kTop);
  append(2, 2);
  append(3, 3);
  const size_t row_bytes = memtable_.bytes() / 3;
  memtable_.supersede(3);
  append(4, 3);
  EXPECT_EQ(memtable_.superseded_bytes(), 2 * row_bytes);
  memtable_.commit_subtransaction(3, 2);
  EXPECT_EQ(memtable_.superseded_bytes(), row_bytes);
  EXPECT_THAT(live(), ElementsAre(4));
  memtable_.abort_subtransaction(2);
  EXPECT_THAT(live(), ElementsAre(1));
}

TEST_F(MemtableTest, FlushedRowsGoButSupersededOnesCanComeBack) {
  append(1, kTop);
  append(2, 2);
  memtable_.supersede(3);
  append(3, 3);
  memtable_.drop_live(1);
  EXPECT_THAT(live(), IsEmpty());
  append(4, 3);
  EXPECT_THAT(live(), ElementsAre(4));
  memtable_.abort_subtransaction(3);
  EXPECT_THAT(live(), ElementsAre(1, 2));
  memtable_.abort_subtransaction(2);
  EXPECT_THAT(live(), ElementsAre(1));
}

TEST_F(MemtableTest, FlushInsideASubtransactionLeavesNothingToAbort) {
  append(1, kTop);
  append(2, 2);
  memtable_.drop_live(2);
  append(3, 2);
  memtable_.abort_subtransaction(2);
  EXPECT_THAT(live(), IsEmpty());
  append(4, kTop);
  EXPECT_THAT(live(), ElementsAre(4));
}

TEST_F(MemtableTest, RowsThatAFlushDidNotReachFollowTheirSubtransactions) {
  append(1, kTop);
  append(2, kTop);
  append(3, 2);
  append(4, 2);
  append(5, 3);
  memtable_.drop_live(0);
  EXPECT_THAT(live(), ElementsAre(1, 2, 3, 4, 5));
  memtable_.drop_live(1);
  EXPECT_THAT(live(), ElementsAre(2, 3, 4, 5));
  memtable_.drop_live(2);
  EXPECT_THAT(live(), ElementsAre(4, 5));
  memtable_.abort_subtransaction(3);
  EXPECT_THAT(live(), ElementsAre(4));
  append(6, 2);
  memtable_.abort_subtransaction(2);
  EXPECT_THAT(live(), IsEmpty());
  append(7, kTop);
  EXPECT_THAT(live(), ElementsAre(7));
}

TEST_F(MemtableTest, RowsThatAFlushDidNotReachStayBehindSupersededOnes) {
  append(1, kTop);
  append(2, 2);
  memtable_.supersede(2);
  append(3, 2);
  append(4, 3);
  append(5, 4);
  memtable_.drop_live(2);
  EXPECT_THAT(live(), ElementsAre(5));
  memtable_.abort_subtransaction(4);
  EXPECT_THAT(live(), IsEmpty());
  memtable_.abort_subtransaction(2);
  EXPECT_THAT(live(), ElementsAre(1));
}

TEST_F(MemtableTest, FlushOfAPartKeepsThousandsOfRows) {
  for (uint32_t i = 0; i < 20000; i++) {
    append(i, kTop + i / 1000);
  }
  memtable_.drop_live(9500);
  EXPECT_EQ(live().front(), 9500u);
  EXPECT_EQ(live().back(), 19999u);
  memtable_.abort_subtransaction(kTop + 10);
  EXPECT_EQ(live().size(), 500u);
  memtable_.abort_subtransaction(kTop + 9);
  EXPECT_TRUE(memtable_.empty());
}

TEST_F(MemtableTest, ClearForgetsEverything) {
  append(1, kTop);
  memtable_.supersede(2);
  append(2, 2);
  memtable_.clear();
  EXPECT_TRUE(memtable_.empty());
  memtable_.abort_subtransaction(2);
  EXPECT_THAT(live(), IsEmpty());
  append(3, kTop);
  EXPECT_THAT(live(), ElementsAre(3));
}

TEST_F(MemtableTest, ParentMustNotAppendWhileItsChildIsOpen) {
  append(1, 2);
  EXPECT_THROW(append(2, kTop), std::logic_error);
  EXPECT_THROW(memtable_.supersede(kTop), std::logic_error);
  EXPECT_THAT(live(), ElementsAre(1));
}

TEST_F(MemtableTest, ThousandsOfSavepointsAndRowsStayCheap) {
  for (uint32_t i = 0; i < 100000; i++) {
    append(i, kTop);
  }
  for (uint32_t sub = 2; sub < 50000; sub++) {
    append(1000000 + sub, sub);  // nested ever deeper
  }
  for (uint32_t sub = 49999; sub >= 2; sub--) {
    if (sub % 2 == 0) {
      memtable_.abort_subtransaction(sub);
    } else {
      memtable_.commit_subtransaction(sub, sub - 1);
    }
  }
  EXPECT_EQ(memtable_.rows(), 100000u);
  EXPECT_EQ(live().back(), 99999u);
}

// A trivial model: every row remembers its subtransaction and who superseded it.
class Model {
 public:
  void append(uint32_t number, uint32_t subtransaction) {
    rows_.push_back({number, subtransaction, {}});
  }

  void commit(uint32_t subtransaction, uint32_t parent) {
    for (Row& row : rows_) {
      row.subtransaction = row.subtransaction == subtransaction ? parent : row.subtransaction;
      std::replace(row.superseded_by.begin(), row.superseded_by.end(), subtransaction, parent);
    }
  }

  void abort(uint32_t subtransaction) {
    drop_if([&](const Row& row) { return row.subtransaction == subtransaction; });
    for (Row& row : rows_) {
      auto& by = row.superseded_by;
      by.erase(std::remove(by.begin(), by.end(), subtransaction), by.end());
    }
  }

  void supersede(uint32_t subtransaction) {
    for (Row& row : rows_) {
      row.superseded_by.push_back(subtransaction);
    }
  }

  void drop_live(size_t count) {
    drop_if([&count](const Row& row) {
      const bool drop = row.superseded_by.empty() && count > 0;
      count -= drop ? 1 : 0;
      return drop;
    });
  }

  std::vector<uint32_t> live() const {
    std::vector<uint32_t> numbers;
    for (const Row& row : rows_) {
      if (row.superseded_by.empty()) {
        numbers.push_back(row.number);
      }
    }
    return numbers;
  }

 private:
  struct Row {
    uint32_t number;
    uint32_t subtransaction;
    std::vector<uint32_t> superseded_by;
  };

  template <typename Predicate>
  void drop_if(Predicate predicate) {
    rows_.erase(std::remove_if(rows_.begin(), rows_.end(), predicate), rows_.end());
  }

  std::vector<Row> rows_;
};

class MemtableAgainstModel : public MemtableTest {
 protected:
  // Does one thing that a transaction may do, to the memtable and to the model.
  void step(uint32_t number) {
    uint32_t current = open_.back();
    uint32_t what = random_() % 40;
    if (what < 8) {
      open_.push_back(next_subtransaction_++);
    } else if (what < 16 && open_.size() > 1) {
      open_.pop_back();
      if (what < 12) {
        memtable_.commit_subtransaction(current, open_.back());
        model_.commit(current, open_.back());
      } else {
        memtable_.abort_subtransaction(current);
        model_.abort(current);
      }
    } else if (what < 20) {
      memtable_.supersede(current);
      model_.supersede(current);
    } else if (what < 22) {
      const size_t count = what == 20 ? memtable_.rows() : random_() % (memtable_.rows() + 1);
      memtable_.drop_live(count);
      model_.drop_live(count);
    } else {
      append(number, current);
      model_.append(number, current);
    }
  }

  std::mt19937 random_{1};
  Model model_;
  std::vector<uint32_t> open_ = {kTop};
  uint32_t next_subtransaction_ = 2;
};

TEST_F(MemtableAgainstModel, HasTheSameLiveRowsAfterEveryStep) {
  for (int round = 0; round < 200; round++) {
    for (uint32_t number = 0; number < 200; number++) {
      step(number);
      ASSERT_EQ(live(), model_.live()) << "round " << round << ", step " << number;
    }
    memtable_.clear();
    model_ = Model();
    open_ = {kTop};
  }
}

}  // namespace
}  // namespace vseg

// Which stored winner answers for a problem. Pure; the database and the runtime both decide here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/staleness.h"
#include "core/store.h"
#include "db/clause.h"
#include "db/tuning_db.h"

namespace deepgemm::db {

// The rows of one kind of GPU that share everything but m: one per tuned m, ascending.
struct Family {
  std::string device_id;  // where they were tuned; empty if there are none
  std::vector<std::int64_t> tuned;
  std::vector<const WinnerRow*> rows;  // rows[i] was tuned at m = tuned[i]
  bool passed_over = false;            // none, but there are some that cannot be launched
};

// What problems of one family share.
core::GemmProblem any_m_of(core::GemmProblem problem);  // m is 1

// The family of `problem` on a machine like `here`, whose device_id names the kind of GPU; where
// that GPU has none, the one on the GPU of the best row; empty where no GPU has one. Rows that
// cannot be launched are passed over, here and below. For one m a
// measured row is better than a predicted one, one that was measured with the usual rows of groups
// than one with others, one of the lower staleness (core::as_library_sees) than a staler one, one
// that a search chose (core::is_searched) than one that export made, one that a whole final chose
// (core::is_decided) than one that a budget cut, and a newer one than an older. The family points
// into `winners`.
Family family_for(std::span<const WinnerRow> winners, const core::GemmProblem& problem,
                  const core::Environment& here);

// The same for many questions: looks at each row once. Points into `winners`.
class FamilyTable {
 public:
  FamilyTable(std::span<const WinnerRow> winners, const core::Environment& here);

  const Family& find(const core::GemmProblem& problem) const;

  // The families of each n and k, one of each kind of GPU: that of this kind first, then in the
  // order in which they would answer where the ones before them were not. None is empty.
  std::vector<std::span<const Family>> all() const;

 private:
  std::map<decltype(core::order(core::GemmProblem{})), std::vector<Family>> kinds_;  // by any_m_of
};

// What is known `here` of a machine with another kind of GPU: that it runs this deepgemm with the
// NVRTC that is here.
core::Environment on_kind(const core::Environment& here, const std::string& device_id);

// What nothing that was measured is known of: a kernel that this deepgemm's compiler makes for a
// kind of GPU.
core::Environment of_compiler(const core::Environment& here, const std::string& device_id);

// For each problem that was tuned on the kind of GPU of `here`, the row that answers for it there,
// in the order of operation, n, k and m.
std::vector<const WinnerRow*> best_rows(std::span<const WinnerRow> winners,
                                        const core::Environment& here);

// The same of problems that best_rows has no row of: rows that cannot be launched, which answer for
// nobody.
std::vector<const WinnerRow*> rows_passed_over(std::span<const WinnerRow> winners,
                                               const core::Environment& here);

// Of rows of one problem, the oldest first, the last one of each contender, config and policy; in
// their order.
std::vector<core::Trial> newest_trials(std::vector<TrialRow> rows);

// Of rows in the order in which they were recorded, the last one that a search chose; where none
// did, the last. nullopt where there are none.
std::optional<core::Winner> newest_searched(std::vector<WinnerRow> rows);

// Of the rows whose problems differ from this one in m at most, the newest_searched one of each m
// and draw of groups' rows; m ascending, of each m the usual draw first.
std::vector<core::Winner> newest_by_m_and_rows(std::vector<WinnerRow> rows,
                                               const core::GemmProblem& problem);

// How a row came to be.
struct Origin {
  bool measured = true;
  bool searched = true;  // core::is_searched
};

// Appends why the row at `tuned[index]` answers for m: "m = 100 lies in (64, 128], tuned at
// m = 128"; "predicted" in place of "tuned" where it was not measured, "raced" where no search
// chose it.
Clause& say_why_row(Clause& text, std::span<const std::int64_t> tuned, std::size_t index,
                    Origin origin, std::int64_t m);

// Appends why no row answers: "nothing was tuned for n = 8, k = 16", or where rows were passed over
// that their kernels are of another launch.
Clause& say_why_none(Clause& text, const core::GemmProblem& problem, bool passed_over = false);

// How far rows may be trusted that were passed over.
const core::StalenessGrade& grade_of_another_launch();

// The row of the family that answers for problem.m, and why.
core::Lookup look_up(const Family& family, const core::GemmProblem& problem,
                     std::string_view device_id);

}  // namespace deepgemm::db

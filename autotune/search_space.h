// Every config worth a thought, the rules that reject most of them, and the ranking of the rest.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autotune/cost_model.h"
#include "core/group_rows.h"

namespace deepgemm::autotune {

// Allowed values of one field of GemmConfig.
struct Parameter {
  std::string_view field;
  std::vector<int> values;
};

// The space as a table: the product of its rows, in a stable order.
class SearchSpace {
 public:
  // The full space: the same choices for every operation, which comes from the problem.
  static SearchSpace dense();

  // Restricts a field to `values` (the command line's --fix FIELD=VALUES); values outside the
  // table are allowed, rules still apply. Throws UsageError for an unknown field or no value.
  void fix(std::string_view field, std::vector<int> values);
  bool is_fixed(std::string_view field) const;
  // Whether each fixed field of a config that came from elsewhere has one of its values.
  bool allows(const core::GemmConfig& config) const;

  std::span<const Parameter> parameters() const { return parameters_; }
  long long size() const;  // product of the rows
  void for_each(const std::function<void(const core::GemmConfig&)>& visit) const;

  // Configs of an operation that pass every rule that looks at no shape, in for_each's order.
  // Walking the whole space takes a while, so the first call for an operation keeps the answer,
  // which copies share, also those made earlier, until one of them is restricted further. Several
  // threads may ask at once. Throws Interrupted when `stop` is set; null: it is not looked at.
  struct Runnable {
    long long enumerated = 0;
    std::vector<long long> rejected;  // by each of dense_rules()
    std::vector<core::GemmConfig> configs;
  };
  const Runnable& runnable(const core::DeviceInfo& device, core::Operation operation,
                           const std::atomic<bool>* stop = nullptr) const;

 private:
  std::vector<Parameter> parameters_;
  std::vector<std::string_view> fixed_;
  struct Walked {
    std::mutex mutex;
    // By operation and the shared memory of a block.
    std::map<std::pair<core::Operation, int>, Runnable> runnable;
  };
  std::shared_ptr<Walked> walked_ = std::make_shared<Walked>();
};

// What configs are judged for: a problem, and the rows of its groups, which are those expected of
// it where none are given.
struct Work {
  Work(const core::GemmProblem& problem,  // NOLINT: a problem alone is work, too
       std::span<const std::int64_t> given = {})
      : problem(problem), rows(problem, given) {}

  core::GemmProblem problem;
  core::ExpectedRows rows;  // looks at those given, which must outlive it
};

// A named reason to reject a config, kept as data. The first rule that applies counts. Rules
// without `taste` keep what the hardware cannot run away, and look at no shape, only at the
// operation; the others reject
// what is pointless for a problem, and do not argue with a field that the user fixed.
struct Rule {
  std::string_view name;    // "shared-memory"
  std::string_view reason;  // "needs more shared memory than a block has"
  bool (*rejects)(const Work&, const core::GemmConfig&, const core::DeviceInfo&);
  std::string_view taste = {};            // the field whose value it calls pointless; empty: a law
  std::optional<core::Limit> limit = {};  // the law, where it is one of core's: asked for once
};
std::span<const Rule> dense_rules();
// Whether a law rejects a config that came from elsewhere for this operation.
bool breaks_law(const core::GemmConfig& config, const core::DeviceInfo& device,
                core::Operation operation);

struct RankedCandidate {
  core::GemmConfig config;
  Prediction prediction;
};

// What pruning leaves: candidates by predicted time (ties in the fixed order of configs), and how
// many each rule rejected.
struct Plan {
  long long enumerated = 0;
  std::vector<std::pair<const Rule*, long long>> rejected;  // in rule order, also zeros
  std::vector<RankedCandidate> ranked;
  std::vector<std::int64_t> rows;  // that the ranking is for, where they are not as expected
};
// `draw`: the rows that will be measured.
Plan make_plan(const core::GemmProblem& problem, const SearchSpace& space,
               const core::DeviceInfo& device, const core::GroupDraw& draw = {});

}  // namespace deepgemm::autotune

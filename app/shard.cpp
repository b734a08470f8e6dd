#include "app/shard.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include "core/error.h"

namespace deepgemm::app {

namespace {

std::optional<int> number_in(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The number in a variable; nullopt where it is not set. Throws UsageError where it is no number.
std::optional<int> number_of(const Variables& variables, const char* name) {
  const auto text = variables(name);
  if (!text || text->empty()) return std::nullopt;
  if (const auto number = number_in(*text)) return number;
  throw core::UsageError(fmt::format("{} is '{}', which is no number.", name, *text),
                         "Correct it, or pass --shard I/N.");
}

Shard checked(Shard shard) {
  if (shard.count >= 1 && shard.index >= 0 && shard.index < shard.count) return shard;
  throw core::UsageError(
      fmt::format("Shard {}/{} of {} does not exist.", shard.index, shard.count, shard.source),
      "Shards are counted from 0: 0/4, 1/4, 2/4, 3/4.");
}

// What a launcher says with two variables; nullopt where it is not there.
std::optional<Shard> counted(const Variables& variables, const char* index_name,
                             const char* count_name) {
  const auto index = number_of(variables, index_name);
  const auto count = number_of(variables, count_name);
  if (!index || !count) return std::nullopt;
  return checked({*index, *count, index_name});
}

std::optional<Shard> slurm_array(const Variables& variables) {
  const auto id = number_of(variables, "SLURM_ARRAY_TASK_ID");
  const auto count = number_of(variables, "SLURM_ARRAY_TASK_COUNT");
  if (!id || !count) return std::nullopt;
  // An array may begin anywhere and leave steps: --array=10-40:10.
  const std::int64_t first = number_of(variables, "SLURM_ARRAY_TASK_MIN").value_or(0);
  const std::int64_t gaps = std::int64_t{*count} - 1;
  const std::int64_t last = number_of(variables, "SLURM_ARRAY_TASK_MAX").value_or(first + gaps);
  const std::int64_t step = gaps > 0 ? (last - first) / gaps : 1;
  if (step < 1 || last - first != step * gaps || (*id - first) % step != 0) {
    throw core::UsageError(
        fmt::format("SLURM_ARRAY_TASK_ID is {}, in an array of {} from {} to {} that is unevenly "
                    "spaced, and does not say which part is whose.",
                    *id, *count, first, last),
        "Submit an array like 0-7 or 10-40:10, or pass --shard I/N.");
  }
  return checked({static_cast<int>((*id - first) / step), *count, "SLURM_ARRAY_TASK_ID"});
}

std::optional<Shard> kubernetes(const Variables& variables) {
  if (!number_of(variables, "JOB_COMPLETION_INDEX")) return std::nullopt;
  if (auto found = counted(variables, "JOB_COMPLETION_INDEX", "DEEPGEMM_SHARD_COUNT")) return found;
  // Kubernetes does not tell a pod how many there are.
  throw core::UsageError(
      "JOB_COMPLETION_INDEX is set, but not the number of completions.",
      "Set DEEPGEMM_SHARD_COUNT to the Job's completions, or pass --shard I/N (0/1: all shapes).");
}

// The processes that one mpirun or srun starts. mpirun first: below it srun may have started its
// daemons, and its variables are then theirs. PMI: MPICH, Intel MPI and others.
std::optional<Shard> tasks(const Variables& variables) {
  auto found = counted(variables, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE");
  if (!found) found = counted(variables, "PMI_RANK", "PMI_SIZE");
  // Only within srun: a batch script runs once, whatever its number of tasks.
  if (!found) found = counted(variables, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS");
  return found;
}

// `inner` counts anew in each part of `outer`.
Shard nested(const Shard& outer, const Shard& inner) {
  if (inner.count == 1) return outer;
  if (outer.count == 1) return inner;
  if (outer.count > std::numeric_limits<int>::max() / inner.count) {
    throw core::UsageError(fmt::format("{} and {} count {} times {} processes.", outer.source,
                                       inner.source, outer.count, inner.count),
                           "Correct them, or pass --shard I/N.");
  }
  return {outer.index * inner.count + inner.index, outer.count * inner.count,
          outer.source + " and " + inner.source};
}

// The same where `inner` may be one count over all parts of `outer`: that is so where it has as
// many groups as these are, and not where it has one group, or fewer processes. Without the number
// of groups, nullopt says that nothing tells it.
std::optional<Shard> joined(const Shard& outer, const Shard& inner, std::optional<int> groups) {
  const bool counts_anew = groups ? *groups == 1 : inner.count < outer.count;
  if (inner.count == 1 || outer.count == 1 || counts_anew) return nested(outer, inner);
  if (groups == outer.count) return inner;
  return std::nullopt;
}

[[noreturn]] void throw_unclear(const Shard& outer, const Shard& inner) {
  throw core::UsageError(
      fmt::format("{} is {} of {} and {} is {} of {}, and nothing says whether the second counts "
                  "anew in each of the first.",
                  outer.source, outer.index, outer.count, inner.source, inner.index, inner.count),
      "Pass --shard I/N, I counted from 0 over all processes.");
}

// From the inside out: torchrun, in what mpirun or srun started, in an element of a Slurm array, in
// a pod of Kubernetes.
std::optional<Shard> launched(const Variables& variables) {
  std::optional<Shard> found = counted(variables, "RANK", "WORLD_SIZE");
  // Of torchrun: its agents, of which each node has one. Its ranks count over all of them.
  std::optional<int> groups = number_of(variables, "GROUP_WORLD_SIZE");
  if (!found) groups.reset();
  bool in_one_job = false;

  if (const auto outer = tasks(variables)) {
    if (!found) {
      found = outer;
    } else if (const auto both = joined(*outer, *found, groups)) {
      found = both;
    } else {
      // Set by hand, they are in the order of the tasks.
      const int share = std::max(1, found->count / outer->count);
      const bool in_order =
          found->count % outer->count == 0 && found->index / share == outer->index;
      if (groups || !in_order) throw_unclear(*outer, *found);
    }
    in_one_job = outer->count > 1;
    if (in_one_job && groups == 1) groups.reset();  // that was said of each task
  }
  if (const auto outer = slurm_array(variables)) {
    // Each element is a job, and one mpirun or srun does not reach beyond its own.
    const auto both =
        found ? joined(*outer, *found, in_one_job ? std::optional(1) : groups) : outer;
    if (!both) throw_unclear(*outer, *found);
    found = both;
    groups.reset();
  }
  if (const auto outer = kubernetes(variables)) {
    const auto both = found ? joined(*outer, *found, groups) : outer;
    if (!both) throw_unclear(*outer, *found);
    found = both;
  }
  return found;
}

}  // namespace

Variables process_environment() {
  return [](const char* name) -> std::optional<std::string> {
    const char* text = std::getenv(name);
    if (text == nullptr) return std::nullopt;
    return text;
  };
}

Shard parse_shard(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto index = number_in(text.substr(0, slash));
  const auto count =
      slash == std::string_view::npos ? std::nullopt : number_in(text.substr(slash + 1));
  if (!index || !count) {
    throw core::UsageError(fmt::format("'{}' is no shard.", text),
                           "Write --shard I/N, I counted from 0, for example --shard 0/4.");
  }
  return checked({*index, *count, "--shard"});
}

Shard find_shard(std::string_view text, const Variables& variables) {
  if (!text.empty()) return parse_shard(text);
  return launched(variables).value_or(Shard{});
}

std::optional<int> local_rank(const Variables& variables) {
  for (const char* name : {"LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID"}) {
    if (const auto rank = number_of(variables, name)) return rank;
  }
  // Also set in a batch script, where it is 0.
  return number_of(variables, "SLURM_LOCALID");
}

std::vector<core::GemmProblem> part_of(const std::vector<core::GemmProblem>& problems,
                                       const Shard& shard) {
  std::vector<core::GemmProblem> part;
  for (auto i = static_cast<std::size_t>(shard.index); i < problems.size();
       i += static_cast<std::size_t>(shard.count)) {
    part.push_back(problems[i]);
  }
  return part;
}

std::filesystem::path database_of(const std::filesystem::path& database, const Shard& shard) {
  if (shard.count == 1) return database;
  std::filesystem::path file = database.stem();
  file += fmt::format(".shard-{}-of-{}", shard.index, shard.count);
  file += database.extension();
  return database.parent_path() / file;
}

}  // namespace deepgemm::app

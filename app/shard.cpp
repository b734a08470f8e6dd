#include "app/shard.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>

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

// A pair of variables with which a launcher counts its processes.
struct Launcher {
  const char* index;
  const char* count;
};
// torchrun; Open MPI; MPICH, Intel MPI and others that follow its process manager.
constexpr Launcher kLaunchers[] = {{"RANK", "WORLD_SIZE"},
                                   {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                   {"PMI_RANK", "PMI_SIZE"}};

std::optional<Shard> slurm(const Variables& variables) {
  const auto id = number_of(variables, "SLURM_ARRAY_TASK_ID");
  const auto count = number_of(variables, "SLURM_ARRAY_TASK_COUNT");
  if (id && count) {
    // An array may begin anywhere and leave steps: --array=10-40:10.
    const int first = number_of(variables, "SLURM_ARRAY_TASK_MIN").value_or(0);
    const int last = number_of(variables, "SLURM_ARRAY_TASK_MAX").value_or(first + *count - 1);
    const int step = *count > 1 ? (last - first) / (*count - 1) : 1;
    return Shard{step > 0 ? (*id - first) / step : *id - first, *count, "SLURM_ARRAY_TASK_ID"};
  }
  // Only within srun: a batch script runs once, whatever its number of tasks.
  const auto rank = number_of(variables, "SLURM_PROCID");
  const auto tasks = number_of(variables, "SLURM_STEP_NUM_TASKS");
  if (rank && tasks) return Shard{*rank, *tasks, "SLURM_PROCID"};
  return std::nullopt;
}

std::optional<Shard> kubernetes(const Variables& variables) {
  const auto index = number_of(variables, "JOB_COMPLETION_INDEX");
  if (!index) return std::nullopt;
  const auto count = number_of(variables, "DEEPGEMM_SHARD_COUNT");
  if (count) return Shard{*index, *count, "JOB_COMPLETION_INDEX"};
  // Kubernetes does not tell a pod how many there are.
  throw core::UsageError(
      "JOB_COMPLETION_INDEX is set, but not the number of completions.",
      "Set DEEPGEMM_SHARD_COUNT to the Job's completions, or pass --shard I/N (0/1: all shapes).");
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
  std::optional<Shard> found = slurm(variables);
  if (!found) found = kubernetes(variables);
  for (const Launcher& launcher : kLaunchers) {
    if (found) break;
    const auto index = number_of(variables, launcher.index);
    const auto count = number_of(variables, launcher.count);
    if (index && count) found = Shard{*index, *count, launcher.index};
  }
  if (!found) return {};
  return checked(*found);
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

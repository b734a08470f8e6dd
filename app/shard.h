// Which part of a list of shapes this process takes, when many processes share it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/problem.h"

namespace deepgemm::app {

struct Shard {
  int index = 0;  // from 0
  int count = 1;
  std::string source;  // "--shard", or the variable that said so; empty where there is one process
};

// Reads a variable of the environment; nullopt where it is not set.
using Variables = std::function<std::optional<std::string>(const char* name)>;
Variables process_environment();

// "2/8", counted from 0. Throws UsageError.
Shard parse_shard(std::string_view text);

// What `text` (of --shard) says; where it is empty, what the launchers of this process say: a
// Kubernetes indexed Job, a Slurm array, mpirun or srun, torchrun, each of whose parts may start
// several of the next one. Throws UsageError where they say only half of it.
Shard find_shard(std::string_view text, const Variables& variables);

// Which process of this machine it is, as its launcher counts them; nullopt where it does not.
std::optional<int> local_rank(const Variables& variables);

// Every count-th problem, beginning with the index-th.
std::vector<core::GemmProblem> part_of(const std::vector<core::GemmProblem>& problems,
                                       const Shard& shard);

// "tuning.db" -> "tuning.shard-2-of-8.db": each shard has one writer. As it is for a single one.
std::filesystem::path database_of(const std::filesystem::path& database, const Shard& shard);

}  // namespace deepgemm::app

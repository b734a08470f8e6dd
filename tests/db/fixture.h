// What the tests of db share: a folder that goes away, rows in which every field is told apart,
// and children that may die.
#pragma once

#include <SQLiteCpp/Database.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "core/error.h"
#include "db/tuning_db.h"
#include "kernels/dense_source.h"

namespace deepgemm::db {

class TempFolder {
 public:
  TempFolder() {
    // In memory where that exists: a file that is synced for every row waits for the disk.
    const std::filesystem::path memory = "/dev/shm";
    const bool has_memory = access(memory.c_str(), W_OK | X_OK) == 0;
    const auto parent = has_memory ? memory : std::filesystem::temp_directory_path();
    std::string name = (parent / "deepgemm-db-XXXXXX").string();
    path_ = mkdtemp(name.data());
    // Children that gave up root must get in.
    chmod(path_.c_str(), 0755);
  }
  ~TempFolder() {
    chmod(path_.c_str(), 0755);
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }

 private:
  std::filesystem::path path_;
};

inline core::GemmProblem problem_of(std::int64_t m, std::int64_t n = 2112, std::int64_t k = 7168) {
  core::GemmProblem problem;
  problem.m = m;
  problem.n = n;
  problem.k = k;
  return problem;
}

inline core::Environment environment_of(const std::string& device_id = "h100-sxm5") {
  return {device_id,
          "NVIDIA H100 80GB HBM3",
          "GPU-1",
          132,
          "580.82 (CUDA 13.0)",
          "13.0",
          "0.1.0",
          "13.0.2",
          "0123abcd",
          1980,
          2619,
          1410,
          700};
}

// Every field differs from its default and from every other.
inline core::GemmConfig config_of(int first) {
  core::GemmConfig config;
  for (const core::ConfigField& field : core::kConfigFields) config.*field.member = first++;
  return config;
}

inline core::Trial trial_of(std::int64_t m = 64, int first = 100) {
  core::Trial trial;
  trial.problem = problem_of(m);
  trial.contender = core::Contender::kCandidate;
  trial.config = config_of(first);
  trial.kernel_key = "key" + std::to_string(first);
  trial.outcome = core::Outcome::kMeasured;
  trial.detail = "it's \"fine\"";
  trial.predicted_us = 10.25;
  trial.build = {168, 8, 200000, 0.75};
  trial.verification = {"cublaslt-block",     1e-3, 2e-3, 3e-3, 4e-3, 5, 6, true,
                        0xfedcba9876543210ull};
  trial.measurement = {{3.5, 1.0 / 3, 2e-300}, 7.5, 0.125, 7.25, 7.75, 1755, 9};
  trial.policy = "cold-l2 512MB, rounds";
  return trial;
}

inline core::Winner winner_of(std::int64_t m, double median_us = 12.5, bool measured = true) {
  core::Winner winner;
  winner.problem = problem_of(m);
  winner.config = config_of(200);
  winner.kernel_key = "key-" + std::to_string(m);
  winner.measured = measured;
  winner.median_us = median_us;
  winner.spread_us = 0.25;
  winner.default_config = config_of(300);
  winner.default_us = 14.5;
  winner.cublaslt_block_us = 15.5;
  winner.cublaslt_tensorwide_us = 11.5;
  winner.reason = "fastest by 4.1 %";
  winner.trials = 77;
  winner.ranked_at = {0.75, 1.25};
  winner.samples = 100;
  winner.ci_low_us = 12.25;
  winner.ci_high_us = 12.75;
  winner.sm_clock_mhz = 1755;
  winner.runner_up_config = config_of(500);
  winner.runner_up_us = 12.875;
  winner.margin_low = 1.125;
  winner.margin_high = 1.25;
  winner.cublaslt_margin_low = 1.0625;
  winner.cublaslt_margin_high = 1.1875;
  return winner;
}

inline core::Cubin cubin_of(const std::string& key) {
  return {key,
          kernels::kDenseEntry,
          config_of(400),
          {'\x7f', 'E', 'L', 'F', '\0', '\xff'},
          {90, 0, 1024, 1.5}};
}

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// For what no deepgemm would do to a file.
inline void tamper(const std::filesystem::path& path, const std::string& sql) {
  SQLite::Database database(path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec(sql);
}

// "" if `work` throws nothing, else "usage: what / next step" or "environment: what / next step".
template <class Work>
std::string failure_of(Work&& work) {
  try {
    work();
  } catch (const core::Error& error) {
    const bool usage = error.code() == core::ExitCode::kUsage;
    return (usage ? "usage: " : "environment: ") + std::string(error.what()) + " / " +
           error.next_step();
  } catch (const std::exception& error) {
    return std::string("unexpected: ") + error.what();
  }
  return "";
}

inline std::string failure_to_open(const std::filesystem::path& path, OpenMode mode) {
  return failure_of([&] { TuningDb database(path, mode); });
}

// Runs `work` in a child process and returns the text that it returned; a child that dies says so.
template <class Work>
std::string in_child(Work&& work) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    const std::string text = work();
    const ssize_t written = write(ends[1], text.data(), text.size());
    _exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string text;
  char buffer[512];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? text : "child died with status " + std::to_string(status);
}

// Root may write everywhere; the tests of permissions must not be root.
inline void give_up_root() {
  if (geteuid() != 0) return;
  if (setgid(65534) != 0 || setuid(65534) != 0) _exit(2);
}

}  // namespace deepgemm::db

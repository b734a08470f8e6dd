// What stops work. Expected failures of one candidate are values (core/trial.h), never these.
#pragma once

#include <stdexcept>
#include <string>

namespace deepgemm::core {

// Exit codes of every command; the contract of the command line.
enum class ExitCode {
  kDone = 0,
  kWorkFailed = 1,    // no verified winner, a regression, a wrong or drifted row
  kUsage = 2,         // usage, or an input file that is corrupt or foreign
  kEnvironment = 3,   // GPU, driver, NVRTC, permission, disk, database locked by another tuner
  kInterrupted = 130  // resumable
};

// One sentence that says what is wrong, one that says what to do next.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& what, std::string next_step)
      : std::runtime_error(what), code_(code), next_step_(std::move(next_step)) {}

  ExitCode code() const { return code_; }
  const std::string& next_step() const { return next_step_; }

 private:
  ExitCode code_;
  std::string next_step_;
};

// A command line or an input file that cannot be used.
class UsageError : public Error {
 public:
  UsageError(const std::string& what, std::string next_step)
      : Error(ExitCode::kUsage, what, std::move(next_step)) {}
};

// Something the machine lacks.
class EnvironmentError : public Error {
 public:
  EnvironmentError(const std::string& what, std::string next_step)
      : Error(ExitCode::kEnvironment, what, std::move(next_step)) {}
};

}  // namespace deepgemm::core

#include "autotune/worker_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "core/error.h"

namespace deepgemm::autotune {
namespace {

// What a healthy worker may take to free its GPU memory and leave.
constexpr double kLeaveSeconds = 2;
// What the driver may take to end a kernel that was running.
constexpr double kReapSeconds = 10;

[[noreturn]] void throw_unstarted(const char* what, int error) {
  throw core::EnvironmentError(
      fmt::format("No worker process can be started: {} failed ({})", what, std::strerror(error)),
      "Free memory or processes, or pass --no-isolation.");
}

// In the child between fork and exec, where only async-signal-safe calls are allowed.
[[noreturn]] void become_worker(const char* executable, int descriptor, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it died before the line above
  setpgid(0, 0);
  dup2(STDERR_FILENO, STDOUT_FILENO);  // stdout carries the tuner's result only
  if (descriptor == kWorkerDescriptor) {
    fcntl(descriptor, F_SETFD, 0);
  } else {
    dup2(descriptor, kWorkerDescriptor);
  }
  char name[] = "deepgemm-worker";
  char argument[] = "__worker";
  char* const arguments[] = {name, argument, nullptr};
  execv(executable, arguments);
  _exit(127);
}

}  // namespace

WorkerProcess::WorkerProcess(const std::string& executable) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw_unstarted("socketpair", errno);
  }
  const pid_t parent = getpid();
  id_ = fork();
  if (id_ == 0) become_worker(executable.c_str(), ends[1], parent);
  const int error = errno;
  close(ends[1]);
  channel_ = std::make_unique<WorkerChannel>(ends[0]);
  if (id_ < 0) throw_unstarted("fork", error);
  setpgid(id_, id_);  // whichever of the two comes first
}

WorkerProcess::~WorkerProcess() {
  channel_.reset();  // an idle worker takes that as the end
  if (!reap(kLeaveSeconds)) kill();
}

void WorkerProcess::kill() {
  if (ended_) return;
  ::kill(-id_, SIGKILL);
  ::kill(id_, SIGKILL);
  reap(kReapSeconds);
}

bool WorkerProcess::reap(double seconds) {
  const auto end = WorkerChannel::Clock::now() + std::chrono::duration<double>(seconds);
  while (!ended_) {
    const pid_t got = waitpid(id_, &status_, WNOHANG);
    if (got == id_ || (got < 0 && errno == ECHILD)) {
      ended_ = true;
    } else if (WorkerChannel::Clock::now() >= end) {
      return false;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  return true;
}

std::string WorkerProcess::how_it_ended() {
  if (!reap(1)) return "closed its channel";
  if (WIFSIGNALED(status_)) return fmt::format("was killed by signal {}", WTERMSIG(status_));
  return fmt::format("ended with exit code {}", WEXITSTATUS(status_));
}

}  // namespace deepgemm::autotune

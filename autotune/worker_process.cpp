#include "autotune/worker_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

#include "core/error.h"

namespace deepgemm::autotune {
namespace {

// What a healthy worker may take to free its GPU memory and leave.
constexpr double kLeaveSeconds = 2;
// What the driver may take to end a kernel that was running.
constexpr double kReapSeconds = 10;
// The same where somebody waits for the call to end.
constexpr double kHurrySeconds = 0.5;

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
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);  // the tuner's own mask is for its own threads
  dup2(STDERR_FILENO, STDOUT_FILENO);        // stdout carries the tuner's result only
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
  if (left_behind_) return;
  if (!reap(kLeaveSeconds)) kill();
}

void WorkerProcess::kill(bool in_a_hurry, const std::atomic<bool>* stop) {
  if (ended_) return;
  ::kill(-id_, SIGKILL);
  ::kill(id_, SIGKILL);
  left_behind_ = !reap(in_a_hurry ? kHurrySeconds : kReapSeconds, stop);
}

bool WorkerProcess::reap(double seconds, const std::atomic<bool>* stop) {
  const auto after = [](double more) {
    return WorkerWait::Clock::now() + std::chrono::duration<double>(more);
  };
  auto end = after(seconds);
  while (!ended_) {
    if (stop != nullptr && *stop) {
      end = std::min(end, after(kHurrySeconds));
      stop = nullptr;
    }
    const pid_t got = waitpid(id_, &status_, WNOHANG);
    if (got == id_ || (got < 0 && errno == ECHILD)) {
      ended_ = true;
    } else if (WorkerWait::Clock::now() >= end) {
      return false;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  return true;
}

bool WorkerProcess::is_stopped() const {
  std::ifstream file("/proc/" + std::to_string(id_) + "/stat");
  std::string text;
  std::getline(file, text);
  // "123 (name) T …"; the name may hold anything.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= text.size()) return false;
  const char state = text[name_end + 2];
  return state == 'T' || state == 't';
}

std::string WorkerProcess::how_it_ended() {
  if (!reap(1)) return "closed its channel";
  if (WIFSIGNALED(status_)) return fmt::format("was killed by signal {}", WTERMSIG(status_));
  return fmt::format("ended with exit code {}", WEXITSTATUS(status_));
}

}  // namespace deepgemm::autotune

// A machine for command-line tests: a GPU and a compiler that follow a script taken from the
// environment. Nothing of it is in the commands that are installed.
//
//   SCRIPTED_SLEEP_MS_BUILD, _VERIFY, _ROUND   how long each step takes
//   SCRIPTED_SLEEP_FROM=N                      only the Nth step of its kind, and those behind it
//   SCRIPTED_SLEEP_MS_OPEN                     how long the driver takes to tell what GPU there is
//   SCRIPTED_TELL=1                            says on stderr when it begins to sleep, and for what
//   SCRIPTED_HOLD=WHERE:FILE                   workers wait until that file is gone: before they
//                                              `start`, before they prepare `any` shape, or one
//                                              whose m is WHERE
//   SCRIPTED_MEET=FOLDER                       workers open their GPUs when those of all
//                                              SCRIPTED_GPUS are about to
//   SCRIPTED_SIGINT_ROUND=N                    Ctrl-C comes during round N, counted from 1
//   SCRIPTED_WRONG=1                           every kernel computes wrong numbers
//   SCRIPTED_SLOW=CONFIG=FACTOR                that config takes so many times longer
//   SCRIPTED_NO_GPU=1                          there is no GPU
//   SCRIPTED_DEVICE=h20                        the GPU is of that kind
//   SCRIPTED_NO_NVRTC=1                        there is no compiler
//   SCRIPTED_NVRTC=12.9                        the compiler is of that version
//   SCRIPTED_FAULT=HOW@WHERE:TEXT              kernels whose config holds TEXT end badly in
//                                              `verify`, in `again`, their second check, in
//                                              `round` or `beside` others: exit, abort, kill, stop,
//                                              hang, garble, lost, refuse
//   SCRIPTED_ONE_WORKER=FILE                   only the first worker, which makes that file, gets
//                                              the GPU
//   SCRIPTED_BROKEN_GPU=N                      every worker that opens GPU N ends
//   SCRIPTED_PROCESSES=N                       so many processes have the GPU open
//   SCRIPTED_GPUS=N                            GPUs of the host, 1 by default
//   SCRIPTED_POWER_LIMIT_W=N                   the power limit is set to N
//   SCRIPTED_WORKER_POWER_LIMIT_W=N            it is, before a worker looks
//   SCRIPTED_COUNTS=1                          says on stderr at the end what was done
#pragma once

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "app/hardware.h"
#include "autotune/worker_process.h"
#include "core/error.h"
#include "tests/autotune/scripted.h"

namespace deepgemm::app::scripted {

namespace script = autotune::scripted;

inline int number_of(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? 0 : std::atoi(text);
}

inline std::function<void()> sleeper(const char* variable) {
  const auto steps = std::make_shared<std::atomic<int>>(0);
  return [variable, steps, milliseconds = number_of(variable)] {
    if (++*steps < number_of("SCRIPTED_SLEEP_FROM") || milliseconds == 0) return;
    if (number_of("SCRIPTED_TELL") != 0) std::fprintf(stderr, "scripted: %s\n", variable);
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  };
}

template <class IsOver>
void wait_until(const IsOver& is_over) {
  while (!is_over()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

// SCRIPTED_HOLD: "start:FILE", "any:FILE", "64:FILE".
inline void hold(const std::string& where) {
  const char* text = std::getenv("SCRIPTED_HOLD");
  if (text == nullptr || !std::string_view(text).starts_with(where + ":")) return;
  const char* file = text + where.size() + 1;
  wait_until([file] { return access(file, F_OK) != 0; });
}

// SCRIPTED_MEET: each leaves a file of its own.
inline void meet_other_gpus(int ordinal) {
  const char* folder = std::getenv("SCRIPTED_MEET");
  if (folder == nullptr) return;
  std::fclose(std::fopen((std::string(folder) + "/" + std::to_string(ordinal)).c_str(), "w"));
  wait_until([folder] {
    const std::filesystem::directory_iterator files(folder);
    return std::distance(begin(files), end(files)) >= number_of("SCRIPTED_GPUS");
  });
}

// SCRIPTED_SLOW: the factor for a config, 1 for all others.
inline double slow_down(const core::GemmConfig& config) {
  const char* text = std::getenv("SCRIPTED_SLOW");
  if (text == nullptr) return 1;
  const std::string line = text;
  const std::size_t split = line.rfind('=');
  return line.substr(0, split) == core::to_string(config) ? std::atof(line.c_str() + split + 1) : 1;
}

// Whether this process serves a tuner that runs candidates isolated.
inline bool& is_worker() {
  static bool worker = false;
  return worker;
}

// Ends, or spoils, this process in the way that `how` names.
inline void go_wrong(const std::string& how, script::Script& script) {
  if (how == "exit") _exit(7);
  if (how == "abort") std::abort();
  if (how == "kill") std::raise(SIGKILL);
  if (how == "stop") std::raise(SIGSTOP);
  if (how == "hang") std::this_thread::sleep_for(std::chrono::hours(1));
  if (how == "garble") {
    static constexpr char kNonsense[] = "no message of this protocol at all, but long enough";
    (void)!write(autotune::kWorkerDescriptor, kNonsense, sizeof(kNonsense));
  }
  if (how == "refuse") {
    throw core::EnvironmentError("CUDA error 701: too many resources requested for launch", "");
  }
  if (how == "lost") {
    script.healthy = false;
    throw core::EnvironmentError("CUDA error 700: an illegal memory access was encountered", "");
  }
}

// SCRIPTED_FAULT: "hang@verify:block_n=96".
inline void plant_fault(script::Script& script) {
  const char* text = std::getenv("SCRIPTED_FAULT");
  if (text == nullptr) return;
  const std::string fault = text;
  const std::size_t at = fault.find('@');
  const std::size_t colon = fault.find(':');
  const std::string how = fault.substr(0, at);
  const std::string where = fault.substr(at + 1, colon - at - 1);
  const std::string pattern = fault.substr(colon + 1);
  const auto meets = [pattern](core::Contender contender, const core::GemmConfig& config) {
    const bool may_be =
        contender == core::Contender::kCandidate ||
        (contender == core::Contender::kDefault && number_of("SCRIPTED_FAULTY_DEFAULT") != 0);
    return may_be && core::to_string(config).find(pattern) != std::string::npos;
  };
  if (where == "beside") {  // of a round: where others run, too
    script.on_round_of = [=, &script](const std::vector<core::GemmConfig>& configs) {
      const auto meets_it = [&](const core::GemmConfig& config) {
        return meets(core::Contender::kCandidate, config);
      };
      if (configs.size() > 1 && std::ranges::any_of(configs, meets_it)) go_wrong(how, script);
    };
  } else if (where == "verify" || where == "again") {
    script.check = [=, &script, checks = std::map<std::string, int>()](
                       core::Contender contender, const core::GemmConfig& config) mutable {
      const bool is_first = ++checks[core::to_string(config)] == 1;
      if (meets(contender, config) && (where == "verify" || !is_first)) go_wrong(how, script);
      return script::passing_check();
    };
  } else {
    script.on_sample = [=, &script](core::Contender contender, const core::GemmConfig& config) {
      if (meets(contender, config)) go_wrong(how, script);
    };
  }
}

// SCRIPTED_ONE_WORKER: as a GPU that fell off the bus with the first of them.
inline void require_first_worker() {
  const char* file = std::getenv("SCRIPTED_ONE_WORKER");
  if (file == nullptr || !is_worker()) return;
  if (access(file, F_OK) == 0) {
    throw core::EnvironmentError("CUDA error 100: no CUDA-capable device is detected", "");
  }
  std::fclose(std::fopen(file, "w"));
}

// The script of this process.
inline script::Script& script_of_environment() {
  static script::Script script;
  static const bool filled = [] {
    script.environment.sources_hash = base_environment("").sources_hash;
    if (const char* kind = std::getenv("SCRIPTED_DEVICE"); kind != nullptr) {
      script.device = *core::find_device_profile(kind);
      script.environment.device_id = kind;
      script.environment.device_name = script.device.name;
      script.environment.sms = script.device.sms;
      script.environment.sm_clock_max_mhz = script.device.clock_mhz;
    }
    if (const char* version = std::getenv("SCRIPTED_NVRTC"); version != nullptr) {
      script.environment.nvrtc = version;
    }
    script.device.is_profile = false;
    script.device.memory_clock_mhz = script.environment.memory_clock_mhz;
    if (const int limit = number_of("SCRIPTED_POWER_LIMIT_W"); limit != 0) {
      script.environment.power_limit_w = limit;
    }
    if (const int limit = number_of("SCRIPTED_WORKER_POWER_LIMIT_W"); is_worker() && limit != 0) {
      script.environment.power_limit_w = limit;
    }
    if (number_of("SCRIPTED_PROCESSES") != 0) script.processes = number_of("SCRIPTED_PROCESSES");
    script.slow_down = slow_down;
    script.on_build = sleeper("SCRIPTED_SLEEP_MS_BUILD");
    script.on_prepare = [] {
      hold("any");
      hold(std::to_string(script.problem.m));
    };
    script.on_verify = sleeper("SCRIPTED_SLEEP_MS_VERIFY");
    script.on_round = [nap = sleeper("SCRIPTED_SLEEP_MS_ROUND")](autotune::Round&) {
      nap();
      if (script.rounds == number_of("SCRIPTED_SIGINT_ROUND")) {
        kill(is_worker() ? getppid() : getpid(), SIGINT);
      }
    };
    if (number_of("SCRIPTED_WRONG") != 0) {
      script.check = [](core::Contender, const core::GemmConfig&) {
        autotune::Check check = script::passing_check();
        check.outcome = core::Outcome::kWrong;
        check.detail = "the script says so";
        return check;
      };
    }
    plant_fault(script);
    return true;
  }();
  (void)filled;
  return script;
}

inline Hardware scripted_hardware() {
  script::Script& script = script_of_environment();
  Hardware hardware;
  // The driver that script::Script::gpu_environment names.
  script.device.driver = "580.82";
  script.device.driver_version = 13000;
  hardware.device_count = [] { return std::max(1, number_of("SCRIPTED_GPUS")); };
  const auto require_gpu = [] {
    if (number_of("SCRIPTED_NO_GPU") == 0) return;
    throw core::EnvironmentError("There is no GPU", "Pass --device h100-sxm5.");
  };
  hardware.read_device = [&script, require_gpu, nap = sleeper("SCRIPTED_SLEEP_MS_OPEN")](int) {
    nap();
    require_gpu();
    return script.device;
  };
  // The GPUs of a host differ in their ids.
  const auto environment_of = [&script](int ordinal) {
    core::Environment environment = script.environment;
    if (ordinal > 0) environment.device_uuid += "-" + std::to_string(ordinal);
    return environment;
  };
  hardware.identify_gpu = [&script, environment_of, require_gpu](int ordinal,
                                                                 const core::Environment&) {
    require_gpu();
    return autotune::GpuIdentity{script.device, environment_of(ordinal), "scripted"};
  };
  hardware.open_gpu = [&script, environment_of, require_gpu](int ordinal,
                                                             const core::Environment&) {
    require_gpu();
    if (is_worker()) meet_other_gpus(ordinal);
    require_first_worker();
    const char* broken = std::getenv("SCRIPTED_BROKEN_GPU");
    if (broken != nullptr && is_worker() && std::atoi(broken) == ordinal) _exit(7);
    script.environment = environment_of(ordinal);
    return std::make_unique<script::Gpu>(script);
  };
  hardware.load_libraries = [] { hold("start"); };
  if (const char* prefix = std::getenv("SCRIPTED_CLAIM"); prefix != nullptr) {
    hardware.claim_prefix = prefix;
  }
  hardware.add_limits = [&script](core::Environment& environment) {
    environment.application_clock_mhz = script.environment.application_clock_mhz;
    environment.power_limit_w = script.environment.power_limit_w;
  };
  hardware.make_builder = [&script](const std::filesystem::path&) -> Builder {
    if (number_of("SCRIPTED_NO_NVRTC") != 0) {
      throw core::EnvironmentError("NVRTC was not found", "Install it.");
    }
    return {std::make_unique<script::Builder>(script), script.environment.nvrtc};
  };
  return hardware;
}

inline int finish(int exit_code) {
  if (number_of("SCRIPTED_COUNTS") != 0) {
    const script::Script& script = script_of_environment();
    std::fprintf(stderr, "scripted%s: builds=%d verifies=%d rounds=%d\n",
                 is_worker() ? " worker" : "", script.builds.load(), script.verifies,
                 script.rounds);
  }
  return exit_code;
}

}  // namespace deepgemm::app::scripted

// The C ABI: arguments in, status out, nothing thrown.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "core/context.h"
#include "core/error.h"
#include "core/include/deepgemm/deepgemm.h"
#include "core/jit_builder.h"
#include "core/row_check.h"
#include "core/version.h"
#include "db/c_arguments.h"
#include "db/late_compiler.h"
#include "db/runtime_handle.h"

namespace {

namespace core = deepgemm::core;
namespace db = deepgemm::db;

// A fixed buffer: reporting a failure must not be able to fail.
thread_local char last_error[1024] = "";

deepgemm_status fail(deepgemm_status status, const char* sentence, const char* next_step) noexcept {
  std::snprintf(last_error, sizeof last_error, "%s. %s", sentence, next_step);
  return status;
}

deepgemm_status refuse(const std::string& why) {
  return fail(DEEPGEMM_BAD_ARGUMENT, why.c_str(), "deepgemm/deepgemm.h says what is legal.");
}

// Runs `work`; an exception becomes a status. `lack` is what something that the machine lacks
// means to this call.
template <class Work>
deepgemm_status guarded(deepgemm_status lack, Work&& work) noexcept {
  try {
    return work();
  } catch (const core::UsageError& error) {
    return fail(DEEPGEMM_BAD_DATABASE, error.what(), error.next_step().c_str());
  } catch (const core::Error& error) {
    return fail(lack, error.what(), error.next_step().c_str());
  } catch (const std::bad_alloc&) {
    return fail(lack, "there is not enough memory", "Free some and call again.");
  } catch (const std::exception& error) {
    return fail(lack, error.what(), "Report this as a bug of deepgemm.");
  } catch (...) {
    return fail(lack, "an unknown exception was thrown", "Report this as a bug of deepgemm.");
  }
}

constexpr const char* kContextStep =
    "Make the context of deepgemm_open current and pass a stream of it.";

// Calls of a program whose thread has no context run in the one that opening retained.
void enter_context(const deepgemm_runtime& handle) {
  if (handle.home) handle.home->enter_if_none();
}

bool is_elsewhere(const deepgemm_runtime& handle) {
  return handle.home && !handle.home->is_current();
}

const core::GemmKernel* kernel_for(deepgemm_runtime& handle, const core::GemmProblem& problem,
                                   deepgemm_miss miss) {
  enter_context(handle);
  return handle.runtime.kernel(problem, db::policy_of(miss));
}

deepgemm_status report_miss(deepgemm_runtime& handle, const core::GemmProblem& problem,
                            deepgemm_miss miss) {
  const db::Found answer = handle.runtime.find(problem, db::policy_of(miss));
  return fail(DEEPGEMM_NO_KERNEL, ("no kernel for " + core::to_string(problem)).c_str(),
              (answer.reason.str() + ".").c_str());
}

deepgemm_status check_rows(deepgemm_runtime& handle, const core::GemmProblem& problem,
                           const deepgemm_operands& operands, void* stream) {
  enter_context(handle);
  // The default stream that would be waited for is the current context's.
  if (is_elsewhere(handle)) {
    return fail(DEEPGEMM_LAUNCH_FAILED,
                "rows are checked in the context of deepgemm_open, which is not current",
                kContextStep);
  }
  const auto why =
      core::why_bad_rows(problem, db::operands_of(operands), static_cast<CUstream_st*>(stream));
  return why ? refuse(*why) : DEEPGEMM_OK;
}

deepgemm_status launch(deepgemm_runtime& handle, const core::GemmProblem& problem,
                       const deepgemm_operands& operands, deepgemm_miss miss, void* stream,
                       core::Start start) {
  if (handle.trace != nullptr) handle.trace->count(problem);
  if (handle.checks_rows && problem.operation != core::Operation::kDense) {
    const deepgemm_status checked = check_rows(handle, problem, operands, stream);
    if (checked != DEEPGEMM_OK) return checked;
  }
  const core::GemmKernel* kernel = kernel_for(handle, problem, miss);
  if (kernel == nullptr) return report_miss(handle, problem, miss);
  const int result =
      kernel->launch(problem, db::operands_of(operands), static_cast<CUstream_st*>(stream), start);
  if (result == 0) return DEEPGEMM_OK;
  const std::string what =
      "the driver refused to launch " + core::to_string(problem) + " (CUresult " +
      std::to_string(result) + ")" +
      (is_elsewhere(handle) ? ": the current context is not that of deepgemm_open" : "");
  return fail(DEEPGEMM_LAUNCH_FAILED, what.c_str(), kContextStep);
}

deepgemm_status enqueue(deepgemm_runtime* runtime, const deepgemm_problem* problem,
                        const deepgemm_operands* operands, deepgemm_miss miss, void* stream,
                        core::Start start) noexcept {
  return guarded(DEEPGEMM_LAUNCH_FAILED, [&] {
    if (const auto why = db::why_bad(problem)) return refuse(*why);
    if (const auto why = db::why_bad(operands, *problem)) return refuse(*why);
    if (const auto why = db::why_bad(miss)) return refuse(*why);
    if (runtime == nullptr) return refuse("the runtime is null");
    return launch(*runtime, db::problem_of(*problem), *operands, miss, stream, start);
  });
}

// The commands' advice to do without a GPU is none for a program that wants to run products.
template <class Read>
auto from_gpu(Read&& read) {
  try {
    return read();
  } catch (const core::EnvironmentError& error) {
    if (error.next_step().find("--") == std::string::npos) throw;
    throw core::EnvironmentError(error.what(),
                                 "Run on a machine with an NVIDIA Hopper GPU and its driver.");
  }
}

// What rows are chosen and judged by.
struct Machine {
  core::DeviceInfo device;
  core::Environment here;
  std::exception_ptr lack;  // why `device` is none
};

Machine look_at_machine() {
  Machine machine;
  machine.here.sources_hash = core::sources_hash();
  try {
    machine.device = from_gpu([] { return core::read_device(core::home_device()); });
    core::describe(machine.here, machine.device);
  } catch (const core::Error&) {
    machine.lack = std::current_exception();
  }
  return machine;
}

}  // namespace

const char* deepgemm_version(void) { return core::kVersion; }

const char* deepgemm_last_error(void) { return last_error; }

deepgemm_status deepgemm_open(const char* const* paths, int count, deepgemm_runtime** runtime) {
  return guarded(DEEPGEMM_NO_DEVICE, [&] {
    if (runtime == nullptr) return refuse("the place for the runtime is null");
    *runtime = nullptr;
    if (count < 1) return refuse("count = " + std::to_string(count) + " is no number of files");
    if (paths == nullptr || std::find(paths, paths + count, nullptr) != paths + count) {
      return refuse("a path is null");
    }
    const Machine machine = look_at_machine();
    std::vector<db::Catalog> layers;
    const deepgemm_status opened = guarded(DEEPGEMM_BAD_DATABASE, [&] {
      for (int i = 0; i < count; ++i) layers.emplace_back(paths[i], machine.here);
      return DEEPGEMM_OK;
    });
    if (opened != DEEPGEMM_OK) return opened;
    // After the files: one that is wrong is wrong on every machine.
    if (machine.lack) std::rethrow_exception(machine.lack);
    auto home = from_gpu([] { return std::make_unique<core::HomeContext>(); });
    *runtime = new deepgemm_runtime(std::move(layers), machine.device, machine.here,
                                    db::late_compiler(), std::move(home));
    return DEEPGEMM_OK;
  });
}

void deepgemm_close(deepgemm_runtime* runtime) {
  if (runtime == nullptr) return;
  // Where it cannot be entered, it is gone, and the kernels with it.
  std::optional<core::HomeScope> in_home;
  guarded(DEEPGEMM_LAUNCH_FAILED, [&] {
    in_home.emplace(runtime->home.get());
    return DEEPGEMM_OK;
  });
  guarded(DEEPGEMM_LAUNCH_FAILED, [runtime] {
    delete runtime;
    return DEEPGEMM_OK;
  });
}

deepgemm_status deepgemm_find(deepgemm_runtime* runtime, const deepgemm_problem* problem,
                              deepgemm_miss miss, deepgemm_found* found) {
  return guarded(DEEPGEMM_BAD_DATABASE, [&] {
    if (const auto why = db::why_bad(problem)) return refuse(*why);
    if (const auto why = db::why_bad(miss)) return refuse(*why);
    if (found == nullptr) return refuse("the place for what is found is null");
    if (runtime == nullptr) return refuse("the runtime is null");
    const core::GemmProblem wanted = db::problem_of(*problem);
    const db::Found answer = runtime->runtime.find(wanted, db::policy_of(miss));
    db::fill(*found, answer);
    if (answer.match == core::Match::kNone) return report_miss(*runtime, wanted, miss);
    return DEEPGEMM_OK;
  });
}

deepgemm_status deepgemm_prepare(deepgemm_runtime* runtime, const deepgemm_problem* problems,
                                 int count, deepgemm_miss miss) {
  return guarded(DEEPGEMM_LAUNCH_FAILED, [&] {
    if (const auto why = db::why_bad(miss)) return refuse(*why);
    if (count < 0) return refuse("count = " + std::to_string(count) + " is negative");
    for (int i = 0; i < count; ++i) {
      if (const auto why = db::why_bad(problems == nullptr ? nullptr : problems + i)) {
        return refuse("problem " + std::to_string(i) + ": " + *why);
      }
    }
    if (runtime == nullptr) return refuse("the runtime is null");
    deepgemm_status status = DEEPGEMM_OK;
    for (int i = 0; i < count; ++i) {
      const core::GemmProblem problem = db::problem_of(problems[i]);
      if (kernel_for(*runtime, problem, miss) == nullptr && status == DEEPGEMM_OK) {
        status = report_miss(*runtime, problem, miss);
      }
    }
    return status;
  });
}

deepgemm_status deepgemm_gemm(deepgemm_runtime* runtime, const deepgemm_problem* problem,
                              const deepgemm_operands* operands, deepgemm_miss miss, void* stream) {
  return enqueue(runtime, problem, operands, miss, stream, core::Start::kInTurn);
}

deepgemm_status deepgemm_gemm_overlapped(deepgemm_runtime* runtime, const deepgemm_problem* problem,
                                         const deepgemm_operands* operands, deepgemm_miss miss,
                                         void* stream) {
  return enqueue(runtime, problem, operands, miss, stream, core::Start::kOverlapped);
}

deepgemm_status deepgemm_check(deepgemm_runtime* runtime, const deepgemm_problem* problem,
                               const deepgemm_operands* operands, void* stream) {
  return guarded(DEEPGEMM_LAUNCH_FAILED, [&] {
    if (const auto why = db::why_bad(problem)) return refuse(*why);
    if (const auto why = db::why_bad(operands, *problem)) return refuse(*why);
    if (runtime == nullptr) return refuse("the runtime is null");
    const core::GemmProblem wanted = db::problem_of(*problem);
    if (wanted.operation == core::Operation::kDense) return DEEPGEMM_OK;
    return check_rows(*runtime, wanted, *operands, stream);
  });
}

// What a program calls: problem in, loaded kernel out. The engine behind the C ABI.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/dense_kernel.h"
#include "core/problem.h"
#include "core/store.h"
#include "db/row_choice.h"
#include "db/tuning_db.h"

namespace deepgemm::db {

// All winners are read when it is constructed, so the tables below never change; a look-up needs
// no lock, no file and no allocation. A kernel's image is read and loaded when the kernel is first
// asked for. Thread-safe.
class Runtime {
 public:
  // `device_id` names the kind of GPU whose rows are wanted (core::DeviceInfo::id). Throws
  // UsageError for a damaged database.
  Runtime(std::unique_ptr<TuningDb> database, std::string device_id);

  // What would run `problem`, and why. Loads nothing.
  core::Lookup find(const core::GemmProblem& problem) const;

  // The kernel for `problem`; nullptr if the database has no row. The first call for a kernel
  // loads it into the calling thread's context; throws UsageError where the database has no sound
  // image of it and EnvironmentError where the driver refuses the image. Later calls are the hot
  // path.
  const core::DenseKernel* kernel(const core::GemmProblem& problem);

 private:
  // One per kernel key; several rows may share it.
  struct Slot {
    std::string key;
    std::atomic<const core::DenseKernel*> ready = nullptr;
    std::unique_ptr<core::DenseKernel> owner;  // guarded by loading_
  };

  // All dense rows of one (n, k).
  struct Shape {
    std::int64_t n;
    std::int64_t k;
    std::vector<WinnerRow> winners;
    Family family;             // points into winners
    std::vector<Slot*> slots;  // parallel to family.rows
  };

  const Shape* shape_of(const core::GemmProblem& problem) const;
  Slot& slot_for(const std::string& key);
  const core::DenseKernel* load(Slot& slot);

  std::unique_ptr<TuningDb> database_;
  std::string device_id_;
  std::vector<Shape> shapes_;  // ascending by (n, k)
  std::map<std::string, std::unique_ptr<Slot>> slots_;
  std::mutex loading_;
};

}  // namespace deepgemm::db

// What tests of grouped products on a real GPU share.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "autotune/gpu_workbench.h"
#include "core/default_config.h"
#include "db/bundle_file.h"
#include "tests/gpu/gpu_fixture.h"

namespace deepgemm::gpu_test {

class GroupedTest : public GpuTest {
 protected:
  // Ragged on purpose: n leaves a partial tile and ends within a scale block, k a partial k-block.
  static constexpr std::int64_t kN = 328;
  static constexpr std::int64_t kK = 1296;

  struct Device {
    core::Stream stream;
    autotune::DeviceTools tools{stream};
    autotune::CublasLt library;
  };

  void SetUp() override {
    GpuTest::SetUp();
    if (!IsSkipped()) device_.emplace();
  }

  static core::GemmProblem grouped(core::Operation operation, int groups, std::int64_t m) {
    return {.operation = operation,
            .m = m,
            .n = kN,
            .k = kK,
            .groups = groups,
            .alignment = operation == core::Operation::kGroupedContiguous ? 16 : 1};
  }

  static core::Cubin default_cubin(const core::GemmProblem& problem) {
    return build(core::to_string(core::default_config(problem, Gpu::executor()->device())));
  }

  // A bundle whose only row answers for `problem` with `cubin`; the test removes it.
  static std::string bundle_of(const core::GemmProblem& problem, const core::Cubin& cubin,
                               const std::string& name) {
    const std::filesystem::path path = std::filesystem::temp_directory_path() / name;
    core::Environment here;
    here.device_id = Gpu::executor()->device().id;
    db::BundleContents contents;
    contents.device_id = here.device_id;
    db::WinnerRow row{{}, here, "2026-01-01T00:00:00.000Z", 0};
    row.winner.problem = problem;
    row.winner.config = row.winner.default_config = cubin.config;
    row.winner.kernel_key = cubin.key;
    contents.cubins.push_back(cubin);
    contents.winners.push_back(row);
    contents.fallbacks.push_back({problem.operation, cubin.key, here});
    std::filesystem::remove(path);
    db::write_bundle(contents, path.string());
    return path.string();
  }

  std::optional<Device> device_;
};

}  // namespace deepgemm::gpu_test

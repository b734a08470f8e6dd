// Bundles of a few rows for a GPU that need not be here.
#pragma once

#include <vector>

#include "db/bundle_file.h"
#include "tests/db/fixture.h"

namespace deepgemm::db {

// A bundle of rows at these m, each with a kernel of its own, and a fallback.
inline std::filesystem::path bundle(const TempFolder& folder, const std::string& name,
                                    const std::vector<std::int64_t>& ms,
                                    const core::Environment& environment = environment_of()) {
  BundleContents contents;
  contents.device_id = environment.device_id;
  for (const std::int64_t m : ms) {
    WinnerRow row{winner_of(m, static_cast<double>(m)), environment, "2026-01-01T00:00:00.000Z", 0};
    contents.cubins.push_back(cubin_of(row.winner.kernel_key));
    contents.cubins.back().config = row.winner.config;
    contents.winners.push_back(std::move(row));
  }
  contents.cubins.push_back(cubin_of("fallback"));
  contents.fallbacks.push_back({core::Operation::kDense, "fallback", environment});
  write_bundle(contents, folder / name);
  return folder / name;
}

}  // namespace deepgemm::db

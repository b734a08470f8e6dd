// What the runtime library reads of a bundle when it opens it: all that a look-up needs, in one
// checksummed block, so that opening costs one read and parses no row.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/store.h"

namespace deepgemm::db {

// A kernel that rows refer to by its place in the list. The image lies elsewhere; its hash here
// makes the index vouch for it.
struct IndexedKernel {
  std::string key;
  std::string entry;         // name of the kernel in the image
  std::string image_sha256;  // empty: the table that holds the image vouches for itself
  core::GemmConfig config;
};

struct IndexedRow {
  std::int64_t m = 0;
  std::uint32_t kernel = 0;       // into Index::kernels
  std::uint32_t environment = 0;  // into Index::environments
  bool measured = false;
  double time_us = 0;
  bool searched = true;  // core::is_searched
};

// Rows that share everything but m and were recorded on one kind of GPU; ascending by m.
struct IndexedFamily {
  core::GemmProblem any_m;  // m is 1
  std::string device_id;
  std::vector<IndexedRow> rows;
  // The m up to which export merged rows by what was measured, so that these serve all m up to it;
  // 0: they are as they were tuned.
  std::int64_t merged_up_to = 0;
};

// The same of a family that nobody says it of: up to the largest row that export made.
std::int64_t largest_made_by_export(const IndexedFamily& family);

// The kernel that runs whatever has no row of its own.
struct IndexedFallback {
  core::Operation operation = core::Operation::kDense;
  std::uint32_t kernel = 0;
  std::uint32_t environment = 0;
};

struct Index {
  std::vector<core::Environment> environments;
  std::vector<IndexedKernel> kernels;
  std::vector<IndexedFamily> families;
  std::vector<IndexedFallback> fallbacks;
};

// Little-endian bytes. Equal indices give equal bytes.
std::vector<char> encode(const Index& index);

// nullopt where the bytes are no index of this version or an older one, or one that refers to what
// it lacks.
// Families and fallbacks whose operation, recipe or output only a newer deepgemm knows are left
// out.
std::optional<Index> decode(std::span<const char> bytes);

}  // namespace deepgemm::db

// Which row answers for a problem, over several catalogs in layers. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/store.h"
#include "db/bundle_index.h"

namespace deepgemm::db {

// A kernel by the layer and its place in that layer's index.
struct KernelPlace {
  std::uint32_t layer = 0;
  std::uint32_t kernel = 0;
};

// The rows of all layers for everything but m. Of one m the upper layer's row counts. Rows that
// were merged by what was measured serve all m up to the largest of them, so no lower layer has a
// say there. Rows of another kind of GPU stand only where no layer has any of the own kind.
struct LayeredFamily {
  struct Row {
    KernelPlace place;
    std::uint32_t environment = 0;  // into the layer's index
    bool measured = false;
    double time_us = 0;
    bool searched = true;  // core::is_searched
  };

  core::GemmProblem any_m;  // m is 1
  std::string device_id;
  std::vector<std::int64_t> tuned;  // ascending
  std::vector<Row> rows;            // parallel to tuned
  std::int64_t merged_up_to = 0;    // m up to which merged rows serve; 0: there are none
};

// A look-up neither locks nor allocates.
class LookupTable {
 public:
  // The first layer is the uppermost. The layers are copied, not kept.
  LookupTable(std::span<const Index* const> layers, std::string device_id);

  struct Answer {
    const LayeredFamily* family = nullptr;  // nullptr: there is none
    std::size_t row = 0;
  };

  // The row whose interval holds the problem.
  Answer find(const core::GemmProblem& problem) const;
  core::Match match(const Answer& answer, const core::GemmProblem& problem) const;

  // Where find has no answer: the row that is fewest times larger or smaller in n, k and m
  // together. Looks at every family.
  Answer nearest(const core::GemmProblem& problem) const;

  // The uppermost layer's.
  std::optional<KernelPlace> fallback(core::Operation operation) const;

  const std::string& device_id() const { return device_id_; }

 private:
  // Enters every family into places_.
  void index_families();

  std::string device_id_;
  std::vector<LayeredFamily> families_;  // by rising n, then k, then the rest
  // Open addressing: the family's place plus one, at the highest bits of the hash of its key or in
  // the next free entry; 0 is free. A power of two long and at most half full.
  std::vector<std::uint32_t> places_;
  int hash_shift_ = 0;
  std::vector<std::pair<core::Operation, KernelPlace>> fallbacks_;
};

}  // namespace deepgemm::db

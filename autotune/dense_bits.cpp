#include "autotune/dense_bits.h"

#include "core/default_config.h"

namespace deepgemm::autotune {

DenseBits::DenseBits(TuneContext& context) : context_(context) {
  const bool grouped = context.problem.operation != core::Operation::kDense;
  if (!grouped || context.executor == nullptr || context.lineup.start.empty()) return;
  // The one that runs any shape, and is the same for all: built once.
  build_ = context.pool.submit(core::fallback_config(core::Operation::kDense));
}

std::optional<unsigned long long> DenseBits::get() {
  if (build_.valid()) bits_ = run();
  return bits_;
}

std::optional<unsigned long long> DenseBits::run() {
  const auto without = [&](const std::string& why) {
    context_.observer.note("results are not compared with the dense kernel's, group by group: " +
                           why);
    return std::nullopt;
  };
  if (!wait_for_result(build_, context_.stop, context_.last_moment)) {
    return without("the budget ends first");
  }
  const core::BuildResult build = build_.get();
  if (!build.cubin) return without(build.failure);
  try {
    Entrant dense;
    dense.trial.contender = core::Contender::kCandidate;
    dense.cubin = build.cubin;
    verify(*context_.bench, dense);
    if (dense.id < 0) return without(dense.trial.detail);
    context_.bench->dismiss(dense.id);
    return dense.trial.verification.bits_hash;
  } catch (const OutOfTime&) {
    return without("the budget ends first");
  }
}

}  // namespace deepgemm::autotune

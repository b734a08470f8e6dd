#include "autotune/verifier.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace deepgemm::autotune {
namespace {

constexpr int kSampledRows = 8;

std::size_t result_bytes(const Operands& operands) {
  return static_cast<std::size_t>(2 * operands.padded_m() * operands.problem().n);
}

std::string figure(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2e", value);
  return text;
}

}  // namespace

Verifier::Verifier(const Operands& operands, const LibraryGemm* library, const std::string& why,
                   const DeviceTools& tools, const core::Stream& stream)
    : operands_(operands),
      tools_(tools),
      stream_(stream),
      elements_(static_cast<std::uint64_t>(operands.problem().m * operands.problem().n)),
      result_(result_bytes(operands)),
      reference_(result_bytes(operands)) {
  const core::GemmProblem& problem = operands.problem();
  pick_rows();
  tools.exact_rows(problem, operands.writing_to(nullptr), rows_.as<int>(), row_count_,
                   exact_.as<double>());
  if (library != nullptr) {
    reference_name_ = "cublaslt-block";
    library->launch(operands, reference_.data(), stream);
  } else {
    reference_name_ = "fp32-kernel";
    note_ = why + "; the reference is the plain fp32 kernel";
    tools.reference(problem, operands.writing_to(reference_.data()));
  }
  reference_rms_ = tools.compare(reference_.data(), reference_.data(), elements_, 0).reference_rms;
  reference_error_ = tools.compare_rows(reference_.data(), exact_.as<double>(), rows_.as<int>(),
                                        row_count_, problem.n);
  if (reference_error_ > Tolerance::kAgainstExact && library != nullptr) {
    // A library that is wrong for a shape is no reference for it.
    note_ = "cuBLASLt is off by " + figure(reference_error_) +
            " from float64 on this shape; the reference is the plain fp32 kernel";
    reference_name_ = "fp32-kernel";
    tools.reference(problem, operands.writing_to(reference_.data()));
    reference_error_ = tools.compare_rows(reference_.data(), exact_.as<double>(), rows_.as<int>(),
                                          row_count_, problem.n);
  }
}

// First and last row and some between: the edges are where tiles go wrong.
void Verifier::pick_rows() {
  const std::int64_t m = operands_.problem().m;
  std::vector<int> rows;
  for (int i = 0; i < kSampledRows; ++i) {
    rows.push_back(static_cast<int>((m - 1) * i / (kSampledRows - 1)));
  }
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  row_count_ = static_cast<int>(rows.size());
  rows_ = core::DeviceBuffer(rows.size() * sizeof(int));
  core::copy_to_device(rows_.data(), rows.data(), rows.size() * sizeof(int));
  exact_ = core::DeviceBuffer(rows.size() * static_cast<std::size_t>(operands_.problem().n) *
                              sizeof(double));
}

Check Verifier::check(const std::function<int(void* d)>& launch) const {
  Check check;
  const auto run = [&] {
    result_.arm(stream_);
    int error = launch(result_.data());
    if (error == 0) error = stream_.try_synchronize();
    if (error == 0) return true;
    check.outcome = core::Outcome::kLaunchFailed;
    check.detail = "the launch failed with CUDA error " + std::to_string(error);
    return false;
  };
  const auto compare = [&] {
    return tools_.compare(result_.data(), reference_.data(), elements_, reference_rms_);
  };
  if (!run()) return check;
  const Difference first = compare();
  core::Verification& v = check.verification;
  v.reference = reference_name_;
  v.relative_error = first.relative;
  v.max_error = first.max_error;
  v.unwritten = static_cast<long long>(first.unwritten);
  v.bits_hash = first.bits_hash;
  v.canaries_touched = static_cast<long long>(result_.guards_touched(tools_));
  v.relative_error_f64 = tools_.compare_rows(result_.data(), exact_.as<double>(), rows_.as<int>(),
                                             row_count_, operands_.problem().n);
  v.reference_error_f64 = reference_error_;
  if (!run()) return check;
  v.repeatable = compare().bits_hash == first.bits_hash;
  judge(check);
  return check;
}

// The negated comparisons also catch NaN.
void Verifier::judge(Check& check) const {
  const core::Verification& v = check.verification;
  const double bound =
      reference_name_ == "fp32-kernel" ? Tolerance::kAgainstExact : Tolerance::kAgainstLibrary;
  if (v.unwritten > 0) {
    check.detail = std::to_string(v.unwritten) + " elements of D were never written";
  } else if (v.canaries_touched > 0) {
    check.detail = std::to_string(v.canaries_touched) + " bytes beside D were overwritten";
  } else if (!(v.relative_error <= bound)) {
    check.detail = "it differs from " + v.reference + " by " + figure(v.relative_error) +
                   ", more than " + figure(bound);
  } else if (!(v.relative_error_f64 <= Tolerance::kAgainstExact)) {
    check.detail = "it differs from float64 by " + figure(v.relative_error_f64) + ", more than " +
                   figure(Tolerance::kAgainstExact);
  } else if (!(v.max_error <= Tolerance::kElement)) {
    check.detail = "one element is off by " + figure(v.max_error) + " of its size, more than " +
                   figure(Tolerance::kElement);
  } else if (!v.repeatable) {
    check.detail = "a second run gave other bits";
  } else {
    return;
  }
  check.outcome = core::Outcome::kWrong;
}

}  // namespace deepgemm::autotune

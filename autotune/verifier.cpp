#include "autotune/verifier.h"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace deepgemm::autotune {
namespace {

constexpr int kSampledRows = 8;

std::size_t bytes_of_rows(const Operands& operands, std::int64_t rows) {
  return static_cast<std::size_t>(2 * rows * operands.problem().n);
}

// The rows that groups use, one group behind the other, between D and [used rows, n].
template <typename Take>
void for_each_group(const Operands& operands, void* packed, Take take) {
  auto* at = static_cast<unsigned char*>(packed);
  for (const core::GroupSegment& each : operands.layout().segments) {
    if (each.rows == 0) continue;
    take(each, at);
    at += bytes_of_rows(operands, each.rows);
  }
}

void pack(const Operands& operands, const void* d, void* packed) {
  const std::size_t row = bytes_of_rows(operands, 1);
  for_each_group(operands, packed, [&](const core::GroupSegment& group, void* to) {
    const auto* from = static_cast<const unsigned char*>(d) + bytes_of_rows(operands, group.first);
    core::copy_rows(to, row, from, row, row, static_cast<std::size_t>(group.rows));
  });
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
      elements_(static_cast<std::uint64_t>(operands.layout().used_rows * operands.problem().n)),
      result_(bytes_of_rows(operands, operands.layout().all_rows)),
      fingerprint_(operands.fingerprint(tools)) {
  const core::GemmProblem& problem = operands.problem();
  pick_rows();
  if (library == nullptr) note_ = why + "; the reference is the plain fp32 kernel";
  compute_reference(library);
  if (operands.grouped()) packed_ = core::DeviceBuffer(reference_.bytes());
  reference_rms_ = tools.compare(reference_.data(), reference_.data(), elements_, 0).reference_rms;
  reference_error_ = tools.compare_rows(reference_.data(), exact_.as<double>(), rows_.as<int>(),
                                        row_count_, problem.n);
  if (reference_error_ > Tolerance::kAgainstExact && library != nullptr) {
    // A library that is wrong for a shape is no reference for it.
    note_ = "cuBLASLt is off by " + figure(reference_error_) +
            " from float64 on this shape; the reference is the plain fp32 kernel";
    compute_reference(nullptr);
    reference_error_ = tools.compare_rows(reference_.data(), exact_.as<double>(), rows_.as<int>(),
                                          row_count_, problem.n);
  }
}

// First and last row and some between: the edges are where tiles go wrong.
void Verifier::pick_rows() {
  const std::int64_t m = operands_.layout().used_rows;
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
  // Each in its group, by its place there.
  core::DeviceBuffer place(rows.size() * sizeof(int));
  for (int g = 0, i = 0, before = 0; g < operands_.groups() && i < row_count_; ++g) {
    const GroupProduct group = operands_.group(g, nullptr);
    const int after = before + static_cast<int>(group.segment.rows);
    std::vector<int> here;
    for (int j = i; j < row_count_ && rows[static_cast<std::size_t>(j)] < after; ++j) {
      here.push_back(rows[static_cast<std::size_t>(j)] - before);
    }
    if (!here.empty()) {
      const auto at = static_cast<std::size_t>(i);
      int* const there = place.as<int>(at * sizeof(int));
      core::copy_to_device(there, here.data(), here.size() * sizeof(int));
      tools_.exact_rows(
          group.problem, group.operands, there, static_cast<int>(here.size()),
          exact_.as<double>(at * static_cast<std::size_t>(group.problem.n) * sizeof(double)),
          group.scale_stride);
    }
    i += static_cast<int>(here.size());
    before = after;
  }
  stream_.synchronize();  // before `place` goes
}

void Verifier::compute_reference(const LibraryGemm* library) {
  reference_name_ = library != nullptr ? "cublaslt-block" : "fp32-kernel";
  core::DeviceBuffer d(bytes_of_rows(operands_, operands_.padded_rows()));
  if (library != nullptr) {
    library->launch(operands_, d.data(), stream_);
  } else {
    for (int g = 0; g < operands_.groups(); ++g) {
      const GroupProduct group = operands_.group(g, d.data());
      if (group.segment.rows == 0) continue;
      tools_.reference(group.problem, group.operands, group.scale_stride);
    }
  }
  stream_.synchronize();
  if (!operands_.grouped()) {
    reference_ = std::move(d);
    return;
  }
  reference_ = core::DeviceBuffer(bytes_of_rows(operands_, operands_.layout().used_rows));
  pack(operands_, d.data(), reference_.data());
}

const void* Verifier::used_rows() const {
  if (!operands_.grouped()) return result_.data();
  pack(operands_, result_.data(), packed_.data());
  for_each_group(operands_, packed_.data(), [&](const core::GroupSegment& group, void*) {
    stream_.fill(
        static_cast<unsigned char*>(result_.data()) + bytes_of_rows(operands_, group.first),
        GuardedResult::kPoison, bytes_of_rows(operands_, group.rows));
  });
  return packed_.data();
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
  const auto compare = [&](const void* d) {
    return tools_.compare(d, reference_.data(), elements_, reference_rms_);
  };
  if (!run()) return check;
  const void* d = used_rows();
  const Difference first = compare(d);
  core::Verification& v = check.verification;
  v.reference = reference_name_;
  v.relative_error = first.relative;
  v.max_error = first.max_error;
  v.unwritten = static_cast<long long>(first.unwritten);
  v.bits_hash = first.bits_hash;
  v.canaries_touched = static_cast<long long>(result_.guards_touched(tools_));
  if (operands_.grouped()) {
    v.canaries_touched += static_cast<long long>(result_.poison_touched(tools_));
  }
  v.relative_error_f64 = tools_.compare_rows(d, exact_.as<double>(), rows_.as<int>(), row_count_,
                                             operands_.problem().n);
  v.reference_error_f64 = reference_error_;
  if (!run()) return check;
  v.repeatable = compare(used_rows()).bits_hash == first.bits_hash;
  judge(check);
  if (operands_.fingerprint(tools_) != fingerprint_) {
    check.outcome = core::Outcome::kWrong;
    check.detail = "it wrote into A, B, their scales or the rows of groups";
    operands_.fill(tools_, stream_);
    stream_.synchronize();
  }
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
    check.detail = std::to_string(v.canaries_touched) +
                   (operands_.grouped() ? " bytes beside D or in rows of no group were overwritten"
                                        : " bytes beside D were overwritten");
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

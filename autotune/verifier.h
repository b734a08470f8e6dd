// Judges one result after another against references computed once per problem.
//
// Of a grouped product the rows that groups use are taken out of D and packed; they are judged as a
// dense result is. What is left of D is rows that nobody may write: it must still be poison.
#pragma once

#include <functional>
#include <string>

#include "autotune/cublaslt.h"
#include "autotune/executor.h"
#include "autotune/operands.h"

namespace deepgemm::autotune {

// Bounds of a correct result, and why they are where they are.
struct Tolerance {
  // cuBLASLt's block-scaled product sums the same 128 products on the same tensor cores and
  // promotes them in fp32, so it differs only where a last bit of bf16 flips: measured 0 to 9e-5.
  // A fifth of the rounding error of bf16 (1.1e-3 rms) leaves room for other algorithms of it.
  static constexpr double kAgainstLibrary = 2e-4;
  // Against exact sums: bf16 rounding (1.1e-3 rms) and the tensor core's 14-bit sums; together
  // 1.6e-3 to 1.7e-3 measured, for cuBLASLt as for us.
  static constexpr double kAgainstExact = 3e-3;
  // Of one element, over |ref| + rms(ref). One last bit of bf16 is at most 2^-7 of it; one scale
  // of a wrong block shifts a sum of 128 k-blocks by about 2^-4.
  static constexpr double kElement = 0x1p-6;
};

class Verifier {
 public:
  // Computes the references. `library` is null where cuBLASLt refused the shape; `why` then says
  // so and our plain fp32 kernel is the reference.
  Verifier(const Operands& operands, const LibraryGemm* library, const std::string& why,
           const DeviceTools& tools, const core::Stream& stream);

  const std::string& reference() const { return reference_name_; }
  const std::string& note() const { return note_; }

  // Runs `launch` twice into poisoned, guarded memory. It enqueues one product on the stream into
  // `d`, bf16 [m, n] (grouped: all rows of D, used or not), and returns 0 or the driver's error.
  // There is no room for rows that pad m: cuBLASLt, which is given such, is not checked here.
  // Where it wrote into its operands, they are made anew for those that come after it.
  Check check(const std::function<int(void* d)>& launch) const;

 private:
  void pick_rows();
  void compute_reference(const LibraryGemm* library);
  // The rows that groups use, [used rows, n], taken out of `result_`: poison is left in their
  // place. Of a dense problem the result as it lies.
  const void* used_rows() const;
  void judge(Check& check) const;

  const Operands& operands_;
  const DeviceTools& tools_;
  const core::Stream& stream_;
  std::uint64_t elements_;
  GuardedResult result_;
  core::DeviceBuffer reference_;  // as used_rows gives results
  core::DeviceBuffer packed_;     // grouped only
  core::DeviceBuffer rows_;
  core::DeviceBuffer exact_;
  int row_count_ = 0;
  std::string reference_name_;
  std::string note_;
  double reference_rms_ = 0;
  double reference_error_ = 0;
  std::uint64_t fingerprint_;  // of the operands
};

}  // namespace deepgemm::autotune

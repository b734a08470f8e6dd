// Numbers that reports derive from times, and how they are written.
#pragma once

#include <span>
#include <string>

#include "app/table.h"
#include "core/device.h"
#include "core/group_rows.h"
#include "core/trial.h"

namespace deepgemm::app {

// Whether a contender runs a kernel of ours, so that its trial has a config.
bool is_ours(core::Contender contender);

// Of the rows of `draw`, where the problem is grouped.
double tflops(const core::GemmProblem& problem, double time_us, const core::GroupDraw& draw = {});
// Operands and scales read once, D written once.
double gigabytes_per_second(const core::GemmProblem& problem, double time_us,
                            const core::GroupDraw& draw = {});
// Time that the device's tensor cores or memory need at its sustained rates, over `time_us`.
double share_of_roofline(const core::GemmProblem& problem, const core::DeviceInfo& device,
                         double time_us, const core::GroupDraw& draw = {});

// 0 where there is none.
double geometric_mean(std::span<const double> values);

// Cells; "-" for a person and an empty field for a program where `value` is 0 or not finite.
Cell time_cell(double time_us);                    // 8.12; raw with 4 decimals
Cell time_cell(double time_us, double spread_us);  // 8.12 ± 0.05; raw is the time alone
Cell predicted_cell(double time_us);               // ~8.12
Cell rate_cell(double value);                      // 1234
Cell ratio_cell(double ratio);                     // 1.17x
// The same with a mark where the interval of the ratio holds 1: 1.01x≈.
Cell ratio_cell(double ratio, double low, double high);
Cell percent_cell(double share);  // 87 %

}  // namespace deepgemm::app

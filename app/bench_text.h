// The result of deepgemm-bench as a person reads it: on a terminal, or pasted into a pull request.
#pragma once

#include <string>

#include "app/bench_report.h"
#include "app/table.h"

namespace deepgemm::app {

// At most 100 columns wide.
std::string render_text(const BenchReport& report, Paint paint);
std::string render_markdown(const BenchReport& report);

}  // namespace deepgemm::app

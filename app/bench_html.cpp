#include "app/bench_report.h"
#include "app/html_page.h"

namespace deepgemm::app {

std::string render_html(const BenchReport& report) {
  return render(HtmlPage{.title = "deepgemm-bench",
                         .script = "bench",
                         .json = render_json(report),
                         .plain_text = render(report, Format::kTable)});
}

}  // namespace deepgemm::app

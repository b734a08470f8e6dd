// A report as one HTML file that needs nothing else, and no network, to show itself.
#pragma once

#include <string>
#include <string_view>

namespace deepgemm::app {

struct HtmlPage {
  std::string_view title;
  std::string_view script;      // "bench" or "tune": app/html/<script>.js draws `json`
  std::string_view json;        // the report's data
  std::string_view plain_text;  // what a reader without scripts sees
};

std::string render(const HtmlPage& page);

// The characters that HTML gives a meaning become entities.
std::string html_escape(std::string_view text);
// JSON that cannot end the script element that holds it.
std::string json_in_script(std::string_view json);

}  // namespace deepgemm::app

#include "app/html_page.h"

#include <fmt/format.h>

#include <stdexcept>

#include "app/embedded_pages.h"

namespace deepgemm::app {

namespace {

std::string_view embedded(std::string_view name) {
  for (const EmbeddedFile& file : embedded_pages()) {
    if (file.name == name) return file.text;
  }
  throw std::logic_error(fmt::format("{} is not embedded", name));
}

// Nothing is ever fetched: the policy makes a browser refuse what the page does not hold.
constexpr std::string_view kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

}  // namespace

std::string html_escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string json_in_script(std::string_view json) {
  // Outside of strings JSON has no '<', and within one it may be written as an escape.
  std::string escaped;
  for (const char c : json) {
    if (c == '<') {
      escaped += "\\u003c";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string render(const HtmlPage& page) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
      "<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n"
      "<noscript>\n<p>The charts need JavaScript; this is the table.</p>\n<pre>{}</pre>\n"
      "</noscript>\n</main>\n<script type=\"application/json\" id=\"report\">{}</script>\n"
      "<script>\n{}</script>\n<script>\n{}{}</script>\n</body>\n</html>\n",
      kPolicy, html_escape(page.title), embedded("app/html/report.css"),
      html_escape(page.plain_text), json_in_script(page.json), embedded("chart.min.js"),
      embedded("app/html/report.js"), embedded(fmt::format("app/html/{}.js", page.script)));
}

}  // namespace deepgemm::app

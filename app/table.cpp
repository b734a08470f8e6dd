#include "app/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "app/text.h"

namespace deepgemm::app {

namespace {

std::string padded(const std::string& text, std::size_t width, Align align) {
  const std::string blanks(width - std::min(width, display_width(text)), ' ');
  return align == Align::kLeft ? text + blanks : blanks + text;
}

std::string csv_quote(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string markdown_escape(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c == '\n' ? ' ' : c;
  }
  return escaped;
}

std::string without_trailing_blanks(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

Cell cell(std::string text) { return {text, text, Colour::kNone}; }

Cell cell(long long number) { return cell(std::to_string(number)); }

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add_row(std::vector<Cell> cells) {
  if (cells.size() != columns_.size()) throw std::logic_error("a table row misses cells");
  rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::shown_columns() const {
  std::vector<std::size_t> shown;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const bool blank = columns_[i].optional && std::ranges::all_of(rows_, [i](const auto& row) {
                         return row[i].shown.empty();
                       });
    if (!columns_[i].title.empty() && !blank) shown.push_back(i);
  }
  return shown;
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = display_width(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[i].shown));
    widths.push_back(width);
  }
  return widths;
}

std::string Table::text(Paint paint) const {
  const auto shown = shown_columns();
  const auto width = widths();
  const auto painted = [&](std::string text, Colour colour) {
    if (paint == Paint::kPlain || colour == Colour::kNone || trim(text).empty()) return text;
    return fmt::format("{}{}{}", escape(colour), text, kColourEnd);
  };
  const auto line = [&](auto&& content) {
    std::string text;
    std::string_view separator;
    for (const std::size_t i : shown) {
      const auto& [words, colour] = content(i);
      text += separator;
      text += painted(padded(words, width[i], columns_[i].align), colour);
      separator = "  ";
    }
    return without_trailing_blanks(text) + '\n';
  };
  std::string out =
      line([&](std::size_t i) { return std::pair(columns_[i].title, Colour::kNone); });
  for (const auto& row : rows_) {
    out += line([&](std::size_t i) { return std::pair(row[i].shown, row[i].colour); });
  }
  return out;
}

std::string Table::markdown() const {
  const auto shown = shown_columns();
  const auto line = [&](auto&& content) {
    std::string text = "|";
    for (const std::size_t i : shown) text += " " + content(i) + " |";
    return text + '\n';
  };
  std::string out = line([&](std::size_t i) { return markdown_escape(columns_[i].title); });
  out += line([&](std::size_t i) {
    return std::string(columns_[i].align == Align::kLeft ? ":---" : "---:");
  });
  for (const auto& row : rows_) {
    out += line([&](std::size_t i) { return markdown_escape(row[i].shown); });
  }
  return out;
}

std::string Table::csv() const {
  std::string out;
  const auto line = [&](auto&& content) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) out += ',';
      out += csv_quote(content(i));
    }
    out += '\n';
  };
  line([&](std::size_t i) { return columns_[i].key; });
  for (const auto& row : rows_) line([&](std::size_t i) { return row[i].raw; });
  return out;
}

}  // namespace deepgemm::app

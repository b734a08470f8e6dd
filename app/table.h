// One table of results, written as aligned text, markdown or csv.
#pragma once

#include <string>
#include <vector>

#include "app/colour.h"

namespace deepgemm::app {

enum class Align { kLeft, kRight };
enum class Paint { kPlain, kColours };

// A column exists once for all forms. Text and markdown show `title`; csv has `key`, stable.
// An empty title keeps a column out of text and markdown; so do, of an optional one, cells that all
// show nothing.
struct Column {
  std::string title;
  std::string key;
  Align align = Align::kRight;
  bool optional = false;
};

// What a person reads, and what a program reads.
struct Cell {
  std::string shown;
  std::string raw;
  Colour colour = Colour::kNone;  // where colours are painted
};
Cell cell(std::string text);  // the same for both
Cell cell(long long number);

class Table {
 public:
  explicit Table(std::vector<Column> columns);

  // As many cells as columns.
  void add_row(std::vector<Cell> cells);
  std::size_t rows() const { return rows_.size(); }

  // Columns separated by two blanks, a header line, no rules.
  std::string text(Paint paint = Paint::kPlain) const;
  std::string markdown() const;
  std::string csv() const;  // RFC 4180, line ends as in Unix

 private:
  std::vector<std::size_t> shown_columns() const;
  std::vector<std::size_t> widths() const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace deepgemm::app

// Small functions on text that parsers and reports share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace deepgemm::app {

// The pieces between separators; "" gives one empty piece.
std::vector<std::string_view> split(std::string_view text, char separator);

// Without blanks, tabs and carriage returns at either end.
std::string_view trim(std::string_view text);

// Columns that UTF-8 text takes on a terminal, for the characters this program prints.
std::size_t display_width(std::string_view text);

// One argument as a POSIX shell would need it quoted; unchanged where no quoting is needed.
std::string shell_quote(std::string_view argument);

// The words of `text` on lines of at most `width` columns, all but the first behind `indent`.
std::string wrapped(std::string_view text, std::size_t width, std::string_view indent);

// "1 shape", "2 shapes".
std::string counted(long long count, std::string_view noun);

}  // namespace deepgemm::app

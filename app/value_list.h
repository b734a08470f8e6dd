// Lists of numbers as the command line writes them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace deepgemm::app {

// More values or shapes than this in one call is taken for a slip of the pen.
inline constexpr std::size_t kMaxValues = 10000;

// Reads "64", "1,64,128", "64:4096:*2" (64, 128, … up to and including 4096) and "64:512:+64", and
// commas between any of them. Keeps the order, drops repetitions. `what` names the list in errors:
// "m of shape '…'". Throws UsageError: empty or malformed item, a number beyond 64 bits, a range
// that does not ascend, more than kMaxValues values.
std::vector<std::int64_t> parse_value_list(std::string_view text, std::string_view what);

// One number, all of `text`. Throws UsageError.
std::int64_t parse_value(std::string_view text, std::string_view what);

}  // namespace deepgemm::app

#include "app/value_list.h"

#include <fmt/format.h>

#include <charconv>
#include <unordered_set>

#include "app/text.h"
#include "core/error.h"
#include "core/problem.h"

namespace deepgemm::app {

namespace {

constexpr const char* kListForms =
    "Write a number, a list 1,64,128 or a range 64:4096:*2 or 64:512:+64.";

// first:last:*factor or first:last:+step.
struct Range {
  std::int64_t first;
  std::int64_t last;
  char sign;
  std::int64_t step;
};

Range parse_range(std::string_view text, std::string_view what) {
  const auto parts = split(text, ':');
  if (parts.size() != 3 || parts[2].empty() || (parts[2][0] != '*' && parts[2][0] != '+')) {
    throw core::UsageError(fmt::format("'{}' in {} is not a range.", text, what), kListForms);
  }
  const Range range{parse_value(parts[0], what), parse_value(parts[1], what), parts[2][0],
                    parse_value(parts[2].substr(1), what)};
  if (range.first > range.last) {
    throw core::UsageError(fmt::format("The range '{}' in {} ends before it starts.", text, what),
                           "Write the smaller number first.");
  }
  const bool moves = range.sign == '*' ? range.step > 1 && range.first > 0 : range.step > 0;
  if (!moves) {
    throw core::UsageError(
        fmt::format("The range '{}' in {} never reaches its end.", text, what),
        "Start above zero with a factor of 2 or more, or use a step of 1 or more.");
  }
  return range;
}

// Values in order, each once.
class Collector {
 public:
  explicit Collector(std::string_view what) : what_(what) {}

  void add(std::int64_t value) {
    if (!seen_.insert(value).second) return;
    if (values_.size() == kMaxValues) {
      throw core::UsageError(fmt::format("{} has more than {} values.", what_, kMaxValues),
                             "Use a larger step, or split the work over several calls.");
    }
    values_.push_back(value);
  }

  void add(const Range& range) {
    for (std::int64_t value = range.first;;) {
      add(value);
      std::int64_t next = 0;
      const bool overflow = range.sign == '*' ? __builtin_mul_overflow(value, range.step, &next)
                                              : __builtin_add_overflow(value, range.step, &next);
      if (overflow || next > range.last) return;
      value = next;
    }
  }

  std::vector<std::int64_t> take() { return std::move(values_); }

 private:
  std::string_view what_;
  std::vector<std::int64_t> values_;
  std::unordered_set<std::int64_t> seen_;
};

}  // namespace

std::int64_t parse_value(std::string_view text, std::string_view what) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::result_out_of_range) {
    throw core::UsageError(fmt::format("'{}' in {} does not fit into 64 bits.", text, what),
                           fmt::format("Use a number up to {}.", core::kMaxExtent));
  }
  if (text.empty() || error != std::errc() || stopped != end) {
    throw core::UsageError(fmt::format("'{}' in {} is not a number.", text, what), kListForms);
  }
  return value;
}

std::vector<std::int64_t> parse_value_list(std::string_view text, std::string_view what) {
  Collector values(what);
  for (const std::string_view item : split(text, ',')) {
    if (item.find(':') == std::string_view::npos) {
      values.add(parse_value(item, what));
    } else {
      values.add(parse_range(item, what));
    }
  }
  return values.take();
}

}  // namespace deepgemm::app

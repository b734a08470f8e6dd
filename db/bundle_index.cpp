#include "db/bundle_index.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>

#include "db/columns.h"
#include "db/values.h"

namespace deepgemm::db {
namespace {

// Version 1 did not say how many fields a problem and an environment have, version 2 not which rows
// a search chose, version 3 not which families were merged.
constexpr std::uint32_t kVersion = 4;
constexpr std::uint32_t kProblemFieldsOfVersion1 = 7;
constexpr std::uint32_t kEnvironmentFieldsOfVersion1 = 9;

std::uint32_t count_environment_fields() {
  std::uint32_t fields = 0;
  const core::Environment environment;
  visit_columns(environment, [&fields](const std::string&, const auto&) { ++fields; });
  return fields;
}

std::uint32_t count_problem_fields() {
  std::uint32_t fields = 0;
  const core::GemmProblem problem;
  visit_problem(problem, [&fields](const std::string&, const auto&) { ++fields; });
  return fields;
}

class Writer {
 public:
  template <class T>
  requires std::is_arithmetic_v<T>
  void put(T value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  void put(std::string_view text) {
    put(static_cast<std::uint32_t>(text.size()));
    bytes_.append(text);
  }
  // Enums by name, as everywhere.
  template <NamedValue T>
  void put(T value) {
    put(core::name(value));
  }
  template <class T>
  void count(const std::vector<T>& list) {
    put(static_cast<std::uint32_t>(list.size()));
  }
  std::vector<char> take() const { return {bytes_.begin(), bytes_.end()}; }
  static constexpr std::size_t config_fields = core::kConfigFields.size();
  const std::uint32_t problem_fields = count_problem_fields();
  const std::uint32_t environment_fields = count_environment_fields();
  static constexpr bool tells_searched = true;
  static constexpr bool tells_merged = true;

 private:
  std::string bytes_;
};

// After the first read that failed, all others fail too; whoever reads asks once at the end.
class Reader {
 public:
  explicit Reader(std::span<const char> bytes) : bytes_(bytes) {}

  template <class T>
  requires std::is_arithmetic_v<T>
  void get(T& value) {
    if (!require(sizeof value)) return;
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_ = bytes_.subspan(sizeof value);
  }
  void get(bool& value) {
    std::uint8_t byte = 0;
    get(byte);
    if (byte > 1) fail();
    value = byte == 1;
  }
  void get(std::string& text) {
    std::uint32_t size = 0;
    get(size);
    if (!require(size)) return;
    text.assign(bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
  }
  void get(core::Operation& value) { get_named(core::operation_named, value); }
  void get(core::ScaleRecipe& value) { get_only(core::ScaleRecipe::k1x128With128x128, value); }
  void get(core::OutputType& value) { get_only(core::OutputType::kBf16, value); }

  // As many elements as the bytes could hold at all, so that a lie about a count costs nothing.
  template <class T>
  void count(std::vector<T>& list) {
    std::uint32_t size = 0;
    get(size);
    if (require(size)) list.resize(size);
  }

  void fail() { ok_ = false; }
  // Whether a name was read, since this was asked last, that only a newer deepgemm knows.
  bool met_unknown() { return std::exchange(met_unknown_, false); }
  // As many as whoever wrote this knew; the later ones keep their defaults.
  std::size_t config_fields = 0;
  std::uint32_t problem_fields = 0;
  std::uint32_t environment_fields = 0;
  bool tells_searched = false;
  bool tells_merged = false;
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && bytes_.empty(); }

 private:
  bool require(std::size_t size) {
    ok_ = ok_ && size <= bytes_.size();
    return ok_;
  }
  template <class T, class Named>
  void get_named(Named named, T& value) {
    std::string text;
    get(text);
    if (const auto found = named(text)) {
      value = *found;
    } else {
      meet_unknown(text);
    }
  }
  // For enums with one value so far.
  template <class T>
  void get_only(T only, T& value) {
    std::string text;
    get(text);
    value = only;
    if (text != core::name(only)) meet_unknown(text);
  }
  void meet_unknown(const std::string& name) {
    if (name.empty()) fail();
    met_unknown_ = true;
  }

  std::span<const char> bytes_;
  bool ok_ = true;
  bool met_unknown_ = false;
};

// One description of the format, walked by the Writer and by the Reader alike.
template <class Stream, class Value>
void pass(Stream& stream, Value& value) {
  if constexpr (std::is_const_v<Value>) {
    stream.put(value);
  } else {
    stream.get(value);
  }
}

template <class Stream, class Kernel>
void pass_kernel(Stream& stream, Kernel& kernel) {
  pass(stream, kernel.key);
  pass(stream, kernel.entry);
  pass(stream, kernel.image_sha256);
  std::size_t field = 0;
  visit_config("", kernel.config, [&](const std::string&, auto& value) {
    if (field++ < stream.config_fields) pass(stream, value);
  });
}

template <class Stream, class Environment>
void pass_environment(Stream& stream, Environment& environment) {
  std::size_t field = 0;
  visit_columns(environment, [&](const std::string&, auto& value) {
    if (field++ < stream.environment_fields) pass(stream, value);
  });
}

template <class Stream, class Row>
void pass_row(Stream& stream, Row& row) {
  pass(stream, row.m);
  pass(stream, row.kernel);
  pass(stream, row.environment);
  pass(stream, row.measured);
  pass(stream, row.time_us);
  if (stream.tells_searched) pass(stream, row.searched);
}

template <class Stream, class Family>
void pass_family(Stream& stream, Family& family) {
  std::size_t field = 0;
  visit_problem(family.any_m, [&](const std::string&, auto& value) {
    if (field++ < stream.problem_fields) pass(stream, value);
  });
  pass(stream, family.device_id);
  if (stream.tells_merged) pass(stream, family.merged_up_to);
  stream.count(family.rows);
  for (auto& row : family.rows) pass_row(stream, row);
}

template <class Stream, class Fallback>
void pass_fallback(Stream& stream, Fallback& fallback) {
  pass(stream, fallback.operation);
  pass(stream, fallback.kernel);
  pass(stream, fallback.environment);
}

template <class T, class Pass>
void pass_named(Writer& writer, const std::vector<T>& list, Pass pass_each) {
  writer.count(list);
  for (const T& each : list) pass_each(writer, each);
}

// Leaves out what holds a name that only a newer deepgemm knows: nothing here would ask for it.
template <class T, class Pass>
void pass_named(Reader& reader, std::vector<T>& list, Pass pass_each) {
  reader.count(list);
  std::vector<T> known;
  for (T& each : list) {
    pass_each(reader, each);
    if (!reader.met_unknown()) known.push_back(std::move(each));
  }
  list = std::move(known);
}

template <class Stream, class SomeIndex>
void pass_index(Stream& stream, SomeIndex& index) {
  stream.count(index.environments);
  for (auto& environment : index.environments) pass_environment(stream, environment);
  stream.count(index.kernels);
  for (auto& kernel : index.kernels) pass_kernel(stream, kernel);
  pass_named(stream, index.families, [](auto& some, auto& each) { pass_family(some, each); });
  pass_named(stream, index.fallbacks, [](auto& some, auto& each) { pass_fallback(some, each); });
}

bool is_sound(const Index& index) {
  const auto refers = [&index](const auto& row) {
    return row.kernel < index.kernels.size() && row.environment < index.environments.size();
  };
  const auto is_ordered = [](const IndexedRow& a, const IndexedRow& b) { return a.m < b.m; };
  for (const IndexedFamily& family : index.families) {
    if (!std::all_of(family.rows.begin(), family.rows.end(), refers)) return false;
    if (std::adjacent_find(family.rows.begin(), family.rows.end(),
                           [&](const IndexedRow& a, const IndexedRow& b) {
                             return !is_ordered(a, b);
                           }) != family.rows.end()) {
      return false;
    }
  }
  return std::all_of(index.fallbacks.begin(), index.fallbacks.end(), refers);
}

// Export merged a family of a bundle as a whole, rows that were tuned and serve more now included.
// One that kept tuned rows alone cannot be told.
void say_what_was_merged(Index& index) {
  for (IndexedFamily& family : index.families) {
    if (largest_made_by_export(family) > 0) family.merged_up_to = family.rows.back().m;
  }
}

}  // namespace

std::int64_t largest_made_by_export(const IndexedFamily& family) {
  std::int64_t largest = 0;
  for (const IndexedRow& row : family.rows) {
    if (!row.searched) largest = row.m;
  }
  return largest;
}

std::vector<char> encode(const Index& index) {
  Writer writer;
  writer.put(kVersion);
  writer.put(static_cast<std::uint32_t>(core::kConfigFields.size()));
  writer.put(count_problem_fields());
  writer.put(count_environment_fields());
  pass_index(writer, index);
  return writer.take();
}

std::optional<Index> decode(std::span<const char> bytes) {
  Reader reader(bytes);
  std::uint32_t version = 0;
  std::uint32_t config_fields = 0;
  std::uint32_t problem_fields = kProblemFieldsOfVersion1;
  std::uint32_t environment_fields = kEnvironmentFieldsOfVersion1;
  reader.get(version);
  reader.get(config_fields);
  if (version > 1) {
    reader.get(problem_fields);
    reader.get(environment_fields);
  }
  if (version < 1 || version > kVersion || config_fields > core::kConfigFields.size() ||
      problem_fields > count_problem_fields() || environment_fields > count_environment_fields()) {
    return std::nullopt;
  }
  reader.config_fields = config_fields;
  reader.problem_fields = problem_fields;
  reader.environment_fields = environment_fields;
  reader.tells_searched = version > 2;
  reader.tells_merged = version > 3;
  Index index;
  pass_index(reader, index);
  if (!reader.at_end() || !is_sound(index)) return std::nullopt;
  if (!reader.tells_merged) say_what_was_merged(index);
  return index;
}

}  // namespace deepgemm::db

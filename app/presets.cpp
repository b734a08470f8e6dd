#include "app/presets.h"

#include <fmt/format.h>

#include <filesystem>
#include <span>
#include <sstream>

#include "app/embedded_presets.h"
#include "app/text.h"
#include "app/value_list.h"
#include "core/error.h"

namespace deepgemm::app {

namespace {

constexpr std::int64_t kTokens[] = {1, 64, 128, 256, 512, 1024, 4096};
// Expected rows of each of the experts that one GPU has.
constexpr std::int64_t kTokensOfExpert[] = {16, 64, 256, 1024, 4096};
constexpr std::string_view kHeader = "layer,n,k,n from,k from";

// Lines of a preset's file, with their place for errors.
class Lines {
 public:
  Lines(std::string_view name, std::string_view text) : name_(name), text_(std::string(text)) {}

  bool next() {
    ++number_;
    return static_cast<bool>(std::getline(text_, line_));
  }

  std::string_view line() const { return line_; }
  std::string where() const { return fmt::format("line {} of preset '{}'", number_, name_); }

  [[noreturn]] void fail(std::string_view what) const {
    throw core::UsageError(fmt::format("In {}: {}.", where(), what),
                           "Write two lines of comment, the header layer,n,k,n from,k from and a "
                           "line for each layer.");
  }

  std::string comment() {
    if (!next() || !line().starts_with("# ")) fail("a comment that starts with '# ' is missing");
    return line_.substr(2);
  }

 private:
  std::string name_;
  std::istringstream text_;
  std::string line_;
  int number_ = 0;
};

Layer read_layer(const Lines& lines) {
  const auto cells = split(lines.line(), ',');
  if (cells.size() != 5) lines.fail("a layer is not name,n,k,n from,k from");
  return {std::string(cells[0]), parse_value(cells[1], "n in " + lines.where()),
          parse_value(cells[2], "k in " + lines.where()), std::string(cells[3]),
          std::string(cells[4])};
}

std::vector<Preset> read_all() {
  std::vector<Preset> list;
  for (const EmbeddedFile& file : embedded_presets()) {
    list.push_back(read_preset(std::filesystem::path(file.name).stem().string(), file.text));
  }
  return list;
}

}  // namespace

Preset read_preset(std::string_view name, std::string_view text) {
  Lines lines(name, text);
  Preset preset;
  preset.name = name;
  preset.meaning = lines.comment();
  preset.source = lines.comment();
  if (!lines.next() || lines.line() != kHeader)
    lines.fail(fmt::format("the header is not {}", kHeader));
  while (lines.next()) preset.layers.push_back(read_layer(lines));
  if (preset.layers.empty()) lines.fail("it has no layer");
  return preset;
}

const std::vector<Preset>& presets() {
  static const std::vector<Preset> list = read_all();
  return list;
}

std::vector<core::GemmProblem> shapes_of(const Preset& preset, const OperationChoice& choice) {
  const bool grouped = choice.operation != core::Operation::kDense;
  const std::span<const std::int64_t> tokens =
      grouped ? std::span<const std::int64_t>(kTokensOfExpert) : kTokens;
  std::vector<core::GemmProblem> problems;
  for (const int groups : choice.groups) {
    for (const int alignment : choice.alignments) {
      for (const Layer& layer : preset.layers) {
        if (grouped && !layer.of_expert()) continue;
        for (const std::int64_t m : tokens) {
          problems.push_back({.operation = choice.operation,
                              .m = m,
                              .n = layer.n,
                              .k = layer.k,
                              .groups = groups,
                              .alignment = alignment});
          require_legal(problems.back(), fmt::format("Preset '{}'", preset.name));
        }
      }
    }
  }
  if (problems.empty()) {
    throw core::UsageError(
        fmt::format("Preset '{}' has no experts that could be grouped.", preset.name),
        "Leave --op away, or see --preset list for models with experts.");
  }
  return problems;
}

std::string describe_presets() {
  std::string text = fmt::format(
      "Weight matrices [n, k] of models, each with m = {}.\n"
      "Whole matrices: no tensor parallelism. With --op grouped-contiguous or --op grouped-masked\n"
      "and --groups, the experts of one GPU, the matrices 'of one expert' make grouped products\n"
      "with m = {} rows of an expert; the others are left out.\n",
      fmt::join(kTokens, ", "), fmt::join(kTokensOfExpert, ", "));
  for (const Preset& preset : presets()) {
    text += fmt::format("\n{}: {}, {}\n  {}\n", preset.name, preset.meaning,
                        counted(static_cast<long long>(shapes_of(preset, {}).size()), "shape"),
                        wrapped(preset.source, 98, "  "));
    for (const Layer& layer : preset.layers) {
      text += fmt::format("  {:>6} {:>6}  {}\n{:17}n = {}, k = {}\n", layer.n, layer.k, layer.name,
                          "", layer.n_from, layer.k_from);
    }
  }
  return text;
}

const Preset& find_preset(std::string_view name) {
  for (const Preset& preset : presets()) {
    if (preset.name == name) return preset;
  }
  std::string names;
  for (const Preset& preset : presets()) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", preset.name);
  }
  throw core::UsageError(fmt::format("Unknown preset '{}'; this version has: {}.", name, names),
                         "Run with --preset list to see what each stands for.");
}

}  // namespace deepgemm::app

#include "app/bench_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/json_reader.h"
#include "core/error.h"

namespace deepgemm::app {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kSchema = "deepgemm-bench/1";

[[noreturn]] void refuse(const std::filesystem::path& path, std::string_view why) {
  throw core::UsageError(fmt::format("'{}' cannot be used: {}.", path.string(), why),
                         "Give a file that 'deepgemm-bench SHAPES --output FILE.json' wrote.");
}

BenchedEntry read_entry(const Json& json) {
  const Json& measured = json.at("measurement");
  if (measured.is_null()) return {};
  core::Measurement measurement = read_measurement(measured);
  return {std::move(measurement.samples_us), measurement.sm_clock_mhz};
}

BenchedShape read_shape(const Json& json) {
  BenchedShape shape;
  shape.problem = read_problem(json.at("shape"));
  shape.draw = read_rows(shape.problem, json);
  shape.config = core::short_name(read_config(json.at("config")));
  shape.status = json.at("status").get<std::string>();
  for (const Json& entry : json.at("entries")) {
    const auto contender = core::contender_named(entry.at("contender").get<std::string>());
    if (contender) shape.entries[*contender] = read_entry(entry);
  }
  return shape;
}

BenchFile read_samples(const Json& json) {
  BenchFile file;
  file.policy = json.at("policy").get<std::string>();
  file.rounds = json.at("rounds").get<int>();
  file.interrupted = json.at("interrupted").get<bool>();
  file.environment = read_environment(json.at("environment"));
  for (const Json& line : json.at("shapes")) {
    BenchedShape shape = read_shape(line);
    if (std::ranges::find(file.shapes, shape.problem, &BenchedShape::problem) !=
        file.shapes.end()) {
      throw std::runtime_error(fmt::format("it has {} twice", core::to_string(shape.problem)));
    }
    file.shapes.push_back(std::move(shape));
  }
  return file;
}

void require_schema(const std::filesystem::path& path, const Json& json) {
  if (!json.is_object() || !json.contains("schema") || !json["schema"].is_string()) {
    refuse(path, "it is JSON, but no report of deepgemm-bench");
  }
  const std::string schema = json["schema"].get<std::string>();
  if (schema != kSchema) {
    refuse(path, fmt::format("its schema is '{}', not '{}'", schema, kSchema));
  }
}

// Not all contenders of a newer version are known here; those are left out.
std::optional<autotune::BenchmarkEntry> read_whole_entry(const Json& json) {
  const auto contender = core::contender_named(json.at("contender").get<std::string>());
  const auto outcome = core::outcome_named(json.at("outcome").get<std::string>());
  if (!contender || !outcome) return std::nullopt;
  autotune::BenchmarkEntry entry;
  entry.contender = *contender;
  if (!json.at("config").is_null()) entry.config = read_config(json["config"]);
  if (!json.at("kernel_key").is_null()) json["kernel_key"].get_to(entry.kernel_key);
  json.at("failure").get_to(entry.failure);
  entry.check.outcome = *outcome;
  json.at("detail").get_to(entry.check.detail);
  if (const Json& checked = json.at("verification"); !checked.is_null()) {
    entry.check.verification = read_verification(checked);
  }
  if (const Json& measured = json.at("measurement"); !measured.is_null()) {
    entry.measurement = read_measurement(measured);
  }
  return entry;
}

BenchLine read_line(const Json& json) {
  BenchLine line;
  json.at("match").get_to(line.choice.match);
  json.at("reason").get_to(line.choice.reason);
  line.choice.config = read_config(json.at("config"));
  line.row.problem = read_problem(json.at("shape"));
  line.row.draw = read_rows(line.row.problem, json);
  json.at("reference").get_to(line.row.reference);
  json.at("reference_note").get_to(line.row.reference_note);
  for (const Json& entry : json.at("entries")) {
    if (auto known = read_whole_entry(entry)) line.row.entries.push_back(*std::move(known));
  }
  if (const auto* ours = find_entry(line.row, core::Contender::kCandidate)) {
    line.choice.kernel_key = ours->kernel_key;
  }
  line.gpu_processes = json.value("gpu_processes", 0);
  return line;
}

BenchReport read_whole_report(const Json& json) {
  BenchReport report;
  json.at("command").get_to(report.command);
  report.written_at = json.value("written_at", "");
  if (!json.at("database").is_null()) json["database"].get_to(report.database);
  report.device = read_device(json.at("device"));
  report.environment = read_environment(json.at("environment"));
  json.at("policy").get_to(report.policy);
  json.at("rounds").get_to(report.rounds);
  if (const auto rate = json.find("tensor_tflops"); rate != json.end() && !rate->is_null()) {
    rate->get_to(report.tensor_tflops);
  }
  json.at("interrupted").get_to(report.interrupted);
  for (const Json& line : json.at("shapes")) report.lines.push_back(read_line(line));
  return report;
}

// Calls `read` with the JSON and turns what it throws into a refusal of the file.
template <typename Read>
auto parse_with(const Read& read, const std::filesystem::path& path, std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) refuse(path, "it is no JSON, or cut short");
  require_schema(path, json);
  try {
    return read(json);
  } catch (const Json::exception& error) {
    // Its message starts with "[json.exception.out_of_range.403] ".
    const std::string_view what = error.what();
    const std::size_t at = what.find("] ");
    refuse(path, fmt::format("a field is missing or of another kind ({})",
                             at == std::string_view::npos ? what : what.substr(at + 2)));
  } catch (const std::runtime_error& error) {
    refuse(path, error.what());
  }
}

std::string read_text(const std::filesystem::path& path) {
  std::error_code ignored;
  std::ifstream stream(path, std::ios::binary);
  if (!stream || std::filesystem::is_directory(path, ignored)) {
    refuse(path, "it does not exist or cannot be read");
  }
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (stream.bad()) refuse(path, "it cannot be read to its end");
  return text;
}

}  // namespace

BenchFile parse_bench_file(const std::filesystem::path& path, std::string_view text) {
  BenchFile file = parse_with(read_samples, path, text);
  file.path = path;
  return file;
}

BenchFile read_bench_file(const std::filesystem::path& path) {
  return parse_bench_file(path, read_text(path));
}

BenchReport parse_bench_report(const std::filesystem::path& path, std::string_view text) {
  return parse_with(read_whole_report, path, text);
}

BenchReport read_bench_report(const std::filesystem::path& path) {
  return parse_bench_report(path, read_text(path));
}

}  // namespace deepgemm::app

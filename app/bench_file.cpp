#include "app/bench_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace deepgemm::app {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kSchema = "deepgemm-bench/1";

[[noreturn]] void refuse(const std::filesystem::path& path, std::string_view why) {
  throw core::UsageError(fmt::format("'{}' cannot be compared: {}.", path.string(), why),
                         "Give two files that 'deepgemm-bench SHAPES --output FILE.json' wrote.");
}

core::GemmProblem read_problem(const Json& json) {
  const auto operation = core::operation_named(json.at("op").get<std::string>());
  if (!operation) throw std::runtime_error("it has an operation that this version does not know");
  core::GemmProblem problem{.operation = *operation};
  problem.groups = json.at("groups").get<int>();
  problem.m = json.at("m").get<std::int64_t>();
  problem.n = json.at("n").get<std::int64_t>();
  problem.k = json.at("k").get<std::int64_t>();
  if (json.at("scales") != core::name(problem.recipe) ||
      json.at("output") != core::name(problem.output)) {
    throw std::runtime_error("it has scales or an output that this version does not know");
  }
  if (const auto why = core::why_illegal(problem)) throw std::runtime_error(*why);
  return problem;
}

// Fields that a newer version added are left out: the others tell kernels apart well enough.
std::string read_config(const Json& json) {
  core::GemmConfig config;
  for (const auto& field : core::kConfigFields) {
    config.*field.member = json.value(std::string(field.name), field.default_value);
  }
  return core::short_name(config);
}

BenchedEntry read_entry(const Json& json) {
  BenchedEntry entry;
  const Json& measurement = json.at("measurement");
  if (measurement.is_null()) return entry;
  entry.samples_us = measurement.at("samples_us").get<std::vector<double>>();
  entry.sm_clock_mhz = measurement.at("sm_clock_mhz").get<int>();
  const auto no_time = [](double time_us) { return !std::isfinite(time_us) || time_us <= 0; };
  if (std::ranges::any_of(entry.samples_us, no_time)) {
    throw std::runtime_error("it has a sample that is no time");
  }
  return entry;
}

BenchedShape read_shape(const Json& json) {
  BenchedShape shape;
  shape.problem = read_problem(json.at("shape"));
  shape.config = read_config(json.at("config"));
  shape.status = json.at("status").get<std::string>();
  for (const Json& entry : json.at("entries")) {
    const auto contender = core::contender_named(entry.at("contender").get<std::string>());
    if (contender) shape.entries[*contender] = read_entry(entry);
  }
  return shape;
}

core::Environment read_environment(const Json& json) {
  const auto text = [&](const char* field) { return json.at(field).get<std::string>(); };
  return {.device_id = text("device_id"),
          .device_name = text("device_name"),
          .device_uuid = text("device_uuid"),
          .sms = json.at("sms").get<int>(),
          .driver = text("driver"),
          .nvrtc = text("nvrtc"),
          .library_version = text("library_version"),
          .cublaslt = text("cublaslt"),
          .sources_hash = text("sources_hash")};
}

BenchFile read_report(const Json& json) {
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

}  // namespace

BenchFile parse_bench_file(const std::filesystem::path& path, std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) refuse(path, "it is no JSON, or cut short");
  require_schema(path, json);
  try {
    BenchFile file = read_report(json);
    file.path = path;
    return file;
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

BenchFile read_bench_file(const std::filesystem::path& path) {
  std::error_code ignored;
  std::ifstream stream(path, std::ios::binary);
  if (!stream || std::filesystem::is_directory(path, ignored)) {
    refuse(path, "it does not exist or cannot be read");
  }
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (stream.bad()) refuse(path, "it cannot be read to its end");
  return parse_bench_file(path, text);
}

}  // namespace deepgemm::app

#include "tests/mutants/mutants.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <bit>

#include "core/compile_log.h"
#include "core/jit_builder.h"
#include "core/nvrtc.h"
#include "core/yield_schedule.h"
#include "kernels/dense_source.h"
#include "kernels/embedded_sources.h"
#include "kernels/wgmma.h"

namespace deepgemm::mutants {
namespace {

template <typename Trait>
Configs those(const Trait& trait) {
  Configs bits = 0;
  for (std::size_t i = 0; i < configs().size(); ++i) {
    if (trait(configs()[i])) bits |= 1u << i;
  }
  return bits;
}

std::size_t count_of(std::string_view text, std::string_view snippet) {
  std::size_t count = 0;
  for (std::size_t at = text.find(snippet); at != std::string_view::npos;
       at = text.find(snippet, at + snippet.size())) {
    ++count;
  }
  return count;
}

std::string edited(std::string text, std::string_view file, std::span<const Edit> edits) {
  for (const Edit& edit : edits) {
    if (edit.file != file) continue;
    std::size_t at = 0;
    while ((at = text.find(edit.snippet, at)) != std::string::npos) {
      text.replace(at, edit.snippet.size(), edit.replacement);
      at += edit.replacement.size();
    }
  }
  return text;
}

std::string text_of(std::string_view file, std::span<const core::NamedHeader> sources) {
  if (file == kEntry) return kernels::dense_source({});
  for (const core::NamedHeader& each : sources) {
    if (each.name == file) return each.text;
  }
  return "";
}

// "…, 1024 bytes smem" of ptxas; 0 where it names none.
int static_shared(const std::string& log) {
  const std::size_t end = log.find(" bytes smem");
  if (end == std::string::npos) return 0;
  const std::size_t space = log.rfind(' ', end - 1);
  return std::stoi(log.substr(space + 1, end - space - 1));
}

}  // namespace

std::string names(unsigned endings) {
  static constexpr const char* kNames[] = {"refused by the compiler",
                                           "spills",
                                           "refused by the driver",
                                           "faults",
                                           "hangs",
                                           "wrong",
                                           "the same"};
  std::string text;
  for (unsigned i = 0; i < std::size(kNames); ++i) {
    if ((endings >> i & 1u) != 0) text += (text.empty() ? "" : " or ") + std::string(kNames[i]);
  }
  return text;
}

std::string Mutant::name() const {
  return std::string(rule->name) + " on " + core::short_name(config);
}

const std::vector<core::GemmConfig>& configs() {
  static const std::vector<core::GemmConfig> list = [] {
    std::vector<core::GemmConfig> parsed;
    for (const char* text : {"block_m=64,block_n=64,stages=4,math_warpgroups=1",
                             "block_m=128,block_n=128,stages=4,math_warpgroups=2",
                             "block_m=64,block_n=96,stages=6,math_warpgroups=1,accumulator_sets=2",
                             "block_m=128,block_n=64,stages=5,cluster_m=2,math_warpgroups=2",
                             "block_m=128,block_n=96,stages=4,cluster_n=2,math_warpgroups=1",
                             "block_m=64,block_n=64,stages=4,math_warpgroups=1,split_k=2",
                             "block_m=64,block_n=64,stages=4,cluster_m=2,math_warpgroups=1,"
                             "split_k=2",
                             "block_m=64,block_n=128,stages=6,math_warpgroups=1,operation=2",
                             "block_m=128,block_n=96,stages=4,cluster_n=2,math_warpgroups=1,"
                             "operation=2",
                             "block_m=128,block_n=96,stages=4,cluster_m=2,operation=2",
                             "block_m=64,block_n=64,stages=6,math_warpgroups=1,accumulator_sets=2,"
                             "operation=3",
                             "block_m=128,block_n=128,stages=4,operation=3",
                             "block_m=64,block_n=64,stages=4,math_warpgroups=1,split_k=2,"
                             "operation=3"}) {
      parsed.push_back(core::parse_config(text));
    }
    return parsed;
  }();
  return list;
}

Configs all_configs() {
  return those([](const auto& c) { return c.operation == kernels::kDense; });
}
Configs unsplit() {
  return all_configs() & those([](const auto& c) { return c.split_k == 1; });
}
Configs split() { return all_configs() & ~unsplit(); }
Configs without_multicast() {
  return all_configs() & those([](const auto& c) { return kernels::multicast_size(c) == 1; });
}
Configs several_segments() {
  return all_configs() & those([](const auto& c) { return kernels::segments(c) > 1; });
}
Configs contiguous() {
  return those([](const auto& c) { return c.operation == kernels::kGroupedContiguous; });
}
Configs masked() {
  return those([](const auto& c) { return c.operation == kernels::kGroupedMasked; });
}
Configs unsplit_grouped() {
  return (contiguous() | masked()) & those([](const auto& c) { return c.split_k == 1; });
}
Configs two_slabs() {
  return unsplit_grouped() &
         those([](const auto& c) { return kernels::slabs_per_warpgroup(c) == 2; });
}
Configs first_of(Configs configs) { return configs & (~configs + 1); }
Configs last_of(Configs configs) { return std::bit_floor(configs); }

std::vector<Mutant> all_mutants() {
  std::vector<Mutant> list;
  for (const std::vector<Rule>* rules : {&stopping_rules(), &wrong_rules(), &grouped_rules()}) {
    for (const Rule& rule : *rules) {
      for (std::size_t i = 0; i < configs().size(); ++i) {
        if ((rule.configs >> i & 1u) != 0) list.push_back({&rule, configs()[i]});
      }
    }
  }
  return list;
}

Task task_of(const core::GemmConfig& config) {
  constexpr std::int64_t kN = 2056;
  if (config.operation == kernels::kDense) return {{.m = 1001, .n = kN, .k = 8336}, {}};
  // The last group has rows, and so does one that comes behind an empty one.
  core::GemmProblem problem{
      .operation = core::Operation::kGroupedMasked, .m = 196, .n = kN, .k = 4240, .groups = 8};
  if (config.operation == kernels::kGroupedMasked) {
    return {problem, {.max_m = 702, .rows = {300, 0, 37, 702, 1, 65, 0, 200}}};
  }
  problem.operation = core::Operation::kGroupedContiguous;
  problem.alignment = 16;
  return {problem, {.rows = {300, 0, 37, 700, 1, 65, 0, 200}}};
}

std::string why_inapplicable(std::string_view rule, std::span<const Edit> edits,
                             std::span<const core::NamedHeader> sources) {
  for (const Edit& edit : edits) {
    if (count_of(text_of(edit.file, sources), edit.snippet) > 0) continue;
    return "'" + std::string(rule) + "' does not fit: '" + std::string(edit.file) +
           "' does not hold '" + std::string(edit.snippet) + "'";
  }
  return "";
}

void on_all_threads(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) {
    threads.emplace_back([&] {
      for (std::size_t at = next++; at < count; at = next++) work(at);
    });
  }
}

std::vector<core::NamedHeader> todays_sources() {
  std::vector<core::NamedHeader> headers;
  for (const kernels::EmbeddedFile& file : kernels::embedded_sources()) {
    headers.push_back({std::string(file.name), std::string(file.text)});
  }
  return headers;
}

Build build(std::string_view name, std::vector<core::NamedHeader> sources,
            std::span<const Edit> edits, const core::GemmConfig& config) {
  for (core::NamedHeader& header : sources) {
    header.text = edited(std::move(header.text), header.name, edits);
  }
  sources.push_back({"kernels/wgmma.cuh", kernels::wgmma_source(config.block_n)});
  core::Compilation compilation =
      core::compile(edited(kernels::dense_source(config), kEntry, edits), sources,
                    core::CompileOptions{}.arguments());
  core::schedule_yields(compilation.cubin, config);
  Build result;
  result.compiled = compilation.ok;
  result.log = std::move(compilation.log);
  result.cubin = {"mutant:" + std::string(name) + ":" + core::to_string(config),
                  kernels::kDenseEntry, config, std::move(compilation.cubin),
                  core::read_figures(result.log)};
  result.static_shared_bytes = static_shared(result.log);
  return result;
}

Build build(const Rule* rule, const core::GemmConfig& config) {
  if (rule == nullptr) return build("", todays_sources(), {}, config);
  return build(rule->name, todays_sources(), rule->edits, config);
}

}  // namespace deepgemm::mutants

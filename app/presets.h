// Named sets of shapes: the weight matrices of well-known models, from the files of app/presets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/shape_parser.h"

namespace deepgemm::app {

// A weight matrix [n, k] of a model, whole: no tensor parallelism.
struct Layer {
  std::string name;
  std::int64_t n;
  std::int64_t k;
  std::string n_from;  // "2 * intermediate_size", in the words of the preset's source
  std::string k_from;

  // One of the experts' matrices, which grouped products multiply with all experts' at once.
  bool of_expert() const { return name.ends_with("of one expert"); }
};

struct Preset {
  std::string name;     // "deepseek-v3", the file's
  std::string meaning;  // "DeepSeek-V3 and DeepSeek-R1"
  std::string source;   // where the numbers come from
  std::vector<Layer> layers;
};

// Sorted by name.
const std::vector<Preset>& presets();

// Each layer times m from one token of decode to a large prefill. Of a grouped operation the
// experts' layers alone, times expected rows of an expert; throws UsageError where there are none.
std::vector<core::GemmProblem> shapes_of(const Preset& preset, const OperationChoice& choice);

// What --preset list prints.
std::string describe_presets();

// Throws UsageError, naming the presets that exist.
const Preset& find_preset(std::string_view name);

// A preset from the text of its file: two lines of comment (meaning, source), the header
// layer,n,k,n from,k from, and a line for each layer. Throws UsageError that names the file and the
// line.
Preset read_preset(std::string_view name, std::string_view text);

}  // namespace deepgemm::app

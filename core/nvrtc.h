// NVRTC, opened at run time. Only core includes this.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace deepgemm::core {

// A header that a source may include, by the name in its #include.
struct NamedHeader {
  std::string name;
  std::string text;
};

struct Compilation {
  bool ok = false;
  std::vector<char> cubin;
  std::string log;  // NVRTC's and ptxas's words
};

// Compiles CUDA source to a cubin, each time anew. Thread-safe; NVRTC compiles in parallel within a
// process.
Compilation compile(const std::string& source, const std::vector<NamedHeader>& headers,
                    const std::vector<std::string>& arguments);

// "13.0". Throws EnvironmentError, with the next step, where NVRTC is missing or older than 12.9.
std::string nvrtc_version();

}  // namespace deepgemm::core

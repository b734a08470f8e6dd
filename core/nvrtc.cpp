#include "core/nvrtc.h"

#include <nvrtc.h>

#include "core/dynamic_library.h"
#include "core/error.h"

namespace deepgemm::core {
namespace {

#define DEEPGEMM_NVRTC_FUNCTIONS(X) \
  X(nvrtcVersion)                   \
  X(nvrtcGetErrorString)            \
  X(nvrtcCreateProgram)             \
  X(nvrtcDestroyProgram)            \
  X(nvrtcCompileProgram)            \
  X(nvrtcGetProgramLogSize)         \
  X(nvrtcGetProgramLog)             \
  X(nvrtcGetCUBINSize)              \
  X(nvrtcGetCUBIN)

struct Nvrtc {
#define DEEPGEMM_FUNCTION(name) decltype(&::name) name = nullptr;
  DEEPGEMM_NVRTC_FUNCTIONS(DEEPGEMM_FUNCTION)
#undef DEEPGEMM_FUNCTION
  int major = 0;
  int minor = 0;
};

constexpr const char* kNextStep =
    "Install the CUDA toolkit 12.9 or newer (or the Python package nvidia-cuda-nvrtc) and point "
    "CUDA_HOME at it; running tuned kernels needs neither.";

Nvrtc load() {
  static const DynamicLibrary library({"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"},
                                      "NVRTC, the CUDA run-time compiler,", kNextStep);
  Nvrtc nvrtc;
#define DEEPGEMM_FUNCTION(name) library.bind(nvrtc.name, #name);
  DEEPGEMM_NVRTC_FUNCTIONS(DEEPGEMM_FUNCTION)
#undef DEEPGEMM_FUNCTION
  nvrtc.nvrtcVersion(&nvrtc.major, &nvrtc.minor);
  if (nvrtc.major * 100 + nvrtc.minor < 1209) {
    throw EnvironmentError("NVRTC " + std::to_string(nvrtc.major) + "." +
                               std::to_string(nvrtc.minor) + " is older than 12.9",
                           kNextStep);
  }
  library.open_companion("libnvrtc-builtins.so." + std::to_string(nvrtc.major) + "." +
                         std::to_string(nvrtc.minor));
  return nvrtc;
}

const Nvrtc& nvrtc() {
  static const Nvrtc functions = load();
  return functions;
}

// Owner of one nvrtcProgram.
class Program {
 public:
  Program(const std::string& source, const std::vector<NamedHeader>& headers) {
    std::vector<const char*> names;
    std::vector<const char*> texts;
    for (const NamedHeader& header : headers) {
      names.push_back(header.name.c_str());
      texts.push_back(header.text.c_str());
    }
    const nvrtcResult result =
        nvrtc().nvrtcCreateProgram(&program_, source.c_str(), "deepgemm.cu",
                                   static_cast<int>(headers.size()), texts.data(), names.data());
    if (result != NVRTC_SUCCESS) {
      throw EnvironmentError(
          std::string("NVRTC cannot start: ") + nvrtc().nvrtcGetErrorString(result),
          "Free memory and run again.");
    }
  }
  ~Program() { nvrtc().nvrtcDestroyProgram(&program_); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  bool compile(const std::vector<std::string>& arguments) {
    // What comes from NVRTC's own cache, which 12.9 and newer keep where a driver is, comes without
    // the words of ptxas, which tell whether the kernel may be used.
    std::vector<const char*> pointers{"--no-cache"};
    for (const std::string& argument : arguments) pointers.push_back(argument.c_str());
    return nvrtc().nvrtcCompileProgram(program_, static_cast<int>(pointers.size()),
                                       pointers.data()) == NVRTC_SUCCESS;
  }

  std::string log() const {
    std::size_t size = 0;
    nvrtc().nvrtcGetProgramLogSize(program_, &size);
    std::string text(size, '\0');
    nvrtc().nvrtcGetProgramLog(program_, text.data());
    while (!text.empty() && (text.back() == '\0' || text.back() == '\n')) text.pop_back();
    return text;
  }

  std::vector<char> cubin() const {
    std::size_t size = 0;
    nvrtc().nvrtcGetCUBINSize(program_, &size);
    std::vector<char> image(size);
    nvrtc().nvrtcGetCUBIN(program_, image.data());
    return image;
  }

 private:
  nvrtcProgram program_ = nullptr;
};

}  // namespace

Compilation compile(const std::string& source, const std::vector<NamedHeader>& headers,
                    const std::vector<std::string>& arguments) {
  Program program(source, headers);
  Compilation result;
  result.ok = program.compile(arguments);
  result.log = program.log();
  if (result.ok) result.cubin = program.cubin();
  return result;
}

std::string nvrtc_version() {
  return std::to_string(nvrtc().major) + "." + std::to_string(nvrtc().minor);
}

}  // namespace deepgemm::core

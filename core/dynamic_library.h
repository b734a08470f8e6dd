// Libraries opened at run time, so that every binary starts on every machine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace deepgemm::core {

// An open shared library; stays open for the life of the process, because CUDA libraries do not
// survive being closed.
class DynamicLibrary {
 public:
  // Tries each file name in the loader's path, then in CUDA_HOME and CUDA_PATH, /usr/local/cuda,
  // the nvidia/* folders below DEEPGEMM_CUDA_WHEELS (colon-separated) and below the site-packages
  // of the Python environment that VIRTUAL_ENV or CONDA_PREFIX names. Throws EnvironmentError
  // with `what` ("NVRTC, the CUDA run-time compiler,") and `next_step` where none is found.
  DynamicLibrary(const std::vector<std::string>& file_names, std::string_view what,
                 const std::string& next_step);

  // Address of a symbol; nullptr if the library lacks it.
  void* find(const char* symbol) const;
  // Opens a library of the same folder, if it is there, so that one which is asked for by bare name
  // later is found although the loader does not search that folder.
  void open_companion(const std::string& file_name) const;
  // Throws EnvironmentError if the library lacks it.
  template <typename Function>
  void bind(Function*& function, const char* symbol) const {
    function = reinterpret_cast<Function*>(require(symbol));
  }

 private:
  void* require(const char* symbol) const;

  void* handle_ = nullptr;
  std::string name_;
};

// Folders searched after the loader's own, in order; for messages and tests.
std::vector<std::string> cuda_library_folders();

}  // namespace deepgemm::core

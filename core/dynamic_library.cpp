#include "core/dynamic_library.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "core/error.h"

namespace deepgemm::core {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Sub-folders in a stable order; none where the folder cannot be read.
std::vector<fs::path> children(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (fs::directory_iterator it(folder, ignored), end; !ignored && it != end;
       it.increment(ignored)) {
    found.push_back(it->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

void add_toolkit(std::vector<std::string>& folders, const std::string& root) {
  if (root.empty()) return;
  for (const char* tail : {"/lib64", "/lib", "/targets/x86_64-linux/lib", "/extras/CUPTI/lib64"}) {
    folders.push_back(root + tail);
  }
}

// NVIDIA's Python packages put each library into nvidia/<package>/lib.
void add_wheels(std::vector<std::string>& folders, const fs::path& site_packages) {
  for (const fs::path& package : children(site_packages / "nvidia")) {
    folders.push_back((package / "lib").string());
  }
}

void add_python_environment(std::vector<std::string>& folders, const std::string& prefix) {
  if (prefix.empty()) return;
  for (const fs::path& version : children(fs::path(prefix) / "lib")) {
    add_wheels(folders, version / "site-packages");
  }
}

}  // namespace

std::vector<std::string> cuda_library_folders() {
  std::vector<std::string> folders;
  add_toolkit(folders, variable("CUDA_HOME"));
  add_toolkit(folders, variable("CUDA_PATH"));
  add_toolkit(folders, "/usr/local/cuda");
  std::string wheels = variable("DEEPGEMM_CUDA_WHEELS");
  while (!wheels.empty()) {
    const std::string one = wheels.substr(0, wheels.find(':'));
    wheels.erase(0, one.size() + 1);
    add_wheels(folders, one);
  }
  add_python_environment(folders, variable("VIRTUAL_ENV"));
  add_python_environment(folders, variable("CONDA_PREFIX"));
  return folders;
}

DynamicLibrary::DynamicLibrary(const std::vector<std::string>& file_names, std::string_view what,
                               const std::string& next_step) {
  const auto open = [this](const std::string& file) {
    handle_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ != nullptr) name_ = file;
    return handle_ != nullptr;
  };
  for (const std::string& file : file_names) {
    if (open(file)) return;
  }
  for (const std::string& folder : cuda_library_folders()) {
    for (const std::string& file : file_names) {
      const std::string path = folder + "/" + file;
      std::error_code ignored;
      if (fs::exists(path, ignored) && open(path)) return;
    }
  }
  throw EnvironmentError(std::string(what) + " was not found (" + file_names.front() + ")",
                         next_step);
}

void* DynamicLibrary::find(const char* symbol) const { return dlsym(handle_, symbol); }

void DynamicLibrary::open_companion(const std::string& file_name) const {
  link_map* self = nullptr;
  if (dlinfo(handle_, RTLD_DI_LINKMAP, &self) != 0) return;
  const fs::path path = fs::path(self->l_name).parent_path() / file_name;
  dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
}

void* DynamicLibrary::require(const char* symbol) const {
  void* const address = find(symbol);
  if (address == nullptr) {
    throw EnvironmentError(name_ + " is too old: it lacks " + symbol,
                           "Install the CUDA toolkit 12.9 or newer and its driver.");
  }
  return address;
}

}  // namespace deepgemm::core

#include "core/support_kernels.h"

#include "core/error.h"
#include "core/jit_builder.h"
#include "core/nvrtc.h"
#include "kernels/embedded_sources.h"

namespace deepgemm::core {
namespace {

constexpr const char* kSource =
    "#include \"kernels/verification.cu\"\n"
    "#include \"kernels/stream_floor.cu\"\n";

}  // namespace

std::unique_ptr<Module> load_support_kernels() {
  std::vector<NamedHeader> headers;
  for (const kernels::EmbeddedFile& file : kernels::embedded_sources()) {
    headers.push_back({std::string(file.name), std::string(file.text)});
  }
  const Compilation compilation = compile(kSource, headers, CompileOptions{}.arguments());
  if (!compilation.ok) {
    throw EnvironmentError("NVRTC refused the supporting kernels: " + compilation.log,
                           "Use NVRTC 12.9 or newer.");
  }
  return std::make_unique<Module>(compilation.cubin);
}

}  // namespace deepgemm::core

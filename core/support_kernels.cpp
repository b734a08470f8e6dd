#include "core/support_kernels.h"

#include "core/error.h"
#include "core/jit_builder.h"
#include "core/nvrtc.h"
#include "kernels/embedded_sources.h"

namespace deepgemm::core {

std::unique_ptr<Module> load_verification_kernels() {
  std::vector<NamedHeader> headers;
  std::string source;
  for (const kernels::EmbeddedFile& file : kernels::embedded_sources()) {
    if (file.name == "kernels/verification.cu") source = file.text;
    headers.push_back({std::string(file.name), std::string(file.text)});
  }
  const Compilation compilation = compile(source, headers, CompileOptions{}.arguments());
  if (!compilation.ok) {
    throw EnvironmentError("NVRTC refused the verification kernels: " + compilation.log,
                           "Use NVRTC 12.9 or newer.");
  }
  return std::make_unique<Module>(compilation.cubin);
}

}  // namespace deepgemm::core

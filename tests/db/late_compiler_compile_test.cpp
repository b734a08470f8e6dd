#include "db/late_compiler.h"

#include "core/default_config.h"
#include "core/jit_builder.h"
#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

// A service may run with a HOME that is not there, or not its own.
TEST(LateCompiler, CompilesWhereNoCacheCanBeMade) {
  if (!failure_of([] { core::JitBuilder(""); }).empty()) {
    GTEST_SKIP() << "NVRTC is not on this machine; scripts/test fetches it";
  }
  TempFolder folder;
  write_text(folder / "file", "");
  const std::string built = in_child([&] {
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", (folder / "file").c_str(), 1);
    const std::string failure = failure_of([] { core::JitBuilder(core::default_cache_folder()); });
    if (failure.find("cannot be created") == std::string::npos) return "a cache: " + failure;
    std::string image;
    const std::string why = failure_of([&] {
      const auto compile = late_compiler();
      const core::BuildResult result = compile(core::fallback_config(core::Operation::kDense));
      image = result.cubin ? "an image" : result.failure;
    });
    return image + why;
  });
  EXPECT_EQ(built, "an image");
}

}  // namespace
}  // namespace deepgemm::db

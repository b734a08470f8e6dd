#include "core/compile_log.h"

#include <gtest/gtest.h>

namespace deepgemm::core {
namespace {

constexpr const char* kClean =
    "ptxas info    : 0 bytes gmem\n"
    "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
    "ptxas info    : Used 168 registers, used 16 barriers\n";

TEST(CompileLog, ReadsRegisters) {
  const BuildFigures figures = read_figures(kClean);
  EXPECT_EQ(figures.registers, 168);
  EXPECT_EQ(figures.spill_bytes, 0);
  EXPECT_EQ(why_unusable(kClean, figures), "");
}

TEST(CompileLog, RefusesSpills) {
  const std::string log =
      "    24 bytes stack frame, 24 bytes spill stores, 28 bytes spill loads\n"
      "ptxas info    : Used 168 registers, used 16 barriers\n";
  const BuildFigures figures = read_figures(log);
  EXPECT_EQ(figures.spill_bytes, 52);
  EXPECT_EQ(why_unusable(log, figures), "it spills 52 bytes of registers per thread");
}

TEST(CompileLog, RefusesSerialisedWgmma) {
  const std::string log = std::string(kClean) +
                          "ptxas info    : (C7514) Potential Performance Loss: wgmma.mma_async "
                          "instructions are serialized due to ...";
  EXPECT_EQ(why_unusable(log, read_figures(log)), "ptxas serialised its wgmma instructions");
}

TEST(CompileLog, ReadsNothingFromNothing) {
  const BuildFigures figures = read_figures("");
  EXPECT_EQ(figures.registers, 0);
  EXPECT_EQ(figures.spill_bytes, 0);
}

}  // namespace
}  // namespace deepgemm::core

#include "app/terminal.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <memory>

#include "app/interrupt.h"
#include "app/log.h"
#include "app/text.h"

namespace deepgemm::app {
namespace {

// A file that remembers what a terminal was sent.
class Screen {
 public:
  Screen() : file_(std::tmpfile(), &std::fclose) {}

  std::FILE* file() { return file_.get(); }

  std::string content() {
    std::string text(static_cast<std::size_t>(std::ftell(file_.get())), '\0');
    std::rewind(file_.get());
    text.resize(std::fread(text.data(), 1, text.size(), file_.get()));
    return text;
  }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

constexpr TerminalTraits kPipe{};
constexpr TerminalTraits kLive{.live = true, .colour = true, .columns = 20};

TEST(Terminal, PipeGetsOneOfManyProgressLines) {
  Screen screen;
  Terminal terminal(screen.file(), kPipe);
  for (int i = 0; i < 1000; ++i) terminal.progress("step " + std::to_string(i));
  terminal.milestone("done");
  EXPECT_EQ(screen.content(), "step 0\ndone\n");
}

TEST(Terminal, LiveLineIsRedrawnCutAndRemoved) {
  Screen screen;
  {
    Terminal terminal(screen.file(), kLive);
    terminal.progress("a line that is much longer than twenty columns");
    terminal.print(Colour::kRed, "error: ", "x");
  }
  EXPECT_EQ(screen.content(), "a line that is much\r\x1b[K\x1b[1;31merror: \x1b[0mx\n");
}

TEST(Terminal, CutsBetweenCharacters) {
  Screen screen;
  {
    Terminal terminal(screen.file(), {.live = true, .colour = false, .columns = 4});
    terminal.progress("µµµµµ");
  }
  EXPECT_EQ(screen.content(), "µµµ\r\x1b[K");
}

TEST(Terminal, QuietKeepsOnlyPrints) {
  Screen screen;
  Terminal terminal(screen.file(), kPipe);
  terminal.set_quiet(true);
  terminal.progress("p");
  terminal.milestone("m");
  terminal.print(Colour::kRed, "error: ", "e");
  EXPECT_EQ(screen.content(), "error: e\n");
}

TEST(Terminal, AFileIsNoTerminal) {
  Screen screen;
  EXPECT_FALSE(look_at(screen.file()).live);
  EXPECT_FALSE(look_at(screen.file()).colour);
}

TEST(Log, VerbosityChoosesLevels) {
  const auto written = [](Verbosity verbosity) {
    Screen screen;
    Terminal terminal(screen.file(), kPipe);
    const auto log = make_logger(terminal, verbosity);
    log->debug("d");
    log->info("{} %", 5);
    log->warn("w");
    log->error("e");
    return screen.content();
  };
  EXPECT_EQ(written(Verbosity::kQuiet), "error: e\n");
  EXPECT_EQ(written(Verbosity::kNormal), "note: 5 %\nwarning: w\nerror: e\n");
  EXPECT_EQ(written(Verbosity::kVerbose), "debug: d\nnote: 5 %\nwarning: w\nerror: e\n");
}

TEST(ProgressBar, FillsAndClamps) {
  EXPECT_EQ(progress_bar(0, 4, 4), "[>   ]");
  EXPECT_EQ(progress_bar(2, 4, 4), "[==> ]");
  EXPECT_EQ(progress_bar(4, 4, 4), "[====]");
  EXPECT_EQ(progress_bar(9, 4, 4), "[====]");
  EXPECT_EQ(progress_bar(-1, 4, 4), "[>   ]");
  EXPECT_EQ(progress_bar(0, 0, 4), "[>   ]");
}

TEST(Text, SplitsTrimsAndQuotes) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(split("", ','), std::vector<std::string_view>{""});
  EXPECT_EQ(trim(" \ta b\r"), "a b");
  EXPECT_EQ(trim("  "), "");
  EXPECT_EQ(display_width("8.1 ± 0.1 µs"), 12U);
  EXPECT_EQ(shell_quote("--fix=stages=4:8:+1"), "--fix=stages=4:8:+1");
  EXPECT_EQ(shell_quote("64:4096:*2x8x16"), "'64:4096:*2x8x16'");
  EXPECT_EQ(shell_quote("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quote(""), "''");
  EXPECT_EQ(counted(1, "shape"), "1 shape");
  EXPECT_EQ(counted(0, "shape"), "0 shapes");
}

TEST(Interrupt, FirstSignalSetsTheFlagAndTheSecondEndsTheProcess) {
  EXPECT_EXIT(
      {
        const InterruptGuard guard;
        std::raise(SIGINT);
        if (!guard.stop()) std::_Exit(1);
        std::raise(SIGTERM);
      },
      testing::ExitedWithCode(130), "");
}

TEST(Interrupt, ANewGuardStartsClear) {
  {
    const InterruptGuard guard;
    std::raise(SIGTERM);
    EXPECT_TRUE(guard.stop());
  }
  const InterruptGuard guard;
  EXPECT_FALSE(guard.stop());
}

}  // namespace
}  // namespace deepgemm::app

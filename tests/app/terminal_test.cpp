#include "app/terminal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <thread>

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

// One every five seconds: what took longer on a busy machine says nothing.
TEST(Terminal, PipeGetsOneOfManyProgressLines) {
  using Clock = std::chrono::steady_clock;
  std::string content;
  Clock::duration took;
  do {
    Screen screen;
    Terminal terminal(screen.file(), kPipe);
    const auto start = Clock::now();
    for (int i = 0; i < 1000; ++i) terminal.progress("step " + std::to_string(i));
    took = Clock::now() - start;
    terminal.milestone("done");
    content = screen.content();
  } while (took >= std::chrono::seconds(5));
  EXPECT_EQ(content, "step 0\ndone\n");
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

// Signals are taken by a thread of the guard's own.
bool waits_for(const std::atomic<bool>& flag) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!flag && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return flag;
}

TEST(Interrupt, FirstSignalSetsTheFlagAndALaterOneEndsTheProcess) {
  EXPECT_EXIT(
      {
        const InterruptGuard guard;
        kill(getpid(), SIGINT);
        if (!waits_for(guard.stop())) std::_Exit(1);
        std::this_thread::sleep_for(std::chrono::milliseconds(400));
        kill(getpid(), SIGTERM);
        std::this_thread::sleep_for(std::chrono::seconds(60));
        std::_Exit(2);
      },
      testing::ExitedWithCode(130), "");
}

TEST(Interrupt, SignalsThatComeTogetherAreOne) {
  const InterruptGuard guard;
  kill(getpid(), SIGINT);
  kill(getpid(), SIGTERM);
  EXPECT_TRUE(waits_for(guard.stop()));
}

// As NVRTC does while it compiles.
TEST(Interrupt, AHandlerThatALibraryInstallsIsNotRun) {
  const InterruptGuard guard;
  const auto before = std::signal(SIGINT, [](int) { std::_Exit(3); });
  kill(getpid(), SIGINT);
  EXPECT_TRUE(waits_for(guard.stop()));
  std::signal(SIGINT, before);
}

TEST(Interrupt, ANewGuardStartsClear) {
  {
    const InterruptGuard guard;
    kill(getpid(), SIGTERM);
    EXPECT_TRUE(waits_for(guard.stop()));
  }
  const InterruptGuard guard;
  EXPECT_FALSE(guard.stop());
}

}  // namespace
}  // namespace deepgemm::app

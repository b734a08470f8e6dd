// What a person sees on stderr: one live line, or sparse lines in a pipe.
#pragma once

#include <chrono>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "app/colour.h"

namespace deepgemm::app {

struct TerminalTraits {
  bool live = false;    // a line can be redrawn
  bool colour = false;  // escape sequences for colour are welcome
  int columns = 80;
};

// Looks at the stream; TERM=dumb and NO_COLOR are obeyed.
TerminalTraits look_at(std::FILE* stream);

// Thread-safe. Destruction removes the live line.
class Terminal {
 public:
  Terminal(std::FILE* stream, TerminalTraits traits);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // Errors and results' notes still show; progress and milestones do not.
  void set_quiet(bool quiet);

  // Something moved. On a terminal the live line is redrawn, at most ten times a second; elsewhere
  // a line is written when none was for five seconds.
  void progress(const std::string& line);
  // A stage or shape is done: always one line, unless quiet.
  void milestone(const std::string& line);
  // Always one line; `label` is coloured.
  void print(Colour colour, std::string_view label, std::string_view text);

  const TerminalTraits& traits() const { return traits_; }

 private:
  using Clock = std::chrono::steady_clock;

  void write_line(const std::string& line);
  void erase_live_line();

  std::FILE* stream_;
  TerminalTraits traits_;
  bool quiet_ = false;
  std::mutex mutex_;
  bool live_line_shown_ = false;
  std::optional<Clock::time_point> last_progress_;
};

// "[=====>    ]" with `width` columns inside; done is clamped to [0, total].
std::string progress_bar(int done, int total, int width);

}  // namespace deepgemm::app

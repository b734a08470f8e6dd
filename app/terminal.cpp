#include "app/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "app/text.h"

namespace deepgemm::app {

namespace {

constexpr std::chrono::milliseconds kLiveInterval{100};
constexpr std::chrono::seconds kSparseInterval{5};

// Cut so that the terminal never wraps it: a wrapped line cannot be redrawn.
std::string fitted(const std::string& line, int columns) {
  const auto room = static_cast<std::size_t>(std::max(columns - 1, 1));
  if (display_width(line) <= room) return line;
  std::string cut;
  std::size_t width = 0;
  for (const char c : line) {
    const bool starts_character = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (starts_character && ++width > room) break;
    cut += c;
  }
  return cut;
}

}  // namespace

TerminalTraits look_at(std::FILE* stream) {
  TerminalTraits traits;
  const int descriptor = fileno(stream);
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  traits.live = isatty(descriptor) == 1 && !dumb;
  const char* no_color = std::getenv("NO_COLOR");
  traits.colour = traits.live && (no_color == nullptr || *no_color == '\0');
  winsize size{};
  if (traits.live && ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    traits.columns = size.ws_col;
  }
  return traits;
}

Terminal::Terminal(std::FILE* stream, TerminalTraits traits) : stream_(stream), traits_(traits) {}

Terminal::~Terminal() { erase_live_line(); }

void Terminal::set_quiet(bool quiet) { quiet_ = quiet; }

void Terminal::progress(const std::string& line) {
  const std::lock_guard lock(mutex_);
  if (quiet_) return;
  const auto now = Clock::now();
  const auto interval = traits_.live ? Clock::duration(kLiveInterval) : kSparseInterval;
  if (last_progress_ && now - *last_progress_ < interval) return;
  last_progress_ = now;
  if (!traits_.live) {
    write_line(line);
    return;
  }
  erase_live_line();
  fmt::print(stream_, "{}", fitted(line, traits_.columns));
  std::fflush(stream_);
  live_line_shown_ = true;
}

void Terminal::milestone(const std::string& line) {
  const std::lock_guard lock(mutex_);
  if (quiet_) return;
  last_progress_ = Clock::now();
  write_line(line);
}

void Terminal::print(Colour colour, std::string_view label, std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (traits_.colour && colour != Colour::kNone) {
    write_line(fmt::format("{}{}{}{}", escape(colour), label, kColourEnd, text));
  } else {
    write_line(fmt::format("{}{}", label, text));
  }
}

void Terminal::write_line(const std::string& line) {
  erase_live_line();
  // One write, so that lines of two processes on one terminal do not mix.
  const std::string whole = line + '\n';
  std::fwrite(whole.data(), 1, whole.size(), stream_);
  std::fflush(stream_);
}

void Terminal::erase_live_line() {
  if (!live_line_shown_) return;
  std::fputs("\r\x1b[K", stream_);
  live_line_shown_ = false;
}

std::string progress_bar(int done, int total, int width) {
  const int part = total > 0 ? std::clamp(done, 0, total) : 0;
  const int filled = total > 0 ? static_cast<int>(static_cast<long long>(part) * width / total) : 0;
  std::string bar(static_cast<std::size_t>(filled), '=');
  if (filled < width) bar += '>';
  bar.resize(static_cast<std::size_t>(width), ' ');
  return "[" + bar + "]";
}

}  // namespace deepgemm::app

#include "app/log.h"

#include <spdlog/sinks/base_sink.h>

#include <string>

namespace deepgemm::app {

namespace {

// Hands each message to the terminal as one line.
class TerminalSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit TerminalSink(Terminal& terminal) : terminal_(terminal) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    switch (message.level) {
      case spdlog::level::critical:
      case spdlog::level::err:
        return terminal_.print(Colour::kRed, "error: ", text);
      case spdlog::level::warn:
        return terminal_.print(Colour::kYellow, "warning: ", text);
      case spdlog::level::info:
        return terminal_.print(Colour::kDim, "note: ", text);
      default:
        return terminal_.print(Colour::kDim, "debug: ", text);
    }
  }

  void flush_() override {}

 private:
  Terminal& terminal_;
};

spdlog::level::level_enum level_of(Verbosity verbosity) {
  switch (verbosity) {
    case Verbosity::kQuiet:
      return spdlog::level::err;
    case Verbosity::kVerbose:
      return spdlog::level::debug;
    case Verbosity::kNormal:
      break;
  }
  return spdlog::level::info;
}

}  // namespace

std::shared_ptr<spdlog::logger> make_logger(Terminal& terminal, Verbosity verbosity) {
  auto logger =
      std::make_shared<spdlog::logger>("deepgemm", std::make_shared<TerminalSink>(terminal));
  logger->set_level(level_of(verbosity));
  return logger;
}

}  // namespace deepgemm::app

// Tells a person on stderr how far tuning is.
#pragma once

#include <spdlog/logger.h>

#include <memory>

#include "app/terminal.h"
#include "app/time_left.h"
#include "autotune/tuner.h"

namespace deepgemm::app {

class TuneProgress final : public autotune::TuneObserver {
 public:
  // `shapes` is how many will be tuned; `where` stands before each of them ("GPU 1: "). Both
  // references must outlive this.
  TuneProgress(Terminal& terminal, spdlog::logger& log, std::size_t shapes, std::string where = "");

  // The shape that comes next, counted from 0.
  void start_shape(std::size_t index);
  // "[2/7] " before what is said about the current shape.
  std::string position() const;

  void progress(const core::GemmProblem& problem, autotune::Stage stage, int done,
                int total) override;
  void check(const core::Trial& trial) override;
  void trial(const core::Trial& trial) override;
  void note(const std::string& sentence) override;

 private:
  Terminal& terminal_;
  spdlog::logger& log_;
  std::size_t shapes_;
  std::string where_;
  std::size_t index_ = 0;
  TimeLeft left_;
};

}  // namespace deepgemm::app

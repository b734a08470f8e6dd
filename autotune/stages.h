// The stages of a tune that need hardware or the store, and what they share. Tuner::run calls them
// in order.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "autotune/lineup.h"

namespace deepgemm::autotune {

// A contender on its way through the stages.
struct Entrant {
  core::Trial trial;
  std::optional<core::Cubin> cubin;
  int id = -1;            // on the workbench; -1: not there, or not any more
  bool recorded = false;  // its trial is in the store: nothing is left to do
};

// One run on one problem. All references outlive it.
struct TuneContext {
  const core::GemmProblem& problem;
  const core::Environment& environment;
  const Lineup& lineup;
  const TuneOptions& options;
  core::KernelBuilder& builder;
  Executor* executor;  // null where there is no GPU
  core::TrialStore& store;
  TuneObserver& observer;
  const std::atomic<bool>& stop;
  Deadline deadline;
  Deadline build_deadline;  // earlier: what was verified must still be measured
  std::unique_ptr<Workbench> bench = nullptr;
  bool budget_ran_out = false;

  void record(Entrant& entrant);  // one durable transaction
  void progress(Stage stage, std::size_t done, std::size_t total);
};

// Builds everyone in the line-up and, where there is a GPU, checks each as soon as it is built,
// while the others compile. Records who fails; the others are ready to race.
std::vector<Entrant> compile_and_verify(TuneContext& context);

// Races who passed against the libraries, which join `entrants`. Records everyone measured, at
// once who drops out.
void measure(TuneContext& context, std::vector<Entrant>& entrants);

// Picks the winner and records it after the cubins that it needs.
void record_winner(TuneContext& context, const std::vector<Entrant>& entrants, TuneResult& result);

}  // namespace deepgemm::autotune

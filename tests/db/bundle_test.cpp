// Bundles: what goes in, what comes out, and that every changed byte is noticed.
#include "db/bundle_file.h"

#include <map>

#include "core/default_config.h"
#include "db/bundle_seal.h"
#include "db/catalog.h"
#include "db/export.h"
#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

core::Trial measured(std::int64_t m, int first, double median_us) {
  core::Trial trial = trial_of(m, first);
  trial.measurement.median_us = median_us;
  return trial;
}

core::Cubin kernel_of(const std::string& key, int first) {
  core::Cubin cubin = cubin_of(key);
  cubin.config = config_of(first);
  cubin.image = {key.begin(), key.end()};
  return cubin;
}

// A compiler that knows one config.
core::BuildResult compile_fallback(const core::GemmConfig& config) {
  core::BuildResult result;
  if (config != core::fallback_config(core::Operation::kDense)) {
    result.failure = "not in this test";
    return result;
  }
  result.cubin = cubin_of("fallback");
  result.cubin->config = config;
  return result;
}

class Bundle : public testing::Test {
 protected:
  Bundle() {
    TuningDb database(source_, OpenMode::kTune);
    for (const std::int64_t m : {64, 128}) {
      database.record(measured(m, 100, 9), environment_of());  // loses
      database.record(measured(m, 110, 8), environment_of());  // runner-up
      database.record(measured(m, 120, 7), environment_of());  // wins
      core::Trial fallback = measured(m, 130, 10);
      fallback.contender = core::Contender::kDefault;
      database.record(fallback, environment_of());
      core::Winner winner = winner_of(m, 7);
      winner.kernel_key = "key120";
      winner.config = config_of(120);
      database.record(winner, environment_of());
    }
    for (const int first : {110, 120, 130}) {
      database.record(kernel_of("key" + std::to_string(first), first));
    }
  }

  void write(const std::filesystem::path& path) {
    const TuningDb database(source_, OpenMode::kReadOnly);
    write_bundle(collect(database, "h100-sxm5", {}, environment_of(), compile_fallback).contents,
                 path);
  }

  TempFolder folder_;
  std::filesystem::path source_ = folder_ / "t.db";
  std::filesystem::path bundle_ = folder_ / "b.dgdb";
};

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(Bundle, HoldsWinnersWithRunnerUpAndDefault) {
  write(bundle_);
  const TuningDb bundle(bundle_, OpenMode::kReadOnly);
  EXPECT_TRUE(bundle.is_bundle());
  EXPECT_EQ(bundle.winners().size(), 2u);
  std::set<std::string> keys;
  for (const TrialRow& row : bundle.all_trials(problem_of(64))) keys.insert(row.trial.kernel_key);
  EXPECT_EQ(keys, (std::set<std::string>{"key110", "key120", "key130"}));
  for (const std::string key : {"key110", "key120", "key130", "fallback"}) {
    EXPECT_TRUE(bundle.cubin(key).has_value()) << key;
  }
  EXPECT_EQ(bundle.find(problem_of(100), environment_of()).match, core::Match::kBucket);
  EXPECT_FALSE(TuningDb(source_, OpenMode::kReadOnly).is_bundle());
}

TEST_F(Bundle, TheRunnerUpIsTheOneThatTheRowNames) {
  {
    TuningDb database(source_, OpenMode::kTune);
    database.record(measured(64, 140, 7.5), environment_of());
    database.record(kernel_of("key140", 140));
  }
  const auto keys = [&](const std::filesystem::path& path) {
    std::set<std::string> found;
    for (const TrialRow& row : TuningDb(path, OpenMode::kReadOnly).all_trials(problem_of(64))) {
      found.insert(row.trial.kernel_key);
    }
    return found;
  };
  // The row names nobody of the trials: the fastest.
  write(bundle_);
  EXPECT_EQ(keys(bundle_), (std::set<std::string>{"key120", "key130", "key140"}));
  // It names one whose stored median is more than that of somebody who left a heat early.
  core::Winner winner = winner_of(64, 7);
  winner.kernel_key = "key120";
  winner.config = config_of(120);
  winner.runner_up_config = measured(64, 110, 8).config;
  winner.runner_up_us = 8;
  TuningDb(source_, OpenMode::kTune).record(winner, environment_of());
  write(bundle_);
  EXPECT_EQ(keys(bundle_), (std::set<std::string>{"key110", "key120", "key130"}));
}

// A bundle that was changed by somebody who knows how to seal it.
void change_and_seal(const std::filesystem::path& path, const char* sql) {
  std::string bytes = bytes_of(path);
  bytes.resize(bytes.size() / 4096 * 4096);  // SQLite's pages, without the seal
  std::filesystem::remove(path);
  write_text(path, bytes);
  SQLite::Database(path.string(), SQLite::OPEN_READWRITE).exec(sql);
  append_seal(path, path);
}

TEST_F(Bundle, ANewerFormIsRefusedByTheToolsToo) {
  write(bundle_);
  change_and_seal(bundle_, "UPDATE bundle SET format = format");
  EXPECT_EQ(failure_to_open(bundle_, OpenMode::kReadOnly), "") << "the seal is a right one";
  change_and_seal(bundle_, "UPDATE bundle SET format = 9");
  const std::string format = failure_to_open(bundle_, OpenMode::kReadOnly);
  EXPECT_NE(format.find("was written by a newer deepgemm (bundle format 9"), std::string::npos)
      << format;
  write(folder_ / "schema.dgdb");
  change_and_seal(folder_ / "schema.dgdb", "PRAGMA user_version = 99");
  const std::string schema = failure_to_open(folder_ / "schema.dgdb", OpenMode::kReadOnly);
  EXPECT_NE(schema.find("newer"), std::string::npos) << schema;
}

TEST_F(Bundle, RowsKeepTheTimeTheyWereRecordedAt) {
  write(bundle_);
  const auto of = [](const std::filesystem::path& path) {
    return TuningDb(path, OpenMode::kReadOnly).winners().at(0).recorded_at;
  };
  EXPECT_EQ(of(bundle_), of(source_));
}

TEST_F(Bundle, IsReadOnlyAndLeavesNothingBeside) {
  write(bundle_);
  EXPECT_EQ(std::filesystem::status(bundle_).permissions(), std::filesystem::perms(0444));
  EXPECT_EQ(folder_.files(), (std::set<std::string>{"b.dgdb", "t.db"}));
  const std::string failure = failure_to_open(bundle_, OpenMode::kTune);
  EXPECT_NE(failure.find("is an export bundle, which is never written"), std::string::npos)
      << failure;
  EXPECT_EQ(folder_.files(), (std::set<std::string>{"b.dgdb", "t.db"}));
}

TEST_F(Bundle, EqualContentsGiveEqualBytes) {
  write(bundle_);
  write(folder_ / "again.dgdb");
  EXPECT_EQ(bytes_of(bundle_), bytes_of(folder_ / "again.dgdb"));
}

TEST_F(Bundle, ReplacesABundleButNothingElse) {
  write(bundle_);
  write(bundle_);
  EXPECT_NE(failure_of([&] { write(source_); }).find("is no bundle, so it is not overwritten"),
            std::string::npos);
  write_text(folder_ / "notes.txt", "mine");
  EXPECT_EQ(failure_of([&] { write(folder_ / "notes.txt"); }).find("usage: "), 0u);
  EXPECT_EQ(bytes_of(folder_ / "notes.txt"), "mine");
}

TEST_F(Bundle, AFolderThatIsMissingIsTheMachinesFault) {
  const std::string failure = failure_of([&] { write(folder_ / "no" / "b.dgdb"); });
  EXPECT_EQ(failure.find("environment: "), 0u) << failure;
}

TEST_F(Bundle, TheIndexSaysWhatTheRowsSay) {
  write(bundle_);
  const SQLite::Database file(bundle_.string());
  const BundleHead head = read_head(file, bundle_);
  EXPECT_EQ(head.device_id, "h100-sxm5");
  ASSERT_EQ(head.index.families.size(), 1u);
  const IndexedFamily& family = head.index.families[0];
  EXPECT_EQ(family.any_m, problem_of(1));
  ASSERT_EQ(family.rows.size(), 2u);
  EXPECT_EQ(family.rows[0].m, 64);
  EXPECT_EQ(family.rows[1].m, 128);
  EXPECT_EQ(family.rows[0].time_us, 7);
  const IndexedKernel& kernel = head.index.kernels.at(family.rows[0].kernel);
  EXPECT_EQ(kernel.key, "key120");
  EXPECT_EQ(kernel.config, config_of(120));
  EXPECT_EQ(head.index.environments.at(family.rows[0].environment), environment_of());
  ASSERT_EQ(head.index.fallbacks.size(), 1u);
  EXPECT_EQ(head.index.kernels.at(head.index.fallbacks[0].kernel).key, "fallback");
}

TEST_F(Bundle, AWinnerWithoutItsKernelIsNotExported) {
  {
    TuningDb database(source_, OpenMode::kTune);
    database.record(winner_of(32), environment_of());
  }
  EXPECT_NE(failure_of([&] { write(bundle_); }).find("has a winner for 32x2112x7168 but not"),
            std::string::npos);
  EXPECT_EQ(folder_.files(), (std::set<std::string>{"t.db"}));
}

TEST_F(Bundle, AnUnknownDeviceAndPredictedRowsAreNamed) {
  const TuningDb database(source_, OpenMode::kReadOnly);
  const auto failure = [&](const std::string& device) {
    return failure_of([&] {
      collect(database, device, {.measured_only = true}, environment_of(), compile_fallback);
    });
  };
  EXPECT_NE(failure("h20").find("has no measured winner for h20"), std::string::npos);
}

TEST(BundleIndex, SurvivesTheRoundTripAndRefusesWhatIsCut) {
  Index index;
  index.environments = {environment_of(), environment_of("h20")};
  index.kernels = {{"a", "entry", "aa", config_of(3)}, {"b", "entry", "bb", config_of(40)}};
  index.families = {{problem_of(1), "h20", {{1, 0, 1, true, 2.5}, {9, 1, 0, false, 0.5}}}};
  index.fallbacks = {{core::Operation::kDense, 1, 1}};
  const std::vector<char> bytes = encode(index);
  const auto back = decode(bytes);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(encode(*back), bytes);
  EXPECT_EQ(back->kernels[1].config, config_of(40));
  EXPECT_EQ(back->families[0].rows[1].m, 9);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode({bytes.data(), size}).has_value()) << size;
  }
  index.families[0].rows[0].kernel = 2;
  EXPECT_FALSE(decode(encode(index)).has_value());
}

TEST(BundleIndex, LeavesOutWhatOnlyANewerDeepgemmKnows) {
  Index index;
  index.environments = {environment_of()};
  index.kernels = {{"a", "entry", "aa", config_of(3)}};
  core::GemmProblem grouped = problem_of(1);
  grouped.operation = core::Operation::kGroupedMasked;
  index.families = {{grouped, "h100-sxm5", {{8, 0, 0, true, 1}}},
                    {problem_of(1), "h100-sxm5", {{64, 0, 0, true, 2}}}};
  index.fallbacks = {{core::Operation::kGroupedMasked, 0, 0}, {core::Operation::kDense, 0, 0}};
  const std::vector<char> bytes = encode(index);
  const auto with_names = [&bytes](std::string_view from, std::string_view to) {
    std::string text(bytes.begin(), bytes.end());
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
      text.replace(at, from.size(), to);
    }
    return decode(text);
  };
  const auto back = with_names("grouped-masked", "grouped-ragged");
  ASSERT_TRUE(back.has_value());
  ASSERT_EQ(back->families.size(), 1u);
  EXPECT_EQ(back->families[0].any_m, problem_of(1));
  EXPECT_EQ(back->families[0].rows.at(0).m, 64);
  ASSERT_EQ(back->fallbacks.size(), 1u);
  EXPECT_EQ(back->fallbacks[0].operation, core::Operation::kDense);
  EXPECT_TRUE(with_names("bf16", "fp99")->families.empty());
}

TEST(BundleIndex, OfVersion1SaysNothingOfClocks) {
  Index index;
  index.environments = {environment_of()};
  std::vector<char> bytes = encode(index);
  // As it was: no counts of a problem's and an environment's fields, and without the clocks.
  const std::size_t clocks = sizeof(int) * core::kClockLimits.size();
  const std::size_t rest = 3 * sizeof(std::uint32_t);  // the counts of what follows
  bytes.erase(bytes.end() - static_cast<std::ptrdiff_t>(rest + clocks),
              bytes.end() - static_cast<std::ptrdiff_t>(rest));
  bytes.erase(bytes.begin() + 8, bytes.begin() + 16);
  bytes[0] = 1;
  const auto back = decode(bytes);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->environments.at(0).sources_hash, environment_of().sources_hash);
  EXPECT_EQ(back->environments.at(0).power_limit_w, 0);
  EXPECT_TRUE(core::agree(back->environments.at(0), environment_of()));
}

// What scripts/gpu-bundle makes, from the files of tests/data that it tunes.
TEST(ShippedBundle, HasARowForEachListedShape) {
  const std::filesystem::path bundle = DEEPGEMM_SOURCE_DIR "/db/data/h100-sxm5.dgdb";
  std::map<core::Operation, int> rows;
  for (const WinnerRow& row : TuningDb(bundle, OpenMode::kReadOnly).winners()) {
    ++rows[row.winner.problem.operation];
  }
  EXPECT_EQ(rows[core::Operation::kDense], 49) << "deepseek_v3_dense.csv";
  EXPECT_EQ(rows[core::Operation::kGroupedContiguous] + rows[core::Operation::kGroupedMasked], 48)
      << "deepgemm_grouped.csv";
  const Catalog catalog(bundle, environment_of());
  ASSERT_FALSE(catalog.index().families.empty());
  for (const IndexedFamily& family : catalog.index().families) {
    EXPECT_EQ(core::why_illegal(family.any_m), std::nullopt) << core::to_string(family.any_m);
  }
}

}  // namespace
}  // namespace deepgemm::db

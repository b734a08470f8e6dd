"""Which m share a row, decided from what the script's kernels take at each other's m."""

import re
import unittest

from cli import USAGE, CliTest


class Merging(CliTest):
    TUNED = "1,16,64,128,256,512,1024x2112x7168"

    def run_db(self, *arguments):
        return self.run_command("deepgemm-db-scripted", *arguments)

    def rows(self, database):
        listed = self.json_of(self.run_db("list", "--db", database, "--format", "json"))["winners"]
        return [(row["shape"]["m"], row["winner"]["kernel_key"]) for row in listed]

    def times_at(self, m):
        """Newest time of each kernel of ours that was raced at m."""
        shown = self.json_of(self.run_db("show", f"{m}x2112x7168", "--format", "json"))["trials"]
        return {row["trial"]["kernel_key"]: row["trial"]["measurement"]["median_us"]
                for row in shown if row["trial"]["contender"] in ("candidate", "default")}

    def tune(self, *arguments, **env):
        return self.run_command("deepgemm-tune-scripted", self.TUNED, "--effort", "quick",
                                *arguments, env=env)

    def test_export_keeps_the_fewest_rows_that_cost_little(self):
        said = self.assert_ok(self.tune("--probe")).stderr
        self.assertRegex(said, r"2112x7168: \d+ kernels raced at (\d+) m, \1 of them now")
        result = self.assert_ok(self.run_db("export", "--output", "merged.dgdb"))
        self.assertRegex(result.stderr, r"2112x7168: \d+ rows? for m up to 1024, 7 tuned; 95 % of")
        self.assert_ok(self.run_db("export", "--keep-rows", "--output", "all.dgdb"))
        self.assertEqual(self.rows("all.dgdb"), self.rows(self.db))
        merged = self.rows("merged.dgdb")
        tuned = [m for m, _ in self.rows(self.db)]
        self.assertEqual(merged[-1][0], 1024)
        # One row serves the smallest m's, and between the tuned ones there is one that pays.
        self.assertNotIn(1, [m for m, _ in merged])
        self.assertTrue({m for m, _ in merged} - set(tuned))
        pool = {key for _, key in self.rows(self.db)}
        for m in (1, 8, 40, 64, 128, 192, 448, 611, 1024):
            times = self.times_at(m)
            serves = next(key for row_m, key in merged if row_m >= m)
            fastest = min(time for key, time in times.items() if key in pool)
            self.assertLessEqual(times[serves], 1.03 * fastest + 1e-9, m)
        sizes = []
        for cost in ("0.5", "3", "6"):
            self.assert_ok(self.run_db("export", "--max-cost", cost, "--output", "x.dgdb"))
            sizes.append(len(self.rows("x.dgdb")))
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        self.assertLess(sizes[2], sizes[0])

    def test_export_keeps_a_winner_that_is_newer_than_the_probe(self):
        self.assert_ok(self.tune("--fix", "block_m=64", "--fix", "block_n=32,128", "--probe"))
        before = dict(self.rows(self.db))
        self.assert_ok(self.run_command("deepgemm-tune-scripted", "128x2112x7168", "--effort",
                                        "exhaustive", "--force"))
        tuned = dict(self.rows(self.db))
        self.assertNotEqual(tuned[128], before[128])
        result = self.assert_ok(self.run_db("export", "--output", "after.dgdb"))
        self.assertIn("because the winner of m = 128 is newer than the probe", result.stderr)
        self.assertEqual(dict(self.rows("after.dgdb")), tuned)
        self.assert_ok(self.tune("--probe"))
        result = self.assert_ok(self.run_db("export", "--output", "again.dgdb"))
        self.assertNotIn("newer than the probe", result.stderr)

    def test_a_row_that_an_export_made_is_not_called_tuned(self):
        self.assert_ok(self.tune("--probe"))
        tuned = dict(self.rows(self.db))
        self.assert_ok(self.run_db("export", "--output", "merged.dgdb"))
        m = next(m for m, _ in self.rows("merged.dgdb") if m not in tuned)
        said = self.assert_ok(self.run_db("explain", f"{m}x2112x7168", "--db", "merged.dgdb"))
        self.assertRegex(said.stdout, rf"exact: m = {m} lies in \(\d+, {m}\], raced at m = {m}\n")
        said = self.assert_ok(self.run_db("explain", f"{m - 1}x2112x7168", "--db", "merged.dgdb"))
        self.assertIn(f"m: asked {m - 1}, raced {m}", said.stdout)

    def test_a_bundle_that_comes_back_puts_itself_before_no_winner(self):
        self.assert_ok(self.tune("--probe"))
        tuned = self.rows(self.db)
        self.assert_ok(self.run_db("export", "--output", "merged.dgdb"))
        made = set(self.rows("merged.dgdb")) - set(tuned)
        self.assertTrue({m for m, _ in made} & {m for m, _ in tuned},
                        "another kernel must serve at an m that was tuned")
        self.assert_ok(self.run_db("import", "merged.dgdb"))
        rows = self.rows(self.db)
        self.assertEqual([row for row in rows if row[0] in dict(tuned)], tuned)
        self.assertIn("othing to do", self.assert_ok(self.tune()).stderr)

    def test_a_probe_resumes_and_leaves_the_database_as_it_was_tuned(self):
        self.assert_ok(self.tune())
        before = self.rows(self.db)
        self.assert_ok(self.tune("--probe"))
        self.assertEqual(self.rows(self.db), before)
        again = self.assert_ok(self.tune("--probe", SCRIPTED_COUNTS="1")).stderr
        self.assertRegex(again, r"raced at \d+ m, 0 of them now")
        self.assertIn("rounds=0", again)

    def test_an_interrupted_probe_goes_on(self):
        self.assert_ok(self.tune())
        self.assert_interrupted(self.start("deepgemm-tune-scripted", self.TUNED, "--effort",
                                           "quick", "--probe", env={"SCRIPTED_SIGINT_ROUND": "50"}))
        more = self.assert_ok(self.tune("--probe")).stderr
        asked, measured = map(int, re.search(r"raced at (\d+) m, (\d+) of", more).groups())
        self.assertLess(measured, asked)
        self.assertGreater(measured, 0)

    def test_a_budget_ends_a_probe_that_compiles(self):
        self.assert_ok(self.tune())
        # Far from both, whatever else keeps the machine busy.
        self.run_in_time(1, "deepgemm-tune-scripted", self.TUNED, "--effort", "quick", "--probe",
                         "--jobs", "1", grace=9, env={"SCRIPTED_SLEEP_MS_BUILD": "60000"},
                         said="budget ran out before all winners were probed")

    def test_a_profile_cannot_be_probed(self):
        result = self.run_command("deepgemm-tune", "64x2112x7168", "--device", "h100-sxm5",
                                  "--probe")
        self.assert_fails(result, USAGE, "--probe")


if __name__ == "__main__":
    unittest.main()

"""deepgemm-tune and deepgemm-db on a GPU that follows a script."""

import csv
import io
import json
import re
import sqlite3
import subprocess
import time
import unittest

from cli import ENVIRONMENT, FEW, SOURCE, CliTest

SHAPE = "64x2112x7168"


def keys_of(value):
    """Names of all fields, without those of configs and of counts per rule."""
    if isinstance(value, list):
        return set().union(*map(keys_of, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    keys = set(value)
    for key, inner in value.items():
        if key not in ("config", "default_config", "runner_up_config", "rejected"):
            keys |= keys_of(inner)
    return keys


class ScriptedTuning(CliTest):
    def tune(self, *arguments, env=None):
        return self.run_command("deepgemm-tune-scripted", *arguments, *FEW, env=env)

    def tune_in_time(self, budget, *arguments, **options):
        return self.run_in_time(budget, "deepgemm-tune-scripted", *arguments, *FEW, **options)

    def test_measures_and_reports(self):
        started = time.monotonic()
        result = self.assert_ok(self.tune("1,64x2112x7168"))
        took = time.monotonic() - started
        self.assertIn("geometric mean of 2 shapes", result.stdout)
        self.assertIn("±", result.stdout)
        self.assertNotIn("~", result.stdout)
        # In a pipe: one line per shape, next to nothing else, and where it is every five seconds.
        self.assertIn("[2/2] 64x2112x7168: ", result.stderr)
        self.assertLessEqual(len(result.stderr.splitlines()), 4 + took // 5, result.stderr)

    def test_quiet_and_verbose(self):
        self.assertEqual(self.assert_ok(self.tune(SHAPE, "--quiet")).stderr, "")
        verbose = self.assert_ok(self.tune(SHAPE, "--force", "--verbose")).stderr
        self.assertIn("debug: 64x2112x7168 cublaslt-block: measured", verbose)

    def test_json_has_only_documented_fields(self):
        documented = set(re.findall(r"[a-z][a-z0-9_]*",
                                    (SOURCE / "app/help/json.txt").read_text()))
        reports = [self.tune(SHAPE, "--format", "json"),
                   self.tune(SHAPE, "--format", "json", "--dry-run"),
                   self.run_command("deepgemm-db", "list", "--format", "json"),
                   self.run_command("deepgemm-db", "show", SHAPE, "--format", "json"),
                   self.run_command("deepgemm-bench-scripted", SHAPE, "--format", "json")]
        for result in reports:
            report = self.json_of(result)
            self.assertEqual(keys_of(report) - documented, set())
            self.assertEqual(report["command"][1:3], result.args[1:3])
            self.assertIn(SHAPE if "list" not in result.args else "list", report["command_line"])

    def test_resume_and_force(self):
        counts = {"SCRIPTED_COUNTS": "1"}
        self.assert_ok(self.tune(SHAPE))
        again = self.assert_ok(self.tune(SHAPE, env=counts)).stderr
        self.assertIn("othing to do", again)
        self.assertNotIn("worker", again)  # no worker was even started
        forced = self.assert_ok(self.tune(SHAPE, "--force", env=counts)).stderr
        self.assertRegex(forced, r"scripted worker: builds=0 verifies=\d+ rounds=[1-9]")

    def test_another_power_limit_is_measured_anew_beside_the_first(self):
        limited = {"SCRIPTED_POWER_LIMIT_W": "500"}
        self.assert_ok(self.tune(SHAPE))
        self.assertNotIn("othing to do", self.assert_ok(self.tune(SHAPE, env=limited)).stderr)
        for env in ({}, limited):
            self.assertIn("othing to do", self.assert_ok(self.tune(SHAPE, env=env)).stderr)

    def test_a_database_from_before_clocks_were_known_has_nothing_to_do(self):
        self.assert_ok(self.tune(SHAPE))
        with sqlite3.connect(self.db) as database:
            for column in ("sm_clock_max_mhz", "memory_clock_mhz", "application_clock_mhz",
                           "power_limit_w"):
                database.execute(f"ALTER TABLE environments DROP COLUMN {column}")
        database.close()
        again = self.assert_ok(self.tune(SHAPE, env={"SCRIPTED_COUNTS": "1"})).stderr
        self.assertIn("othing to do", again)
        self.assertNotIn("worker", again)

    def test_a_power_limit_that_is_set_meanwhile_ends_the_run(self):
        self.assert_fails(self.tune(SHAPE, "--quiet", env={"SCRIPTED_WORKER_POWER_LIMIT_W": "500"}),
                          ENVIRONMENT, "power limit", "Run the same command again")

    def test_no_verified_winner_is_a_failure(self):
        result = self.tune(SHAPE, env={"SCRIPTED_WRONG": "1"})
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("no-winner", self.tune(SHAPE, "--format", "csv",
                                             env={"SCRIPTED_WRONG": "1"}).stdout)
        self.assertIn("error: ", result.stderr)
        self.assertIn("next: ", result.stderr)

    def test_budget_holds_and_leaves_usable_answers(self):
        result = self.tune_in_time(1, "1,2,3,4,5,6,7,8x2112x7168", "--format", "json", grace=60,
                                   env={"SCRIPTED_SLEEP_MS_VERIFY": "300",
                                        "SCRIPTED_SLEEP_MS_ROUND": "20"})
        report = self.json_of(result)
        states = [shape["status"] for shape in report["shapes"]]
        self.assertEqual(len(states), 8)
        self.assertIn("tuned", states)
        self.assertIn("skipped", states)
        self.assertIn("budget", result.stderr)

    def test_a_budget_holds_within_two_seconds(self):
        self.tune_in_time(2, "1,2,3x2112x7168", env={"SCRIPTED_SLEEP_MS_BUILD": "700",
                                                     "SCRIPTED_SLEEP_MS_ROUND": "10"})

    def test_a_call_that_fails_waits_for_no_compiler(self):
        # The default is built at once, and wrong; the next kernel is half built when the call ends.
        self.tune_in_time(2, SHAPE, "--jobs", "1", code=1,
                          said="ended without a verified winner",
                          env={"SCRIPTED_SLEEP_MS_BUILD": "60000", "SCRIPTED_SLEEP_FROM": "2",
                               "SCRIPTED_WRONG": "1"})

    def test_show_holds_the_evidence(self):
        self.assert_ok(self.tune(SHAPE))
        text = self.assert_ok(self.run_command("deepgemm-db", "show", SHAPE)).stdout
        for needle in ("cublaslt-tensorwide", "measured", "95 %", "driver 580.82", "±"):
            self.assertIn(needle, text)
        shown = self.run_command("deepgemm-db", "show", SHAPE, "--format", "csv").stdout
        rows = list(csv.DictReader(io.StringIO(shown)))
        self.assertTrue(all(int(row["samples"]) > 0 for row in rows))
        self.assertEqual({row["device_uuid"] for row in rows}, {"GPU-scripted"})

    def test_output_to_a_full_device_is_an_error(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            result = subprocess.run(self.command("deepgemm-tune-scripted", SHAPE, *FEW),
                                    stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
                                    env=self.environment, check=False)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn("stdout", result.stderr)
        self.assertEqual(len(json.loads(self.run_command(
            "deepgemm-db", "list", "--format", "json").stdout)["winners"]), 1)


if __name__ == "__main__":
    unittest.main()

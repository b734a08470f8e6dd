"""A budget is obeyed within two seconds, and what it leaves behind is an answer that says what it is."""

import os
import signal
import time
import unittest

from cli import FEW, CliTest
from worker_test import children_of

SHAPE = "64x2112x7168"
TUNE = "deepgemm-tune-scripted"
SLOW_ROUNDS = {"SCRIPTED_SLEEP_MS_ROUND": "60"}


class Budget(CliTest):
    def fastest_config(self):
        """Of the candidates, by the model, in the space of FEW; as SCRIPTED_SLOW names it."""
        report = self.json_of(self.run_command(TUNE, SHAPE, *FEW, "--format", "json",
                                               "--db", self.folder / "other.db"))
        candidates = [trial for trial in report["shapes"][0]["trials"]
                      if trial["contender"] == "candidate"]
        config = min(candidates, key=lambda trial: trial["predicted_us"])["config"]
        return ",".join(f"{name}={value}" for name, value in config.items())

    def test_an_unconfirmed_time_of_an_interrupted_call_does_not_win(self):
        fast = {"SCRIPTED_SLOW": f"{self.fastest_config()}=0.02"}
        process = self.start(TUNE, SHAPE, *FEW, env={**fast, "SCRIPTED_SIGINT_ROUND": "28"})
        self.assert_interrupted(process)
        stored = self.run_command("deepgemm-db", "show", SHAPE, "--format", "json")
        self.assertLess(min(row["trial"]["measurement"]["median_us"]
                            for row in self.json_of(stored)["trials"]
                            if row["trial"]["measurement"]), 1, "it is stored")
        hurried = self.run_command(TUNE, SHAPE, *FEW, "--budget", "0.4", "--format", "json",
                                   env={**fast, **SLOW_ROUNDS, "SCRIPTED_SLEEP_MS_BUILD": "500"})
        winner = self.json_of(hurried)["shapes"][0]["winner"]
        self.assertEqual(winner["config"], winner["default_config"])
        later = self.run_command(TUNE, SHAPE, *FEW, "--format", "json", env=fast)
        self.assertLess(self.json_of(later)["shapes"][0]["winner"]["share_of_roofline"], 1)

    def test_a_final_that_is_cut_short_is_run_again(self):
        cut = self.assert_ok(self.run_command(TUNE, SHAPE, *FEW, "--budget", "2.2",
                                              env=SLOW_ROUNDS))
        self.assertIn("the budget cut its final short", cut.stdout)
        again = self.json_of(self.run_command(TUNE, SHAPE, *FEW, "--format", "json"))
        shape = again["shapes"][0]
        self.assertEqual(shape["status"], "tuned")
        self.assertGreaterEqual(shape["winner"]["samples"], 20)
        self.assertNotIn("cut", shape["winner"]["reason"])
        self.assertIn("othing to do", self.assert_ok(self.run_command(TUNE, SHAPE, *FEW)).stderr)

    def assert_in_time(self, started, budget, said=""):
        self.assertLess(time.monotonic() - started, budget + 2, said)

    def stop_worker(self, process):
        workers = children_of(process.pid)
        self.assertEqual(len(workers), 1)
        os.kill(workers[0], signal.SIGSTOP)
        self.addCleanup(self.kill, workers[0])

    @staticmethod
    def kill(process):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def test_a_worker_that_does_not_start_does_not_outlast_it(self):
        started = time.monotonic()
        process = self.start(TUNE, SHAPE, *FEW, "--budget", "2")
        while not children_of(process.pid):
            time.sleep(0.005)
        self.stop_worker(process)
        stdout, stderr = process.communicate(timeout=60)
        self.assert_in_time(started, 2, stderr)
        self.assertIn("The budget ran out before the first shape", stderr, stdout)
        self.assertEqual(process.returncode, 1)

    def test_a_first_answer_that_takes_too_long_is_none(self):
        started = time.monotonic()
        result = self.run_command(TUNE, SHAPE, *FEW, "--budget", "2",
                                  env={"SCRIPTED_SLEEP_MS_BUILD": "20000"})
        self.assert_in_time(started, 2, result.stderr)
        self.assertEqual(result.returncode, 1)
        self.assertIn("The budget ran out before the first shape", result.stderr)
        # A stored winner is one.
        self.assert_ok(self.run_command(TUNE, SHAPE, *FEW))
        started = time.monotonic()
        self.assert_ok(self.run_command(TUNE, SHAPE, *FEW, "--force", "--budget", "1",
                                        env={"SCRIPTED_SLEEP_MS_BUILD": "20000"}))
        self.assert_in_time(started, 1)

    def test_a_probe_that_hangs_does_not_outlast_it(self):
        shapes = "64,128x2112x7168"
        self.assert_ok(self.run_command(TUNE, shapes, *FEW))
        started = time.monotonic()
        result = self.assert_ok(self.run_command(
            TUNE, shapes, *FEW, "--probe", "--budget", "1.5",
            env={"SCRIPTED_FAULT": "hang@round:block_m"}))
        self.assert_in_time(started, 1.5, result.stderr)
        self.assertIn("before all winners were probed", result.stderr)

    def test_a_second_check_that_hangs_does_not_outlast_it(self):
        fast = {"SCRIPTED_SLOW": f"{self.fastest_config()}=0.3"}
        started = time.monotonic()
        process = self.start(TUNE, SHAPE, *FEW, "--budget", "3",
                             env={**fast, "SCRIPTED_SLEEP_MS_VERIFY": "100"})
        self.wait_for_line(process.stderr, "is checked again")
        self.stop_worker(process)
        stderr = process.communicate(timeout=60)[1]
        self.assert_in_time(started, 3, stderr)
        self.assertEqual(process.returncode, 0, stderr)
        winner = self.json_of(self.run_command("deepgemm-db", "list", "--format", "json"))
        winner = winner["winners"][0]["winner"]
        self.assertEqual(winner["config"], winner["default_config"])
        self.assertIn("budget", winner["reason"])

    def test_a_stored_winner_that_it_leaves_no_time_to_compare_stands_and_is_called_that(self):
        self.assert_ok(self.run_command(TUNE, SHAPE, *FEW))
        for call in ([*FEW, "--force"], [*FEW[2:], "--effort", "default"]):
            with self.subTest(call):
                result = self.run_command(TUNE, SHAPE, *call, "--budget", "0.001", "--format",
                                          "json")
                self.assertEqual(self.json_of(result)["shapes"][0]["status"], "stands")
                self.assertIn("The budget left no time to compare the stored winner of 1 shape "
                              "with anything: it stands", result.stderr)

    def test_stored_trials_answer_where_there_is_no_time_at_all(self):
        process = self.start(TUNE, SHAPE, *FEW, env={"SCRIPTED_SIGINT_ROUND": "28"})
        self.assert_interrupted(process)
        result = self.run_command(TUNE, SHAPE, *FEW, "--budget", "0.001", "--format", "json",
                                  env={"SCRIPTED_COUNTS": "1"})
        shape = self.json_of(result)["shapes"][0]
        self.assertEqual(shape["status"], "tuned")
        self.assertTrue(shape["winner"]["measured"])
        self.assertNotIn("scripted worker", result.stderr)

    def test_the_smallest_budget_of_all_has_a_first_answer(self):
        started = time.monotonic()
        result = self.assert_ok(self.run_command(TUNE, SHAPE, "72x2112x7168", *FEW,
                                                 "--budget", "0.001"))
        self.assert_in_time(started, 0)
        self.assertIn("The budget ran out before 1 shape", result.stderr)


if __name__ == "__main__":
    unittest.main()

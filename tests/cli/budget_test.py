"""A budget is obeyed within two seconds, and what it leaves behind is an answer that says what it is."""

import unittest

from cli import FEW, CliTest

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
        # From that round on, which is one of the final's.
        self.run_in_time(2, TUNE, SHAPE, *FEW, said="the budget cut its final short",
                         env={"SCRIPTED_SLEEP_MS_ROUND": "1000", "SCRIPTED_SLEEP_FROM": "42"})
        again = self.json_of(self.run_command(TUNE, SHAPE, *FEW, "--format", "json"))
        shape = again["shapes"][0]
        self.assertEqual(shape["status"], "tuned")
        self.assertGreaterEqual(shape["winner"]["samples"], 20)
        self.assertNotIn("cut", shape["winner"]["reason"])
        self.assertIn("othing to do", self.assert_ok(self.run_command(TUNE, SHAPE, *FEW)).stderr)

    def test_a_worker_that_does_not_start_does_not_outlast_it(self):
        self.run_in_time(2, TUNE, SHAPE, *FEW, env=self.hold("start"), code=1,
                         said="The budget ran out before the first shape")

    def test_a_first_answer_that_takes_too_long_is_none(self):
        slow = {"SCRIPTED_SLEEP_MS_BUILD": "60000"}
        self.run_in_time(2, TUNE, SHAPE, *FEW, env=slow, code=1,
                         said="The budget ran out before the first shape")
        # A stored winner is one.
        self.assert_ok(self.run_command(TUNE, SHAPE, *FEW))
        self.run_in_time(1, TUNE, SHAPE, *FEW, "--force", env=slow)

    def test_a_probe_that_hangs_does_not_outlast_it(self):
        shapes = "64,128x2112x7168"
        self.assert_ok(self.run_command(TUNE, shapes, *FEW))
        self.run_in_time(1.5, TUNE, shapes, *FEW, "--probe",
                         env={"SCRIPTED_FAULT": "hang@round:block_m"},
                         said="before all winners were probed")

    def test_a_kernel_that_hangs_is_told_however_small_it_is(self):
        """Else it would be the first of the next call, too, and of all that follow."""
        self.fastest_config()  # all are compiled
        result = self.run_in_time(1, TUNE, SHAPE, *FEW, "--format", "json", said='"hung"',
                                  env={"SCRIPTED_FAULT": "hang@verify:block_n=96"})
        self.assertIn("when the budget ended", result.stdout)
        self.assertTrue(self.json_of(result)["shapes"][0]["winner"]["measured"])

    def test_so_is_one_that_hangs_only_in_a_round(self):
        self.fastest_config()  # all are compiled
        result = self.run_in_time(2, TUNE, SHAPE, *FEW, "--format", "json", said='"hung"',
                                  env={"SCRIPTED_FAULT": "hang@round:block_n=96"})
        self.assertTrue(self.json_of(result)["shapes"][0]["winner"]["measured"])

    def test_a_driver_that_does_not_open_does_not_outlast_it(self):
        said = "The budget ran out while the GPU's driver was opening"
        slow = {"SCRIPTED_SLEEP_MS_OPEN": "60000"}
        self.run_in_time(1, TUNE, SHAPE, *FEW, env=slow, code=1, said=said)
        # Several GPUs are asked one after the other.
        self.run_in_time(1, TUNE, SHAPE, *FEW, "--gpu", "all", code=1, said=said,
                         env={**slow, "SCRIPTED_GPUS": "2", "SCRIPTED_SLEEP_FROM": "3"})

    def test_a_second_check_that_hangs_does_not_outlast_it(self):
        """On a worker that is stopped, so that no kernel is to blame. With 3 s for a check there would
        be time for one on another worker."""
        self.run_in_time(1.2, TUNE, SHAPE, *FEW, said="is checked again",
                         env={"SCRIPTED_SLOW": f"{self.fastest_config()}=0.3",
                              "SCRIPTED_FAULT": "stop@again:block_m"})
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
        self.run_in_time(0.001, TUNE, SHAPE, "72x2112x7168", *FEW,
                         said="The budget ran out before 1 shape")


if __name__ == "__main__":
    unittest.main()

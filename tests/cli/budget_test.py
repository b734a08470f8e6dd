"""A budget is obeyed within two seconds, and what it leaves behind is an answer that says what it is."""

import re
import time
import unittest

from cli import FEW, CliTest

SHAPE = "64x2112x7168"
TUNE = "deepgemm-tune-scripted"
SLOW_ROUNDS = {"SCRIPTED_SLEEP_MS_ROUND": "60"}


class Budget(CliTest):
    def winner(self):
        report = self.json_of(self.run_command("deepgemm-db", "show", SHAPE, "--format", "json"))
        return report["winners"][-1]["winner"] if "winners" in report else report["winner"]

    def fastest_config(self):
        """By the model, in the space of FEW; as SCRIPTED_SLOW names it."""
        report = self.json_of(self.run_command(TUNE, SHAPE, *FEW, "--format", "json",
                                               "--db", self.folder / "other.db"))
        config = report["shapes"][0]["winner"]["config"]
        return " ".join(f"{name}={value}" for name, value in config.items())

    def test_an_unconfirmed_time_of_an_interrupted_call_does_not_win(self):
        fast = {"SCRIPTED_SLOW": f"{self.fastest_config()}=0.02"}
        process = self.start(TUNE, SHAPE, *FEW, env={**fast, "SCRIPTED_SIGINT_ROUND": "28"})
        self.assert_interrupted(process)
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


if __name__ == "__main__":
    unittest.main()

"""deepgemm-db diff --measure: winners of two databases in the same rounds."""

import unittest

from cli import ENVIRONMENT, FEW
from databases import SHAPES, Databases


class Rematch(Databases):
    def setUp(self):
        super().setUp()
        self.other = self.folder / "other.db"

    def config_of(self, m):
        shown = self.json_of(self.run_db("explain", f"{m}x2112x7168", "--format", "json"))
        config = shown["explanations"][0]["row"]["winner"]["config"]
        return ",".join(f"{name}={value}" for name, value in config.items())

    def tune_other(self, *shapes, **env):
        self.assert_ok(self.run_command("deepgemm-tune-scripted", *(shapes or SHAPES), *FEW,
                                        "--db", self.other, env=env))

    def race(self, *arguments, **env):
        return self.run_db("diff", self.db, self.other, "--measure", *arguments, env=env)

    def test_equal_choices_race_against_themselves(self):
        self.tune_other()
        result = self.assert_ok(self.race())
        self.assertIn("3 shapes: 3 chose the same config in both; 60 rounds", result.stdout)
        self.assertIn("one config against itself: geometric mean +0.00 %", result.stdout)
        report = self.json_of(self.race("--format", "json"))
        self.assertEqual([race["same_config"] for race in report["races"]], [True] * 3)
        self.assertIsNone(report["new_over_old_differing"])
        for race in report["races"]:
            self.assertEqual(len(race["old"]["measurement"]["samples_us"]), 60)
            self.assertEqual(len(race["new"]["measurement"]["samples_us"]), 60)

    def test_another_choice_costs_what_its_kernel_takes(self):
        best = self.config_of(64)
        self.tune_other(SCRIPTED_SLOW=f"{best}=3")  # so that another wins there
        report = self.json_of(self.race("--format", "json"))
        other = [race for race in report["races"] if not race["same_config"]]
        self.assertIn(64, [race["shape"]["m"] for race in other])
        race = next(race for race in other if race["shape"]["m"] == 64)
        ratio = race["new"]["measurement"]["median_us"] / race["old"]["measurement"]["median_us"]
        self.assertAlmostEqual(race["new"]["over_old"], ratio, 3)
        self.assertNotEqual(race["new"]["kernel_key"], race["old"]["kernel_key"])
        self.assertEqual(report["new_over_old_differing"]["rows"], len(other))
        self.assertEqual(report["same_config_twice"]["rows"] + len(other), 3)
        self.assertEqual(report["default_over_old"]["rows"], 3)

    def test_wrong_kernels_do_not_race(self):
        self.tune_other()
        result = self.race(SCRIPTED_WRONG="1")
        self.assertEqual(result.returncode, 1)
        self.assertIn("the old winner: ", result.stdout)
        self.assertIn("3 shapes did not race.", result.stderr)

    def test_without_a_common_shape_it_says_so(self):
        self.tune_other("32x576x7168")
        result = self.race()
        self.assertEqual(result.returncode, 1)
        self.assertIn("No shape has a row of h100-sxm5 in both databases.", result.stderr)

    def test_without_a_gpu_it_says_so(self):
        self.tune_other()
        result = self.race(SCRIPTED_NO_GPU="1")
        self.assertEqual(result.returncode, ENVIRONMENT)
        self.assertIn("next: Run it on the machine that will serve", result.stderr)


if __name__ == "__main__":
    unittest.main()

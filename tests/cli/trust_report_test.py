"""What scripts/gpu-trust says of reports that all hold, and of such that do not."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class TrustReport(unittest.TestCase):
    SHAPES = [{"op": "dense", "groups": 1, "m": m, "n": 2112, "k": 7168} for m in (1, 64)]

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for name in ("first", "second", "warm", "quick", "rerun", "exhaustive",
                     "masked-exhaustive", "contiguous-exhaustive"):
            self.write(name, {"seconds": 1, "shapes": [
                {"shape": shape, "budget_ran_out": False, "winner": None}
                for shape in self.shapes_of(name)]})
        (self.folder / "rerun.wall").write_text("1.25\n")
        for run in (1, 2, 3):
            self.write_tune(f"isolated-{run}", 1000 * run, 1e-3)
            self.write_tune(f"together-{run}", 2000 * run, 1e-3)
        for kind in ("", "masked-", "contiguous-"):
            for effort in ("default", "quick"):
                self.write(f"{kind}regret-{effort}", self.races(kind))
        self.write("agreement", {**self.races(""), "same_config_twice":
                                 {"largest": 1.001, "smallest": 0.999}})

    def shapes_of(self, name):
        for kind in ("masked", "contiguous"):
            if name.startswith(kind):
                return [{**self.SHAPES[0], "op": f"grouped-{kind}", "groups": 32}]
        return self.SHAPES

    def races(self, kind, over_old=1.0):
        return {"races": [{"shape": shape, "same_config": True, "new": {"over_old": over_old},
                           "default": {"over_old": 1.1}} for shape in self.shapes_of(kind)]}

    def write_tune(self, name, samples, seconds_a_sample):
        """Of a tune that starts in half a second and takes one a shape beside its samples."""
        shapes = [{"shape": shape, "seconds": 1 + each * seconds_a_sample,
                   "trials": [{"measurement": {"samples": each}}, {"measurement": None}]}
                  for shape, each in zip(self.SHAPES, (samples, samples + 100))]
        self.write(name, {"seconds": 0.5 + sum(shape["seconds"] for shape in shapes),
                          "shapes": shapes})

    def write(self, name, report):
        (self.folder / f"{name}.json").write_text(json.dumps(report))

    def read(self, name):
        return json.loads((self.folder / f"{name}.json").read_text())

    def report(self, code):
        result = subprocess.run([sys.executable, ROOT / "scripts/trust_report.py", self.folder],
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout

    def test_all_holds(self):
        said = self.report(0)
        self.assertIn("all of it holds", said)
        self.assertRegex(said, r"quick over exhaustive, geometric mean of 4 shapes +0\.00 %")

    def test_a_worker_process_is_judged_by_equal_work(self):
        said = self.report(0)
        self.assertRegex(said, r"process over without, for equal work +1\.00 x +\(at most 1\.15\)")
        # 19.8 s over 31.8 s, which took twice as many samples.
        self.assertRegex(said, r"the same as timed, .* +0\.62 x\n")
        for run in (1, 2, 3):
            self.write_tune(f"isolated-{run}", 1000 * run, 1.3e-3)
        self.assertRegex(self.report(1), r"over without, for equal work +1\.2\d x .*DOES NOT HOLD")

    def test_a_rerun_is_timed_by_the_clock_on_the_wall(self):
        self.assertRegex(self.report(0), r"nothing to do +1\.25 s")
        (self.folder / "rerun.wall").write_text("2.1\n")  # its own report says one second
        self.assertRegex(self.report(1), r"nothing to do +2\.10 s .*DOES NOT HOLD")

    def test_searches_that_a_budget_ended_are_counted_and_named(self):
        self.assertRegex(self.report(0), r"searches that their budget ended +0\.00 of 4\n")
        report = self.read("exhaustive")
        report["shapes"][0].update(budget_ran_out=True, winner={"trials": 70},
                                   plan={"ranked": 300})
        self.write("exhaustive", report)
        report = self.read("masked-exhaustive")
        report["shapes"][0].update(budget_ran_out=True)  # before it had any winner
        self.write("masked-exhaustive", report)
        said = self.report(0)
        self.assertRegex(said, r"searches that their budget ended +2\.00 of 4\n")
        self.assertIn("\n    1x2112x7168: 70 of 300 candidates tried\n", said)
        self.assertIn("\n    masked 32x 1x2112x7168: 0 candidates tried\n", said)

    def test_two_tunes_need_not_agree_on_one_config(self):
        report = self.read("agreement")
        report["same_config_twice"] = None
        for race in report["races"]:
            race["same_config"] = False
        self.write("agreement", report)
        said = self.report(1)
        self.assertIn("no shape has the same one in both", said)
        self.assertRegex(said, r"different configs +100\.00 % .*DOES NOT HOLD")

    def test_shapes_that_did_not_race_are_named(self):
        report = self.read("regret-quick")
        report["races"][1]["new"]["over_old"] = None
        self.write("regret-quick", report)
        self.write("masked-regret-default", {"races": []})
        said = self.report(1)
        self.assertIn("2 of it do not hold", said)
        self.assertIn("\n    64x2112x7168\n", said)
        self.assertIn("\n    masked 32x 1x2112x7168\n", said)

    def test_regret_is_judged_over_all_kinds(self):
        self.write("masked-regret-default", self.races("masked-", 1.2))
        self.assertRegex(self.report(1), r"default over exhaustive, worst +20\.00 % .*DOES NOT HOLD")


if __name__ == "__main__":
    unittest.main()

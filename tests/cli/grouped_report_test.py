"""What scripts/gpu-grouped says of measurements, on those of a GPU that follows a script."""

import copy
import json
import subprocess
import sys
import unittest

from cli import SOURCE, CliTest

CASES = SOURCE / "tests" / "data" / "deepgemm_grouped.csv"
DRAWN = "op,groups,alignment,m,n,k\ngrouped-contiguous,16,16,512,7168,2048\n" \
        "grouped-masked,32,1,24,7168,2048\n"
GOOD = {"over_default": 1.01, "over_cublaslt_block": 1.4, "over_cublaslt_tensorwide": 1.1,
        "match": "exact"}


def is_case(line, op, groups, m):
    shape = line["shape"]
    return (shape["op"], shape["groups"], shape["m"]) == (f"grouped-{op}", groups, m)


class GroupedReport(CliTest):
    """Of good reports: everything at the limit, DeepGEMM at 0.8 of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bench = {}

    def setUp(self):
        super().setUp()
        (self.folder / "drawn.csv").write_text(DRAWN)
        if not self.bench:
            self.bench["exact"] = self.run_bench("--shapes", CASES)
            for skew in ("even", "half", "zipf"):
                self.bench[skew] = self.run_bench("--shapes", "drawn.csv", "--skew", skew)
        peers = ["# a comment", "op,groups,m,n,k,limit_us,deepgemm_us"]
        for line in self.bench["exact"]["shapes"]:
            shape, limit = line["shape"], line["limit_us"]
            peers.append(",".join(str(shape[field]) for field in ("op", "groups", "m", "n", "k"))
                         + f",{limit},{limit / 0.8}")
        (self.folder / "cases.csv").write_text("\n".join(peers) + "\n")
        for skew in ("even", "half", "zipf"):
            self.write(f"{skew}.json", skew)

    def run_bench(self, *arguments):
        self.assert_ok(self.run_command("deepgemm-bench-scripted", *arguments, "--rounds", "3",
                                        "--quiet", "--output", "measured.json"))
        report = json.loads((self.folder / "measured.json").read_text())
        for line in report["shapes"]:
            line.update(GOOD, time_us=line["limit_us"])
        return report

    def write(self, name, of="exact", op="", groups=0, m=0, n=None, **changes):
        """The good report, but for changes of the cases of these groups (of this n, if given)."""
        report = copy.deepcopy(self.bench[of])
        for line in report["shapes"]:
            if is_case(line, op, groups, m) and n in (None, line["shape"]["n"]):
                share = changes.get("share")
                line.update({key: value for key, value in changes.items() if key != "share"})
                if share:
                    line["time_us"] = line["limit_us"] / share
        (self.folder / name).write_text(json.dumps(report))
        return name

    def report(self, *runs):
        return subprocess.run([sys.executable, SOURCE / "scripts/grouped_report.py", "cases.csv",
                               *runs, "--even", "even.json", "--half", "half.json", "--zipf",
                               "zipf.json"],
                              cwd=self.folder, capture_output=True, text=True, check=False)

    def test_says_that_all_holds(self):
        result = self.assert_ok(self.report(self.write("run.json")))
        self.assertIn("all of it holds", result.stdout)
        self.assertRegex(result.stdout, r"masked 32x20, 6x20, 32x64 .* 1\.000 .* 0\.800 .* 12 shapes")
        self.assertRegex(result.stdout, r"all +.* 48 shapes")

    def test_every_class_has_its_own_bound(self):
        for op, groups, m, bound in (
                ("contiguous", 4, 8192, 0.88), ("contiguous", 8, 4096, 0.88),
                ("contiguous", 16, 512, 0.74), ("contiguous", 32, 256, 0.74),
                ("masked", 1, 1229, 0.77), ("masked", 2, 614, 0.77), ("masked", 4, 307, 0.77),
                ("masked", 6, 1229, 0.85), ("masked", 32, 230, 0.85), ("masked", 32, 24, 0.91),
                ("masked", 6, 24, 0.91), ("masked", 32, 77, 0.91)):
            with self.subTest(op=op, groups=groups, m=m):
                of_class = 3 if (op, bound) in (("masked", 0.77), ("masked", 0.91)) else 2
                # So much that the mean of the class lies just below or just above its bound.
                for factor, holds in ((0.99, False), (1.01, True)):
                    share = (bound * factor) ** of_class
                    run = self.write("run.json", op=op, groups=groups, m=m, share=share)
                    said = self.report(run).stdout
                    found = [line for line in said.splitlines()
                             if line.startswith("share of the limit, ") and "DOES NOT" in line]
                    self.assertEqual(len(found), 0 if holds else 1, found)
                    name = f"\n    {op} {groups}x {m}x4096x7168: {share:.3f}\n"
                    self.assertEqual(said.count(name), 0 if holds else 1, said)

    def test_one_slow_run_of_three_is_no_finding_but_two_are(self):
        slow = self.write("slow.json", op="masked", groups=6, m=24, n=7168, share=0.775)
        good = self.write("good.json")
        self.assert_ok(self.report(good, slow, good))
        self.assert_broken(self.report(slow, good, slow), 1, "masked 6x 24x7168x2048: 0.969")
        near = self.write("near.json", op="masked", groups=6, m=24, n=7168, share=0.777)
        self.assert_ok(self.report(near))

    def test_a_smaller_limit_of_the_other_machine_counts(self):
        run = self.write("run.json", op="masked", groups=1, m=1229, limit_us=1e9)
        self.assertRegex(self.assert_ok(self.report(run)).stdout,
                         r"masked 1x 1229x4096x7168 .* 1\.000 ")
        run = self.write("run.json", op="masked", groups=1, m=1229, limit_us=1e-9)
        self.assert_broken(self.report(run), 2)

    def test_a_skewed_draw_more_than_a_tenth_behind_the_even_one_is_named(self):
        run = self.write("run.json")
        self.write("zipf.json", "zipf", op="masked", groups=32, m=24, share=0.899)
        self.assert_broken(self.report(run), 1, "skewed draw 'zipf'",
                           "masked 32x 24x7168x2048: 0.899")
        self.write("zipf.json", "zipf", op="masked", groups=32, m=24, share=0.901)
        self.assert_ok(self.report(run))

    def test_what_failed_or_is_missing_is_named(self):
        run = self.write("run.json", op="masked", groups=6, m=24, n=7168, time_us=None,
                         status="candidate is wrong")
        self.assert_broken(self.report(run), 1, "candidate is wrong",
                           "cases without a verified result", "\n    masked 6x 24x7168x2048\n")
        lines = json.loads((self.folder / run).read_text())
        lines["shapes"] = [line for line in lines["shapes"]
                           if not is_case(line, "contiguous", 16, 512)]
        (self.folder / run).write_text(json.dumps(lines))
        self.write("half.json", "half", op="masked", groups=32, m=24, time_us=None, status="hung")
        self.assert_broken(self.report(run), 2, "\n    contiguous 16x 512x7168x2048\n",
                           "draws 'half' without a verified result")

    def test_what_was_not_tuned_is_named(self):
        run = self.write("run.json", op="masked", groups=2, m=614, n=6144, match="bucket")
        self.assert_broken(self.report(run), 1, "exact m was not tuned",
                           "\n    masked 2x 614x6144x7168\n")


if __name__ == "__main__":
    unittest.main()

"""What scripts/gpu-dense says of measurements, on those of a GPU that follows a script."""

import copy
import json
import subprocess
import sys
import unittest

from cli import SOURCE, CliTest

SHAPES = ("1,64,512,4096x2112x7168",)
# Figures within all bounds, at the limit.
GOOD = {"over_default": 1.01, "over_cublaslt_block": 1.4, "over_cublaslt_tensorwide": 1.1}


class DenseReport(CliTest):
    def setUp(self):
        super().setUp()
        self.assert_ok(self.run_command("deepgemm-bench-scripted", *SHAPES, "--quiet", "--output",
                                        "measured.json"))
        self.measured = json.loads((self.folder / "measured.json").read_text())
        self.assertEqual(len(self.measured["shapes"]), 4)
        peers = ["# a comment", "op,m,n,k,limit_us,deepgemm_us,cublaslt_block_us,"
                                "cublaslt_tensorwide_us"]
        for line in self.measured["shapes"]:
            line.update(GOOD, time_us=line["limit_us"])
            self.set_errors(line["entries"], 1.6e-3)
            shape, limit = line["shape"], line["limit_us"]
            # DeepGEMM at 0.8 of the limit, 1.05x the library.
            peers.append(f"dense,{shape['m']},{shape['n']},{shape['k']},{limit},{limit / 0.8},,"
                         f"{limit / 0.8 * 1.05}")
        (self.folder / "peers.csv").write_text("\n".join(peers) + "\n")
        self.write("others.json")

    @staticmethod
    def set_errors(entries, ours):
        for entry in entries:
            if entry["contender"] == "candidate":
                entry["verification"].update(reference="cublaslt-block", relative_error_f64=ours,
                                             reference_error_f64=1.6e-3)

    def write(self, name, m=None, **changes):
        """The good report, but for changes of the shape with this m."""
        report = copy.deepcopy(self.measured)
        for line in report["shapes"]:
            if line["shape"]["m"] == m:
                line.update(changes)
        (self.folder / name).write_text(json.dumps(report))
        return name

    def report(self, *runs):
        return subprocess.run([sys.executable, SOURCE / "scripts/dense_report.py", "peers.csv",
                               *runs, "--others", "others.json"],
                              cwd=self.folder, capture_output=True, text=True, check=False)

    def test_says_that_all_holds(self):
        result = self.assert_ok(self.report(self.write("run.json")))
        self.assertIn("all of it holds", result.stdout)
        self.assertRegex(result.stdout, r"m = 64, 128 .* 1\.000 .* 0\.800 .* 1 shapes")

    def test_one_slow_run_of_three_is_no_finding_but_two_are(self):
        slow = self.write("slow.json", 512, over_cublaslt_block=0.9)
        good = self.write("good.json")
        self.assert_ok(self.report(good, slow, good))
        self.assert_broken(self.report(slow, good, slow), 2, "512x2112x7168: 0.900",
                           "x cuBLASLt block-scaled, m >= 64")

    def test_holds_each_class_against_its_own_bound(self):
        last = self.measured["shapes"][3]
        run = self.write("run.json", 4096, time_us=last["limit_us"] / 0.86)
        self.assert_broken(self.report(run), 1, "share of the limit, m = 4096")

    def test_a_smaller_limit_of_the_other_machine_counts(self):
        line = self.measured["shapes"][0]
        run = self.write("run.json", 1, limit_us=2 * line["limit_us"])
        self.assertRegex(self.assert_ok(self.report(run)).stdout, r"1x2112x7168 .* 1\.000 ")

    def test_a_row_behind_deepgemm_is_named(self):
        run = self.write("run.json", 64, over_cublaslt_tensorwide=1.0)
        self.assert_broken(self.report(run), 1, "64x2112x7168: 0.952")

    def test_a_kernel_that_failed_is_counted(self):
        run = self.write("run.json", 1, status="candidate is wrong", time_us=None,
                         over_default=None, over_cublaslt_block=None,
                         over_cublaslt_tensorwide=None)
        self.assert_broken(self.report(run), 2, "candidate is wrong",
                           "shapes without a verified result")

    def test_errors_above_the_librarys_are_found(self):
        entries = copy.deepcopy(self.measured["shapes"][1]["entries"])
        self.set_errors(entries, 1.8e-3)
        run = self.write("run.json", 64, entries=entries)
        self.assert_broken(self.report(run), 1, "RMS error against float64")


if __name__ == "__main__":
    unittest.main()

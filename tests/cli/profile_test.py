"""Tuning for a device profile, with the real compiler where there is one."""

import csv
import io
import re
import unittest

from cli import FEW, CliTest, needs_nvrtc

PROFILE = ["--device", "h100-sxm5"]
SHAPE = "64x2112x7168"


class DryRun(CliTest):
    def test_counts_rules_and_ranking(self):
        result = self.assert_ok(self.run_command("deepgemm-tune", SHAPE, "--dry-run", *PROFILE))
        head = re.match(r"64x2112x7168 on h100-sxm5 \(profile\): (\d+) configs, (\d+) removed, "
                        r"(\d+) ranked\n", result.stdout)
        self.assertTrue(head, result.stdout)
        configs, removed, ranked = map(int, head.groups())
        self.assertEqual(configs, removed + ranked)
        self.assertGreater(ranked, 0)
        self.assertIn("shared memory", result.stdout)
        self.assertIn("predicted", result.stdout)
        self.assertEqual(result.stderr, "")
        self.assertEqual(list(self.folder.iterdir()), [], "a dry run writes nothing")

    def test_json_adds_up(self):
        report = self.json_of(self.run_command("deepgemm-tune", "1,64x2112x7168", "--dry-run",
                                               "--format", "json", *PROFILE))
        self.assertEqual(report["schema"], "deepgemm-tune-plan/1")
        self.assertEqual([entry["shape"]["m"] for entry in report["shapes"]], [1, 64])
        for entry in report["shapes"]:
            plan = entry["plan"]
            self.assertEqual(plan["enumerated"], sum(plan["rejected"].values()) + plan["ranked"])
            times = [row["prediction"]["total_us"] for row in entry["ranking"]]
            self.assertEqual(times, sorted(times))
            self.assertLessEqual(len(times), 10)

    def test_csv_and_fix(self):
        result = self.assert_ok(self.run_command("deepgemm-tune", SHAPE, "--dry-run", "--format",
                                                 "csv", "--fix", "block_m=64", *PROFILE))
        rows = list(csv.DictReader(io.StringIO(result.stdout)))
        self.assertTrue(rows)
        for row in rows:
            self.assertIn("block_m=64,", row["config"])
            self.assertGreater(float(row["predicted_us"]), 0)


class ProfileTuning(CliTest):
    @needs_nvrtc
    def test_ranks_compiles_stores_and_resumes(self):
        report = self.json_of(self.run_command("deepgemm-tune", SHAPE, *PROFILE, *FEW, "--format",
                                               "json", "--output", "report.csv", "--output",
                                               "report.txt"))
        shape = report["shapes"][0]
        self.assertEqual(shape["status"], "tuned")
        self.assertFalse(shape["winner"]["measured"])
        self.assertTrue(report["device"]["profile"])
        self.assertTrue(report["environment"]["nvrtc"])
        self.assertTrue(all(trial["outcome"] in ("predicted", "compile-failed")
                            for trial in shape["trials"]))
        self.assertGreater(max(trial["registers"] for trial in shape["trials"]), 0)
        rows = list(csv.DictReader(io.StringIO((self.folder / "report.csv").read_text())))
        self.assertEqual(rows[0]["measured"], "no")
        self.assertIn("not measured", (self.folder / "report.txt").read_text())
        self.assertEqual([path for path in self.folder.iterdir() if ".tmp" in path.name], [])

        again = self.run_command("deepgemm-tune", SHAPE, *PROFILE, *FEW)
        self.assert_ok(again)
        self.assertIn("othing to do", again.stderr)
        self.assertIn("~", again.stdout)

        listed = self.json_of(self.run_command("deepgemm-db", "list", "--format", "json"))
        self.assertEqual(listed["winners"][0]["winner"], {
            key: value for key, value in shape["winner"].items()
            if key not in ("tflops", "gbps", "share_of_roofline")})

    @needs_nvrtc
    def test_shapes_from_a_file(self):
        (self.folder / "shapes.csv").write_text("k,n,m\n128,64,8\n128,64,16\n")
        report = self.json_of(self.run_command("deepgemm-tune", "--shapes", "shapes.csv", *PROFILE,
                                               *FEW, "--format", "json"))
        self.assertEqual([entry["shape"]["m"] for entry in report["shapes"]], [8, 16])


if __name__ == "__main__":
    unittest.main()

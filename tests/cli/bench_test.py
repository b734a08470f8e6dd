"""deepgemm-bench on a GPU that follows a script."""

import unittest

from cli import FEW, CliTest

SHAPE = "64x2112x7168"


class ScriptedBench(CliTest):
    def bench(self, *arguments, env=None):
        return self.run_command("deepgemm-bench-scripted", *arguments, env=env)

    def test_says_how_well_the_database_fits(self):
        self.assert_ok(self.run_command("deepgemm-tune-scripted", "64,128x2112x7168", *FEW))
        report = self.json_of(self.bench("64,100x2112x7168", "8x64x128", "--format", "json"))
        self.assertEqual([line["match"] for line in report["shapes"]], ["exact", "bucket", "none"])
        self.assertIn("untuned default", report["shapes"][2]["reason"])
        for line in report["shapes"]:
            self.assertEqual(line["status"], "ok")
            self.assertEqual([entry["contender"] for entry in line["entries"]],
                             ["candidate", "default", "cublaslt-block", "cublaslt-tensorwide",
                              "memory-floor"])
        means = {mean["min_m"]: mean for mean in report["geometric_means"]}
        self.assertEqual(means[1]["cublaslt_block_shapes"], 3)
        self.assertEqual(means[64]["cublaslt_block_shapes"], 2)

    def test_table_and_markdown(self):
        self.assert_ok(self.run_command("deepgemm-tune-scripted", SHAPE, *FEW))
        table = self.assert_ok(self.bench(SHAPE, "--output", "bench.md")).stdout
        for needle in ("× block", "geometric mean", "all m", "m 17 to 128"):
            self.assertIn(needle, table)
        self.assertIn("| ---: |", (self.folder / "bench.md").read_text())

    def test_needs_no_compiler_for_what_the_database_holds(self):
        self.assert_ok(self.run_command("deepgemm-tune-scripted", SHAPE, *FEW))
        no_compiler = {"SCRIPTED_NO_NVRTC": "1", "SCRIPTED_COUNTS": "1"}
        self.assertIn("builds=0", self.assert_ok(self.bench(SHAPE, env=no_compiler)).stderr)
        # m = 20 falls into the bucket of 64; its own default was never compiled.
        result = self.bench("20x2112x7168", "--format", "json", env=no_compiler)
        report = self.json_of(result)
        ours, default = report["shapes"][0]["entries"][:2]
        self.assertGreater(ours["measurement"]["median_us"], 0)
        self.assertIsNone(default["measurement"])
        self.assertIn("NVRTC", default["failure"])
        self.assertIn("left out", result.stderr)

    def test_without_database_or_compiler_nothing_can_run(self):
        result = self.bench(SHAPE, env={"SCRIPTED_NO_NVRTC": "1"})
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertIn("NVRTC", result.stderr)

    def test_an_exact_config(self):
        report = self.json_of(self.bench(SHAPE, "--config", "block_m=64,math_warpgroups=1",
                                         "--format", "json"))
        self.assertEqual(report["shapes"][0]["match"], "config")
        self.assertEqual(report["shapes"][0]["config"]["block_m"], 64)

    def test_warns_where_another_process_used_the_gpu(self):
        report = self.json_of(self.bench(SHAPE, "--format", "json", env={"SCRIPTED_PROCESSES": "2"}))
        self.assertEqual(report["shapes"][0]["gpu_processes"], 2)
        self.assertIn("other-process", report["shapes"][0]["warnings"])
        self.assertIn("3 other-process (1 row): another process",
                      self.bench(SHAPE, env={"SCRIPTED_PROCESSES": "2"}).stdout)
        report = self.json_of(self.bench(SHAPE, "--format", "json"))
        self.assertNotIn("other-process", report["shapes"][0]["warnings"])

    def test_several_forms_in_one_run(self):
        names = ["r.txt", "r.csv", "r.json", "r.md", "r.html"]
        outputs = [word for name in names for word in ("--output", name)]
        table = self.assert_ok(self.bench(SHAPE, *outputs)).stdout
        self.assertEqual((self.folder / "r.txt").read_text(), table)
        for name in names:
            self.assertIn("7168", (self.folder / name).read_text(), name)

    def test_a_wrong_kernel_is_a_failure(self):
        result = self.bench(SHAPE, env={"SCRIPTED_WRONG": "1"})
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("wrong: the script says so", result.stdout)


if __name__ == "__main__":
    unittest.main()

"""Grouped products through the commands: shapes, rows, reports, database, bundle."""

import csv
import io
import unittest

from cli import FEW, SOURCE, USAGE, CliTest, needs_nvrtc

MASKED = ["64x4096x7168", "--op", "grouped-masked", "--groups", "6"]
CONTIGUOUS = ["512x4096x7168", "--op", "grouped-contiguous", "--groups", "4", "--alignment", "16"]


class Grouped(CliTest):
    def tune(self, *arguments):
        return self.run_command("deepgemm-tune-scripted", *arguments, "--effort", "quick",
                                "--format", "json")

    def bench(self, *arguments):
        return self.run_command("deepgemm-bench-scripted", *arguments, "--format", "json")

    def test_tune_list_explain_and_bench_tell_the_same_shape(self):
        shape = self.json_of(self.tune(*MASKED))["shapes"][0]
        self.assertEqual(shape["shape"]["op"], "grouped-masked")
        self.assertEqual(shape["shape"]["groups"], 6)
        self.assertEqual(shape["winner"]["config"]["operation"], 3)
        self.assertEqual(shape["rows"]["draw"], "even")
        self.assertEqual(len(shape["rows"]["of_groups"]), 6)
        self.json_of(self.tune(*CONTIGUOUS))
        table = self.assert_ok(self.run_command("deepgemm-db", "list")).stdout
        self.assertIn("masked 6", table)
        self.assertIn("contiguous 4 / 16", table)
        rows = list(csv.DictReader(io.StringIO(self.assert_ok(
            self.run_command("deepgemm-db", "list", "--format", "csv")).stdout)))
        self.assertEqual([(row["op"], row["groups"], row["alignment"]) for row in rows],
                         [("grouped-contiguous", "4", "16"), ("grouped-masked", "6", "1")])
        explained = self.assert_ok(self.run_command("deepgemm-db", "explain", *MASKED)).stdout
        self.assertIn("6 groups of 64x4096x7168, masked on h100-sxm5", explained)
        self.assertIn("exact", explained)
        other = self.assert_ok(self.run_command("deepgemm-db", "explain", *MASKED[:-1], "7")).stdout
        self.assertIn("deepgemm-tune 64x4096x7168 --op grouped-masked --groups 7", other)
        self.assertIn("groups: asked 7, tuned 6", other)
        line = self.json_of(self.bench(*MASKED))["shapes"][0]
        self.assertEqual(line["match"], "exact")
        self.assertIn("masked 6", self.assert_ok(
            self.run_command("deepgemm-bench-scripted", *MASKED)).stdout)

    def test_a_dense_table_has_no_column_for_groups(self):
        self.json_of(self.tune("64x2112x7168"))
        self.assertNotIn("groups", self.assert_ok(self.run_command("deepgemm-db", "list")).stdout)

    def test_times_of_other_rows_are_kept_apart(self):
        first = self.json_of(self.tune(*MASKED))["shapes"][0]
        self.assertEqual(first["status"], "tuned")
        self.assertEqual(self.json_of(self.tune(*MASKED))["shapes"][0]["status"], "resumed")
        skewed = self.json_of(self.tune(*MASKED, "--skew", "zipf"))["shapes"][0]
        self.assertEqual(skewed["status"], "tuned")
        self.assertEqual({trial["policy"].split("; ")[1] for trial in skewed["trials"]},
                         {f"rows: zipf, max_m {skewed['rows']['max_m']}"})
        # Each has its winner; what is served is that of the usual rows.
        again = self.json_of(self.tune(*MASKED))["shapes"][0]
        self.assertEqual(again["status"], "resumed")
        self.assertEqual(again["winner"], first["winner"] | {
            field: again["winner"][field] for field in ("tflops", "gbps", "share_of_roofline")})
        listed = self.json_of(self.run_command("deepgemm-db", "list", "--format", "json"))
        self.assertEqual([row["rows"]["draw"] for row in listed["winners"]], ["even", "zipf"])
        self.assertIn("zipf, max_m", self.assert_ok(self.run_command("deepgemm-db", "list")).stdout)
        explained = self.json_of(self.run_command("deepgemm-db", "explain", *MASKED, "--format",
                                                  "json"))["explanations"][0]
        self.assertEqual(explained["row"]["rows"]["draw"], "even")
        same = self.assert_ok(self.run_command("deepgemm-db", "diff", self.db, self.db)).stdout
        self.assertIn("0 shapes changed, 1 unchanged", same)

    def test_a_row_is_verified_with_the_rows_it_was_tuned_with(self):
        self.json_of(self.tune(*MASKED, "--skew", "half"))
        report = self.json_of(self.run_command("deepgemm-db-scripted", "verify", "--format",
                                               "json"))
        self.assertEqual([row["rows"]["draw"] for row in report["rows"]], ["half"])
        self.assertEqual([row["verdict"] for row in report["rows"]], ["holds"])
        race = self.json_of(self.run_command("deepgemm-db-scripted", "diff", "--measure", self.db,
                                             self.db, "--format", "json"))["races"][0]
        self.assertEqual((race["rows"]["draw"], race["why"]), ("half", ""))

    def test_a_probe_takes_the_usual_rows_only(self):
        self.assert_fails(self.tune(*MASKED, "--skew", "zipf", "--probe"), USAGE,
                          "usual rows of groups")
        said = self.assert_ok(self.tune(*MASKED, "--probe")).stderr
        self.assertIn("6 groups of 4096x7168, masked: ", said)

    def test_a_table_says_in_short_which_rows_were_given(self):
        self.json_of(self.tune(*MASKED, "--group-sizes", "24,0,19,20,24,24", *FEW[2:]))
        listed = ["deepgemm-db-scripted", "list"]
        text = self.assert_ok(self.run_command(*listed)).stdout
        self.assertRegex(text, r"masked 6 +0 to 24, max_m \d+  ")
        row, = csv.DictReader(io.StringIO(
            self.assert_ok(self.run_command(*listed, "--format", "csv")).stdout))
        self.assertRegex(row["rows"], r"^24 0 19 20 24 24, max_m \d+$")
        self.assertIn("0 to 24", self.assert_ok(
            self.run_command("deepgemm-db-scripted", "verify")).stdout)

    def test_exact_rows_are_measured(self):
        sizes = ["--group-sizes", "24,0,19,20,24,24", "--max-m", "1024"]
        report = self.bench(*MASKED, *sizes, "--output", "report.json")
        rows = self.json_of(report)["shapes"][0]["rows"]
        self.assertEqual(rows, {"draw": "given", "of_groups": [24, 0, 19, 20, 24, 24],
                                "max_m": 1024})
        first = self.assert_ok(self.run_command("deepgemm-bench", "show", "report.json",
                                                "--format", "csv")).stdout
        self.assert_ok(self.bench(*MASKED, "--output", "even.json"))
        even = self.assert_ok(self.run_command("deepgemm-bench", "show", "even.json",
                                               "--format", "csv")).stdout
        self.assertNotEqual(first, even, "fewer rows are fewer flops")
        compared = self.run_command("deepgemm-bench", "compare", "report.json", "even.json")
        self.assertIn("measured with other rows", compared.stdout + compared.stderr)

    def test_the_cases_of_the_gpu_script_are_a_shapes_file(self):
        cases = SOURCE / "tests" / "data" / "deepgemm_grouped.csv"
        result = self.run_command("deepgemm-tune", "--shapes", cases, "--device", "h100-sxm5",
                                  "--dry-run", "--format", "json", "--fix", "block_n=128")
        shapes = self.json_of(result)["shapes"]
        self.assertEqual(len(shapes), 48)
        self.assertTrue(all(shape["ranking"] for shape in shapes))

    def test_bad_input_says_what_to_do(self):
        for arguments, needle in (
                (["64x4096x7168", "--op", "grouped-masked"], "--groups"),
                ([*MASKED, "--alignment", "16"], "--alignment is for --op grouped-contiguous"),
                ([*CONTIGUOUS[:-1], "3"], "alignment = 3 must be one of 4, 8, 16, 32, 64, 128"),
                ([*MASKED, "--group-sizes", "1,2"], "rows of 2 groups are given for 6"),
                ([*MASKED, "--group-sizes", "0,0,0,0,0,0"], "no group has a row"),
                ([*MASKED, "--group-sizes", "9,0,0,0,0,0", "--max-m", "8"], "larger than max_m"),
                ([*MASKED[:-1], "513"], "groups = 513 must be from 1 to 512"),
                (["64x4096x7168", "--groups", "4"], "A dense product has no --groups")):
            self.assert_fails(self.tune(*arguments), USAGE, needle)
        self.assert_fails(self.bench(*MASKED, "--config", "operation=2"), USAGE, "--op says")
        self.assert_fails(self.run_command("deepgemm-tune", *MASKED, "--max-m", "0"), USAGE)

    def test_coverage_reads_groups_of_a_trace(self):
        self.json_of(self.tune(*CONTIGUOUS))
        (self.folder / "trace.csv").write_text(
            "op,groups,alignment,m,n,k,count\n"
            "grouped-contiguous,4,16,500,4096,7168,3\n"
            "grouped-contiguous,4,128,500,4096,7168,1\n")
        report = self.json_of(self.run_command("deepgemm-db", "coverage", "--trace", "trace.csv",
                                               "--format", "json"))
        self.assertEqual([line["match"] for line in report["lines"]], ["bucket", "none"])

    @needs_nvrtc
    def test_a_profile_compiles_and_exports_grouped_kernels(self):
        for arguments in (MASKED, CONTIGUOUS):
            self.assert_ok(self.run_command("deepgemm-tune", *arguments, "--device", "h100-sxm5",
                                            *FEW))
        self.assert_ok(self.run_command("deepgemm-db", "export", "--output", "g.dgdb"))
        rows = self.json_of(self.run_command("deepgemm-db", "list", "--db", "g.dgdb", "--format",
                                             "json"))["winners"]
        self.assertEqual([row["shape"]["op"] for row in rows],
                         ["grouped-contiguous", "grouped-masked"])


if __name__ == "__main__":
    unittest.main()

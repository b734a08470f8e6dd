"""deepgemm-db coverage: which calls of a trace have a row, and which rows nobody asks for."""

import csv
import io
import unittest

from cli import FEW, USAGE
from databases import Databases


class Coverage(Databases):
    def test_coverage_shares_out_the_calls(self):
        (self.folder / "trace.csv").write_text(
            "m,n,k,count\n64,2112,7168,60\n100,2112,7168,20\n64,2112,7168,10\n5,64,128,10\n")
        report = self.json_of(self.run_db("coverage", "--trace", "trace.csv", "--format", "json"))
        self.assertEqual(report["calls"], 100)
        self.assertEqual({match: each["calls"] for match, each in report["coverage"].items()},
                         {"exact": 70, "bucket": 20, "other-device": 0, "none": 10})
        self.assertEqual([(shape["m"], shape["n"]) for shape in report["dead_rows"]], [(8, 576)])
        text = self.assert_ok(self.run_db("coverage", "--trace", "trace.csv")).stdout
        self.assertIn("nobody asks for 8x576x7168", text)
        self.assertRegex(text, r"(?m)^none +10 calls +10.0 %$")

    def test_a_process_that_ran_nothing_adds_nothing(self):
        (self.folder / "idle.csv").write_text("op,groups,alignment,m,n,k,count\n")
        (self.folder / "full.csv").write_text(
            "op,groups,alignment,m,n,k,count\n# 5 calls of further shapes: only 4096 are told apart\n")
        (self.folder / "busy.csv").write_text("m,n,k,count\n64,2112,7168,60\n")
        for others, calls in (["busy.csv"], 60), (["full.csv"], 5):
            traces = [word for name in ["idle.csv", *others, "idle.csv"]
                      for word in ("--trace", name)]
            report = self.json_of(self.run_db("coverage", *traces, "--format", "json"))
            self.assertEqual(report["calls"], calls)
        result = self.run_db("coverage", "--trace", "idle.csv", "--trace", "idle.csv")
        self.assertEqual(result.returncode, USAGE, result.stderr)
        self.assertIn("None of 'idle.csv', 'idle.csv' holds a shape", result.stderr)

    def test_coverage_refuses_counts_that_do_not_add_up_to_a_number(self):
        (self.folder / "trace.csv").write_text(
            f"m,n,k,count\n64,2112,7168,{2**63 - 1}\n100,2112,7168,5\n")
        result = self.run_db("coverage", "--trace", "trace.csv")
        self.assertEqual(result.returncode, USAGE, result.stderr)
        self.assertIn("Column 'count' of line 2", result.stderr)

    def test_many_dead_rows_are_counted_and_the_first_are_named(self):
        (self.folder / "trace.csv").write_text("m,n,k\n64,2112,7168\n")
        shapes = ["16,24,32,48x576x7168", *FEW]
        self.assert_ok(self.run_command("deepgemm-tune-scripted", *shapes))
        coverage = ["coverage", "--trace", "trace.csv"]
        text = self.assert_ok(self.run_db(*coverage)).stdout
        self.assertRegex(text, r"(?m)^dead +6 rows$")
        self.assertEqual(text.count("nobody asks for "), 5)
        self.assertIn("\n  …, and 1 more (--format json lists all)\n", text)
        report = self.json_of(self.run_db(*coverage, "--format", "json"))
        self.assertEqual(len(report["dead_rows"]), 6)

    def test_a_dense_line_of_a_trace_may_have_no_groups(self):
        (self.folder / "trace.csv").write_text(
            "op,groups,alignment,m,n,k,count\ndense,0,0,64,2112,7168,1\n"
            "dense,1,1,64,2112,7168,2\ndense,,,64,2112,7168,4\n")
        report = self.json_of(self.run_db("coverage", "--trace", "trace.csv", "--format", "json"))
        self.assertEqual([(line["count"], line["match"]) for line in report["lines"]],
                         [(7, "exact")])

    def test_calls_of_shapes_that_the_trace_does_not_tell_count_as_unknown(self):
        (self.folder / "trace.csv").write_text(
            "op,groups,alignment,m,n,k,count\ndense,1,1,64,2112,7168,30\n"
            "# 50 calls of further shapes: only 4096 are told apart\n"
            "# 20 calls of further shapes: only 4096 are told apart\n# 7 calls of mine\n")
        coverage = ["coverage", "--trace", "trace.csv"]
        report = self.json_of(self.run_db(*coverage, "--format", "json"))
        self.assertEqual(report["calls"], 100)
        self.assertEqual(report["unknown_shapes"], {"calls": 70, "share": 0.7})
        self.assertEqual(report["coverage"]["exact"], {"calls": 30, "share": 0.3})
        self.assertEqual(report["coverage"]["none"]["calls"], 0)
        text = self.assert_ok(self.run_db(*coverage)).stdout
        self.assertRegex(text, r"(?m)^ +- +- +- +70 +70\.0 % +unknown +- +- +-$")
        self.assertRegex(text, r"(?m)^unknown +70 calls +70\.0 %  of shapes that the trace, being full")
        self.assertRegex(text, r"(?m)^exact +30 calls +30\.0 %$")
        rows = list(csv.DictReader(io.StringIO(self.assert_ok(
            self.run_db(*coverage, "--format", "csv")).stdout)))
        self.assertEqual([(row["m"], row["count"], row["match"]) for row in rows],
                         [("64", "30", "exact"), ("", "70", "unknown")])

    def test_bad_traces(self):
        self.assert_fails(self.run_db("coverage"), USAGE, "--trace")
        self.assert_fails(self.run_db("coverage", "--trace", "none.csv"), USAGE, "none.csv")
        for content, complaint in {"m,n,k,count\n1,8,16,-1\n": "negative",
                                   "m,n,count\n1,8,3\n": "no column 'k'",
                                   "m,n,k\n": "holds no shape"}.items():
            (self.folder / "bad.csv").write_text(content)
            self.assert_fails(self.run_db("coverage", "--trace", "bad.csv"), USAGE, complaint)

    def test_calls_of_several_traces_add_up(self):
        (self.folder / "a.csv").write_text(
            "m,n,k,count\n64,2112,7168,3\n# 2 calls of further shapes: only 4096 are told apart\n")
        (self.folder / "b.csv").write_text("n,k,m\n2112,7168,64\n576,7168,8\n")
        report = self.json_of(self.run_db("coverage", "--trace", "a.csv", "--trace", "b.csv",
                                          "--format", "json"))
        self.assertEqual((report["calls"], report["unknown_shapes"]["calls"]), (7, 2))
        self.assertEqual([(line["shape"]["m"], line["count"]) for line in report["lines"]],
                         [(64, 4), (8, 1)])
        self.assert_fails(self.run_db("coverage", "--trace", "a.csv", "--trace", "none.csv"), USAGE,
                          "none.csv")

    def test_sums_that_are_no_number_are_refused(self):
        most = 10**15
        header = "m,n,k,count\n"
        further = "# {} calls of further shapes: only 4096 are told apart\n"
        for content in (f"{header}64,2112,7168,{most}\n64,2112,7168,1\n",
                        f"{header}64,2112,7168,1\n" + further.format(most),
                        f"{header}64,2112,7168,1\n" + 2 * further.format(2**63 - 1),
                        f"{header}64,2112,7168,1\n" + further.format(2**70)):
            (self.folder / "trace.csv").write_text(content)
            self.assert_fails(self.run_db("coverage", "--trace", "trace.csv"), USAGE,
                              f"more than {most} together", "Scale the counts")
        (self.folder / "trace.csv").write_text(f"{header}64,2112,7168,{most}\n")
        (self.folder / "one.csv").write_text("m,n,k\n64,2112,7168\n")
        self.assert_ok(self.run_db("coverage", "--trace", "trace.csv"))
        self.assert_fails(self.run_db("coverage", "--trace", "trace.csv", "--trace", "one.csv"),
                          USAGE, "'one.csv'")

    def test_rows_of_another_gpu_that_would_answer_here_may_be_dead(self):
        (self.folder / "trace.csv").write_text("m,n,k\n64,2112,7168\n")
        report = self.json_of(self.run_db("coverage", "--trace", "trace.csv", "--format", "json",
                                          env={"SCRIPTED_DEVICE": "h20"}))
        self.assertEqual([(shape["m"], shape["n"]) for shape in report["dead_rows"]],
                         [(8, 576), (128, 2112)])
        # Those of a family that has rows of this kind of GPU answer nothing here.
        self.assert_ok(self.run_command("deepgemm-tune-scripted", "32x2112x7168", *FEW,
                                        env={"SCRIPTED_DEVICE": "h20"}))
        report = self.json_of(self.run_db("coverage", "--trace", "trace.csv", "--format", "json",
                                          env={"SCRIPTED_DEVICE": "h20"}))
        self.assertEqual([(shape["m"], shape["n"]) for shape in report["dead_rows"]], [(8, 576)])


if __name__ == "__main__":
    unittest.main()

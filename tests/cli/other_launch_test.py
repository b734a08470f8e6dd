"""Rows whose kernel another version launches in another way: the library passes them over."""

import json
import sqlite3
import unittest

from cli import USAGE
from databases import Databases


class OtherLaunch(Databases):
    def setUp(self):
        super().setUp()
        listed = self.list()
        self.keys = {row["winner"]["kernel_key"] for row in listed
                     if row["shape"]["n"] == 576}
        with sqlite3.connect(self.folder / "tuning.db") as database:
            for key in self.keys:
                database.execute("UPDATE kernels SET entry = 'deepgemm_dense_0' WHERE key = ?",
                                 (key,))
        database.close()

    def list(self):
        return self.json_of(self.run_db("list", "--format", "json"))["winners"]

    def test_list_says_that_they_are_not_used(self):
        for row in self.list():
            self.assertEqual(row["launchable"], row["winner"]["kernel_key"] not in self.keys)
        text = self.assert_ok(self.run_db("list")).stdout
        self.assertIn("not used, its kernel is of another launch: ", text)

    def test_explain_and_coverage_pass_them_over(self):
        text = self.assert_ok(self.run_db("explain", "8x576x7168")).stdout
        self.assertIn("none: nothing that this version can launch was tuned for n = 576, k = 7168",
                      text)
        self.assertIn("kernel: of another launch, not used; tune it again", text)
        self.assertRegex(text, r"staleness +re-tune: another version launches")
        explained = self.json_of(self.run_db("explain", "8x576x7168", "--format", "json"))
        self.assertEqual(explained["explanations"][0]["staleness"], "re-tune")
        (self.folder / "trace.csv").write_text("m,n,k,count\n8,576,7168,3\n")
        report = self.json_of(self.run_db("coverage", "--trace", "trace.csv", "--format", "json"))
        self.assertEqual(report["coverage"]["none"]["calls"], 3)
        warned = self.run_db("coverage", "--trace", "trace.csv").stderr
        self.assertRegex(warned, r"\d+ rows? of h100-sxm5 (is|are) not used: ")
        self.assertIn("another version launches", warned)
        self.assertNotIn(576, [shape["n"] for shape in report["dead_rows"]])

    def test_verify_does_not_call_them_good(self):
        result = self.run_db("verify", "--format", "json")
        self.assertEqual(result.returncode, 1)
        self.assertIn("could not be checked", result.stderr)
        verdicts = {row["shape"]["n"]: (row["verdict"], row["why"])
                    for row in json.loads(result.stdout)["rows"]}
        self.assertEqual(verdicts[576], ("not checked", "another version launches its kernel "
                                                        "otherwise; tune it again"))
        self.assertEqual(verdicts[2112][0], "holds")

    def test_export_says_so_where_nothing_else_is_there(self):
        with sqlite3.connect(self.folder / "tuning.db") as database:
            database.execute("UPDATE kernels SET entry = 'deepgemm_dense_0'")
        database.close()
        result = self.run_db("export", "--output", "none.dgdb")
        self.assert_fails(result, USAGE, "whose kernels another version launches otherwise")
        self.assertFalse((self.folder / "none.dgdb").exists())

    def test_export_leaves_them_out(self):
        said = self.assert_ok(self.run_db("export", "--output", "some.dgdb")).stderr
        self.assertRegex(said, r"rows? stays? behind: another version launches")
        bundle = self.export()
        shapes = self.json_of(self.run_db("list", "--db", bundle, "--format", "json"))["winners"]
        self.assertEqual({row["shape"]["n"] for row in shapes if
                          row["winner"]["kernel_key"] in self.keys}, set())


if __name__ == "__main__":
    unittest.main()

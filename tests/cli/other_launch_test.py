"""Rows whose kernel another version launches in another way: the library passes them over."""

import sqlite3
import unittest

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
        self.assertIn("none: nothing was tuned for n = 576, k = 7168", text)
        self.assertIn("kernel: of another launch, not used; tune it again", text)
        (self.folder / "trace.csv").write_text("m,n,k,count\n8,576,7168,3\n")
        report = self.json_of(self.run_db("coverage", "--trace", "trace.csv", "--format", "json"))
        self.assertEqual(report["coverage"]["none"]["calls"], 3)
        self.assertNotIn(576, [shape["n"] for shape in report["dead_rows"]])

    def test_export_leaves_them_out(self):
        bundle = self.export()
        shapes = self.json_of(self.run_db("list", "--db", bundle, "--format", "json"))["winners"]
        self.assertEqual({row["shape"]["n"] for row in shapes if
                          row["winner"]["kernel_key"] in self.keys}, set())


if __name__ == "__main__":
    unittest.main()

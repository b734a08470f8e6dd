"""How far rows of other machines, compilers and versions are trusted: graded, never a failure."""

import csv
import io
import sqlite3
import unittest

from cli import FEW
from databases import Databases


class Staleness(Databases):
    def explain(self, *arguments, **env):
        return self.json_of(self.run_db("explain", *arguments, "--format", "json",
                                        env=env))["explanations"]

    def sql(self, *statements):
        with sqlite3.connect(self.db) as database:
            for statement in statements:
                database.execute(statement)
        database.close()

    def add_row_of(self, device, column="sources_hash", value="of-last-year"):
        """A newer copy of the winner of m = 64, by another environment."""
        with sqlite3.connect(self.db) as database:
            environment = [name for _, name, *_ in
                           database.execute("PRAGMA table_info(environments)") if name != "id"]
            values = {"device_id": "?", column: "?"}
            given = [{"device_id": device, column: value}[name] for name in environment
                     if name in values]
            database.execute(
                f"INSERT INTO environments ({', '.join(environment)}) SELECT "
                f"{', '.join(values.get(name, name) for name in environment)} "
                "FROM environments LIMIT 1", given)
            winner = [name for _, name, *_ in database.execute("PRAGMA table_info(winners)")
                      if name not in ("id", "environment_id")]
            quoted = ", ".join(f'"{name}"' for name in winner)
            database.execute(f"INSERT INTO winners (environment_id, {quoted}) SELECT "
                             f"(SELECT max(id) FROM environments), {quoted} "
                             "FROM winners WHERE m = 64")
        database.close()

    def coverage(self, *arguments, **options):
        (self.folder / "trace.csv").write_text("m,n,k,count\n64,2112,7168,3\n5,64,128,1\n")
        return self.run_db("coverage", "--trace", "trace.csv", *arguments, **options)

    def test_rows_of_another_nvrtc_are_to_be_tuned_again(self):
        other = {"SCRIPTED_NVRTC": "12.9"}
        text = self.assert_ok(self.run_db("explain", "64x2112x7168", env=other)).stdout
        self.assertIn("re-tune: built by NVRTC 13.0, here is 12.9: tune again", text)
        self.assertIn(" re-tune ", self.assert_ok(self.run_db("list", env=other)).stdout)
        self.assertIn("staleness: re-tune: built by NVRTC 13.0",
                      self.assert_ok(self.run_db("show", "64x2112x7168", env=other)).stdout)
        text = self.assert_ok(self.coverage(env=other)).stdout
        self.assertRegex(text, r"(?m)^re-tune +3 calls +75.0 %")
        report = self.json_of(self.coverage("--format", "json", env=other))
        self.assertEqual([line["staleness"] for line in report["lines"]], ["re-tune", None])
        self.assertEqual(report["staleness"]["re-tune"]["calls"], 3)
        rows = self.json_of(self.run_db("verify", "--format", "json", env=other))["rows"]
        self.assertEqual({(row["verdict"], row["staleness"]) for row in rows},
                         {("holds", "re-tune")})
        # Without a GPU, too; and what the machine lacks is held against no row.
        blind = dict(other, SCRIPTED_NO_GPU="1")
        text = self.assert_ok(self.run_db("explain", "64x2112x7168", env=blind)).stdout
        self.assertIn("re-tune: built by NVRTC 13.0", text)
        bare = {"SCRIPTED_NO_NVRTC": "1", **other}
        for line in (["list"], ["show", "64x2112x7168"], ["explain", "64x2112x7168"], ["verify"]):
            self.assertNotIn("re-tune", self.assert_ok(self.run_db(*line, env=bare)).stdout)
        self.assertNotIn("re-tune", self.assert_ok(self.coverage(env=bare)).stdout)

    def test_a_current_row_is_not_hidden_by_a_newer_stale_one(self):
        self.add_row_of("h100-sxm5")
        found, = self.explain("64x2112x7168")
        self.assertEqual(found["staleness"], "current")
        rows = self.json_of(self.run_db("verify", "--format", "json"))["rows"]
        self.assertEqual({row["staleness"] for row in rows}, {"current"})
        self.assertIn("0 shapes changed", self.assert_ok(
            self.run_db("diff", self.export(), self.db)).stdout)

    def test_export_takes_the_row_that_is_current_here(self):
        self.add_row_of("h100-sxm5", "driver", "570.00 (CUDA 12.8)")
        def driver_of_64(*arguments, **env):
            self.assert_ok(self.run_db("export", "--output", "b.dgdb", *arguments, env=env))
            rows = self.json_of(self.run_db("list", "--db", "b.dgdb", "--format", "json"))["winners"]
            return next(row["environment"]["driver"] for row in rows if row["shape"]["m"] == 64)
        self.assertEqual(driver_of_64(), "580.82 (CUDA 13.0)")
        # Without a GPU of that kind nothing tells, so the newest counts.
        self.assertEqual(driver_of_64(SCRIPTED_NO_GPU="1"), "570.00 (CUDA 12.8)")
        self.assertEqual(driver_of_64(SCRIPTED_DEVICE="h20"), "570.00 (CUDA 12.8)")

    def test_show_says_it_in_every_form(self):
        other = {"SCRIPTED_NVRTC": "12.9"}
        for env, grade in (({}, "current"), (other, "re-tune")):
            text = self.assert_ok(self.run_db("show", "64x2112x7168", "--format", "csv",
                                              env=env)).stdout
            self.assertEqual({row["staleness"] for row in csv.DictReader(io.StringIO(text))},
                             {grade})

    def test_prune_leaves_the_row_that_answers(self):
        self.add_row_of("h100-sxm5")
        gone = self.json_of(self.run_db("prune", "--superseded", "--format", "json"))["gone"][0]
        self.assertEqual((gone["trials"], gone["winners"]), (0, 0))
        found, = self.explain("64x2112x7168")
        self.assertEqual(found["staleness"], "current")
        # The library does not see NVRTC: of the rows of these sources the newest answers.
        self.add_row_of("h100-sxm5", "nvrtc", "12.9")
        gone = self.json_of(self.run_db("prune", "--superseded", "--format", "json"))["gone"][0]
        self.assertEqual(gone["winners"], 2)
        found, = self.explain("64x2112x7168")
        self.assertEqual(found["row"]["environment"]["nvrtc"], "12.9")

    def test_a_file_of_unknown_names_alone_says_so(self):
        self.sql("UPDATE winners SET operation = 'grouped-ragged'")
        blind = {"SCRIPTED_NO_GPU": "1"}
        for line, env, said in (
                (["export", "--output", "b.dgdb"], {}, "no winner that this deepgemm can read"),
                (["verify"], {}, "no winner that this deepgemm can read"),
                (["explain", "64x2112x7168"], blind, "holds no winner")):
            with self.subTest(line[0]):
                result = self.run_db(*line, env=env)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertRegex(result.stderr, r"(?m)\Awarning: 3 rows are skipped in .*"
                                                r"grouped-ragged.*\nerror: .*" + said +
                                                r".*\nnext: .*\n\Z")
        self.assertFalse((self.folder / "b.dgdb").exists())
        # Those of another GPU than was asked for are named.
        result = self.run_db("export", "--output", "b.dgdb", "--device", "h20")
        self.assertRegex(result.stderr, r"\Awarning: 3 rows are skipped")

    def test_questions_are_of_the_gpu_that_is_here(self):
        here = {"SCRIPTED_DEVICE": "h20"}
        found, = self.explain("64x2112x7168", **here)
        self.assertEqual((found["device_id"], found["match"], found["staleness"]),
                         ("h20", "other-device", "hint"))
        report = self.json_of(self.coverage("--format", "json", env=here))
        self.assertEqual((report["device_id"], report["coverage"]["other-device"]["calls"]),
                         ("h20", 3))
        self.assertEqual(report["lines"][0]["staleness"], "hint")
        # --device still wins.
        found, = self.explain("64x2112x7168", "--device", "h100-sxm5", **here)
        self.assertEqual((found["device_id"], found["match"]), ("h100-sxm5", "exact"))

    def test_a_row_of_another_gpu_is_no_failure(self):
        self.add_row_of("h20")
        for env in ({}, {"SCRIPTED_NO_GPU": "1"}):
            for result in (self.run_db("explain", "64x2112x7168", "--format", "json", env=env),
                           self.coverage("--format", "json", env=env)):
                said = self.json_of(result)
                said = said["explanations"][0] if "explanations" in said else said
                self.assertEqual(said["device_id"], "h100-sxm5")
                if env:
                    self.assertRegex(result.stderr, "^warning: .*no GPU: h100-sxm5 is assumed.*"
                                                    r"\(3 rows\).*--device chooses another: h20\.$")
                else:
                    self.assertEqual(result.stderr, "")

    def test_a_row_of_unknown_name_is_skipped_and_stays(self):
        self.sql("UPDATE winners SET operation = 'grouped-ragged' WHERE m = 128",
                 "UPDATE trials SET outcome = 'splendid' WHERE m = 64 AND contender = 'candidate'")
        self.assertEqual([m for m, *_ in self.winners(self.db)], [8, 64])
        warning = (r"warning: \d+ rows? (is|are) skipped in '.*tuning.db': only a newer deepgemm "
                   r"knows a name in (it|them) \(for example, row \d+ of ")
        for line, name in ((["list"], "grouped-ragged"), (["show", "64x2112x7168"], "splendid"),
                           (["explain", "128x2112x7168"], "grouped-ragged"),
                           (["verify"], ""), (["export", "--output", "b.dgdb"], ""),
                           (["merge", self.db, "--db", "other.db"], ""),
                           (["diff", self.db, self.db], "grouped-ragged"),
                           (["prune", "--losers", "--orphans"], "")):
            with self.subTest(line[0]):
                result = self.assert_ok(self.run_db(*line))
                self.assertRegex(result.stderr, warning)
                self.assertIn(name, result.stderr)
        self.assertRegex(self.assert_ok(self.coverage()).stderr, warning)
        self.assert_ok(self.run_command("deepgemm-tune-scripted", "64x2112x7168", *FEW))
        self.assert_ok(self.run_command("deepgemm-bench-scripted", "64x2112x7168"))
        with sqlite3.connect(self.db) as database:
            kept = database.execute("SELECT (SELECT count(*) FROM winners WHERE operation = "
                                    "'grouped-ragged'), (SELECT count(*) FROM trials WHERE "
                                    "outcome = 'splendid') > 0").fetchone()
        database.close()
        self.assertEqual(kept, (1, 1))
        # What went on is whole.
        self.assertEqual(self.assert_ok(self.run_db("list", "--db", "b.dgdb")).stderr, "")
        self.assertEqual(self.assert_ok(self.run_db("list", "--db", "other.db")).stderr, "")


if __name__ == "__main__":
    unittest.main()

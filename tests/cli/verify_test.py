"""deepgemm-db verify: does every row of a bundle still hold on this GPU?"""

import json
import sqlite3
import unittest

from cli import ENVIRONMENT, USAGE
from databases import Databases


class Verifying(Databases):
    def verify(self, *arguments, **env):
        return self.run_db("verify", "--db", self.export(), *arguments, env=env)

    def rows(self, **env):
        result = self.verify("--format", "json", **env)
        return json.loads(result.stdout)

    def winner_of(self, m):
        shown = self.json_of(self.run_db("explain", f"{m}x2112x7168", "--format", "json"))
        config = shown["explanations"][0]["row"]["winner"]["config"]
        return ",".join(f"{name}={value}" for name, value in config.items())

    def test_rows_of_this_gpu_hold(self):
        result = self.assert_ok(self.verify())
        self.assertEqual([line.split()[:2] for line in result.stdout.splitlines()[1:4]],
                         [["holds", "8"], ["holds", "64"], ["holds", "128"]])
        self.assertRegex(result.stdout, r"3 rows: 3 hold, 0 drifted, 0 wrong; [\d.]+ s on")
        report = self.rows()
        self.assertEqual(report["counts"], {"holds": 3, "drifted": 0, "wrong": 0,
                                            "not checked": 0})
        for row in report["rows"]:
            self.assertGreaterEqual(row["winner"]["measurement"]["samples"], 7)
            self.assertTrue(row["winner"]["verification"]["repeatable"])
            rivals = [row[who] for who in ("runner_up", "default") if row[who]]
            self.assertTrue(rivals)
            for rival in rivals:
                self.assertNotEqual(rival["kernel_key"], row["winner"]["kernel_key"])
                self.assertEqual(rival["measurement"]["samples"],
                                 row["winner"]["measurement"]["samples"])

    def test_a_winner_that_fell_behind_drifted(self):
        slow = f"{self.winner_of(64)}=3"
        result = self.verify("--format", "json", SCRIPTED_SLOW=slow)
        self.assertEqual(result.returncode, 1)
        self.assertIn("not hold", result.stderr)
        self.assertIn("next: Tune", result.stderr)
        drifted = [row for row in json.loads(result.stdout)["rows"] if row["verdict"] == "drifted"]
        self.assertIn(64, [row["shape"]["m"] for row in drifted])
        for row in drifted:
            self.assertRegex(row["why"], r"^[\d.]+ % behind the (runner-up|default)$")
            self.assertGreater(row["over_rival"], 1.03)

    def test_wrong_numbers_are_wrong(self):
        result = self.verify(SCRIPTED_WRONG="1")
        self.assertEqual(result.returncode, 1)
        self.assertIn("0 hold, 0 drifted, 3 wrong", result.stdout)
        self.assertIn("the script says so", result.stdout)
        self.assertIn("3 of 3 rows do not hold", result.stderr)

    def verdicts(self, how, config, **env):
        """Exit code, what was said, and (verdict, why) by m, where `config` ends badly."""
        result = self.verify("--format", "json", SCRIPTED_FAULT=f"{how}:{config}", **env)
        rows = json.loads(result.stdout)["rows"]
        return result, {row["shape"]["m"]: (row["verdict"], row["why"]) for row in rows}

    def test_a_kernel_that_faults_or_hangs_is_wrong_and_the_next_rows_are_checked(self):
        bad = self.winner_of(64)
        self.assertNotEqual(bad, self.winner_of(128), "the script must tell the rows apart")
        for how, why in (("lost@verify", "the GPU stopped it: CUDA error 700"),
                         ("lost@round", "the GPU stopped it: CUDA error 700"),
                         ("hang@verify", "it was not done within 3."),
                         ("hang@round", "it was not done within 3."),
                         ("kill@verify", "was killed by signal 9"),
                         ("refuse@verify", "CUDA error 701")):
            with self.subTest(how):
                result, found = self.verdicts(how, bad)
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertEqual(found[64][0], "wrong")
                self.assertIn(why, found[64][1])
                self.assertEqual([found[m] for m in (8, 128)], [("holds", "")] * 2)
                self.assertIn("1 of 3 rows does not hold", result.stderr)

    def test_rows_behind_a_gpu_that_is_lost_are_not_checked(self):
        gone = self.folder / "gone"
        # Which kernel of a round it was shows only to the next worker.
        for how, verdict, said in (
                ("lost@verify", "wrong", "1 of 3 rows could not be checked, and 1 does not hold."),
                ("lost@round", "not checked", "2 of 3 rows could not be checked.")):
            with self.subTest(how):
                result, found = self.verdicts(how, self.winner_of(64),
                                              SCRIPTED_ONE_WORKER=str(gone))
                gone.unlink()
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertEqual([found[m][0] for m in (8, 64, 128)],
                                 ["holds", verdict, "not checked"])
                self.assertIn("no CUDA-capable device", found[128][1])
                self.assertIn(said, result.stderr)
                self.assertIn("next: Check the GPU", result.stderr)
        # Where no worker ever had it, the machine lacks something.
        gone.touch()
        never = self.verify("--quiet", SCRIPTED_ONE_WORKER=str(gone))
        self.assert_fails(never, ENVIRONMENT, "no CUDA-capable device", "next: Check the GPU")

    def test_without_a_gpu_it_says_so(self):
        self.assert_fails(self.verify(SCRIPTED_NO_GPU="1"), ENVIRONMENT, "no GPU", "Hopper")

    def test_the_file_is_looked_at_first(self):
        self.assert_fails(self.run_db("verify", "--db", "none.db", env={"SCRIPTED_NO_GPU": "1"}),
                          USAGE, "none.db")
        self.assert_fails(self.verify("--format", "html"), USAGE, "html")
        self.assert_fails(self.verify("--device", "h20"), USAGE, "h20", "h100-sxm5")

    def test_a_winner_without_its_kernel_is_wrong(self):
        with sqlite3.connect(self.db) as database:
            database.execute("DELETE FROM kernels")
        database.close()
        result = self.run_db("verify")
        self.assertEqual(result.returncode, 1)
        self.assertIn("its kernel is not in the database", result.stdout)

    def test_rows_that_only_a_newer_one_draws_are_not_checked(self):
        with sqlite3.connect(self.db) as database:
            database.execute("UPDATE winners SET rows = 'fractal 7' WHERE m = 64")
        database.close()
        result = self.run_db("verify")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("3 rows: 2 hold, 0 drifted, 0 wrong, 1 not checked", result.stdout)
        self.assertIn("was measured with 'fractal 7', which this deepgemm cannot draw",
                      result.stdout)
        self.assertIn("1 of 3 rows could not be checked.", result.stderr)
        self.assertIn("next: The column 'why' says", result.stderr)
        raced = self.run_db("diff", self.db, self.db, "--measure", "--format", "json")
        self.assertEqual(raced.returncode, 1, raced.stderr)
        self.assertIn("only a newer deepgemm draws such groups: fractal 7", raced.stdout)

    def test_ctrl_c_keeps_what_was_measured(self):
        result = self.verify(SCRIPTED_SIGINT_ROUND="8")
        self.assertEqual(result.returncode, 130, result.stderr)
        self.assertIn("1 row: 1 hold", result.stdout)
        self.assertIn("next: To verify all, run: ", result.stderr)


if __name__ == "__main__":
    unittest.main()

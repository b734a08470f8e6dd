"""deepgemm-db: looks into databases and bundles, and moves rows between them."""

import csv
import io
import os
import resource
import signal
import sqlite3
import time
import unittest

from cli import ENVIRONMENT, FEW, SOURCE, USAGE, CliTest
from databases import Databases


class Bundles(Databases):
    def test_a_bundle_says_what_its_database_says(self):
        bundle = self.export()
        self.assertEqual(self.winners(bundle), self.winners(self.db))
        self.assertEqual(len(self.winners(bundle)), 3)
        self.assertEqual(os.stat(bundle).st_mode & 0o777, 0o444)
        shown = self.json_of(self.run_db("show", "64x2112x7168", "--db", bundle, "--format",
                                         "json"))["trials"]
        contenders = {row["trial"]["contender"] for row in shown}
        self.assertIn("default", contenders)
        self.assertIn("cublaslt-block", contenders)

    def test_the_summary_counts(self):
        result = self.assert_ok(self.run_db("export", "--output", "x.dgdb"))
        self.assertRegex(result.stdout, r"^x.dgdb: 3 winners for h100-sxm5, \d+ kernels, \d+ KB\n$")

    def test_import_brings_all_of_it_back(self):
        bundle = self.export()
        result = self.run_db("import", bundle, "--db", "new.db", "--format", "json")
        self.assertEqual(self.json_of(result)["imported"][0]["winners"], 3)
        self.assertEqual(self.winners("new.db"), self.winners(self.db))
        again = self.json_of(self.run_db("import", bundle, "--db", "new.db", "--format", "json"))
        self.assertEqual([again["imported"][0][what] for what in ("trials", "winners", "kernels")],
                         [0, 0, 0])

    def test_bench_runs_from_a_bundle_without_a_compiler(self):
        bundle = self.export()
        report = self.json_of(self.run_command(
            "deepgemm-bench-scripted", "64x2112x7168", "--db", bundle, "--format", "json",
            env={"SCRIPTED_NO_NVRTC": "1"}))
        self.assertEqual(report["shapes"][0]["match"], "exact")

    def test_without_a_compiler_a_tuned_kernel_stands_in_for_the_fallback(self):
        result = self.assert_ok(self.run_db("export", "--output", "x.dgdb",
                                            env={"SCRIPTED_NO_NVRTC": "1"}))
        self.assertIn("the fallback of dense products is a kernel of ", result.stderr)
        self.assertIn("there is no fallback for grouped-masked products", result.stderr)

    def test_a_signal_leaves_no_half_written_bundle_behind(self):
        for delay_ms in range(0, 160, 4):
            export = self.start("deepgemm-db-scripted", "export", "--db", self.db, "--output",
                                "x.dgdb")
            time.sleep(delay_ms / 1000)
            export.send_signal(signal.SIGINT)
            export.communicate()
            self.assertIn(export.returncode, (0, -signal.SIGINT, 130))
            self.assertEqual([path.name for path in self.folder.glob("x.dgdb.part*")], [])

    def test_a_bundle_without_a_name_is_refused(self):
        self.assert_fails(self.run_db("export", "--output", ""), USAGE, "--output names no file")

    def test_a_kernel_cache_that_cannot_be_made_does_not_matter(self):
        (self.folder / "file").write_text("no folder")
        env = {"HOME": str(self.folder / "file"), "XDG_CACHE_HOME": ""}
        made = self.run_command("deepgemm-db", "export", "--output", "x.dgdb", env=env)
        if "NVRTC" in made.stderr:
            self.skipTest("NVRTC is not on this machine")
        self.assertEqual(self.assert_ok(made).stderr, "")

    def test_a_changed_byte_or_a_cut_is_refused(self):
        bundle = self.export()
        content = bundle.read_bytes()
        for size in (0, 50, 5000, len(content) // 2, len(content) - 1):
            cut = self.folder / "cut.dgdb"
            cut.write_bytes(content[:size])
            self.assert_fails(self.run_db("list", "--db", cut), USAGE, "cut.dgdb")
        for place in (0, 30, 5000, len(content) // 2, len(content) - 3):
            changed = bytearray(content)
            changed[place] ^= 0x10
            path = self.folder / "changed.dgdb"
            path.write_bytes(bytes(changed))
            for line in (["list", "--db", path], ["import", path, "--db", "new.db"],
                         ["merge", path, "--db", "new.db"], ["diff", self.db, path]):
                self.assert_fails(self.run_db(*line), USAGE, "changed.dgdb")
        self.assertFalse((self.folder / "new.db").exists())

    def test_a_bundle_is_never_written(self):
        bundle = self.export()
        before = bundle.read_bytes()
        tune = self.run_command("deepgemm-tune-scripted", "16x576x7168", *FEW, "--db", bundle)
        self.assert_fails(tune, USAGE, "bundle", "import")
        self.assert_fails(self.run_db("prune", "--losers", "--db", bundle), USAGE, "bundle")
        self.assertEqual(bundle.read_bytes(), before)

    def test_export_overwrites_bundles_alone(self):
        bundle = self.export()
        self.export()
        self.assert_fails(self.run_db("export", "--output", self.db), USAGE, "not overwritten")
        missing = self.run_db("export", "--output", "none/x.dgdb")
        self.assert_fails(missing, ENVIRONMENT, "none/x.dgdb cannot be written: there is no folder",
                          "next: Make its folder")
        self.assertNotIn(".part", missing.stderr)
        # No room for the rows, or for the seal behind them.
        for most in (100, bundle.stat().st_size - 10):
            def limit(most=most):
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            full = self.run_db("export", "--output", "full.dgdb", preexec_fn=limit)
            self.assert_fails(full, ENVIRONMENT, "full.dgdb cannot be ")
            self.assertNotIn(".part", full.stderr)
        self.assertEqual([path.name for path in self.folder.glob("*.dgdb*")], [bundle.name])

    def test_which_device_must_be_clear(self):
        self.assert_ok(self.run_command("deepgemm-tune-scripted", "8x64x128", "--device", "h20",
                                        *FEW))
        result = self.run_db("export", "--output", "x.dgdb")
        self.assert_fails(result, USAGE, "h100-sxm5", "h20", "--device")
        result = self.run_db("export", "--output", "x.dgdb", "--device", "b200")
        self.assert_fails(result, USAGE, "b200")
        result = self.run_db("export", "--output", "x.dgdb", "--device", "h20", "--measured-only")
        self.assert_fails(result, USAGE, "measured")
        self.assertIn("only predicted",
                      self.assert_ok(self.run_db("export", "--output", "x.dgdb", "--device",
                                                 "h20")).stderr)


class Shipped(CliTest):
    def test_bundles_that_are_shipped_are_whole_and_named_after_their_gpu(self):
        bundles = list((SOURCE / "db" / "data").glob("*.dgdb"))
        if not bundles:
            self.skipTest("db/data holds no bundle yet")
        for bundle in bundles:
            listed = self.json_of(self.run_command("deepgemm-db", "list", "--db", bundle,
                                                   "--format", "json"))["winners"]
            self.assertEqual({row["environment"]["device_id"] for row in listed}, {bundle.stem})
            self.assertTrue(all(row["winner"]["measured"] for row in listed))
            text = self.assert_ok(self.run_command("deepgemm-db", "list", "--db", bundle)).stdout
            rows = text.splitlines()[0].index("config") - text.splitlines()[0].index("rows")
            self.assertLess(rows, 30, "the column of rows")


class Moving(Databases):
    def test_merge_joins_shards(self):
        self.assert_ok(self.run_command("deepgemm-tune-scripted", "16x576x7168", *FEW,
                                        "--db", "other.db"))
        merged = self.json_of(self.run_db("merge", self.db, "other.db", "--db", "all.db",
                                          "--format", "json"))["merged"]
        self.assertEqual([each["winners"] for each in merged], [3, 1])
        self.assertEqual(sorted(self.winners("all.db")),
                         sorted(self.winners(self.db) + self.winners("other.db")))

    def test_a_source_that_breaks_midway_leaves_nothing_of_the_others(self):
        self.assert_ok(self.run_command("deepgemm-tune-scripted", "16x576x7168", *FEW,
                                        "--db", "other.db"))
        with sqlite3.connect(self.folder / "other.db") as database:
            database.execute("UPDATE trials SET samples_us = x'00' WHERE samples_us IS NOT NULL")
        database.close()
        broken = ["merge", self.db, "other.db", "--db"]
        self.assert_fails(self.run_db(*broken, "all.db"), USAGE, "other.db")
        self.assertEqual(self.winners("all.db"), [], "half of them would look like all")
        # What was there stays.
        self.assert_ok(self.run_db("merge", self.db, "--db", "all.db"))
        self.assert_fails(self.run_db(*broken, "all.db"), USAGE, "other.db")
        self.assertEqual(self.winners("all.db"), self.winners(self.db))

    def test_a_wrong_source_leaves_the_target_alone(self):
        (self.folder / "text.db").write_text("no database")
        self.assert_fails(self.run_db("merge", self.db, "text.db", "--db", "all.db"), USAGE,
                          "text.db")
        self.assertFalse((self.folder / "all.db").exists())
        self.assert_fails(self.run_db("merge", self.db), USAGE, "itself")
        self.assert_fails(self.run_db("import", self.db, "--db", "all.db"), USAGE, "merge")

    def test_diff_names_what_changed(self):
        self.assertIn("0 shapes changed, 3 unchanged",
                      self.assert_ok(self.run_db("diff", self.db, self.db)).stdout)
        bundle = self.export()
        self.assert_ok(self.run_command("deepgemm-tune-scripted", "16x576x7168", *FEW))
        found = self.json_of(self.run_db("diff", bundle, self.db, "--format", "json"))
        self.assertEqual([(line["change"], line["shape"]["m"]) for line in found["differences"]],
                         [("added", 16)])
        self.assertEqual(found["unchanged"], 3)

    def test_diff_of_a_gpu_must_measure(self):
        self.assert_fails(self.run_db("diff", self.db, self.db, "--gpu", "0"), USAGE, "--measure")

    def test_prune_drops_losers_and_keeps_the_answers(self):
        before = self.winners(self.db)
        counted = self.json_of(self.run_db("prune", "--losers", "--orphans", "--dry-run",
                                           "--format", "json"))["would_go"][0]
        self.assertGreater(counted["trials"], 0)
        gone = self.json_of(self.run_db("prune", "--losers", "--orphans", "--format", "json"))
        self.assertEqual(gone["gone"][0]["trials"], counted["trials"])
        self.assertEqual(self.winners(self.db), before)
        self.assert_ok(self.run_db("export", "--output", "after.dgdb"))
        self.assert_fails(self.run_db("prune"), USAGE, "--losers")
        self.assert_fails(self.run_db("prune", "--losers", "--db", "none.db"), USAGE, "none.db")


class Questions(Databases):
    def explain(self, *arguments):
        return self.json_of(self.run_db("explain", *arguments, "--format", "json"))["explanations"]

    def test_explain_says_which_row_and_why(self):
        exact, bucket, miss = self.explain("64x2112x7168", "100x2112x7168", "8x1024x1024")
        self.assertEqual([exact["match"], bucket["match"], miss["match"]],
                         ["exact", "bucket", "none"])
        self.assertEqual(exact["differing"], [])
        self.assertEqual(bucket["row"]["shape"]["m"], 128)
        self.assertEqual(bucket["differing"], ["m: asked 100, tuned 128"])
        self.assertIn("(64, 128]", bucket["reason"])
        self.assertIsNone(miss["row"])
        self.assertTrue(any(field.startswith("n: asked 1024") for field in miss["differing"]))
        self.assertIn("block_m", miss["default_config"])
        self.assertEqual(exact["staleness"], "current")

    def test_explain_grades_a_row_of_other_sources(self):
        with sqlite3.connect(self.db) as database:
            database.execute("UPDATE environments SET sources_hash = 'of-last-year'")
        database.close()
        exact, = self.explain("64x2112x7168")
        self.assertEqual(exact["staleness"], "re-tune")
        text = self.assert_ok(self.run_db("explain", "64x2112x7168")).stdout
        self.assertIn("other kernel sources", text)
        self.assertIn("re-tune", self.assert_ok(self.run_db("list")).stdout)
        self.assertIn("staleness: re-tune", self.assert_ok(self.run_db("show", "64x2112x7168")).stdout)

    def test_rows_of_another_power_limit_are_to_be_verified(self):
        limited = {"SCRIPTED_POWER_LIMIT_W": "500"}
        text = self.assert_ok(self.run_db("explain", "64x2112x7168", env=limited)).stdout
        self.assertIn("verify: measured where the power limit is 700 W, here it is 500 W: "
                      "run deepgemm-db verify", text)
        self.assertRegex(text, "match +exact")
        text = self.assert_ok(self.run_db("show", "64x2112x7168", env=limited)).stdout
        self.assertIn("staleness: verify: measured where the power limit is 700 W", text)
        self.assertIn("power limit 700 W", text.splitlines()[0])
        self.assertIn(" verify ", self.assert_ok(self.run_db("list", env=limited)).stdout)
        # Tuned under that limit too, the newest row answers, and both stay.
        self.assert_ok(self.run_command("deepgemm-tune-scripted", "64x2112x7168", *FEW,
                                        env=limited))
        for env, grade in ((limited, "current"), ({}, "verify")):
            found, = self.json_of(self.run_db("explain", "64x2112x7168", "--format", "json",
                                              env=env))["explanations"]
            self.assertEqual(found["staleness"], grade)
            self.assertEqual(found["row"]["environment"]["power_limit_w"], 500)
        shown = self.json_of(self.run_db("show", "64x2112x7168", "--format", "json"))["trials"]
        self.assertEqual({(row["environment"]["power_limit_w"], row["staleness"])
                          for row in shown}, {(700, "current"), (500, "verify")})

    def test_a_miss_says_what_would_have_to_differ(self):
        # m is nothing of it: a row of n and k would answer for any m.
        miss, = self.explain("100x576x2048")
        self.assertEqual(miss["differing"], ["k: asked 2048, tuned 7168"])
        self.assertEqual((miss["compared_with"]["shape"]["n"], miss["compared_with"]["device_id"]),
                         (576, "h100-sxm5"))
        # Only rows of another operation.
        grouped, = self.explain("64x2112x7168", "--op", "grouped-masked", "--groups", "32")
        self.assertEqual(grouped["match"], "none")
        self.assertEqual(grouped["differing"], ["operation: asked grouped-masked, tuned dense",
                                                "groups: asked 32, tuned 1"])
        text = self.assert_ok(self.run_db("explain", "100x576x2048")).stdout
        self.assertIn("closest    8x576x7168 on h100-sxm5", text)

    def test_explain_predicts_the_untuned_default(self):
        for each in self.explain("64x2112x7168", "8x1024x1024"):
            self.assertGreater(each["default_predicted_us"], 0)
        self.assertRegex(self.assert_ok(self.run_db("explain", "8x1024x1024")).stdout,
                         r"default +\S.*, ~[\d.]+ µs predicted\n")

    def test_a_kind_of_gpu_that_nobody_knows_is_a_usage_error(self):
        for action in (("explain", "8x1024x1024"), ("coverage", "--trace", "trace.csv")):
            (self.folder / "trace.csv").write_text("m,n,k\n8,1024,1024\n")
            self.assert_fails(self.run_db(*action, "--device", "b200"), USAGE, "'b200'",
                              "h100-sxm5 (of this file), h200-sxm5")

    def test_explain_of_another_gpu_is_a_hint(self):
        other, = self.explain("64x2112x7168", "--device", "h20")
        self.assertEqual((other["match"], other["staleness"]), ("other-device", "hint"))
        self.assertIn("device: asked h20, tuned h100-sxm5", other["differing"])

    def test_help_has_examples_for_each_sub_command(self):
        text = self.assert_ok(self.run_db("--help")).stdout
        for action in ("list", "show", "explain", "coverage", "verify", "export", "import", "merge", "diff",
                       "prune"):
            self.assertIn(f"deepgemm-db {action}", text)
            self.assertIn("--help", self.assert_ok(self.run_db(action, "--help")).stdout)
        self.assert_fails(self.run_db("verfy"), USAGE, "verfy", "coverage")


if __name__ == "__main__":
    unittest.main()

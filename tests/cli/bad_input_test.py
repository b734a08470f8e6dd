"""Every command line or file that cannot be: exit code, one sentence, one next step."""

import os
import shutil
import stat
import unittest

from cli import ENVIRONMENT, FEW, USAGE, CliTest, program

PROFILE = ["--device", "h100-sxm5"]
NOBODY = 65534


class BadShapes(CliTest):
    def test_each_command_says_which_rule_a_shape_breaks(self):
        shapes = {
            "0x1x1": "m = 0 must be at least 1",
            "64x0x7168": "n = 0 must be at least 1",
            "64x2113x7168": "n = 2113 must be a multiple of 8",
            "64x2112x17": "k = 17 must be a multiple of 16",
            "4294967296x8x16": "m = 4294967296 is larger than",
            "8x4294967296x16": "n = 4294967296 is larger than",
            "99999999999999999999x8x16": "does not fit into 64 bits",
            "64x2112": "is not a shape",
            "64xnx7168": "is not a number",
            "": "is not a shape",
            "1:9223372036854775807:+1x8x16": "more than 10000 values",
            "1:10000:+1x8:80000:+8x16": "more than 10000 shapes",
        }
        for shape, rule in shapes.items():
            with self.subTest(shape):
                self.assert_fails(self.run_command("deepgemm-tune", shape, *PROFILE), USAGE, rule)
        self.assert_fails(self.run_command("deepgemm-bench", "0x1x1"), USAGE, "at least 1")
        self.assert_fails(self.run_command("deepgemm-db", "show", "0x1x1"), USAGE, "at least 1")
        self.assertFalse(self.db.exists())

    def test_more_memory_than_the_device_has(self):
        result = self.run_command("deepgemm-tune", "1000000x100000x16384", *PROFILE)
        self.assert_fails(result, USAGE, "GB")

    def test_files_of_shapes(self):
        contents = {
            "": "holds no shape",
            "m,n\n1,8\n": "no column 'k'",
            "m,n,k\n64,2112,7168\n64,x,7168\n": "column 'n' of line 3",
            "op,m,n,k\nfoo,1,8,16\n": "column 'op' of line 2",
            "op,groups,m,n,k\ngrouped-masked,,1,8,16\n": "line 2",
        }
        for content, complaint in contents.items():
            with self.subTest(content):
                path = self.folder / "shapes.csv"
                path.write_text(content)
                result = self.run_command("deepgemm-tune", "--shapes", path, *PROFILE)
                self.assert_fails(result, USAGE, complaint)
        result = self.run_command("deepgemm-tune", "--shapes", "missing.csv", *PROFILE)
        self.assert_fails(result, USAGE, "missing.csv")


class BadOptions(CliTest):
    def test_usage_errors(self):
        lines = [
            ["deepgemm-tune"],
            ["deepgemm-tune", "8x64x128", "--nonsense"],
            ["deepgemm-tune", "8x64x128", "--effort", "heroic"],
            ["deepgemm-tune", "8x64x128", "--budget", "0"],
            ["deepgemm-tune", "8x64x128", "--gpu", "first"],
            ["deepgemm-tune", "8x64x128", "--device", "a100"],
            ["deepgemm-tune", "8x64x128", "--device", "h20", "--gpu", "0"],
            ["deepgemm-tune", "8x64x128", "--op", "grouped-masked"],
            ["deepgemm-tune", "8x64x128", "--fix", "block_q=4"],
            ["deepgemm-tune", "8x64x128", "--fix", "stages=1:9999:+1", "--fix",
             "block_n=1:9999:+1"],
            ["deepgemm-tune", "8x64x128", "--format", "yaml"],
            ["deepgemm-tune", "8x64x128", "--output", "report.pdf"],
            ["deepgemm-tune", "8x64x128", "--output", "missing/report.json"],
            ["deepgemm-bench"],
            ["deepgemm-bench", "8x64x128", "--config", "block_m=100"],
            ["deepgemm-bench", "8x64x128", "--config", "blokm=64"],
            ["deepgemm-bench", "8x64x128", "--nonsense"],
            ["deepgemm-db"],
            ["deepgemm-db", "merge"],
            ["deepgemm-db", "list", "--nonsense"],
            ["deepgemm-db", "show"],
            ["deepgemm-db", "list", "--format", "xml"],
        ]
        for line in lines:
            with self.subTest(" ".join(line)):
                self.assert_fails(self.run_command(*line), USAGE)

    def test_an_unknown_option_is_named(self):
        result = self.run_command("deepgemm-tune", "8x64x128", "--nonsense")
        self.assert_fails(result, USAGE, "--nonsense", "--help")


class NoGpu(CliTest):
    def test_tune_names_the_way_without_a_gpu(self):
        result = self.run_command("deepgemm-tune", "64x2112x7168")
        self.assert_fails(result, ENVIRONMENT, "--device h100-sxm5")
        self.assertFalse(self.db.exists())

    def test_dry_run_does_too(self):
        result = self.run_command("deepgemm-tune", "64x2112x7168", "--dry-run")
        self.assert_fails(result, ENVIRONMENT, "--device h100-sxm5")

    def test_bench_needs_one(self):
        result = self.run_command("deepgemm-bench", "64x2112x7168")
        self.assert_fails(result, ENVIRONMENT, "GPU")


class BadDatabases(CliTest):
    """On the scripted machine, so that the database is the only thing that is wrong."""

    def assert_refused(self, content, *needles):
        self.db.write_bytes(content)
        for line in (["deepgemm-tune-scripted", "8x64x128"], ["deepgemm-bench-scripted", "8x64x128",
                     "--db", self.db], ["deepgemm-db", "list"],
                     ["deepgemm-db", "show", "8x64x128"]):
            with self.subTest(line[0]):
                self.assert_fails(self.run_command(*line), USAGE, str(self.db), *needles)
                self.assertEqual(self.db.read_bytes(), content)

    def test_a_text_file(self):
        self.assert_refused(b"This is a shopping list.\n" * 100)

    def test_a_truncated_file(self):
        self.assert_ok(self.run_command("deepgemm-tune-scripted", "8x64x128", *FEW))
        content = self.db.read_bytes()
        self.assert_refused(content[:len(content) // 2])

    def test_a_missing_file(self):
        self.assert_fails(self.run_command("deepgemm-db", "list"), USAGE, str(self.db))
        result = self.run_command("deepgemm-bench-scripted", "8x64x128", "--db", self.db)
        self.assert_fails(result, USAGE, str(self.db))
        self.assertFalse(self.db.exists())

    def test_a_shape_that_was_never_tuned(self):
        self.assert_ok(self.run_command("deepgemm-tune-scripted", "8x64x128", *FEW))
        self.assert_fails(self.run_command("deepgemm-db", "show", "16x64x128"), 1,
                          "16x64x128", "deepgemm-tune")

    def test_a_second_tuner_on_the_same_file(self):
        first = self.start("deepgemm-tune-scripted", "8x64x128", *FEW, env=self.hold("any"))
        self.wait_for_line(first.stderr, "enumerate")
        second = self.run_command("deepgemm-tune-scripted", "8x64x128", *FEW)
        self.assert_fails(second, ENVIRONMENT, "held by another tuner", "--db")
        self.interrupt(first)
        self.assert_ok(self.run_command("deepgemm-tune-scripted", "8x64x128", *FEW))


class NoPermission(CliTest):
    """Root may write anywhere, so the command runs as nobody where the tests run as root."""

    def run_unprivileged(self, name, *arguments, env=None):
        options = {}
        copy = shutil.copy(program(name), self.folder)
        if os.geteuid() == 0:
            options["preexec_fn"] = lambda: (os.setgroups([]), os.setgid(NOBODY),
                                             os.setuid(NOBODY))
        os.chmod(self.folder, 0o555)
        try:
            return self.run_command(copy, *arguments, env=env, **options)
        finally:
            os.chmod(self.folder, stat.S_IRWXU)

    def test_a_read_only_folder_for_the_database(self):
        result = self.run_unprivileged("deepgemm-tune-scripted", "8x64x128", *FEW)
        self.assert_fails(result, ENVIRONMENT, str(self.folder))

    def test_a_read_only_folder_for_a_new_folder_of_databases(self):
        result = self.run_unprivileged("deepgemm-tune-scripted", "8x64x128", *FEW, "--db",
                                       self.folder / "new" / "tuning.db")
        self.assert_fails(result, ENVIRONMENT, str(self.folder))

    def test_a_read_only_folder_for_the_cache(self):
        result = self.run_unprivileged("deepgemm-tune", "8x64x128", *FEW, *PROFILE)
        if "NVRTC" in result.stderr:
            self.skipTest("NVRTC is not installed")
        self.assert_fails(result, ENVIRONMENT, "cache")

    def test_a_read_only_folder_for_a_report(self):
        result = self.run_unprivileged("deepgemm-tune", "8x64x128", "--dry-run", *PROFILE,
                                       "--output", self.folder / "plan.json")
        self.assert_fails(result, ENVIRONMENT, "plan.json")

    def test_a_read_only_database_can_still_be_looked_into(self):
        self.assert_ok(self.run_command("deepgemm-tune-scripted", "8x64x128", *FEW))
        os.chmod(self.db, 0o444)
        result = self.run_unprivileged("deepgemm-db", "list")
        self.assert_ok(result)
        self.assertIn("128", result.stdout)


if __name__ == "__main__":
    unittest.main()

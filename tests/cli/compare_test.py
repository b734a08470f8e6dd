"""deepgemm-bench compare on reports that were measured on an H100."""

import json
import os
import pty
import subprocess
import unittest

from cli import SOURCE, USAGE, CliTest

RUNS = [SOURCE / f"tests/data/bench_run{number}.json" for number in (1, 2, 3)]


class Compare(CliTest):
    def compare(self, *arguments):
        return self.run_command("deepgemm-bench", "compare", *arguments)

    def changed(self, change):
        """Path of the second run after `change` was made to its JSON."""
        report = json.loads(RUNS[1].read_text())
        change(report)
        path = self.folder / "changed.json"
        path.write_text(json.dumps(report))
        return path

    @staticmethod
    def slow_down(line, factor):
        measurement = line["entries"][0]["measurement"]
        measurement["samples_us"] = [factor * sample for sample in measurement["samples_us"]]

    def test_equal_runs_exit_0(self):
        for old in RUNS:
            for new in RUNS:
                result = self.assert_ok(self.compare(old, new))
                self.assertIn("0 SLOWER, 0 FASTER", result.stdout)
                self.assertEqual(result.stderr, "")

    def test_a_slower_shape_exits_1_and_is_named(self):
        slow = self.changed(lambda report: self.slow_down(report["shapes"][4], 1.05))
        result = self.compare(RUNS[0], slow, "--output", "comment.md", "--output", "c.json")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertRegex(result.stdout, r"(?m)^SLOWER +1 +7168 +16384 ")
        self.assertIn("error: 1 shape is slower.", result.stderr)
        self.assertIn("next: ", result.stderr)
        self.assertIn("| SLOWER | 1 | 7168 | 16384 |", (self.folder / "comment.md").read_text())
        report = json.loads((self.folder / "c.json").read_text())
        self.assertEqual(report["command"][1:], ["compare", str(RUNS[0]), str(slow), "--output",
                                                 "comment.md", "--output", "c.json"])
        self.assertEqual(report["counts"]["SLOWER"], 1)
        self.assert_ok(self.compare(RUNS[0], slow, "--threshold", "8"))
        self.assert_ok(self.compare(slow, RUNS[0]))

    def test_a_kernel_that_fails_now_exits_1(self):
        def break_first(report):
            report["shapes"][0]["status"] = "wrong: the numbers"
        result = self.compare(RUNS[0], self.changed(break_first))
        self.assertEqual(result.returncode, 1)
        self.assertIn("1x2112x7168 (NEW: wrong: the numbers)", result.stdout)
        self.assertIn("failed that did not fail before", result.stderr)

    def test_csv_has_a_line_per_shape(self):
        lines = self.assert_ok(self.compare(RUNS[0], RUNS[1], "--format", "csv")).stdout.split("\n")
        self.assertTrue(lines[0].startswith("verdict,m,n,k,op,groups,alignment,old_us,new_us,ratio,"))
        self.assertEqual(len(lines), 51)

    def on_terminal(self, *arguments, **environment):
        """What a terminal of 100 columns shows of the result."""
        master, slave = pty.openpty()
        process = subprocess.Popen(self.command("deepgemm-bench", "compare", *arguments),
                                   stdout=slave, stderr=subprocess.DEVNULL, cwd=self.folder,
                                   env={**self.environment, **environment})
        os.close(slave)
        shown = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:  # Linux: the other end was closed
                break
            if not piece:
                break
            shown += piece
        process.wait(timeout=60)
        os.close(master)
        return shown.decode()

    def test_colour_only_on_a_terminal_that_wants_it(self):
        slow = self.changed(lambda report: self.slow_down(report["shapes"][4], 1.2))
        self.assertIn("\x1b[1;31mSLOWER", self.on_terminal(RUNS[0], slow))
        for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            shown = self.on_terminal(RUNS[0], slow, **environment)
            self.assertIn("SLOWER", shown)
            self.assertNotIn("\x1b", shown)
        self.assertNotIn("\x1b", self.on_terminal(RUNS[0], slow, "--format", "markdown"))
        self.assertNotIn("\x1b", self.compare(RUNS[0], slow, "--output", "c.txt").stdout)
        self.assertNotIn("\x1b", (self.folder / "c.txt").read_text())

    def test_files_that_cannot_be_compared(self):
        self.assert_fails(self.compare("none.json", RUNS[0]), USAGE, "none.json", "not exist")
        self.assert_fails(self.compare(self.folder, RUNS[0]), USAGE, "cannot be read")
        cut = self.folder / "cut.json"
        cut.write_text(RUNS[0].read_text()[:5000])
        self.assert_fails(self.compare(RUNS[0], cut), USAGE, "cut.json", "cut short")
        foreign = self.changed(lambda report: report.update(schema="deepgemm-bench/2"))
        self.assert_fails(self.compare(RUNS[0], foreign), USAGE, "deepgemm-bench/2")

    def test_no_common_shape_is_a_usage_error(self):
        none = self.changed(lambda report: report.update(shapes=[]))
        result = self.compare(RUNS[0], none)
        self.assertEqual(result.returncode, USAGE, result.stderr)
        self.assertIn("no shape in common", result.stderr)

    def test_usage(self):
        self.assert_fails(self.compare(RUNS[0]), USAGE, "NEW", "compare --help")
        self.assert_fails(self.compare(*RUNS), USAGE)
        self.assert_fails(self.compare(*RUNS[:2], "--threshold", "-1"), USAGE, "--threshold")
        self.assert_fails(self.compare(*RUNS[:2], "--format", "yaml"), USAGE, "yaml")
        self.assertIn("Examples:", self.assert_ok(self.compare("--help")).stdout)


if __name__ == "__main__":
    unittest.main()

"""deepgemm-bench show: a report in another form, as the run itself would have written it."""

import json
import unittest

from cli import SOURCE, USAGE, CliTest

RUN = SOURCE / "tests/data/bench_run1.json"


class Show(CliTest):
    def setUp(self):
        super().setUp()
        self.forms = {".txt": "table", ".csv": "csv", ".md": "markdown", ".html": "html"}
        outputs = [word for suffix in [*self.forms, ".json"]
                   for word in ("--output", f"run{suffix}")]
        self.assert_ok(self.run_command("deepgemm-bench-scripted", "64,100x2112x7168", *outputs))

    def show(self, *arguments):
        return self.run_command("deepgemm-bench", "show", *arguments)

    def test_every_form_is_the_runs_own(self):
        for suffix, form in self.forms.items():
            shown = self.assert_ok(self.show("run.json", "--format", form))
            self.assertEqual(shown.stdout, (self.folder / f"run{suffix}").read_text(), form)
            self.assertEqual(shown.stderr, "")

    def test_several_files_at_once(self):
        outputs = [word for suffix in self.forms for word in ("--output", f"shown{suffix}")]
        self.assert_ok(self.show("run.json", *outputs))
        for suffix in self.forms:
            self.assertEqual((self.folder / f"shown{suffix}").read_text(),
                             (self.folder / f"run{suffix}").read_text())

    def test_files_that_are_no_reports(self):
        self.assert_fails(self.show("none.json"), USAGE, "none.json", "not exist")
        (self.folder / "text.json").write_text("no report")
        self.assert_fails(self.show("text.json"), USAGE, "text.json", "no JSON")
        # Samples alone are enough for a comparison, not for a report.
        self.assert_fails(self.show(RUN), USAGE, "bench_run1.json", "missing")
        report = json.loads((self.folder / "run.json").read_text())
        report["schema"] = "deepgemm-tune/1"
        (self.folder / "tune.json").write_text(json.dumps(report))
        self.assert_fails(self.show("tune.json"), USAGE, "deepgemm-tune/1")

    def test_usage(self):
        self.assert_fails(self.show(), USAGE, "REPORT", "show --help")
        self.assert_fails(self.show("run.json", "--format", "json"), USAGE, "json")
        self.assertIn("Examples:", self.assert_ok(self.show("--help")).stdout)


if __name__ == "__main__":
    unittest.main()

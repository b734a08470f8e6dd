"""--help, --version and the documentation that they carry."""

import re
import unittest

from cli import SOURCE, CliTest

COMMANDS = ["deepgemm-tune", "deepgemm-bench", "deepgemm-db"]


class Help(CliTest):
    def test_help_goes_to_stdout_with_examples(self):
        for command in COMMANDS:
            for flag in ("--help", "-h"):
                with self.subTest(command):
                    result = self.assert_ok(self.run_command(command, flag))
                    self.assertEqual(result.stderr, "")
                    self.assertIn("Examples:", result.stdout)
                    self.assertIn("Exit codes:", result.stdout)
                    self.assertIn("--help-json", result.stdout)
                    self.assertIn("--db", result.stdout + self.run_command(
                        command, "list", "--help").stdout)

    def test_help_names_every_option_of_the_contract(self):
        expected = {
            "deepgemm-tune": ["--db", "--effort", "--budget", "--gpu", "--shard", "--force", "--device",
                              "--dry-run", "--fix", "--jobs", "--format", "--output", "--cache",
                              "--shapes", "--preset", "--op", "--verbose", "--quiet"],
            "deepgemm-bench": ["--db", "--config", "--gpu", "--rounds", "--format", "--output",
                               "--shapes", "--preset", "--op", "--verbose", "--quiet"],
        }
        for command, options in expected.items():
            text = self.run_command(command, "--help").stdout
            for option in options:
                self.assertRegex(text, rf"[\s,]{option}\b", command)

    def test_help_lists_the_fields_of_a_config(self):
        fields = re.findall(r"X\((\w+), (\d+), ", (SOURCE / "kernels/config.h").read_text())
        self.assertGreater(len(fields), 5)
        for command in ("deepgemm-tune", "deepgemm-bench"):
            text = self.run_command(command, "--help").stdout
            for name, default in fields:
                self.assertRegex(text, rf"(?m)^  {name} +{default}  \w", command)

    def test_examples_name_only_options_that_exist(self):
        for command in COMMANDS:
            text = self.run_command(command, "--help").stdout
            if command == "deepgemm-db":
                for action in re.findall(r"(?m)^  ([a-z]+) {2,}\S", text.split("Examples:")[0]):
                    text += self.run_command(command, action, "--help").stdout
            listed = set(re.findall(r"^\s+(?:-\w,\s*)?(--[\w-]+)", text, re.MULTILINE))
            used = set(re.findall(r"--[a-z][\w-]*", text.split("Examples:")[1]))
            self.assertEqual(used - listed, set(), command)

    def test_the_rows_that_the_readme_shows_are_those_of_the_shipped_bundle(self):
        readme = (SOURCE / "README.md").read_text(encoding="utf-8")
        shown = [" ".join(line.split()) for line in readme.splitlines()
                 if line.startswith("h100-sxm5 ")]
        self.assertGreaterEqual(len(shown), 2)
        listed = self.assert_ok(self.run_command(
            "deepgemm-db", "list", "--quiet", "--db", SOURCE / "db" / "data" / "h100-sxm5.dgdb"))
        lines = [" ".join(line.split()) for line in listed.stdout.splitlines()]
        for line in shown:
            self.assertIn(line, lines)

    def test_version_is_that_of_the_project(self):
        version = re.search(r"project\(deepgemm VERSION (\S+)",
                            (SOURCE / "CMakeLists.txt").read_text()).group(1)
        for command in COMMANDS:
            result = self.assert_ok(self.run_command(command, "--version"))
            self.assertEqual(result.stdout, f"{command} {version}\n")

    def test_json_help_and_presets(self):
        for command in COMMANDS:
            result = self.assert_ok(self.run_command(command, "--help-json"))
            self.assertIn('"deepgemm-tune/1"', result.stdout)
        result = self.assert_ok(self.run_command("deepgemm-tune", "--preset", "list"))
        self.assertIn("deepseek-v3: ", result.stdout)


if __name__ == "__main__":
    unittest.main()

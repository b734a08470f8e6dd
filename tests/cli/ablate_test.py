"""What the program behind scripts/gpu-ablate says before it needs a GPU."""

import shutil
import unittest

import cli


class AblateTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.tree = self.folder / "tree"
        shutil.copytree(cli.SOURCE / "kernels", self.tree / "kernels")

    def edit(self, name, old, new):
        file = self.tree / "kernels" / name
        text = file.read_text()
        self.assertIn(old, text)
        file.write_text(text.replace(old, new))

    def assert_refused(self, reason, *arguments):
        result = self.run_command("ablate", cli.SOURCE / "db/data/h100-sxm5.dgdb", "--only",
                                  "64x576", "--sources", self.tree, *arguments)
        self.assert_fails(result, cli.USAGE, reason, "bring the folder up to date")

    def test_names_no_stage_that_it_did_not_leave_out(self):
        self.edit("promotion.cuh", "int g = 0; g <", "int g{}; g <")
        self.assert_refused(f"'{self.tree}, no promotion' does not fit: 'kernels/promotion.cuh'",
                            "--stage", "no promotion")

    def test_tells_no_clock_that_it_did_not_read(self):
        self.edit("dense.cuh", "using Thread = MathThread<C>;", "using Thread  = MathThread<C>;")
        self.assert_refused(f"'{self.tree}' does not fit: 'kernels/dense.cuh'")


if __name__ == "__main__":
    unittest.main()

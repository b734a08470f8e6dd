"""The scripts' decisions, on planted toolkits: nothing is installed, fetched or built here."""

import os
import pathlib
import shlex
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ("cuda.h", "nvrtc.h", "cublasLt.h", "cupti.h")
LIBRARIES = ("libnvrtc.so.13", "libcublasLt.so.13", "libcupti.so.13")


def bash(command, **variables):
    return subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True,
                          env=dict(os.environ, **variables))


class ScriptsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="deepgemm scripts-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def plant(self, path, text=""):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def plant_toolkit(self, version=13000, libraries="lib64", cupti="include"):
        for header in HEADERS:
            self.plant(f"{cupti if header == 'cupti.h' else 'include'}/{header}")
        self.plant("include/cuda.h", f"#pragma once\n#define CUDA_VERSION {version}\n")
        for library in LIBRARIES:
            self.plant(f"{libraries}/{library}")

    def cuda_version(self):
        result = bash(f'source scripts/lib.sh; cuda_version "{self.folder}"')
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.strip()

    def test_reads_the_version_of_a_whole_toolkit(self):
        self.plant_toolkit()
        self.assertEqual(self.cuda_version(), "13000")

    def test_knows_the_layouts_of_wheels_and_of_installers(self):
        self.plant_toolkit(version=12090, libraries="lib", cupti="extras/CUPTI/include")
        self.assertEqual(self.cuda_version(), "12090")

    def test_refuses_a_toolkit_that_lacks_a_part(self):
        self.assertEqual(self.cuda_version(), "")
        for part in [f"include/{header}" for header in HEADERS] + \
                    [f"lib64/{library}" for library in LIBRARIES]:
            self.plant_toolkit()
            (self.folder / part).unlink()
            self.assertEqual(self.cuda_version(), "", f"without {part}")

    def test_takes_a_new_enough_toolkit_without_fetching(self):
        self.plant_toolkit(version=12090)
        result = bash('source scripts/lib.sh; fetch_cuda_wheels() { echo fetched; exit 9; }; '
                      'find_or_fetch_cuda; echo "$CUDA_HOME"', CUDA_HOME=str(self.folder))
        self.assertEqual(result.stdout.splitlines()[-1], str(self.folder), result.stderr)
        self.assertIn("12.9", result.stdout)

    def test_passes_over_a_toolkit_that_is_too_old(self):
        self.plant_toolkit(version=12080)
        result = bash('source scripts/lib.sh; fetch_cuda_wheels() { :; }; '
                      'find_or_fetch_cuda; echo "$CUDA_HOME"', CUDA_HOME=str(self.folder))
        self.assertNotIn(str(self.folder), result.stdout)

    def test_calls_apt_only_for_what_is_missing(self):
        stubs = ('source scripts/lib.sh; apt-get() { :; }; dpkg-query() { :; }; '
                 'is_installed() { [ "$1" = present ]; }; as_root() { echo "$@"; }; ')
        # apt's own output goes nowhere, so the announcement tells what is asked for.
        self.assertEqual(bash(stubs + "install_packages present").stdout, "")
        asked = bash(stubs + "install_packages present absent").stdout
        self.assertIn("Installing with apt: absent\n", asked)

    def test_installs_a_browser_only_where_apt_has_one(self):
        stubs = ('source scripts/lib.sh; command() { return 1; }; '
                 'install_packages() { echo "installs $*"; }; ')
        offer = 'apt-cache() { echo "  Candidate: 1.2"; }; '
        self.assertEqual(bash(stubs + offer + "install_browser").stdout, "installs chromium\n")
        refuse = 'apt-cache() { echo "  Candidate: (none)"; }; '
        self.assertIn("will be skipped", bash(stubs + refuse + "install_browser").stdout)
        there = 'source scripts/lib.sh; command() { return 0; }; install_browser'
        self.assertEqual(bash(there).stdout, "")

    def test_without_root_and_sudo_says_what_to_do(self):
        result = bash('source scripts/lib.sh; missing=(ninja-build); id() { echo 1000; }; '
                      'sudo() { return 1; }; as_root true')
        self.assertEqual(result.returncode, 3)
        self.assertIn("apt-get install ninja-build", result.stderr)

    def test_an_unknown_argument_is_a_usage_error(self):
        result = bash("scripts/quickstart --nonsense")
        self.assertEqual(result.returncode, 2)
        self.assertIn("--nonsense", result.stderr)

    # (compute capability of the GPU, arguments, exit code, what the error must name)
    def assert_gpu_script_refuses(self, script, *cases):
        variables = {"PATH": f"{self.folder}:{os.environ['PATH']}"}
        for capability, arguments, code, needle in cases:
            self.plant("nvidia-smi", f"#!/bin/sh\necho {capability}\n")
            (self.folder / "nvidia-smi").chmod(0o755)
            result = bash(f"scripts/{script} {arguments}", **variables)
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertIn(needle, result.stderr)

    def test_gpu_scripts_refuse_what_they_cannot_do(self):
        for script, bad_number, name in (("gpu-compare", "many", "RUNS"),
                                         ("gpu-compare", "1", "RUNS"),
                                         ("gpu-kill", "none", "KILLS"),
                                         ("gpu-intervals", "none", "SAMPLES"),
                                         ("gpu-grouped", "db quick soon", "SECONDS")):
            with self.subTest(script=script, number=bad_number):
                self.assert_gpu_script_refuses(script, ("9.0", f"build {bad_number}", 2, name))
        for script, missing in (("gpu-compare", "is missing"), ("gpu-kill", "is missing"),
                                ("gpu-intervals", "is missing"), ("gpu-bundle", "is missing"),
                                ("gpu-trust", "is missing"), ("gpu-grouped", "is missing"),
                                ("gpu-dense", "is missing"), ("gpu-fleet", "is missing"),
                                ("gpu-ablate", "is missing"),
                                ("gpu-runtime", "serving_cost is missing")):
            with self.subTest(script=script):
                self.assert_gpu_script_refuses(script, ("9.0", "no-build", 2, missing),
                                               ("8.0", "no-build", 3, "no Hopper GPU"))

    def test_gpu_scripts_say_what_they_do_and_how_they_end(self):
        scripts = sorted(p for p in ROOT.glob("scripts/gpu-*") if not p.suffix)
        self.assertGreater(len(scripts), 5)
        for script in scripts:
            for option in ("-h", "--help"):
                with self.subTest(script=script.name, option=option):
                    result = bash(f"cd / && {shlex.quote(str(script))} {option}")
                    self.assertEqual((result.returncode, result.stderr), (0, ""))
                    self.assertIn(f"scripts/{script.name} [BUILD_FOLDER", result.stdout)
                    self.assertIn("Exit codes: 0 ", result.stdout)

    def test_gpu_check_without_a_gpu_or_a_build_says_so(self):
        fake = self.folder / "nvidia-smi"
        variables = {"PATH": f"{self.folder}:{os.environ['PATH']}"}
        for capability, code in (("8.0", 3), ("9.0", 2)):
            self.plant("nvidia-smi", f"#!/bin/sh\necho {capability}\n")
            fake.chmod(0o755)
            result = bash(f'scripts/gpu-check "{self.folder}/no-build"', **variables)
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertIn("error: ", result.stderr)


if __name__ == "__main__":
    unittest.main()

"""What the scripts for GPUs do around the programs, with stand-ins for these: nothing is measured
here."""

import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class GpuScriptsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="deepgemm scripts-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.log = self.folder / "log"
        self.set_gpus(1)

    def plant(self, path, text):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def plant_program(self, name, text):
        """A stand-in in Python; `log`, `argv` and `db` are at hand."""
        self.plant(f"build/bin/{name}", f"#!{sys.executable}\n" + textwrap.dedent("""\
            import json, os, pathlib, sys, time
            argv = sys.argv[1:]
            db = pathlib.Path(argv[argv.index("--db") + 1]) if "--db" in argv else None
            def log(text):
                with open(os.environ["LOG"], "a") as file:
                    file.write(text + "\\n")
            """) + textwrap.dedent(text))

    def set_gpus(self, count):
        self.plant("nvidia-smi", "#!/bin/sh\n" + "echo 9.0\n" * count)

    def environment(self, **variables):
        return dict(os.environ, PATH=f"{self.folder}:{os.environ['PATH']}", LOG=str(self.log),
                    **variables)

    def run_script(self, name, *arguments, **variables):
        return subprocess.run([ROOT / "scripts" / name, self.folder / "build", *map(str, arguments)],
                              capture_output=True, text=True, check=False, timeout=300,
                              env=self.environment(**variables))

    def logged(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    # --- gpu-fleet

    def plant_fleet(self, seconds_of_one, seconds_of_all):
        self.plant_program("deepgemm-tune", f"""
            log(" ".join(argv[:1] + argv[argv.index("--gpu"):][:2]) + f" {{db.exists()}} "
                + str(os.path.exists(os.environ["XDG_CACHE_HOME"])))
            os.makedirs(os.environ["XDG_CACHE_HOME"], exist_ok=True)
            seconds = {seconds_of_all} if "all" in argv else {seconds_of_one}
            print(json.dumps({{"seconds": seconds, "shapes": [{{"status": "tuned"}}] * 24}}))
            """)
        self.plant("build/bin/deepgemm-bench", "")

    def test_fleet_wants_nine_tenths_of_what_the_gpus_could(self):
        for gpus, seconds_of_all, code, ratio in ((2, 10, 0, "1.90"), (2, 11, 1, "1.73"),
                                                  (4, 5.2, 0, "3.65"), (4, 5.4, 1, "3.52")):
            with self.subTest(gpus=gpus, seconds=seconds_of_all):
                self.set_gpus(gpus)
                self.plant_fleet(19, seconds_of_all)
                result = self.run_script("gpu-fleet")
                self.assertEqual(result.returncode, code, result.stdout + result.stderr)
                self.assertIn(f"ratio {ratio} (at least {0.9 * gpus:.2f})", result.stdout)
                self.assertEqual("DOES NOT HOLD" in result.stdout, code == 1)
                self.assertIn("24 rows in    19.0 s:  75.79 rows per minute", result.stdout)
        # Always from an empty database, and compared with all kernels compiled.
        shape = "1,64,128,512,1024,4096x2112x7168"
        self.assertEqual(self.logged()[:3], [f"{shape} --gpu all False False",
                                             f"{shape} --gpu 0 False True",
                                             f"{shape} --gpu all False True"])

    def test_fleet_needs_two_gpus(self):
        self.plant_fleet(19, 10)
        result = self.run_script("gpu-fleet")
        self.assertEqual(result.returncode, 3)
        self.assertIn("error: This machine has one Hopper GPU", result.stderr)

    # --- gpu-grouped

    def test_grouped_goes_on_when_its_seconds_were_too_few(self):
        self.plant_program("deepgemm-tune", "time.sleep(60)")
        self.plant_program("deepgemm-bench", "log('bench')")
        start = time.monotonic()
        result = self.run_script("gpu-grouped", self.folder / "g.db", "default", "1")
        self.assertEqual(result.returncode, 130, result.stdout + result.stderr)
        self.assertLess(time.monotonic() - start, 20)
        self.assertIn("repeat this call to go on", result.stdout)
        self.assertEqual(self.logged(), [])

    def test_grouped_measures_three_times_and_each_draw_without_tuning(self):
        self.plant_program("deepgemm-tune", "log('tune')")
        self.plant_program("deepgemm-bench", """
            log(f"{db.name} {pathlib.Path(argv[argv.index('--output') + 1]).stem}")
            skew = argv[argv.index("--skew") + 1] if "--skew" in argv else ""
            if skew: log(pathlib.Path(argv[argv.index("--shapes") + 1]).read_text().split()[-1])
            pathlib.Path(argv[argv.index("--output") + 1]).write_text('{"shapes": []}')
            sys.exit(1)  # a kernel is wrong: the report is there all the same
            """)
        result = self.run_script("gpu-grouped", self.folder / "g.db", "none")
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        last = "grouped-masked,32,1,77,7168,2048"
        self.assertEqual(self.logged(), ["g.db exact1", "g.db exact2", "g.db exact3", "g.db even",
                                         last, "g.db half", last, "g.db zipf", last])
        self.assertIn("do not hold", result.stdout)
        self.assertIn("\n    masked 1x 1229x4096x7168\n", result.stdout)

    def test_grouped_ends_where_a_program_cannot_run(self):
        self.plant_program("deepgemm-tune", "sys.exit(3)")
        self.plant_program("deepgemm-bench", "log('bench'); sys.exit(3)")
        self.assertEqual(self.run_script("gpu-grouped", self.folder / "g.db").returncode, 1)
        self.assertEqual(self.logged(), [])
        self.assertEqual(self.run_script("gpu-grouped", self.folder / "g.db", "none").returncode, 1)
        self.assertEqual(self.logged(), ["bench"])

    # --- gpu-trust

    def plant_trust(self):
        self.plant_program("deepgemm-tune", """
            cache = pathlib.Path(os.environ["XDG_CACHE_HOME"])
            log(f"{db.stem} {'goes on' if db.exists() else 'from nothing'}, "
                f"{cache.name} {'warm' if cache.exists() else 'cold'}")
            cache.mkdir(exist_ok=True)
            db.write_text("begun")
            if db.stem == os.environ["FAILS"]: sys.exit(1)
            if db.stem == "rerun": time.sleep(0.3)
            print("{}")
            """)
        self.plant_program("deepgemm-db", "print('{}')")

    def test_trust_times_only_what_ran_as_a_whole(self):
        self.plant_trust()
        kept = self.folder / "kept"
        self.assertEqual(self.run_script("gpu-trust", kept, FAILS="second").returncode, 1)
        self.assertEqual(self.run_script("gpu-trust", kept, FAILS="exhaustive").returncode, 1)
        self.assertEqual(self.run_script("gpu-trust", kept, FAILS="exhaustive").returncode, 1)
        self.assertEqual(self.logged(), [
            "first from nothing, first-cache cold",
            "second from nothing, second-cache cold",
            "second from nothing, second-cache cold",
            "quick from nothing, quick-cache cold",
            "warm from nothing, first-cache warm",
            "rerun goes on, first-cache warm",
            "isolated-1 from nothing, first-cache warm",
            "together-1 from nothing, first-cache warm",
            "isolated-2 from nothing, first-cache warm",
            "together-2 from nothing, first-cache warm",
            "isolated-3 from nothing, first-cache warm",
            "together-3 from nothing, first-cache warm",
            "exhaustive from nothing, first-cache warm",
            "exhaustive goes on, first-cache warm"])
        # Of the whole process, whatever its report says.
        self.assertGreaterEqual(float((kept / "rerun.wall").read_text()), 0.3)

    def test_trust_does_not_mix_two_builds(self):
        self.plant_trust()
        kept = self.folder / "kept"
        self.assertEqual(self.run_script("gpu-trust", kept, FAILS="first").returncode, 1)
        self.plant_program("deepgemm-db", "print('another')")
        result = self.run_script("gpu-trust", kept, FAILS="first")
        self.assertEqual(result.returncode, 2)
        self.assertIn("holds figures of another build", result.stderr)

    # --- gpu-kill

    def test_kill_runs_all_its_tests_on_the_real_tuner(self):
        for name in ("deepgemm-tune", "deepgemm-db"):
            self.plant(f"build/bin/{name}", "")
        self.plant("python3", '#!/bin/sh\necho "$DEEPGEMM_KILL_PROGRAM $DEEPGEMM_KILLS $*" >>"$LOG"\n')
        self.assertEqual(self.run_script("gpu-kill", "7").returncode, 0)
        # Without the name of a class: kills of the tuner, of the worker, and the full disk.
        self.assertEqual(self.logged(), ["deepgemm-tune 7 tests/cli/kill_test.py"])

    # --- gpu-ablate

    def test_ablate_finds_paths_where_its_caller_stands(self):
        self.plant("build/tests/ablate", '#!/bin/sh\nprintf "%s\\n" "$@"\n')
        self.plant("build/bin/deepgemm-tune", "")
        script = ROOT / "scripts" / "gpu-ablate"
        result = subprocess.run([script, "build", "my.db", "--only", "m=1", "--sources", "tree"],
                                capture_output=True, text=True, check=False, timeout=300,
                                cwd=self.folder, env=self.environment())
        self.assertEqual(result.stdout.splitlines(),
                         [f"{self.folder}/my.db", "--only", "m=1", "--sources",
                          f"{self.folder}/tree"], result.stderr)


if __name__ == "__main__":
    unittest.main()

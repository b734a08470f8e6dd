"""What the command-line tests share: running the real binaries in a folder of their own."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

FOLDERS = os.environ.get("DEEPGEMM_BIN", os.curdir)
SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
USAGE, ENVIRONMENT, INTERRUPTED = 2, 3, 130
ATTEMPTS = 8  # of what a machine that has no time for us may spoil
# A space of few candidates, so that real compilation stays short.
FEW = ["--effort", "quick", "--fix", "block_m=64", "--fix", "block_n=64,96", "--fix", "stages=4",
       "--fix", "cluster_m=1", "--fix", "cluster_n=1", "--fix", "math_warpgroups=1",
       "--fix", "accumulator_sets=1", "--fix", "raster_group=8"]


def program(name):
    """Path of a binary in the folders of DEEPGEMM_BIN."""
    path = shutil.which(name, path=FOLDERS)
    if path is None:
        raise FileNotFoundError(f"{name} is not in DEEPGEMM_BIN={FOLDERS}")
    return path


def has_trap(shell):
    """Whether it has come to `trap … TERM`."""
    status = pathlib.Path(f"/proc/{shell.pid}/status").read_text()
    caught = int(re.search(r"^SigCgt:\s*(\w+)", status, re.MULTILINE)[1], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


class CliTest(unittest.TestCase):
    """A fresh folder per test; database, cache and home lie in it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="deepgemm-cli-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.db = self.folder / "tuning.db"
        self.held = self.folder / "held"
        self.environment = dict(os.environ, HOME=str(self.folder), DEEPGEMM_DB=str(self.db),
                                XDG_CACHE_HOME=str(self.folder / "cache"), TERM="xterm",
                                CUDA_VISIBLE_DEVICES="")
        for name in list(self.environment):
            if name.startswith(("SCRIPTED_", "SLURM_", "OMPI_", "PMI_", "JOB_COMPLETION_")) or \
                    name in ("NO_COLOR", "RANK", "LOCAL_RANK", "WORLD_SIZE", "GROUP_WORLD_SIZE",
                             "DEEPGEMM_SHARD_COUNT"):
                del self.environment[name]

    def command(self, name, *arguments):
        return [program(name), *map(str, arguments)]

    def run_command(self, name, *arguments, env=None, **options):
        return subprocess.run(self.command(name, *arguments), capture_output=True, text=True,
                              env={**self.environment, **(env or {})}, cwd=self.folder,
                              timeout=300, check=False, **options)

    def start(self, name, *arguments, env=None):
        process = subprocess.Popen(self.command(name, *arguments), text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**self.environment, **(env or {})}, cwd=self.folder)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def assert_ok(self, result):
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result

    def assert_fails(self, result, code, *needles):
        """Exit code; nothing on stdout; one sentence of error and one next step on stderr."""
        said = f"{result.args}\n{result.stdout}\n{result.stderr}"
        self.assertEqual(result.returncode, code, said)
        self.assertEqual(result.stdout, "", said)
        lines = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
        self.assertEqual([line.split(" ")[0] for line in lines], ["error:", "next:"], said)
        for line in lines:
            self.assertTrue(line.endswith("."), said)
        for needle in needles:
            self.assertIn(needle, result.stderr, said)

    def assert_broken(self, result, count, *needles):
        """Of a report that says which figures hold: so many do not."""
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn(f"{count} of it do not hold", result.stdout)
        self.assertEqual(result.stdout.count("DOES NOT HOLD"), count, result.stdout)
        for needle in needles:
            self.assertIn(needle, result.stdout)

    def assert_interrupted(self, process):
        stdout, stderr = process.communicate(timeout=120)
        self.assertEqual(process.returncode, INTERRUPTED, stdout + stderr)
        self.assertIn("next: To resume, run: ", stderr)
        return stdout, stderr

    def json_of(self, result):
        self.assert_ok(result)
        return json.loads(result.stdout)

    def hold(self, where):
        """Of a scripted machine whose workers wait there until `held` is gone."""
        self.held.touch()
        return {"SCRIPTED_HOLD": f"{where}:{self.held}"}

    def forget(self, database=None):
        """Where the work is done, there must be new work: all of it, or what is not in `database`,
        the bytes of one."""
        for tail in ("", "-wal", "-shm"):
            pathlib.Path(f"{self.db}{tail}").unlink(missing_ok=True)
        if database is not None:
            self.db.write_bytes(database)

    def seconds_of_nothing(self):
        """What this machine takes now to start and end a program, whatever that does."""
        started = time.monotonic()
        self.assert_ok(self.run_command("deepgemm-tune", "--version"))
        return time.monotonic() - started

    def assert_ends_within(self, seconds, begin, end):
        """`end` brings to its end what `begin` returns, and is timed; returns what it returns. The
        fastest attempt counts: a promise of the program is not broken by who else keeps the machine
        busy."""
        for _ in range(ATTEMPTS):
            begun = begin()
            started = time.monotonic()
            result = end(begun)
            took = time.monotonic() - started
            if took < seconds or took < seconds + self.seconds_of_nothing():
                return result
        self.fail(f"it took {took:.2f} s, and never less than {seconds} s in {ATTEMPTS} attempts")

    def run_in_time(self, budget, name, *arguments, said="", code=0, grace=2, env=None):
        """A call that ends within `grace` seconds of its budget, in one of some attempts. What it
        says then may need a larger budget on a machine that has no time for us. Each attempt begins
        with the same database."""
        before = self.db.read_bytes() if self.db.exists() else None
        seconds = budget
        for _ in range(ATTEMPTS):
            self.forget(before)
            started = time.monotonic()
            result = self.run_command(name, *arguments, "--budget", f"{seconds:g}", env=env)
            took = time.monotonic() - started
            asked = seconds
            if result.returncode != code or said not in result.stdout + result.stderr:
                seconds = min(2 * seconds, 8 * budget)
            elif took < asked + grace or took < asked + grace + self.seconds_of_nothing():
                return result
        self.fail(f"{took:.2f} s with a budget of {asked:g} s, exit code {result.returncode}\n"
                  f"{result.stdout}\n{result.stderr}")

    def wait_until(self, reached, what, seconds=120):
        end = time.monotonic() + seconds
        while not reached():
            self.assertLess(time.monotonic(), end, f"{what}: not within {seconds} s")
            time.sleep(0.01)

    def wait_for_trials(self, shape, count, seconds=120):
        """Until the database holds that many trials of a shape."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            result = self.run_command("deepgemm-db", "show", shape, "--format", "json")
            if result.returncode == 0 and len(json.loads(result.stdout)["trials"]) >= count:
                return
            time.sleep(0.05)
        self.fail(f"no {count} trials of {shape} within {seconds} s")

    @staticmethod
    def wait_for_line(stream, needle):
        """Reads lines until one holds `needle`; returns what was read."""
        read = ""
        for line in stream:
            read += line
            if needle in line:
                return read
        raise AssertionError(f"'{needle}' never came:\n{read}")

    def interrupt(self, process, sign=signal.SIGINT):
        process.send_signal(sign)
        return self.assert_interrupted(process)


def needs_nvrtc(test):
    """Skips, and says so, where the compiler is missing."""
    def wrapped(self):
        probe = self.run_command("deepgemm-tune", "8x64x128", "--device", "h100-sxm5", *FEW,
                                 "--budget", "0.1", "--db", self.folder / "probe" / "probe.db")
        if probe.returncode == ENVIRONMENT and "NVRTC" in probe.stderr:
            self.skipTest("NVRTC is not installed")
        return test(self)
    return wrapped

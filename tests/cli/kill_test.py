"""kill -9 at random moments, of the tuner or of its worker, and a disk that fills: nothing that was
said to be stored is lost.

On a scripted machine by itself; on a real GPU through scripts/gpu-kill, which sets
  DEEPGEMM_KILL_PROGRAM   deepgemm-tune
  DEEPGEMM_KILLS          how often the tuner is killed
  DEEPGEMM_KILL_AFTER     the longest time before a kill, in seconds
  DEEPGEMM_KILL_SEED      to repeat a sequence that failed
"""

import contextlib
import os
import pathlib
import random
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time
import unittest

from cli import FEW, CliTest

PROGRAM = os.environ.get("DEEPGEMM_KILL_PROGRAM", "deepgemm-tune-scripted")
SCRIPTED = PROGRAM.endswith("-scripted")
KILLS = int(os.environ.get("DEEPGEMM_KILLS", "50"))
LONGEST = float(os.environ.get("DEEPGEMM_KILL_AFTER", "0.6"))
SEED = int(os.environ.get("DEEPGEMM_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
HEAT = 18  # kernels of one, with the default and the best so far
SHAPES = "1,16,32,64,128,256,512,1024,2048x1024x2048"
# What the tuner says of each trial, once it is stored: of which shape and kernel, and how it ended.
STORED = re.compile(r"^debug: (\S+ .*): (predicted|verified|measured|compile-failed|launch-failed"
                    r"|wrong|faulted|hung|worker-lost)", re.MULTILINE)
# And before it: the trial in flight.
CHECKED = re.compile(r"^debug: (\S+ .*): its numbers are checked$", re.MULTILINE)


def workers_of(process):
    children = pathlib.Path(f"/proc/{process}/task/{process}/children")
    try:
        return [int(child) for child in children.read_text().split()]
    except OSError:
        return []


class KillTest(CliTest):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        if not SCRIPTED:
            del self.environment["CUDA_VISIBLE_DEVICES"]
        # Slow enough that the kills fall into every stage.
        self.slow = {"SCRIPTED_SLEEP_MS_ROUND": "4", "SCRIPTED_SLEEP_MS_VERIFY": "8",
                     "SCRIPTED_SLEEP_MS_BUILD": "4"} if SCRIPTED else {}

    def assert_completes(self):
        result = self.assert_ok(self.run_command(PROGRAM, SHAPES, *FEW))
        self.assertIn("[9/9]", result.stderr)
        self.assertIn("othing to do", self.assert_ok(self.run_command(PROGRAM, SHAPES, *FEW)).stderr)

    def rows(self, where="TRUE"):
        """Trials in the file, after SQLite itself has found nothing broken."""
        if not self.db.exists():
            return 0
        connection = sqlite3.connect(self.db)
        try:
            if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'trials'").fetchone():
                return 0
            self.assertEqual(connection.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            return connection.execute(f"SELECT count(*) FROM trials WHERE {where}").fetchone()[0]
        finally:
            connection.close()


class Killed(KillTest):
    def setUp(self):
        super().setUp()
        self.known = set()  # trials that were stored by the calls so far

    def forget(self):
        super().forget()
        self.known.clear()

    def assert_one_trial_lost_at_most(self, stderr):
        """Of those whose numbers were checked; and what had no time yet was not checked again. (Who
        has one is, before it races again.)"""
        self.known |= {trial for trial, _ in STORED.findall(stderr)}
        self.assertLessEqual(len(set(CHECKED.findall(stderr)) - self.known), 1, stderr)
        again = self.rows("outcome = 'verified' AND EXISTS (SELECT 1 FROM trials AS other"
                          " WHERE other.m = trials.m AND other.kernel_key = trials.kernel_key"
                          " AND other.outcome = 'verified' AND other.id < trials.id)")
        self.assertEqual(again, 0, stderr)

    def kill_once(self, said):
        before = self.rows()
        process = self.start(PROGRAM, SHAPES, *FEW, "--verbose", env=self.slow)
        time.sleep(self.random.uniform(0.01, LONGEST))
        workers = workers_of(process.pid)
        process.kill()
        stderr = process.communicate()[1]
        announced = len(STORED.findall(stderr))
        listed = self.run_command("deepgemm-db", "list")  # the first to see the log that is left
        self.assert_one_trial_lost_at_most(said + stderr)
        added = self.rows() - before
        # Stored before it is said; the kill may fall between the two. What a heat still races after
        # its first rounds is stored at once.
        self.assertGreaterEqual(added, announced, said + stderr)
        self.assertLessEqual(added, announced + HEAT, said + stderr)
        if before + added > 0:
            self.assert_ok(listed)
        self.wait_until(lambda: not any(pathlib.Path(f"/proc/{worker}/exe").exists()
                                        for worker in workers), f"{said}its worker's end")
        return process.returncode == -signal.SIGKILL

    def test_at_random_moments(self):
        said = f"DEEPGEMM_KILL_SEED={SEED}\n"
        killed = 0
        for attempt in range(4 * KILLS):
            if killed == KILLS:
                break
            was_killed = self.kill_once(said)
            killed += was_killed
            if was_killed and killed % 10 == 0:
                print(f"{killed} of {KILLS} kills", file=sys.stderr, flush=True)
            if not was_killed or attempt % 20 == 19:
                self.forget()
        self.assertEqual(killed, KILLS, said)
        self.assert_completes()


class KilledWhileItRepeats(KillTest):
    """--force, and --probe: there, too, each check is stored at once."""

    def kill_behind(self, checks, *arguments):
        """Returns how many checks were begun then."""
        process = self.start(PROGRAM, SHAPES, *FEW, *arguments, "--verbose",
                             env={**self.slow, "SCRIPTED_SLEEP_MS_VERIFY": "40"})
        said = []
        for line in process.stderr:
            said.append(line)
            if sum(checks in each for each in said) == 5:
                break
        process.kill()
        return "".join(said) + process.communicate()[1]

    def test_force(self):
        self.assert_completes()
        before = self.rows("outcome = 'verified'")
        begun = len(CHECKED.findall(self.kill_behind("its numbers are checked", "--force")))
        self.assertGreaterEqual(self.rows("outcome = 'verified'") - before, begun - 1)

    @unittest.skipUnless(SCRIPTED, "a GPU checks too fast to be stopped at one")
    def test_probe(self):
        self.assert_completes()
        untimed = ("outcome = 'verified' AND policy LIKE 'probe: %' AND NOT EXISTS (SELECT 1 FROM"
                   " trials AS other WHERE other.m = trials.m AND other.policy = trials.policy"
                   " AND other.kernel_key = trials.kernel_key AND other.outcome = 'measured')")
        # The rounds are slow, too: nobody has a time until it is killed.
        process = self.start(PROGRAM, SHAPES, *FEW, "--probe",
                             env={"SCRIPTED_SLEEP_MS_VERIFY": "200",
                                  "SCRIPTED_SLEEP_MS_ROUND": "2000"})
        self.wait_until(lambda: self.rows(untimed) >= 2, "its first checks are stored")
        process.kill()
        process.communicate()
        self.assertGreater(self.rows(untimed), 0)
        # And none of them is repeated.
        self.assert_ok(self.run_command(PROGRAM, SHAPES, *FEW, "--probe"))
        again = self.rows("outcome = 'verified' AND policy LIKE 'probe: %' AND EXISTS (SELECT 1 FROM"
                          " trials AS other WHERE other.m = trials.m AND other.id < trials.id"
                          " AND other.kernel_key = trials.kernel_key"
                          " AND other.outcome = 'verified' AND other.policy = trials.policy)")
        self.assertEqual(again, 0)


class WorkerKilled(KillTest):
    # In one tune, of 9 kernels: who was on a worker that ended is tried for no other shape, and where
    # that is all of them, a shape has no answer.
    MOST = 4

    def setUp(self):
        super().setUp()
        if SCRIPTED:
            self.slow["SCRIPTED_SLEEP_MS_VERIFY"] = "40"

    def tune(self):
        """Kills the worker now and then. Returns how often, and what the tuner said."""
        log = self.folder / "stderr"

        def announced():
            return len(STORED.findall(log.read_text()))

        with log.open("w") as stderr:
            process = subprocess.Popen(self.command(PROGRAM, SHAPES, *FEW, "--verbose"),
                                       stdout=subprocess.DEVNULL, stderr=stderr,
                                       env={**self.environment, **self.slow}, cwd=self.folder)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        first_seen, killed = {}, set()
        while process.poll() is None:
            time.sleep(self.random.uniform(0.01, LONGEST / 8))
            for worker in workers_of(process.pid):
                # Not one that starts: that is started again, but not for ever.
                has_worked = announced() > first_seen.setdefault(worker, announced())
                if has_worked and len(killed) < self.MOST:
                    with contextlib.suppress(ProcessLookupError):  # it ended by itself
                        os.kill(worker, signal.SIGKILL)
                        killed.add(worker)
        said = log.read_text()
        self.assertEqual(process.returncode, 0, said)
        return len(killed), said

    def test_at_random_moments(self):
        said = f"DEEPGEMM_KILL_SEED={SEED}\n"
        kills = lost = 0
        # Most fall into rounds, which are repeated; then no trial is lost.
        for _ in range(10):
            self.forget()
            more, log = self.tune()
            kills += more
            self.assertIn("[9/9]", log, said)
            announced = len(re.findall(r"^debug: \S+ .*: worker-lost", log, re.MULTILINE))
            self.assertLessEqual(announced, more, said + log)
            self.assertEqual(self.rows("outcome = 'worker-lost'"), announced, said + log)
            self.assertEqual(self.rows(), len(STORED.findall(log)), said + log)
            lost += announced
            if kills >= 3 and lost > 0:
                break
        self.assertGreaterEqual(kills, 3, said)
        self.assertGreater(lost, 0, said)
        # Who was lost is not tried again.
        self.assertIn("othing to do", self.assert_ok(self.run_command(PROGRAM, SHAPES, *FEW)).stderr)


class FullDisk(KillTest):
    def tune(self, limit_bytes):
        """With no file larger than that: a write beyond fails as on a full disk."""
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
        return subprocess.run(self.command(PROGRAM, SHAPES, *FEW, "--verbose"), capture_output=True,
                              text=True, env=self.environment, timeout=300, cwd=self.folder,
                              check=False, preexec_fn=limit)

    def test_a_disk_that_fills_ends_the_call_and_keeps_what_was_stored(self):
        # Half of what it needs, with all kernels compiled: they are files, too.
        self.assert_completes()
        room = self.db.stat().st_size // 2
        self.forget()
        result = self.tune(room)
        self.assertEqual(result.returncode, 3, result.stderr)
        for word in ("error: ", "next: "):
            self.assertIn(word, result.stderr)
        stored = self.rows()
        self.assertGreater(stored, 0)
        self.assertGreaterEqual(stored, len(STORED.findall(result.stderr)))
        # With room again the same command goes on from there.
        self.assert_completes()


if __name__ == "__main__":
    print(f"DEEPGEMM_KILL_SEED={SEED}")
    unittest.main()

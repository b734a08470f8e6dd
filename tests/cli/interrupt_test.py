"""Ctrl-C in every stage, kill -9, and what a terminal sees."""

import fcntl
import json
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import termios
import time
import unittest

from cli import FEW, INTERRUPTED, CliTest, needs_nvrtc

SHAPE = "64x2112x7168"
SCRIPTED = "deepgemm-tune-scripted"
# Of the real compiler: so many kernels that no interrupt comes too late.
LONG = ["--device", "h100-sxm5", "--jobs", "1", "--effort", "exhaustive"]


class Interrupted(CliTest):
    def assert_resumes(self, name, *arguments):
        """The database opens, the same command completes, and then there is nothing to do."""
        result = self.assert_ok(self.run_command(name, *arguments))
        self.assertIn("[1/1]", result.stderr)
        again = self.assert_ok(self.run_command(name, *arguments))
        self.assertIn("othing to do", again.stderr)
        self.assertFalse(self.db.with_name(self.db.name + ".lock").exists())

    def start_slow(self, step, *arguments, **variables):
        """Returns when the step of SCRIPTED_SLEEP_MS_… has begun, and takes its time."""
        process = self.start(SCRIPTED, SHAPE, *FEW, *arguments,
                             env={f"SCRIPTED_SLEEP_MS_{step}": "30000", "SCRIPTED_TELL": "1",
                                  **variables})
        self.wait_for_line(process.stderr, f"scripted: SCRIPTED_SLEEP_MS_{step}")
        return process

    def start_verifying(self):
        """A check that takes longer than 3 s hangs, so that many rounds follow, as slow."""
        return self.start_slow("VERIFY", SCRIPTED_SLEEP_MS_VERIFY="2000",
                               SCRIPTED_SLEEP_MS_ROUND="2000")

    def test_while_compiling(self):
        self.interrupt(self.start_slow("BUILD"))
        self.assert_resumes(SCRIPTED, SHAPE, *FEW)

    def test_a_compiler_that_works_is_not_waited_for(self):
        self.assert_ends_within(1, lambda: self.start_slow("BUILD"), self.interrupt)
        self.assert_resumes(SCRIPTED, SHAPE, *FEW)

    def test_while_verifying(self):
        self.interrupt(self.start_verifying())
        self.assert_resumes(SCRIPTED, SHAPE, *FEW)

    def test_kill_9_loses_no_check(self):
        # The rounds are slow, too: nobody has a time until it is killed.
        process = self.start(SCRIPTED, SHAPE, *FEW, env={"SCRIPTED_SLEEP_MS_VERIFY": "200",
                                                         "SCRIPTED_SLEEP_MS_ROUND": "2000"})
        self.wait_for_trials(SHAPE, 4)
        process.kill()
        process.communicate()
        report = self.json_of(self.run_command("deepgemm-db", "show", SHAPE, "--format", "json"))
        stored = [row["trial"]["outcome"] for row in report["trials"]]
        self.assertEqual(set(stored), {"verified"})
        again = self.assert_ok(self.run_command(SCRIPTED, SHAPE, *FEW, "--format", "json",
                                                env={"SCRIPTED_COUNTS": "1"}))
        verifies = int(re.search(r"worker: .* verifies=(\d+)", again.stderr).group(1))
        tried = json.loads(again.stdout)["shapes"][0]["winner"]["trials"]
        self.assertEqual(verifies, tried - len(stored))
        # Once they are timed, these rows say nothing more.
        shown = self.run_command("deepgemm-db", "show", SHAPE).stdout
        self.assertNotIn("verified", shown)
        self.assert_resumes(SCRIPTED, SHAPE, *FEW)

    def test_while_measuring(self):
        process = self.start(SCRIPTED, SHAPE, *FEW,
                             env={"SCRIPTED_SLEEP_MS_ROUND": "100", "SCRIPTED_SIGINT_ROUND": "2"})
        stdout, stderr = self.assert_interrupted(process)
        self.assertIn("0 of 1 shape", stderr)
        self.assertIn("0 candidates tried", stdout)
        self.assert_resumes(SCRIPTED, SHAPE, *FEW)

    def test_while_recording(self):
        counted = self.assert_ok(self.run_command(SCRIPTED, SHAPE, *FEW,
                                                  env={"SCRIPTED_COUNTS": "1"}))
        rounds = re.search(r"worker: .* rounds=(\d+)", counted.stderr).group(1)
        self.db.unlink()
        # In the last round: all trials are recorded, the winner is not.
        process = self.start(SCRIPTED, SHAPE, *FEW, env={"SCRIPTED_SIGINT_ROUND": rounds})
        self.assert_interrupted(process)
        trials = self.assert_ok(self.run_command("deepgemm-db", "show", SHAPE))
        self.assertIn("measured", trials.stdout)
        self.assert_resumes(SCRIPTED, SHAPE, *FEW)

    def test_a_driver_that_hangs_is_not_waited_for(self):
        self.assert_ends_within(1, lambda: self.start_slow("OPEN"), self.interrupt)
        self.assert_resumes(SCRIPTED, SHAPE, *FEW)

    def test_termination_is_an_interrupt_too(self):
        self.interrupt(self.start_verifying(), signal.SIGTERM)
        self.assert_resumes(SCRIPTED, SHAPE, *FEW)

    def test_finished_shapes_are_shown_and_kept(self):
        process = self.start(SCRIPTED, "1,2,3,4x2112x7168", *FEW, env=self.hold("2"))
        self.wait_for_line(process.stderr, "[1/4] 1x2112x7168: ")
        stdout, stderr = self.interrupt(process)
        self.assertIn("2112  7168", stdout)
        resume = re.search(r"To resume, run: (.*)\.?$", stderr, re.MULTILINE).group(1)
        words = shlex.split(resume.rstrip("."))
        self.assertEqual(words, self.command(SCRIPTED, "1,2,3,4x2112x7168", *FEW))
        result = subprocess.run(words, capture_output=True, text=True, env=self.environment,
                                timeout=120, check=False)
        self.assert_ok(result)
        self.assertRegex(result.stderr, r"\[1/4\] 1x2112x7168: .*, nothing to do\n")

    def test_a_second_ctrl_c_ends_at_once(self):
        """The first one has no effect yet: without a worker process a check is waited for."""
        process = self.start_slow("VERIFY", "--no-isolation")
        # Two that come at once are one.
        def ended():
            process.send_signal(signal.SIGINT)
            return process.poll() is not None
        self.wait_until(ended, "its end", 20)
        self.assertEqual(process.returncode, INTERRUPTED)
        self.assert_resumes(SCRIPTED, SHAPE, *FEW)

    def signal_twice(self, start, second):
        """As `timeout` does, which signals its child and the group of that. Where this machine has
        no time for the program between the two, the second one may come as a later one: so the
        best of some attempts."""
        for attempt in reversed(range(3)):
            self.forget()
            process = start()
            process.send_signal(signal.SIGINT)
            time.sleep(0.001)
            process.send_signal(second)
            stdout, stderr = process.communicate(timeout=120)
            self.assertEqual(process.returncode, INTERRUPTED, stdout + stderr)
            if attempt == 0 or "next: To resume, run: " in stderr:
                self.assertIn("next: To resume, run: ", stderr)
                return stdout

    def test_two_signals_at_once_are_one_request(self):
        for second in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(second):
                self.signal_twice(lambda: self.start_slow("VERIFY"), second)
                self.assertFalse(self.db.with_name(self.db.name + ".lock").exists())

    def test_kill_9_loses_only_what_was_in_flight(self):
        process = self.start(SCRIPTED, "1,2x2112x7168", *FEW, env=self.hold("2"))
        self.wait_for_line(process.stderr, "[1/2] 1x2112x7168: ")
        process.kill()
        process.communicate()
        result = self.assert_ok(self.run_command(SCRIPTED, "1,2x2112x7168", *FEW))
        self.assertRegex(result.stderr, r"\[1/2\] 1x2112x7168: .*, nothing to do\n")

    @needs_nvrtc
    def test_while_the_real_compiler_works(self):
        shape = "128x4096x7168"
        process = self.start("deepgemm-tune", shape, *LONG)
        self.wait_for_trials(shape, 1)
        self.interrupt(process)
        before = self.json_of(self.run_command("deepgemm-db", "show", shape, "--format", "json"))
        self.assertGreaterEqual(len(before["trials"]), 1)
        self.assert_resumes("deepgemm-tune", shape, "--device", "h100-sxm5", *FEW)

    @needs_nvrtc
    def test_signals_that_come_together_while_the_real_compiler_works(self):
        """NVRTC has a handler of its own meanwhile."""
        def start():
            process = self.start("deepgemm-tune", SHAPE, *LONG, "--format", "json")
            self.wait_for_trials(SHAPE, 1)
            return process
        stdout = self.signal_twice(start, signal.SIGINT)
        self.assertTrue(json.loads(stdout)["interrupted"])

    @needs_nvrtc
    def test_before_anything_is_compiled(self):
        process = self.start("deepgemm-tune", SHAPE, *LONG)
        self.wait_for_line(process.stderr, "enumerate")
        self.interrupt(process)
        self.assert_resumes("deepgemm-tune", SHAPE, "--device", "h100-sxm5", *FEW)


class OnATerminal(CliTest):
    def run_on_terminal(self, *arguments, env=None):
        """stderr is a terminal, stdout a pipe; returns what each got."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        process = subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE, stderr=theirs,
                                   env={**self.environment, **(env or {})})
        os.close(theirs)
        seen = b""
        while select.select([ours], [], [], 60)[0]:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            seen += part
        os.close(ours)
        stdout = process.communicate(timeout=60)[0].decode()
        return process.returncode, stdout, seen.decode()

    def test_a_live_line_is_drawn_and_removed(self):
        code, stdout, stderr = self.run_on_terminal(
            SCRIPTED, SHAPE, *FEW, env={"SCRIPTED_SLEEP_MS_ROUND": "20"})
        self.assertEqual(code, 0, stderr)
        self.assertIn("\r\x1b[K", stderr)
        self.assertIn("[=", stderr)
        self.assertNotIn("\x1b", stdout)
        for line in re.split(r"\r\n|\r\x1b\[K", stderr):
            if "[=" in line:
                self.assertLess(len(line), 60)

    def test_colour_only_where_it_is_welcome(self):
        wrong = {"SCRIPTED_WRONG": "1"}
        self.assertIn("\x1b[1;31merror: ",
                      self.run_on_terminal(SCRIPTED, SHAPE, *FEW, env=wrong)[2])
        plain = self.run_on_terminal(SCRIPTED, SHAPE, *FEW, env={**wrong, "NO_COLOR": "1"})[2]
        self.assertIn("error: ", plain)
        self.assertNotIn("\x1b[1;31m", plain)
        piped = self.run_command(SCRIPTED, SHAPE, *FEW, env=wrong)
        self.assertNotIn("\x1b", piped.stdout + piped.stderr)

    def test_a_dumb_terminal_gets_lines(self):
        stderr = self.run_on_terminal(SCRIPTED, SHAPE, *FEW, env={"TERM": "dumb"})[2]
        self.assertNotIn("\x1b", stderr)


if __name__ == "__main__":
    unittest.main()

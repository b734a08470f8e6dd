"""A job that is suspended (scontrol suspend, docker pause) while a kernel is checked or timed."""

import os
import signal
import time
import unittest

from cli import CliTest
from worker_test import SHAPE, SPACE, TUNE, children_of, is_running

# Beyond the 3 s that a check and a round may take.
LONG = 5


class Suspended(CliTest):
    def start_step(self, step, first=1, **variables):
        """A tuner whose worker is within a step that takes a second, the first of its kind or a
        later one; and the worker."""
        process = self.start(TUNE, SHAPE, *SPACE, "--verbose", env={
            "SCRIPTED_TELL": "1", f"SCRIPTED_SLEEP_MS_{step}": "1000",
            "SCRIPTED_SLEEP_FROM": str(first), **variables})
        self.wait_for_line(process.stderr, f"scripted: SCRIPTED_SLEEP_MS_{step}")
        workers = children_of(process.pid)
        self.assertEqual(len(workers), 1)
        return process, workers[0]

    def assert_nobody_is_to_blame(self, lost):
        report = self.json_of(self.run_command("deepgemm-db", "show", SHAPE, "--format", "json"))
        outcomes = {row["trial"]["outcome"] for row in report["trials"]}
        self.assertLessEqual(outcomes, {"measured", "verified"})
        other = self.assert_ok(self.run_command(TUNE, "72x2112x7168", *SPACE))
        self.assertNotIn("left out", other.stderr)
        self.assertEqual(lost, [])

    def suspend_both(self, process, worker):
        """Until long after the limit; the tuner is the first to run again."""
        for each in (worker, process.pid):
            os.kill(each, signal.SIGSTOP)
        time.sleep(LONG)
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.3)
        self.assertTrue(is_running(worker), "it was killed")
        os.kill(worker, signal.SIGCONT)

    def test_a_check_goes_on_where_it_was(self):
        process, worker = self.start_step("VERIFY", first=4)
        self.suspend_both(process, worker)
        line = self.wait_for_line(process.stderr, ": verified")
        self.end(process)
        self.assert_nobody_is_to_blame([x for x in line.splitlines() if "lost" in x])

    def test_so_does_a_round(self):
        process, worker = self.start_step("ROUND")
        self.suspend_both(process, worker)
        line = self.wait_for_line(process.stderr, ": measured")
        self.end(process)
        self.assert_nobody_is_to_blame([x for x in line.splitlines() if "lost" in x])

    def test_a_worker_alone_is_replaced_and_its_kernel_checked_again(self):
        process, worker = self.start_step("VERIFY", first=4)
        os.kill(worker, signal.SIGSTOP)
        line = self.wait_for_line(process.stderr, ": verified")
        self.end(process)
        self.assertIn("worker process lost: the process that ran it was suspended", line)
        self.assert_nobody_is_to_blame([])


if __name__ == "__main__":
    unittest.main()

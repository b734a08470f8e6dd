"""Candidates that crash, hang, exit or garble take their worker process along, never the tuner."""

import ctypes
import os
import pathlib
import signal
import unittest

from cli import ATTEMPTS, CliTest

SHAPE = "64x2112x7168"
TUNE = "deepgemm-tune-scripted"
# Two widths; the faults are planted in one of them.
SPACE = ["--effort", "quick", "--fix", "block_m=64", "--fix", "block_n=64,96", "--fix",
         "cluster_m=1", "--fix", "cluster_n=1", "--fix", "raster_group=8"]
BAD = "block_n=96"
# What becomes of a candidate, by how it goes wrong.
OUTCOMES = {"exit": "worker-lost", "abort": "worker-lost", "kill": "worker-lost",
            "garble": "worker-lost", "lost": "faulted", "hang": "hung"}


def children_of(process):
    """Ids of the processes that a process has started."""
    children = []
    for task in pathlib.Path(f"/proc/{process}/task").iterdir():
        try:
            children += map(int, (task / "children").read_text().split())
        except OSError:  # the thread has ended
            pass
    return children


def is_running(process):
    try:
        state = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def trace(process):
    """PTRACE_SEIZE; not 0 where that is not allowed."""
    library = ctypes.CDLL(None, use_errno=True)
    library.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    library.ptrace.restype = ctypes.c_long
    return library.ptrace(0x4206, process, None, None)


class Isolation(CliTest):
    def outcomes(self, shape=SHAPE):
        """The last outcome of each candidate's config."""
        report = self.json_of(self.run_command("deepgemm-db", "show", shape, "--format", "json"))
        trials = [row["trial"] for row in report["trials"] if row["trial"]["config"]]
        return {tuple(trial["config"].items()): trial for trial in trials}

    def check_fault(self, how, where):
        result = self.assert_ok(self.run_command(
            TUNE, SHAPE, *SPACE, "--verbose", env={"SCRIPTED_FAULT": f"{how}@{where}:{BAD}"}))
        said = f"{how}@{where}\n{result.stderr}"
        bad = 0
        for config, trial in self.outcomes().items():
            if trial["contender"] != "candidate" or dict(config)["block_n"] != 96:
                self.assertEqual(trial["outcome"], "measured", said)
                continue
            bad += 1
            self.assertEqual(trial["outcome"], OUTCOMES[how], said)
            self.assertTrue(trial["detail"], said)
        self.assertGreaterEqual(bad, 2, said)
        self.assertIn("worker process lost", said)

    def test_every_way_to_go_wrong_in_a_check(self):
        for how in ("exit", "abort", "kill", "garble", "lost"):
            with self.subTest(how):
                self.check_fault(how, "verify")
            self.db.unlink()

    def test_every_way_to_go_wrong_in_a_round(self):
        for how in ("exit", "abort", "kill", "garble", "lost"):
            with self.subTest(how):
                self.check_fault(how, "round")
            self.db.unlink()

    def test_a_hang_ends_at_its_limit(self):
        arguments = ["--fix", "block_n=96", "--fix", "stages=4", "--fix", "split_k=1,2", "--fix",
                     "accumulator_sets=1"]
        result = self.assert_ok(self.run_command(
            TUNE, SHAPE, *SPACE, *arguments, env={"SCRIPTED_FAULT": "hang@verify:split_k=2"}))
        self.assertIn("hung", {trial["outcome"] for trial in self.outcomes().values()},
                      result.stderr)

    def test_who_ends_the_worker_only_beside_others_is_found(self):
        bad = "block_m=64,block_n=96,stages=4,cluster_m=1,cluster_n=1,math_warpgroups=1," \
              "accumulator_sets=1,raster_group=8,split_k=1"
        few = ["--effort", "quick"]
        for name, value in (pair.split("=") for pair in bad.split(",") if "block_n" not in pair):
            few += ["--fix", f"{name}={value}"]
        result = self.assert_ok(self.run_command(
            TUNE, "64,128x2112x7168", *few, "--fix", "block_n=64,96",
            env={"SCRIPTED_FAULT": f"kill@beside:{bad}"}))
        lost = [(row["shape"]["m"], dict(config)["block_n"]) for m in (64, 128)
                for row in self.json_of(self.run_command(
                    "deepgemm-db", "show", f"{m}x2112x7168", "--format", "json"))["trials"]
                for config in [tuple((row["trial"]["config"] or {}).items())]
                if row["trial"]["outcome"] == "worker-lost"]
        # Others of its width, but of other policies, too: each once.
        self.assertIn((64, 96), lost, result.stderr)
        self.assertEqual(len(lost), len(set(lost)), result.stderr)
        winners = self.json_of(self.run_command("deepgemm-db", "list", "--format", "json"))
        self.assertEqual(len(winners["winners"]), 2)

    def test_so_are_several_of_them(self):
        result = self.assert_ok(self.run_command(
            TUNE, SHAPE, *SPACE, env={"SCRIPTED_FAULT": f"kill@beside:{BAD}"}))
        trials = self.outcomes().values()
        for trial in trials:
            if trial["contender"] == "candidate" and trial["config"]["block_n"] == 64:
                self.assertEqual(trial["outcome"], "measured", result.stderr)
        lost = [trial for trial in trials if trial["outcome"] == "worker-lost"]
        self.assertGreater(len(lost), 1)

    def test_a_check_that_hangs_when_the_budget_ends_is_not_tried_again(self):
        def hung():
            return [trial["outcome"] for trial in self.outcomes().values()].count("hung")
        # Another one's turn in the second call; what is quarantined is not tried in any call.
        for count in (1, 2):
            for _ in range(ATTEMPTS):
                self.assert_ok(self.run_command(TUNE, SHAPE, *SPACE, "--budget", "3.2",
                                                env={"SCRIPTED_FAULT": f"hang@verify:{BAD}"}))
                # Where this machine has no time for us, it did not come to its turn.
                if hung() >= count:
                    break
            self.assertEqual(hung(), count)

    def test_a_hang_does_not_outlast_the_budget(self):
        # Beside others, where nobody can be told in so short a time; one that hangs alone is.
        result = self.assert_ends_within(3, self.forget, lambda _: self.run_command(
            TUNE, SHAPE, *SPACE, "--budget", "1.5", env={"SCRIPTED_FAULT": f"hang@beside:{BAD}"}))
        self.assert_ok(result)
        self.assertNotIn("hung", {trial["outcome"] for trial in self.outcomes().values()},
                         "what the budget cut short is not to blame")
        self.assertIn("the budget ends", result.stderr)

    def test_what_the_gpu_refuses_is_that_candidates_failure(self):
        for where in ("verify", "round"):
            with self.subTest(where):
                self.assert_ok(self.run_command(
                    TUNE, SHAPE, *SPACE, env={"SCRIPTED_FAULT": f"refuse@{where}:{BAD}"}))
                outcomes = {dict(config)["block_n"]: trial["outcome"]
                            for config, trial in self.outcomes().items()
                            if trial["contender"] == "candidate"}
                self.assertEqual(outcomes, {64: "measured", 96: "launch-failed"})
            self.db.unlink()

    def test_a_kernel_that_kills_is_tried_for_no_other_shape(self):
        self.check_fault("kill", "verify")
        other = self.assert_ok(self.run_command(TUNE, "72x2112x7168", *SPACE))
        self.assertIn("left out", other.stderr)
        lost = {config for config, trial in self.outcomes().items()
                if trial["outcome"] == "worker-lost"}
        self.assertTrue(lost)
        self.assertFalse(lost & set(self.outcomes("72x2112x7168")))

    def test_a_kernel_that_kills_in_a_probe_is_probed_once(self):
        self.assert_ok(self.run_command(TUNE, "64,256x2112x7168", *SPACE))
        self.assert_ok(self.run_command(TUNE, "64,256x2112x7168", *SPACE, "--probe",
                                        env={"SCRIPTED_FAULT": f"kill@round:{BAD}"}))
        lost = []
        for m in (1, 2, 4, 8, 16, 24, 32, 40, 48, 56, 64, 128, 192, 256):
            shape = f"{m}x2112x7168"
            report = self.run_command("deepgemm-db", "show", shape, "--format", "json")
            if report.returncode == 0:
                lost += [tuple(row["trial"]["config"].items())
                         for row in self.json_of(report)["trials"]
                         if row["trial"]["outcome"] == "worker-lost"]
        self.assertTrue(lost)
        self.assertEqual(len(lost), len(set(lost)))

    def test_what_failed_is_quarantined(self):
        self.check_fault("kill", "verify")
        again = self.assert_ok(self.run_command(TUNE, SHAPE, *SPACE))
        self.assertIn("othing to do", again.stderr)
        # --force asks again.
        self.assert_ok(self.run_command(TUNE, SHAPE, *SPACE, "--force"))
        self.assertEqual({trial["outcome"] for trial in self.outcomes().values()}, {"measured"})

    def test_where_everyone_fails_it_is_said(self):
        result = self.run_command(TUNE, SHAPE, *SPACE, "--fix", "block_n=96",
                                  env={"SCRIPTED_FAULT": "exit@verify:"})
        # The default is no candidate of the script, so it survives.
        self.assert_ok(result)
        self.assertIn("default kept: no other candidate survived", result.stdout)

    def start_held(self):
        """A tuner whose worker has the second shape before it, and waits; and the worker."""
        self.forget()
        process = self.start(TUNE, "1,2x2112x7168", *SPACE, env=self.hold("2"))
        self.wait_for_line(process.stderr, "[1/2] 1x2112x7168: ")
        return process, children_of(process.pid)

    def test_the_worker_has_a_process_group_of_its_own(self):
        process, workers = self.start_held()
        self.assertEqual(len(workers), 1)
        self.assertEqual(os.getpgid(workers[0]), workers[0])
        self.assertNotEqual(os.getpgid(process.pid), workers[0])

    def test_the_worker_dies_with_its_tuner(self):
        process, workers = self.start_held()
        process.kill()
        process.communicate()
        self.assertEqual(len(workers), 1)
        self.wait_until(lambda: not is_running(workers[0]), "the worker's end")

    def test_a_worker_that_somebody_kills_is_replaced(self):
        process, workers = self.start_held()
        os.kill(workers[0], signal.SIGKILL)
        self.held.unlink()
        stdout, stderr = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, stderr)
        self.assertIn("geometric mean of 2 shapes", stdout)

    def test_a_worker_that_is_killed_while_it_starts_is_replaced(self):
        process = self.start(TUNE, SHAPE, *SPACE, env=self.hold("start"))
        killed = set()
        def starting():
            return set(children_of(process.pid)) - killed
        while len(killed) < 2:
            self.wait_until(starting, "a worker")
            for worker in starting():
                os.kill(worker, signal.SIGKILL)
                killed.add(worker)
        self.held.unlink()
        stdout, stderr = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, stderr)
        self.assertIn("geometric mean of 1 shape", stdout)

    def test_ctrl_c_ends_a_hang_within_a_second(self):
        def start_hang():
            self.forget()
            process = self.start(TUNE, SHAPE, *SPACE, "--verbose",
                                 env={"SCRIPTED_FAULT": f"hang@verify:{BAD}"})
            self.wait_for_line(process.stderr, f"{SHAPE} 64x96 ")  # its numbers are checked
            return process
        self.assert_ends_within(1, start_hang, self.interrupt)

    def test_ctrl_c_waits_for_no_worker_that_the_driver_holds(self):
        def start_traced():
            process, workers = self.start_held()
            # Its end reaches nobody while somebody traces it, as if the driver held it.
            if trace(workers[0]) != 0:
                self.skipTest("this machine lets no process be traced")
            return process
        self.assert_ends_within(1, start_traced, self.interrupt)

    def test_without_isolation_there_is_no_worker(self):
        result = self.assert_ok(self.run_command(TUNE, SHAPE, *SPACE, "--no-isolation",
                                                 env={"SCRIPTED_COUNTS": "1"}))
        self.assertNotIn("worker", result.stderr)


if __name__ == "__main__":
    unittest.main()

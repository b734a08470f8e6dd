"""scripts/slurm-tune, with the variables that Slurm would set and the tuner on a scripted machine."""

import os
import pathlib
import shlex
import signal
import sqlite3
import subprocess
import unittest

from cli import FEW, INTERRUPTED, SOURCE, CliTest, has_trap, program


def children_of(process):
    children = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(child) for child in children.split()]


class SlurmTest(CliTest):
    def setUp(self):
        super().setUp()
        self.kept = self.folder / "kept"
        self.scratch = self.folder / "scratch"
        self.scratch.mkdir()
        self.plant("deepgemm-tune", f"exec {shlex.quote(program('deepgemm-tune-scripted'))} "
                   f'"$@" {shlex.join(FEW)}')
        self.plant("deepgemm-db", f'exec {shlex.quote(program("deepgemm-db"))} "$@"')
        self.set_shapes(4)

    def plant(self, name, script):
        file = self.folder / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def set_shapes(self, count):
        lines = [f"{16 * (i + 1)},1024,2048" for i in range(count)]
        (self.folder / "shapes.csv").write_text("\n".join(["m,n,k", *lines, ""]))

    def start_job(self, id, ids, **variables):
        """Element `id` of the array that was submitted with these ids."""
        process = subprocess.Popen(
            [SOURCE / "scripts/slurm-tune", "shapes.csv", self.kept], text=True, cwd=self.folder,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**self.environment, "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
                 "TMPDIR": str(self.scratch), "SLURM_ARRAY_TASK_ID": str(id),
                 "SLURM_ARRAY_TASK_MIN": str(min(ids)), "SLURM_ARRAY_TASK_MAX": str(max(ids)),
                 "SLURM_ARRAY_TASK_COUNT": str(len(ids)), **variables})
        self.addCleanup(self.end, process)
        return process

    def finish(self, process, code=0):
        """Returns what it said on stderr."""
        stdout, stderr = process.communicate(timeout=120)
        self.assertEqual(process.returncode, code, stdout + stderr)
        return stderr

    def job(self, id, ids, code=0, **variables):
        stderr = self.finish(self.start_job(id, ids, **variables), code)
        # Of what failed before it wrote anything, or was kept, nothing stays on the local disk.
        self.assertEqual(list(self.scratch.iterdir()), [])
        return stderr

    def trials(self):
        """Of each file: when the trials of each m were recorded."""
        found = {}
        for file in sorted(self.kept.glob("*.db")):
            times = found.setdefault(file.name, {})
            connection = sqlite3.connect(file)
            for m, time_text in connection.execute("SELECT m, recorded_at FROM trials ORDER BY m, id"):
                times.setdefault(m, []).append(time_text)
            connection.close()
        return found

    def shapes(self):
        return {name: list(counts) for name, counts in self.trials().items()}

    def test_an_array_tunes_every_shape_once(self):
        for id in range(4):
            self.assertIn(f"Shard {id} of 4", self.job(id, range(4)))
        self.assertEqual(self.shapes(),
                         {f"tuning.shard-{i}-of-4.db": [16 * (i + 1)] for i in range(4)})
        self.assert_ok(self.run_command("deepgemm-db", "merge", *self.kept.glob("tuning.shard-*.db"),
                                        "--db", self.db))
        listed = self.json_of(self.run_command("deepgemm-db", "list", "--format", "json"))
        self.assertEqual(len(listed["winners"]), 4)
        self.assertEqual(sorted(file.name for file in self.kept.iterdir() if file.suffix != ".db"),
                         ["tuning.array"])

    def test_one_element_that_failed_is_submitted_again_alone(self):
        for id in range(4):
            if id != 2:
                self.job(id, range(4))
            else:
                self.job(id, range(4), code=3, SCRIPTED_NO_GPU="1")
        before = self.trials()
        self.assertNotIn("tuning.shard-2-of-4.db", before)
        self.assertIn("Shard 2 of 4", self.job(2, [2]))
        after = self.trials()
        self.assertEqual(list(after.pop("tuning.shard-2-of-4.db")), [48])
        self.assertEqual(after, before)

    def test_two_elements_are_submitted_again(self):
        self.job(0, range(4))
        for id in (1, 3):
            self.assertIn(f"Shard {id} of 4", self.job(id, [1, 3]))
        self.assertEqual(list(self.shapes().values()), [[16], [32], [64]])

    def test_an_array_of_one_keeps_everything(self):
        for _ in range(2):
            said = self.job(0, [0])
            self.assertEqual(self.shapes(), {"tuning.shard-0-of-1.db": [16, 32, 48, 64]})
        self.assertIn("othing to do", said)

    def test_an_array_from_one_goes_on_with_more_shapes(self):
        ids = range(1, 5)
        for id in ids:
            self.job(id, ids)
        before = self.trials()
        self.set_shapes(8)
        # The first one is the last to end: by then others have kept theirs.
        first = self.start_job(1, ids, **self.hold("any"))
        self.wait_for_line(first.stderr, "Shard 0 of 4")
        for id in ids[1:]:
            self.finish(self.start_job(id, ids))
        self.held.unlink()
        self.finish(first)
        for i in range(4):
            name = f"tuning.shard-{i}-of-4.db"
            self.assertEqual(self.shapes()[name], [16 * (i + 1), 16 * (i + 5)])
            # What was tuned is not tuned again, and nothing of it is gone.
            self.assertEqual(self.trials()[name][16 * (i + 1)], before[name][16 * (i + 1)])

    def test_a_job_at_its_time_limit_goes_on_when_it_is_submitted_again(self):
        process = self.start_checked_job()
        process.send_signal(signal.SIGINT)
        self.finish(process, INTERRUPTED)
        [before] = self.trials().values()
        self.assertGreaterEqual(len(before[16]), 2)
        self.job(0, range(2))
        [after] = self.trials().values()
        self.assertEqual(list(after), [16, 48])
        self.assertGreater(len(after[16]), len(before[16]))
        self.assertEqual(after[16][:len(before[16])], before[16])

    def test_what_a_killed_tuner_had_stored_is_kept(self):
        process = self.start_checked_job()
        for child in children_of(process.pid):
            os.kill(child, signal.SIGKILL)
        self.finish(process, 128 + signal.SIGKILL)
        [trials] = self.trials().values()
        self.assertGreaterEqual(len(trials[16]), 2)

    def start_checked_job(self):
        """Its first kernels are checked and stored, and the first shape takes a minute more."""
        process = self.start_job(0, range(2), SCRIPTED_SLEEP_MS_ROUND="2000")
        self.wait_for_line(process.stderr, "Shard 0 of 2")
        self.wait_until(lambda: list(self.scratch.glob("*/*.db")), "a database")
        [database] = self.scratch.glob("*/*.db")
        self.environment["DEEPGEMM_DB"] = str(database)
        self.wait_for_trials("16x1024x2048", 2)
        self.wait_until(lambda: has_trap(process), "its trap")
        return process

    def test_what_cannot_be_restored_is_not_begun_anew(self):
        self.kept.mkdir()
        (self.kept / "tuning.shard-0-of-2.db").mkdir()  # cp refuses it
        self.assertIn("tuning.shard-0-of-2.db", self.finish(self.start_job(0, range(2)), 1))

    def test_more_jobs_than_shapes(self):
        self.assertIn("fewer shapes than shards", self.job(4, range(5)))
        self.assertEqual(self.shapes(), {})

    def test_ids_without_a_part_of_their_own_are_refused(self):
        self.assertIn("--array=2 alone does not say", self.job(2, [2], code=2))
        self.assertIn("unevenly spaced", self.job(1, [0, 1, 3], code=2))
        self.assertIn("'four'", self.job(2, [2], code=2, DEEPGEMM_SHARD_COUNT="four"))
        self.assertIn("Shard 2 of 4", self.job(2, [2], DEEPGEMM_SHARD_COUNT="4"))
        self.assertIn("begun with --array=0-3:1, without 4", self.job(0, range(5), code=2))
        self.assertIn("begun with 4 parts", self.job(0, range(5), code=2, DEEPGEMM_SHARD_COUNT="5"))
        self.assertEqual(self.shapes(), {"tuning.shard-2-of-4.db": [48]})

    def test_an_uneven_array_tunes_nothing_twice(self):
        ids = [1, 3, 7]  # as far apart as three even ones
        self.assertIn("Shard 0 of 3", self.job(1, ids))
        self.assertIn("without 3", self.job(3, ids, code=2))


if __name__ == "__main__":
    unittest.main()

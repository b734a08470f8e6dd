"""The container's script of scripts/kubernetes-tune.yaml, with a stand-in for the tuner."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

from cli import has_trap

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class KubernetesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="deepgemm pod-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start_pod(self, tuner, part="3", count="8"):
        """The container's script, on folders of its own; of the tuner, `db` is at hand."""
        text = (ROOT / "scripts" / "kubernetes-tune.yaml").read_text()
        block = re.search(r"args:\n +- \|\n((?: {14}.*\n)+)", text).group(1)
        script = textwrap.dedent(block)
        for name in ("scratch", "results", "shapes"):
            (self.folder / name).mkdir(exist_ok=True)
            script = re.sub(rf"(?<![\w.])/{name}\b", f"'{self.folder / name}'", script)
        program = self.folder / "deepgemm-tune"
        # It names its file as the tuner does.
        program.write_text(f"#!{sys.executable}\n" + textwrap.dedent("""\
            import pathlib, signal, sys, time
            db = pathlib.Path(sys.argv[sys.argv.index("--db") + 1])
            part, count = sys.argv[sys.argv.index("--shard") + 1].split("/")
            if count != "1":
                db = db.with_name(f"{db.stem}.shard-{part}-of-{count}.db")
            """) + textwrap.dedent(tuner))
        program.chmod(0o755)
        environment = dict(os.environ, PATH=f"{self.folder}:{os.environ['PATH']}",
                           JOB_COMPLETION_INDEX=part, DEEPGEMM_SHARD_COUNT=count)
        process = subprocess.Popen(["sh", "-c", script], text=True, stdout=subprocess.PIPE,
                                   env=environment)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    @staticmethod
    def wait_for_trap(pod):
        """As process 1 of a container, which no signal ends without one, it would have time."""
        while not has_trap(pod):
            time.sleep(0.01)

    PATIENT = """\
        def end(*_):
            time.sleep(0.3)
            db.write_text(db.read_text() + "finished ")
            sys.exit(130)
        signal.signal(signal.SIGTERM, end)
        db.write_text((db.read_text() if db.exists() else "") + "begun ")
        print("tuning", flush=True)
        time.sleep(120)
        """

    def test_a_preempted_pod_keeps_its_database_and_its_successor_goes_on(self):
        kept = "results/tuning.shard-3-of-8.db"
        for attempt in (1, 2):
            pod = self.start_pod(self.PATIENT)
            self.assertEqual(pod.stdout.readline(), "tuning\n")
            self.wait_for_trap(pod)
            pod.send_signal(signal.SIGTERM)
            self.assertEqual(pod.wait(timeout=60), 130)
            self.assertEqual((self.folder / kept).read_text(), "begun finished " * attempt)
            self.assertEqual([file.name for file in (self.folder / "results").iterdir()],
                             ["tuning.shard-3-of-8.db"])
            (self.folder / "scratch/tuning.shard-3-of-8.db").unlink()  # another node

    def test_a_pod_ends_as_its_tuner_does(self):
        for code in (0, 1):
            pod = self.start_pod(f"db.write_text('done'); sys.exit({code})")
            self.assertEqual(pod.wait(timeout=60), code)
            self.assertEqual((self.folder / "results/tuning.shard-3-of-8.db").read_text(), "done")

    def test_a_job_of_one_pod_keeps_its_database_and_goes_on(self):
        for attempt in (1, 2):
            pod = self.start_pod("db.write_text((db.read_text() if db.exists() else '') + 'x')",
                                 "0", "1")
            self.assertEqual(pod.wait(timeout=60), 0)
            (self.folder / "scratch/tuning.db").unlink()  # another node
            self.assertEqual((self.folder / "results/tuning.shard-0-of-1.db").read_text(),
                             "x" * attempt)

    def test_a_pod_without_shapes_has_nothing_to_keep(self):
        self.assertEqual(self.start_pod("").wait(timeout=60), 0)
        self.assertEqual(list((self.folder / "results").iterdir()), [])

    def test_what_cannot_be_restored_is_not_begun_anew(self):
        (self.folder / "results/tuning.shard-3-of-8.db").mkdir(parents=True)  # cp refuses it
        self.assertEqual(self.start_pod("db.write_text('begun anew')").wait(timeout=60), 1)
        self.assertEqual(list((self.folder / "scratch").iterdir()), [])

    def test_what_a_killed_tuner_left_in_its_log_is_brought_in_before_the_copy(self):
        reader = self.folder / "deepgemm-db"
        reader.write_text('#!/bin/sh\ncat "$3-wal" >>"$3"; rm "$3-wal"\n')
        reader.chmod(0o755)
        pod = self.start_pod("""\
            db.write_text("stored ")
            pathlib.Path(f"{db}-wal").write_text("lately")
            signal.raise_signal(signal.SIGKILL)
            """)
        self.assertEqual(pod.wait(timeout=60), 128 + signal.SIGKILL)
        self.assertEqual((self.folder / "results/tuning.shard-3-of-8.db").read_text(),
                         "stored lately")


if __name__ == "__main__":
    unittest.main()

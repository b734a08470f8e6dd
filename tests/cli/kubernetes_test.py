"""The container's script of scripts/kubernetes-tune.yaml, with a stand-in for the tuner."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class KubernetesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="deepgemm pod-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start_pod(self, tuner):
        """The container's script, on folders of its own."""
        text = (ROOT / "scripts" / "kubernetes-tune.yaml").read_text()
        block = re.search(r"args:\n +- \|\n((?: {14}.*\n)+)", text).group(1)
        script = textwrap.dedent(block)
        for name in ("scratch", "results", "shapes"):
            (self.folder / name).mkdir(exist_ok=True)
            script = re.sub(rf"(?<![\w.])/{name}\b", f"'{self.folder / name}'", script)
        program = self.folder / "deepgemm-tune"
        program.write_text(f"#!{sys.executable}\n" + textwrap.dedent(tuner))
        program.chmod(0o755)
        environment = dict(os.environ, PATH=f"{self.folder}:{os.environ['PATH']}",
                           JOB_COMPLETION_INDEX="3")
        process = subprocess.Popen(["sh", "-c", script], text=True, stdout=subprocess.PIPE,
                                   env=environment)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    PATIENT = """\
        import pathlib, signal, sys, time
        db = pathlib.Path(sys.argv[sys.argv.index("--db") + 1]).parent / "tuning.shard-3-of-8.db"
        def end(*_):
            time.sleep(0.3)
            db.write_text(db.read_text() + "finished ")
            sys.exit(130)
        signal.signal(signal.SIGTERM, end)
        db.write_text((db.read_text() if db.exists() else "") + "begun ")
        print("tuning", flush=True)
        time.sleep(30)
        """

    def test_a_preempted_pod_keeps_its_database_and_its_successor_goes_on(self):
        kept = "results/tuning.shard-3-of-8.db"
        for attempt in (1, 2):
            pod = self.start_pod(self.PATIENT)
            self.assertEqual(pod.stdout.readline(), "tuning\n")
            pod.send_signal(signal.SIGTERM)
            self.assertEqual(pod.wait(timeout=20), 130)
            self.assertEqual((self.folder / kept).read_text(), "begun finished " * attempt)
            self.assertEqual([file.name for file in (self.folder / "results").iterdir()],
                             ["tuning.shard-3-of-8.db"])
            (self.folder / "scratch/tuning.shard-3-of-8.db").unlink()  # another node

    def test_a_pod_ends_as_its_tuner_does(self):
        for code in (0, 1):
            pod = self.start_pod(f"""\
                import pathlib, sys
                db = pathlib.Path(sys.argv[sys.argv.index("--db") + 1])
                (db.parent / "tuning.shard-3-of-8.db").write_text("done")
                sys.exit({code})
                """)
            self.assertEqual(pod.wait(timeout=20), code)
            self.assertEqual((self.folder / "results/tuning.shard-3-of-8.db").read_text(), "done")


if __name__ == "__main__":
    unittest.main()

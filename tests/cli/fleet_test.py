"""Many GPUs of one host, many shards of one list."""

import json
import signal
import tempfile
import time
import unittest

from cli import ENVIRONMENT, FEW, USAGE, CliTest

SHAPES = "1,2,3,4,5,6,7,8x2112x7168"
TUNE = "deepgemm-tune-scripted"


class Fleet(CliTest):
    def all_gpus(self, count=3):
        """Of a host where none begins before each has a shape: no GPU does the work of another."""
        meeting = tempfile.mkdtemp(dir=self.folder)
        return {"SCRIPTED_GPUS": str(count), "SCRIPTED_MEET": meeting}

    def tune(self, *arguments, gpus=3, **variables):
        host = self.all_gpus(gpus) if "all" in arguments else {"SCRIPTED_GPUS": str(gpus)}
        return self.run_command(TUNE, SHAPES, *FEW, *arguments, env={**host, **variables})

    def winners(self, *arguments):
        report = self.json_of(self.run_command("deepgemm-db", "list", "--format", "json",
                                               *arguments))
        return {row["shape"]["m"]: row["environment"]["device_uuid"] for row in report["winners"]}

    def test_all_gpus_share_the_shapes(self):
        result = self.assert_ok(self.tune("--gpu", "all", "--format", "json"))
        report = json.loads(result.stdout)
        self.assertEqual([shape["shape"]["m"] for shape in report["shapes"]], list(range(1, 9)))
        self.assertEqual({shape["status"] for shape in report["shapes"]}, {"tuned"})
        self.assertEqual(len(self.winners()), 8)
        self.assertEqual(set(self.winners().values()),
                         {"GPU-scripted", "GPU-scripted-1", "GPU-scripted-2"})
        self.assertIn("GPU 2: ", result.stderr)

    def test_a_rerun_leaves_each_row_to_the_gpu_that_made_it(self):
        self.assert_ok(self.tune("--gpu", "all"))
        before = self.winners()
        again = self.assert_ok(self.tune("--gpu", "all", SCRIPTED_COUNTS="1"))
        self.assertIn("Nothing to do", again.stderr)
        self.assertNotIn("worker", again.stderr)
        self.assertEqual(self.winners(), before)

    def test_what_one_gpu_answered_is_answered_for_its_twins(self):
        """As for a job that begins again and is given another GPU of its node."""
        self.assert_ok(self.tune("--gpu", "all"))
        before = self.winners()
        again = self.assert_ok(self.tune("--gpu", "1", SCRIPTED_COUNTS="1"))
        self.assertIn("Nothing to do", again.stderr)
        self.assertRegex(again.stderr, r"\d shapes were tuned on another GPU of this kind; --force")
        self.assertNotIn("worker", again.stderr)
        self.assertEqual(self.winners(), before)
        self.assert_ok(self.tune("--gpu", "1", "--force"))
        of_gpu_1 = self.json_of(self.run_command("deepgemm-db", "list", "--format", "json"))
        uuids = [row["environment"]["device_uuid"] for row in of_gpu_1["winners"]]
        self.assertEqual(uuids.count("GPU-scripted-1"), 8)
        # Where the limits of its clocks are others, its twin's times say nothing.
        other = self.assert_ok(self.tune("--gpu", "2", SCRIPTED_POWER_LIMIT_W="500"))
        self.assertNotIn("Nothing to do", other.stderr)

    def test_a_twin_is_not_asked_for_what_failed_here(self):
        one = [TUNE, "16x2112x7168", *FEW]
        two = {"SCRIPTED_GPUS": "2"}
        self.assert_ok(self.run_command(*one, env=two))
        winner = self.json_of(self.run_command("deepgemm-db", "list", "--format", "json"))
        winner = winner["winners"][0]["winner"]["config"]
        text = ",".join(f"{name}={value}" for name, value in winner.items())
        # For another shape, GPU 1 finds that it hurts.
        self.assert_ok(self.run_command(TUNE, "24x2112x7168", *FEW, "--gpu", "1", env={
            **two, "SCRIPTED_FAULT": f"kill@verify:{text}", "SCRIPTED_FAULTY_DEFAULT": "1"}))
        result = self.assert_ok(self.run_command(*one, "--gpu", "1", env=two))
        self.assertNotIn("Nothing to do", result.stderr)

    def test_a_probe_asks_no_twin(self):
        """Its races are of one GPU, and export merges rows by them."""
        few = [TUNE, "16,64,128x2112x7168", *FEW]
        two = {"SCRIPTED_GPUS": "2"}
        self.assert_ok(self.run_command(*few, "--gpu", "1", env=two))
        probed = self.assert_ok(self.run_command(*few, "--probe", env=two))
        self.assertRegex(probed.stderr, r"kernels raced at \d+ m")
        result = self.assert_ok(self.run_command("deepgemm-db-scripted", "export", "--output",
                                                 "x.dgdb", env=two))
        self.assertIn("95 % of", result.stderr)
        self.assertNotIn("another environment", result.stderr)

    def test_a_gpu_has_one_tuner_whatever_its_database(self):
        claim = {"SCRIPTED_CLAIM": f"test of {self.folder} on "}
        first = self.start(TUNE, SHAPES, *FEW, env={**claim, **self.hold("2")})
        self.wait_for_line(first.stderr, "/8]")
        other = ["--db", self.folder / "other.db"]
        second = self.run_command(TUNE, SHAPES, *FEW, *other, env=claim)
        self.assert_fails(second, ENVIRONMENT, "GPU 0 is in use by another deepgemm-tune", "--gpu")
        # Another GPU is free; and so is this one when its tuner is gone, however it went.
        self.assert_ok(self.run_command(TUNE, SHAPES, *FEW, *other, "--gpu", "1",
                                        env={**claim, "SCRIPTED_GPUS": "2"}))
        first.kill()
        first.communicate()
        self.assert_ok(self.run_command(TUNE, SHAPES, *FEW, env=claim))

    def test_what_resumes_a_shard_names_it(self):
        slurm = {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "2",
                 "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_MAX": "1"}
        process = self.start(TUNE, SHAPES, *FEW, env={**slurm, **self.hold("any")})
        self.wait_for_line(process.stderr, "/4]")
        process.send_signal(signal.SIGINT)
        stderr = process.communicate(timeout=60)[1]
        self.assertRegex(stderr, r"To resume, run: .* --shard 1/2")

    def test_ctrl_c_stops_them_all_and_the_same_command_goes_on(self):
        process = self.start(TUNE, SHAPES, *FEW, "--gpu", "all",
                             env={"SCRIPTED_GPUS": "3", **self.hold("any")})
        self.wait_for_line(process.stderr, "/8] GPU ")
        self.interrupt(process)
        self.assert_ok(self.tune("--gpu", "all"))
        self.assertEqual(len(self.winners()), 8)

    def test_a_budget_is_shared(self):
        result = self.run_in_time(2, TUNE, SHAPES, *FEW, "--gpu", "all", "--format", "json",
                                  grace=60, env={"SCRIPTED_GPUS": "3",
                                                 "SCRIPTED_SLEEP_MS_ROUND": "20"})
        states = {shape["status"] for shape in self.json_of(result)["shapes"]}
        self.assertIn("tuned", states)

    def test_what_a_gpu_that_fails_has_begun_is_done_by_the_others(self):
        # GPU 1 fails when the other shapes are done, or taken: those who took them wait for it.
        result = self.run_command(TUNE, "1,2,3x2112x7168", *FEW, "--gpu", "all", env={
            **self.all_gpus(), "SCRIPTED_BROKEN_GPU": "1"})
        self.assertEqual(result.returncode, ENVIRONMENT, result.stderr)
        self.assertIn("error: GPU 1: The worker process did not start", result.stderr)
        self.assertEqual(set(self.winners()), {1, 2, 3})
        self.assertEqual(set(self.winners().values()), {"GPU-scripted", "GPU-scripted-2"})
        self.assertIn("geometric mean of 3 shapes", result.stdout)

    def test_with_force_every_gpu_takes_part_whoever_made_the_rows(self):
        self.assert_ok(self.tune("--gpu", "0"))
        self.assertEqual(set(self.winners().values()), {"GPU-scripted"})
        self.assert_ok(self.tune("--gpu", "all", "--force"))
        rows = self.json_of(self.run_command("deepgemm-db", "list", "--format", "json"))["winners"]
        self.assertEqual({row["environment"]["device_uuid"] for row in rows},
                         {"GPU-scripted", "GPU-scripted-1", "GPU-scripted-2"})

    def test_ctrl_c_after_one_gpu_failed_says_both(self):
        process = self.start(TUNE, SHAPES, *FEW, "--gpu", "all", "--verbose", env={
            "SCRIPTED_GPUS": "2", "SCRIPTED_BROKEN_GPU": "1", **self.hold("any")})
        for _ in range(3):
            self.wait_for_line(process.stderr, "worker process lost")
        time.sleep(0.5)
        stderr = self.interrupt(process)[1]
        self.assertIn("error: GPU 1: The worker process did not start", stderr)
        self.assertIn("Interrupted; 0 of 8 shapes", stderr)

    def test_a_launchers_local_rank_chooses_the_gpu(self):
        self.assert_ok(self.tune(LOCAL_RANK="1"))
        self.assertEqual(set(self.winners().values()), {"GPU-scripted-1"})
        # Where each process is shown one GPU only, that is it.
        self.assert_ok(self.tune("--force", gpus=1, LOCAL_RANK="1"))
        self.assertIn("GPU-scripted", self.winners().values())


class Shards(CliTest):
    def test_shards_merge_to_the_whole(self):
        for rank in range(3):
            result = self.assert_ok(self.run_command(TUNE, SHAPES, *FEW, env={
                "RANK": str(rank), "WORLD_SIZE": "3"}))
            self.assertIn(f"Shard {rank} of 3 (RANK)", result.stderr)
        self.assertFalse(self.db.exists())
        files = sorted(self.folder.glob("tuning.shard-*-of-3.db"))
        self.assertEqual(len(files), 3)
        self.assert_ok(self.run_command("deepgemm-db", "merge", *files))
        rows = self.json_of(self.run_command("deepgemm-db", "list", "--format", "json"))["winners"]
        self.assertEqual(sorted(row["shape"]["m"] for row in rows), list(range(1, 9)))
        # Merged, they are an answer: one process has nothing left to do.
        self.assertIn("Nothing to do",
                      self.assert_ok(self.run_command(TUNE, SHAPES, *FEW)).stderr)

    def test_a_shard_without_shapes_is_done(self):
        result = self.assert_ok(self.run_command(TUNE, "64x2112x7168", *FEW, "--shard", "1/2"))
        self.assertIn("fewer shapes than shards", result.stderr)
        self.assertIn("0 candidates tried", result.stdout)

    def test_a_shard_without_shapes_writes_its_reports(self):
        page = self.folder / "none.html"
        report = self.json_of(self.run_command(TUNE, "64x2112x7168", *FEW, "--shard", "1/2",
                                               "--format", "json", "--output", page))
        self.assertEqual(report["shapes"], [])
        self.assertEqual(report["shapes_asked"], 0)
        self.assertIsNone(report["device"])
        self.assertIsNone(report["environment"])
        self.assertIn("shard-1-of-2", report["database"])
        self.assertTrue(page.exists())

    def test_usage_errors(self):
        self.assert_fails(self.run_command(TUNE, SHAPES, "--shard", "4/4"), USAGE, "0/4")
        self.assert_fails(self.run_command(TUNE, SHAPES, env={"JOB_COMPLETION_INDEX": "1"}), USAGE,
                          "DEEPGEMM_SHARD_COUNT")


if __name__ == "__main__":
    unittest.main()

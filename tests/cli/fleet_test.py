"""Many GPUs of one host, many shards of one list."""

import json
import unittest

from cli import ENVIRONMENT, FEW, USAGE, CliTest

SHAPES = "1,2,3,4,5,6,7,8x2112x7168"
TUNE = "deepgemm-tune-scripted"


class Fleet(CliTest):
    def tune(self, *arguments, gpus=3, **variables):
        return self.run_command(TUNE, SHAPES, *FEW, *arguments,
                                env={"SCRIPTED_GPUS": str(gpus), "SCRIPTED_SLEEP_MS_ROUND": "2",
                                     **variables})

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

    def test_ctrl_c_stops_them_all_and_the_same_command_goes_on(self):
        process = self.start(TUNE, SHAPES, *FEW, "--gpu", "all",
                             env={"SCRIPTED_GPUS": "3", "SCRIPTED_SLEEP_MS_ROUND": "20"})
        self.wait_for_line(process.stderr, "/8] GPU ")
        self.interrupt(process)
        self.assert_ok(self.tune("--gpu", "all"))
        self.assertEqual(len(self.winners()), 8)

    def test_a_budget_is_shared(self):
        result = self.tune("--gpu", "all", "--budget", "2", "--format", "json",
                           SCRIPTED_SLEEP_MS_ROUND="20")
        states = {shape["status"] for shape in self.json_of(result)["shapes"]}
        self.assertIn("tuned", states)

    def test_what_a_gpu_that_fails_has_begun_is_done_by_the_others(self):
        # GPU 1 fails when all but its shape are done, or taken: the others wait for it.
        result = self.run_command(TUNE, "1,2,3x2112x7168", *FEW, "--gpu", "all", env={
            "SCRIPTED_GPUS": "3", "SCRIPTED_BROKEN_GPU": "1"})
        self.assertEqual(result.returncode, ENVIRONMENT, result.stderr)
        self.assertIn("error: GPU 1: The worker process did not start", result.stderr)
        self.assertEqual(set(self.winners()), {1, 2, 3})
        self.assertEqual(set(self.winners().values()), {"GPU-scripted", "GPU-scripted-2"})
        self.assertIn("geometric mean of 3 shapes", result.stdout)

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
        self.assertEqual(result.stdout, "")

    def test_usage_errors(self):
        self.assert_fails(self.run_command(TUNE, SHAPES, "--shard", "4/4"), USAGE, "0/4")
        self.assert_fails(self.run_command(TUNE, SHAPES, env={"JOB_COMPLETION_INDEX": "1"}), USAGE,
                          "DEEPGEMM_SHARD_COUNT")


if __name__ == "__main__":
    unittest.main()

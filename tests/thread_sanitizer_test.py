"""The runtime library under ThreadSanitizer, after a planted race showed that it sees one.

  thread_sanitizer_test.py PLANTED_RACE SERVING_TEST
"""

import os
import subprocess
import sys

SKIPPED = 77
FOUND = 66  # ThreadSanitizer's exit code where it reports something


def run(*command):
    """Without address randomisation where ThreadSanitizer cannot place its shadow otherwise."""
    env = dict(os.environ, TSAN_OPTIONS=f"exitcode={FOUND}:halt_on_error=0")
    for prefix in ([], ["setarch", os.uname().machine, "--addr-no-randomize"]):
        result = subprocess.run([*prefix, *command], capture_output=True, text=True, env=env,
                                check=False)
        if "unexpected memory mapping" not in result.stderr:
            return result
    print("skipped: ThreadSanitizer cannot map its memory on this kernel")
    sys.exit(SKIPPED)


def main():
    planted_race, serving_test = sys.argv[1:]
    planted = run(planted_race)
    if planted.returncode != FOUND or "data race" not in planted.stderr:
        print("ThreadSanitizer overlooks a planted race:", planted.returncode, planted.stderr)
        return 1
    served = run(serving_test, "--gtest_brief=1")
    print(served.stdout, served.stderr[-8000:])
    return served.returncode


if __name__ == "__main__":
    sys.exit(main())

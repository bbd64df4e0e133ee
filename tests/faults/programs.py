"""Cases that other tests show, most of them on librdkafka's mock cluster: they are run, and what they say is counted."""

import re
import subprocess
import sys
from pathlib import Path

from conftest import BUILD, ROOT

# By case: the program, and which of its tests are meant; none named: all of them.
SHOWN = {
    "F11": {"mock_center_test_errors": [], "mock_worker_test_undelivered": []},
    "F12": {"mock_center_test_errors": ["a_producer_that_ended_is_made_anew_and_sends_again"],
            "mock_client_test_request": ["a_producer_that_ends_takes_only_its_own_calls_along"]},
    "F22": {"unit_store_test_backends": []},
}


class Missing(Exception):
    """What a case needs and this machine does not have."""


def shown_by_programs(case):
    """Runs them: how many tests passed, how many failed."""
    passed, failed = 0, []
    for name, tests in SHOWN[case].items():
        program = BUILD / name
        if not program.exists():
            raise Missing(f"{program.relative_to(ROOT) if program.is_relative_to(ROOT) else program} is not built")
        done = subprocess.run([program], cwd=Path(ROOT), capture_output=True, text=True, timeout=300)
        said = done.stdout + done.stderr
        ok = set(re.findall(r"\[       OK \] (\w+)", said))
        passed += len(ok & set(tests)) if tests else len(ok)
        failed += [test for test in tests if test not in ok] if tests else re.findall(r"\[  FAILED  \] (\w+)", said) or [name] * bool(done.returncode)
    return {"programs": [*SHOWN[case]], "passed": passed, "failed": len(failed), "which": sorted(set(failed))}


def shown_by_tests(path):
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path], cwd=ROOT, capture_output=True, text=True, timeout=1200)
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", done.stdout.splitlines()[-1])}
    return {"tests": path, "passed": counts.get("passed", 0), "failed": counts.get("failed", 0) + counts.get("error", 0),
            "which": re.findall(r"^(?:FAILED|ERROR) \S+::(\S+)", done.stdout, re.M)}

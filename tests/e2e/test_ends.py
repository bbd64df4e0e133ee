"""How programs of tests end is looked at: one that crashes fails the test that started it."""

import pytest
from conftest import Pouch, wait_until

REPORT = "thing.c:7:9: runtime error: signed integer overflow"


@pytest.fixture
def alone(tmp_path):
    """A Pouch that knows no broker."""
    return Pouch("", tmp_path)


def start(alone, script, at_term="trap 'exit 0' TERM"):
    return alone.start_other(["sh", "-c", f"{at_term}; echo ready; {script}"], "program").wait_for("ready")


@pytest.mark.parametrize("script", ("kill -SEGV $$", f"echo '{REPORT}' >&2; exit 0", "echo 'WARNING: ThreadSanitizer: data race' >&2; exit 66"))
def test_a_program_that_crashed_fails_its_test(alone, script):
    program = start(alone, script)
    wait_until(lambda: not program.running(), "its end")
    with pytest.raises(pytest.fail.Exception, match="program"):
        alone.stop_all()


def test_a_program_that_crashes_when_it_is_told_to_end_fails_its_test(alone):
    start(alone, "while :; do sleep 0.1; done", "trap 'kill -ABRT $$' TERM")
    with pytest.raises(pytest.fail.Exception, match="SIGABRT"):
        alone.stop_all()


@pytest.mark.parametrize("script", ("exit 0", "exit 70", "kill -TERM $$; exit 0", "trap - TERM; exec sleep 60", "while :; do sleep 0.1; done"))
def test_all_other_ends_are_for_the_test_to_judge(alone, script):
    start(alone, script)
    alone.stop_all()

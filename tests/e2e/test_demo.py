"""scripts/demo from its first word to its last."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, Program, clean_environment, wait_until


@pytest.fixture
def demo(tmp_path):
    """Starts the demo in a temporary folder of its own, marked so that what it leaves can be found."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    # Settings of the caller must not take part.
    env = dict(clean_environment(), TMPDIR=str(folder), POUCH_BROKERS="127.0.0.1:1", ENCRYPTION_KEY="none", DEMO_MARK=str(folder))
    return folder, lambda name: Program([ROOT / "scripts" / "demo"], env, tmp_path, name)


def processes_marked(mark):
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"DEMO_MARK={mark}".encode() in environ.read_bytes().split(b"\0") and int(environ.parent.name) != os.getpid():
                found.append(environ.parent.name)
        except OSError:  # it has ended, or is not ours
            continue
    return found


def assert_nothing_is_left(folder):
    assert processes_marked(folder) == []
    assert list(folder.iterdir()) == []


HOPS = [("publisher", "→ command-center-inbox"), ("center", "command-center-inbox → service-1-topic"),
        ("worker", "service-1-topic → command-center-inbox"), ("center", "command-center-inbox → service-2-topic"),
        ("worker", "service-2-topic → initial-publisher.replies"), ("publisher", "← initial-publisher.replies")]


@pytest.mark.acceptance("A26", "B6", "B23")
def test_the_demo_shows_the_main_job_and_leaves_nothing(demo):
    folder, start = demo
    for name in ("first", "second"):
        program = start(name)
        assert program.process.wait(600) == 0, program.stdout() + program.stderr()
        out = program.stdout()
        assert sorted(re.findall(r"^  [0-9:]{8}\.\d+  (\w+) +(.*)$", out, re.M)) == sorted(HOPS)
        [order] = re.findall(r'^\{"orderId": ?"([^"]+)", ?"status": ?"fulfilled".*\}$', out, re.M)
        assert f"Subject: Your order {order}" in out and f"Your order {order} over 150 is on its way." in out
        [request_id] = re.findall(r"^request ([0-9a-f-]{36})$", out, re.M)
        assert f"Message-ID: <{request_id}@example.org>" in out and "5 hops in" in out
        assert re.findall(r"^(client|center|worker) .* ok$", out, re.M) == ["client", "center", "worker", "center", "worker"]
        assert "(exit code 1)" in out
        assert "handler_error: the amount must be more than 0 and less than 10000" in program.stderr()
        [seen] = re.findall(r'^\{"request_id":"[0-9a-f-]{36}",.*$', out, re.M)
        assert re.search(r'"data":"[0-9a-f]{40,}', seen) and order not in seen and "amount" not in seen
        answered, rate = re.search(r"^(\d+) answered, 0 failed in .*: (\d+)/s$", out, re.M).groups()
        assert int(answered) > 0 and int(rate) > 0
        assert "\033" not in out + program.stderr()
        wait_until(lambda: not processes_marked(folder), "the demo's processes ending")
        assert_nothing_is_left(folder)


def test_a_demo_that_is_stopped_leaves_nothing(demo):
    folder, start = demo
    program = start("stopped")
    program.wait_for("An order, and each hop", 600)
    os.killpg(program.process.pid, signal.SIGTERM)
    assert program.process.wait(60) == 130
    wait_until(lambda: not processes_marked(folder), "the demo's processes ending")
    assert_nothing_is_left(folder)


def test_the_demo_can_be_run_from_anywhere(tmp_path):
    done = subprocess.run(["bash", "-n", ROOT / "scripts" / "demo"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

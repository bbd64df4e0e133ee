"""The examples, by the commands that stand at their heads."""

import json
import os
import re
import subprocess

import pytest
from conftest import BUILD, POUCH, ROOT

EXAMPLES = ROOT / "examples"


def commands(path):
    """The shell lines of a file's first comment: those that are indented in it."""
    head = re.search(r'"""(.*?)"""', path.read_text(), re.S)
    text = head.group(1) if head else "\n".join(re.findall(r"^#( .*)?$", path.read_text(), re.M))
    return [line.strip() for line in text.splitlines() if re.match(r" {3,}\S", line)]


@pytest.fixture
def shell(dev):
    """Runs lines as they are written, in the folder of the workers, with pouch on the PATH."""
    dev.env.update(PATH=f"{POUCH.parent}:{os.environ['PATH']}", POUCH_REQUEST_TIMEOUT="60s")

    def run(line):
        return subprocess.run(["sh", "-c", line], capture_output=True, text=True, env=dev.env, cwd=EXAMPLES / "workers", timeout=120)

    def start(line):
        return dev.start_other(["sh", "-c", f"cd '{EXAMPLES / 'workers'}' && exec {line}"], "example")

    return dev, run, start


@pytest.mark.acceptance("A25")
@pytest.mark.parametrize("name,answers", [
    ("calculator.py", [{"result": 2.5}, {"id": 2, "name": "Grace"}]),
    ("calculator.sh", [{"result": 15}]),
])
def test_the_commands_at_the_head_of_a_worker_work(shell, name, answers):
    dev, run, start = shell
    [worker, *requests] = commands(EXAMPLES / "workers" / name)
    for topic in re.match(r"pouch worker ((?:[\w-]+ )+)--", worker).group(1).split():
        dev.topic(topic)
    start(worker).wait_for("taking requests")
    assert len(requests) == len(answers)
    for line, answer in zip(requests, answers):
        done = run(line)
        assert done.returncode == 0 and json.loads(done.stdout) == answer, f"{line}: {done.stderr}"


@pytest.mark.acceptance("A25")
def test_the_worker_of_the_demo_answers_and_refuses(shell):
    dev, run, start = shell
    topic = dev.topic()
    start(f"pouch worker {topic} --pipe 'python3 shout.py'").wait_for("taking requests")
    done = run(f"echo '{{\"text\":\"hello\"}}' | pouch request {topic}")
    assert json.loads(done.stdout) == {"text": "HELLO"}, done.stderr
    done = run(f"echo '{{\"text\":7}}' | pouch request {topic}")
    assert done.returncode == 1 and "shout wants a text" in done.stderr


@pytest.mark.acceptance("A1", "A15", "A25")
def test_the_worker_and_client_in_c_talk(dev):
    for topic in ("calculate", "get-user"):
        dev.topic(topic)
    dev.start_other([BUILD / "examples" / "worker"], "worker").wait_for("taking requests")
    client = dev.start_other([BUILD / "examples" / "client"], "client")
    assert client.process.wait(120) == 0, client.stdout() + client.stderr()
    assert "100 asked at once, 100 answered" in client.stdout()
    for payload in ({"operation": "modulo", "a": 1, "b": 1}, {"operation": "add"}, [], {"operation": "add", "a": "1", "b": 1}):
        done = dev.ask("calculate", payload)
        assert done.returncode == 1 and json.loads(done.stdout)["error"]["code"] == "handler_error", payload


@pytest.mark.acceptance("A3")
def test_the_examples_in_c_do_not_start_without_a_key(tmp_path):
    env = {"PATH": os.environ["PATH"], "POUCH_BROKERS": "127.0.0.1:1"}
    for name in ("worker", "client"):
        done = subprocess.run([BUILD / "examples" / name], capture_output=True, text=True, env=env, timeout=60)
        assert done.returncode == 78 and "pouch key new" in done.stderr


def test_an_eavesdropper_is_told_what_is_wrong():
    program = BUILD / "examples" / "eavesdrop"
    assert subprocess.run([program], capture_output=True, timeout=60).returncode == 64
    done = subprocess.run([program, "127.0.0.1:1", "t"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "t cannot be read" in done.stderr


@pytest.mark.acceptance("A18", "A19", "B15", "B16")
def test_a_program_of_ones_own_reads_what_happened(dev, store_url):
    program = BUILD / "examples" / "traces"
    env = dict(dev.env, POUCH_STORE=store_url)
    dev.env["POUCH_STORE"] = store_url
    done = dev.ask(dev.topic(), {}, timeout="10s")
    request = json.loads(done.stdout)["request_id"]
    way = subprocess.run([program, request], capture_output=True, text=True, env=env, timeout=60)
    assert way.returncode == 0 and len(way.stdout.splitlines()) == 2 and f"{request} client request" in way.stdout, way.stderr
    hour = subprocess.run([program], capture_output=True, text=True, env=env, timeout=60)
    assert hour.returncode == 0 and f"{request} client response" in hour.stdout and "timeout no answer" in hour.stdout
    assert subprocess.run([program, "nonsense"], capture_output=True, env=env, timeout=60).returncode == 78

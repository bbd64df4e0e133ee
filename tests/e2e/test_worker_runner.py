"""`pouch worker` with programs in other languages: --pipe, --exec and --url."""

import json
import os
import re
import signal
import sys

import independent
import pytest
from conftest import ROOT, wait_until

EXAMPLES = ROOT / "examples" / "workers"
CALCULATOR = f"{sys.executable} {EXAMPLES / 'calculator.py'}"


def answer(pouch, topic, payload, *words):
    done = pouch.ask(topic, payload, *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["payload"]


def refusal(pouch, topic, payload):
    done = pouch.ask(topic, payload)
    assert done.returncode == 1, done.stdout + done.stderr
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "handler_error" and error["sealed"] is True
    return error["message"]


@pytest.mark.acceptance("A25", "A26")
def test_the_calculator_answers_by_lines(pouch, example_topics):
    pouch.worker(*example_topics, "--pipe", CALCULATOR)
    for operation, result in [("add", 14), ("subtract", 6), ("multiply", 40), ("divide", 2.5)]:
        assert answer(pouch, "calculate", {"operation": operation, "a": 10, "b": 4}) == {"result": result}
    assert refusal(pouch, "calculate", {"operation": "divide", "a": 1, "b": 0}) == "division by zero"
    assert refusal(pouch, "calculate", {"operation": "power", "a": 1, "b": 0}) == "operation is one of add, subtract, multiply, divide"
    assert answer(pouch, "get-user", {"id": 2}) == {"id": 2, "name": "Grace"}
    assert refusal(pouch, "get-user", {"id": 9}) == "no such user"


@pytest.mark.acceptance("A25", "A26")
def test_the_calculator_answers_a_command_a_request(pouch):
    topic = pouch.topic()
    pouch.worker(topic, "--exec", EXAMPLES / "calculator.sh")
    assert answer(pouch, topic, {"operation": "multiply", "a": 10, "b": 4}) == {"result": 40}
    assert "operation is one of" in refusal(pouch, topic, {"operation": "power"})


@pytest.mark.acceptance("A26")
def test_a_line_sent_back_is_an_answer(pouch):
    topic = pouch.topic()
    pouch.worker(topic, "--pipe", "cat")
    assert answer(pouch, topic, {"text": "one\ntwo"}) == {"text": "one\ntwo"}


@pytest.mark.acceptance("A26")
def test_the_service_answers_by_http(pouch):
    topic = pouch.topic()
    service = pouch.start_other([sys.executable, EXAMPLES / "service.py", "0"], "service").wait_for("listening on port")
    port = re.search(r"port (\d+)", service.stdout()).group(1)
    pouch.worker(topic, "--url", f"http://127.0.0.1:{port}/square")
    done = pouch.ask(topic, {"n": 12})
    assert json.loads(done.stdout)["payload"] == {"result": 144}, done.stderr
    assert json.loads(done.stdout)["request_id"] in service.stderr()
    assert refusal(pouch, topic, {"n": "x"}) == 'the service answered 422: {"error": "n must be a number"}'
    service.kill()
    assert "is the service running?" in refusal(pouch, topic, {"n": 12})


def test_a_payload_passes_unchanged(pouch):
    topic = pouch.topic()
    pouch.worker(topic, "--pipe", "cat")
    payload = '{"big": 12345678901234567890, "exact": 1.10, "b": 1, "a": "\\u00fc ü"}'
    done = pouch.run("request", topic, "--timeout", "60s", stdin=payload)
    assert done.stdout.rstrip("\n") == payload, done.stderr


def test_a_chain_answers_the_first_requester(pouch):
    first, last = pouch.topic(), pouch.topic()
    script = ("import json, sys\nfor line in sys.stdin:\n    r = json.loads(line)\n"
              "    p = dict(r['payload'], processedBy='first')\n"
              f"    print(json.dumps(dict(request_id=r['request_id'], forward='topic:{last}', payload=p)), flush=True)\n")
    path = pouch.folder / "first.py"
    path.write_text(script)
    pouch.worker(first, "--pipe", f"{sys.executable} {path}")
    pouch.worker(last, "--exec", "cat")
    assert answer(pouch, first, {"amount": 7}) == {"amount": 7, "processedBy": "first"}


@pytest.mark.acceptance("A13")
def test_status_75_is_tried_again(pouch, tmp_path):
    topic, tried = pouch.topic(), tmp_path / "tried"
    pouch.worker(topic, "--exec", f"if mkdir {tried} 2>/dev/null; then echo not yet >&2; exit 75; fi; cat")
    assert answer(pouch, topic, {"n": 1}) == {"n": 1}
    assert tried.exists()


def test_a_killed_command_is_started_again_and_its_request_answered(pouch, tmp_path):
    """The first command takes the request and hangs; it is killed; the second one answers."""
    topic, pid = pouch.topic(), tmp_path / "pid"
    script = (f"if [ -e {pid} ]; then exec cat; fi; read -r line; echo $$ > {pid}.new; "
              f"mv {pid}.new {pid}; exec sleep 1000")
    worker = pouch.worker(topic, "--pipe", script)
    asking = pouch.start_other(pouch.command("request", topic, '{"n":1}', "--timeout", "60s"), "ask")
    wait_until(pid.exists, "the command taking the request")
    os.kill(int(pid.read_text()), signal.SIGKILL)
    assert asking.process.wait(60) == 0, asking.stderr()
    assert json.loads(asking.stdout()) == {"n": 1}
    worker.wait_for("was killed by signal 9")


def test_two_records_of_one_request_are_both_answered(pouch):
    topic, replies = pouch.topic(), pouch.topic(f"r-{os.urandom(8).hex()}.replies", 1)
    pouch.worker(topic, "--pipe", "cat")
    envelope = independent.seal(pouch.key, '{"x":1}', replyTopic=replies)
    consumer = independent.reader(pouch.brokers, replies)
    for _ in range(2):
        independent.produce(pouch.brokers, topic, envelope)
    for record in independent.read(consumer, 2):
        assert json.loads(independent.open_sealed(pouch.key, record.value()))["payload"] == {"x": 1}
    consumer.close()


@pytest.mark.parametrize("way", ["--pipe", "--exec"])
def test_a_command_never_sees_a_key(pouch, tmp_path, way):
    topic = pouch.topic()
    script = tmp_path / "env.py"
    show = "json.dumps(dict(os.environ))"
    if way == "--exec":
        script.write_text(f"import json, os\nprint({show})\n")
    else:
        script.write_text("import json, os, sys\nfor line in sys.stdin:\n    r = json.loads(line)\n"
                          "    print(json.dumps(dict(request_id=r['request_id'], payload=dict(os.environ))), flush=True)\n")
    secrets = {"POUCH_KAFKA_SASL_PASSWORD": "canary", "SPLP_ENCRYPTION_KEY": "canary", "THEIR_OWN": "1"}
    pouch.worker(topic, way, f"{sys.executable} {script}", env=secrets)
    seen = answer(pouch, topic, {})
    assert seen["THEIR_OWN"] == "1"
    assert "canary" not in seen.values() and pouch.key not in seen.values()
    ours = {name for name in seen if name.startswith("POUCH_")}
    assert ours == ({"POUCH_REQUEST_ID", "POUCH_TOPIC", "POUCH_PUBLISHER", "POUCH_DEADLINE"} if way == "--exec" else set())


@pytest.mark.parametrize("way", ["--pipe", "--exec"])
def test_a_stopped_worker_finishes_what_it_has_begun(pouch, tmp_path, way):
    topic, begun, go = pouch.topic(), tmp_path / "begun", tmp_path / "go"
    wait = f"touch {begun}; while [ ! -e {go} ]; do sleep 0.05; done"
    command = f"{wait}; cat" if way == "--exec" else f"read -r line; {wait}; printf '%s\\n' \"$line\"; cat"
    worker = pouch.worker(topic, way, command, "--drain", "60s")
    asking = pouch.start_other(pouch.command("request", topic, '{"n":1}', "--timeout", "60s"), "ask")
    wait_until(begun.exists, "the command beginning")
    worker.process.send_signal(signal.SIGTERM)
    go.touch()
    assert asking.process.wait(60) == 0, asking.stderr()
    assert worker.process.wait(60) == 0, worker.stderr()


def test_a_command_that_does_not_flush_is_told_of(pouch, tmp_path):
    topic = pouch.topic()
    script = tmp_path / "unflushed.py"
    script.write_text("import sys\nfor line in sys.stdin:\n    print(line)\n")
    worker = pouch.worker(topic, "--pipe", f"exec env -u PYTHONUNBUFFERED {sys.executable} {script}")
    pouch.start_other(pouch.command("request", topic, "{}", "--timeout", "60s"), "ask")
    worker.wait_for("does it flush its output after each line?")
    assert "has had 1 request for 5 s" in worker.stderr()


def test_a_command_that_cannot_be_found_is_told_to_both_sides(pouch):
    topic = pouch.topic()
    worker = pouch.worker(topic, "--pipe", "no-such-program")
    assert refusal(pouch, topic, {}) == "the worker command ended with status 127 (command not found)"
    assert "no-such-program" in worker.stderr()


def test_new_keys_are_taken_on_sighup(pouch, tmp_path):
    topic, ring, new = pouch.topic(), tmp_path / "ring", "1" * 64
    ring.write_text(pouch.key + "\n")
    ring.chmod(0o600)
    worker = pouch.worker(topic, "--exec", "cat", "--key-file", ring)
    assert answer(pouch, topic, {"n": 1}) == {"n": 1}
    ring.write_text(f"{pouch.key}\n{new}\n")
    worker.process.send_signal(signal.SIGHUP)
    worker.wait_for("the key ring was read again")
    newer = tmp_path / "newer"
    newer.write_text(f"{new}\n{pouch.key}\n")
    newer.chmod(0o600)
    done = pouch.run("request", topic, "--timeout", "60s", "--key-file", newer, stdin='{"n":2}')
    assert done.stdout == '{"n":2}\n', done.stderr
    ring.write_text("no key\n")
    worker.process.send_signal(signal.SIGHUP)
    worker.wait_for("the key ring stays as it was")
    assert answer(pouch, topic, {"n": 3}) == {"n": 3}


@pytest.mark.parametrize("words", [[], ["--pipe", "cat", "--exec", "cat"], ["--url", "http://h/", "--pipe", "cat"], ["--exec", "cat", "--exec", "cat"]])
def test_just_one_way_to_work_is_wanted(pouch, words):
    done = pouch.run("worker", "t", *words)
    assert done.returncode == 64 and done.stdout == ""
    assert "pouch worker --help" in done.stderr


def test_what_is_no_url_is_refused(pouch):
    done = pouch.run("worker", "t", "--url", "localhost:8080")
    assert done.returncode == 78 and "http://" in done.stderr


def test_the_help_teaches_all_three_ways(pouch):
    text = pouch.ok("worker", "--help")
    for word in ("--pipe", "--exec", "--url", "--group", "--start", "--concurrency", "--handler-timeout", "flush=True"):
        assert word in text

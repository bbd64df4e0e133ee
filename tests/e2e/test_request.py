"""The main job on real Kafka: requests, answers, errors; checked by clients nobody here wrote."""

import json
import uuid

import independent
import pytest
from conftest import wait_until


@pytest.mark.acceptance("A9", "A10", "A11", "A16")
def test_a_request_is_answered(pouch):
    topic = pouch.topic()
    pouch.worker(topic, "--exec", "cat")
    done = pouch.ask(topic, {"a": 10, "b": "ü"})
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["payload"] == {"a": 10, "b": "ü"}
    assert str(uuid.UUID(answer["request_id"])) == answer["request_id"]


@pytest.mark.acceptance("A13", "A14")
def test_a_failing_handler_is_answered_at_once(pouch):
    topic = pouch.topic()
    pouch.worker(topic, "--exec", "echo no such citizen >&2; exit 1")
    done = pouch.ask(topic, {"id": 7})
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "handler_error" and "no such citizen" in error["message"] and error["sealed"] is True


@pytest.mark.acceptance("A12")
def test_a_timeout_tells_what_nobody_did(pouch):
    topic = pouch.topic()
    done = pouch.ask(topic, {}, timeout="8s")  # time to find out that nobody is there
    assert done.returncode == 75
    assert f"waiting for a worker on {topic}" in done.stderr
    assert f"pouch worker {topic}" in done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "timeout"


@pytest.mark.acceptance("A6", "A8")
@pytest.mark.parametrize("iv_bytes", [12, 16])
def test_an_independent_worker_answers_our_client(pouch, iv_bytes):
    topic = pouch.topic()
    consumer = independent.reader(pouch.brokers, topic)
    asking = pouch.start_other([*pouch.command("request", topic, '{"n":1}', "--timeout", "60s", "--iv-bytes", iv_bytes)], "ask")
    [request] = independent.read(consumer, 1)
    envelope = json.loads(request.value())
    assert request.key().decode() == envelope["request_id"]
    assert len(envelope["iv"]) == 2 * iv_bytes
    assert json.loads(independent.open_sealed(pouch.key, envelope)) == {"n": 1}
    reply = {"request_id": envelope["request_id"], "payload": {"m": 2}, "timestamp": 1, "success": True}
    independent.produce(pouch.brokers, envelope["replyTopic"], key=envelope["request_id"],
                        value=independent.seal(pouch.key, json.dumps(reply), iv_bytes, envelope["request_id"]))
    assert asking.process.wait(60) == 0
    assert json.loads(asking.stdout()) == {"m": 2}
    consumer.close()


@pytest.mark.acceptance("A6", "A14", "A16")
@pytest.mark.parametrize("iv_bytes", [12, 16])
@pytest.mark.parametrize("named", [True, False])
def test_our_worker_answers_an_independent_client(pouch, iv_bytes, named):
    topic = pouch.topic()
    reply_topic = pouch.topic("r-" + uuid.uuid4().hex + ".replies", 1) if named else pouch.topic(topic + ".replies", 1)
    pouch.worker(topic, "--exec", "cat")
    replies = independent.reader(pouch.brokers, reply_topic)
    members = {"replyTopic": reply_topic} if named else {}
    envelope = independent.seal(pouch.key, '{"x":1}', iv_bytes, **members)
    request_id = json.loads(envelope)["request_id"]
    independent.produce(pouch.brokers, topic, envelope, key=request_id)
    [record] = independent.read(replies, 1)
    reply = json.loads(record.value())
    assert reply["request_id"] == request_id and record.key().decode() == request_id
    assert len(reply["iv"]) == 2 * iv_bytes, "a reply uses the IV length of its request"
    plain = json.loads(independent.open_sealed(pouch.key, reply))
    assert plain["request_id"] == request_id and plain["payload"] == {"x": 1} and plain["success"] is True
    assert isinstance(plain["timestamp"], int)
    replies.close()


@pytest.mark.acceptance("A15")
def test_many_requests_at_once_are_all_answered(pouch):
    topic = pouch.topic()
    pouch.start("bench", "worker", topic)
    out = pouch.ok("bench", "request", topic, "--in-flight", 500, "--count", 20000, "--timeout", "60s", "-o", "json", timeout=300)
    result = json.loads(out.splitlines()[-1])
    assert result["count"] == 20000 and result["failed"] == 0


def test_send_wants_no_answer(pouch, tmp_path):
    topic = pouch.topic()
    seen = tmp_path / "seen"
    pouch.worker(topic, "--exec", f"cat >> {seen}; echo null")
    request_id = pouch.ok("send", topic, '{"event":1}').strip()
    uuid.UUID(request_id)
    wait_until(lambda: seen.exists() and seen.read_text() == '{"event":1}', "the handler seeing the request")
    [record] = independent.read_all(pouch.brokers, topic)
    assert independent.headers(record)["pouch-reply"] == "none"
    assert "replyTopic" not in json.loads(record.value())


@pytest.mark.acceptance("A13")
def test_a_worker_with_another_key_tells_the_requester(pouch):
    topic = pouch.topic()
    pouch.worker(topic, "--exec", "cat", env={"ENCRYPTION_KEY": "0" * 64})
    done = pouch.ask(topic, {"secret": "canary-7f3a"})
    assert done.returncode == 1, done.stderr
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "decrypt_failed" and error["sealed"] is False
    letter = wait_until(lambda: [m for m in independent.read_all(pouch.brokers, "internal.dlq")
                                 if independent.headers(m)["pouch-dlq-source"].startswith(topic + "/")], "the dead letter")
    assert independent.headers(letter[0])["pouch-dlq-code"] == "decrypt_failed"
    assert all("canary-7f3a" not in program.stderr() for program in pouch.programs)


def test_headers_and_key_are_carried(pouch):
    topic = pouch.topic()
    pouch.ok("send", topic, "1", "--key", "order-7", "-H", "traceparent=00-abc", "-H", "x=1", "-H", "x=2")
    [record] = independent.read_all(pouch.brokers, topic)
    assert record.key() == b"order-7"
    assert [h for h in record.headers() if not h[0].startswith("pouch-")] == [("traceparent", b"00-abc"), ("x", b"1"), ("x", b"2")]


def test_a_request_carries_its_deadline(pouch):
    topic = pouch.topic()
    asking = pouch.start("request", topic, "{}", "--timeout", "90s")
    [record] = independent.read(independent.reader(pouch.brokers, topic), 1)
    asking.kill()
    deadline = int(independent.headers(record)["pouch-deadline"])
    assert 0 < deadline - record.timestamp()[1] <= 90000


def test_no_broker_is_told_with_the_next_step(pouch):
    done = pouch.run("request", "t", "{}", "--brokers", "127.0.0.1:1", "--timeout", "30s")
    assert done.returncode == 69
    assert "127.0.0.1:1" in done.stderr and "pouch dev" in done.stderr


def test_a_missing_topic_names_the_command_that_makes_it(pouch):
    done = pouch.run("request", "no-such-topic", "{}", "--timeout", "60s")
    assert done.returncode == 1
    assert "pouch topic create no-such-topic" in done.stderr


def test_without_a_key_there_is_no_start(pouch):
    env = {"ENCRYPTION_KEY": ""}
    for command in (["request", "t", "{}"], ["worker", "t", "--exec", "cat"], ["seal"], ["open"]):
        done = pouch.run(*command, stdin="", env=env)
        assert done.returncode == 78, command
        assert "pouch key new" in done.stderr

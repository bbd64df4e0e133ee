"""Record keys, partitions and events from the command line, and the headers that go with a tenant's records."""

import json
import re
import uuid

import independent
import pytest
from conftest import ROOT, Pouch, wait_until

USAGE, DATA = 64, 65
EVENT = {"id": "0192f0c1-5b7a-7c3e-8a4d-0123456789ab", "type": "message.sent", "version": "1.0.0", "timestamp": 1700000000000,
         "tenant_id": "acme", "source": "chat", "payload": {"text": "hi"}, "metadata": {}}


@pytest.fixture
def alone(tmp_path):
    return Pouch("127.0.0.1:1", tmp_path)


@pytest.mark.acceptance("D9")
@pytest.mark.parametrize("strategy, key", [("conversation_id", "conv-456"), ("user_id", "user-789"), ("tenant_id", "tenant-123"), ("random", None)])
def test_the_key_of_a_record_is_the_field_that_its_strategy_names(alone, strategy, key):
    fields = ["tenant_id=tenant-123", "conversation_id=conv-456", "user_id=user-789"]
    assert json.loads(alone.ok("topic", "key", strategy, *fields, "-o", "json")) == {"strategy": strategy, "key": key}
    done = alone.run("topic", "key", strategy, *fields)
    assert done.stdout == (f"{key}\n" if key else "") and ("have no key" in done.stderr) == (key is None)
    missing = alone.run("topic", "key", strategy, "message_id=m-1")
    assert missing.returncode == (USAGE if key else 0)
    assert not key or f"needs the field {strategy}, which is missing" in missing.stderr


@pytest.mark.acceptance("D9")
@pytest.mark.parametrize("words, why", [
    (["user"], "one of random, conversation_id, user_id, tenant_id"), (["user_id", "u-7"], "NAME=VALUE"), (["user_id", "=u-7"], "NAME=VALUE"),
    (["user_id", "user_id="], "empty"), (["user_id", "user_id=a", "user_id=b"], "there twice"), (["user_id", "user_id=" + "k" * 1025], "longer than")])
def test_what_makes_no_key_is_told(alone, words, why):
    done = alone.run("topic", "key", *words)
    assert done.returncode == USAGE and why in done.stderr and done.stdout == ""


@pytest.mark.acceptance("D10")
@pytest.mark.parametrize("strategy, load, wanted", [
    ("conversation_id", (1000, 500, 3), 4), ("conversation_id", (12500, 0, 3), 13), ("conversation_id", (0, 0, 17), 17),
    ("user_id", (1000, 6000, 3), 20), ("user_id", (30000, 6000, 3), 30), ("tenant_id", (0, 205, 1), 21), ("random", (12500, 0, 3), 25)])
def test_partitions_are_recommended_for_a_load(alone, strategy, load, wanted):
    rate, keys, consumers = load
    words = ["topic", "partitions", strategy, "--rate", rate, "--keys", keys, "--consumers", consumers]
    assert alone.ok(*words) == f"{wanted}\n"
    assert json.loads(alone.ok(*words, "-o", "json")) == {"strategy": strategy, "partitions": wanted}
    assert alone.ok("topic", "partitions", strategy) == "4\n"


@pytest.mark.acceptance("D10")
def test_a_load_for_which_there_is_no_topic_is_told(alone):
    done = alone.run("topic", "partitions", "random", "--rate", 10**12)
    assert done.returncode == USAGE and "spread it over several topics" in done.stderr
    assert alone.run("topic", "partitions", "random", "--rate", "-1").returncode == USAGE


@pytest.mark.acceptance("D20")
def test_events_are_made_of_payloads_and_are_sound(alone):
    words = ["event", "new", "participant.role_changed", "--tenant", "acme", "--source", "chat", "--correlation", "c-1", "--trace", "t-ä",
             "--version", "2.1.0", "--metadata", '{"user_id":\n"u-7"}']
    done = alone.run(*words, stdin='{"n":1}\n\n[2]\n{"n":3.10,"z":[{}]}\n')
    assert done.returncode == DATA and "line 3: payload of an event is to be a JSON object" in done.stderr
    lines = done.stdout.splitlines()
    events = [json.loads(line) for line in lines]
    assert [list(event) for event in events] == 2 * [["id", "type", "version", "timestamp", "tenant_id", "source", "correlation_id", "trace_id", "payload", "metadata"]]
    assert '"payload":{"n":3.10,"z":[{}]}' in lines[1]
    assert [event["payload"]["n"] for event in events] == [1, 3.10]
    for event in events:
        assert uuid.UUID(event["id"]).version == 7 and uuid.UUID(event["id"]).int >> 80 == event["timestamp"]
        assert (event["type"], event["version"], event["tenant_id"], event["source"]) == ("participant.role_changed", "2.1.0", "acme", "chat")
        assert (event["correlation_id"], event["trace_id"], event["metadata"]) == ("c-1", "t-ä", {"user_id": "u-7"})
    assert events[0]["id"] != events[1]["id"]
    assert alone.ok("event", "check", stdin=done.stdout) == done.stdout


@pytest.mark.acceptance("D20")
@pytest.mark.parametrize("words", [["--tenant", "acme"], ["--source", "chat"], ["--tenant", "Acme", "--source", "chat"], ["--tenant", "a.b", "--source", "chat"],
                                   ["--tenant", "acme", "--source", ""], ["--tenant", "acme", "--source", "chat", "--version", "1"],
                                   ["--tenant", "acme", "--source", "chat", "--metadata", "[]"]])
def test_what_no_event_can_have_is_told_before_anything_is_read(alone, words):
    done = alone.run("event", "new", "message.sent", *words, stdin="{}\n")
    assert done.returncode == USAGE and done.stdout == ""


@pytest.mark.acceptance("D20")
def test_of_events_those_that_are_sound_go_on_and_each_other_is_told(alone):
    def without(name):
        return {key: value for key, value in EVENT.items() if key != name}

    bad = {
        "not JSON": "nothing", "no object": "[]", "twice": json.dumps(EVENT)[:-1] + ',"type":"a"}', "unknown": json.dumps({**EVENT, "extra": 1}),
        "id of another kind": json.dumps({**EVENT, "id": str(uuid.uuid4())}), "payload": json.dumps({**EVENT, "payload": 1}),
        "time as text": json.dumps({**EVENT, "timestamp": "1"}), **{f"no {name}": json.dumps(without(name)) for name in EVENT}}
    good = [EVENT, {**EVENT, "correlation_id": None, "trace_id": "t"}]
    done = alone.run("event", "check", "-o", "json", stdin="\n".join([json.dumps(good[0]), *bad.values(), json.dumps(good[1])]) + "\n")
    assert done.returncode == DATA
    assert json.loads(done.stdout) == [EVENT, {**EVENT, "trace_id": "t"}]
    assert [int(line) for line in re.findall(r"line (\d+): not an event", done.stderr)] == list(range(2, len(bad) + 2))
    assert "hi" not in done.stderr


@pytest.mark.acceptance("D20")
def test_the_types_of_a_chat_platform_are_types(alone):
    types = (ROOT / "examples" / "events" / "types.txt").read_text().split()
    assert len(types) == len(set(types)) > 40
    events = "".join(json.dumps({**EVENT, "type": name}) + "\n" for name in types)
    assert [json.loads(line)["type"] for line in alone.ok("event", "check", stdin=events).splitlines()] == types


TENANT_HEADERS = {"tenant_id": "acme", "user_id": "u-7", "trace_id": "t-1", "correlation_id": "c-1", "timestamp": "1700000000000"}


@pytest.mark.acceptance("D21")
def test_headers_of_a_tenant_reach_the_handler_and_what_becomes_of_a_failure_says_where_it_was(pouch, tmp_path):
    pouch.env.update(POUCH_RETRY_TIERS="1004ms", POUCH_RETRY_ATTEMPTS="1", POUCH_DLQ_TOPIC=f"dlq-{uuid.uuid4().hex[:12]}")
    topic, seen = pouch.topic(partitions=1), tmp_path / "seen"
    pouch.worker(topic, "--pipe", f"tee -a {seen} | sed -u 's/.*\"request_id\": *\"\\([^\"]*\\)\".*/{{\"request_id\":\"\\1\",\"retry\":\"later\"}}/'", "--start", "earliest")
    pouch.ok("send", topic, "1", *(word for name, value in TENANT_HEADERS.items() for word in ("-H", f"{name}={value}")))
    wait_until(lambda: json.loads(pouch.run("dlq", "list", "-o", "json").stdout or "[]"), "the dead letter")
    jobs = [json.loads(line) for line in seen.read_text().splitlines()]
    assert len(jobs) == 2
    for job in jobs:
        assert TENANT_HEADERS.items() <= dict(job["headers"]).items()
    [waited] = [m for m in independent.read_all(pouch.brokers, "internal.retry.1004ms") if independent.headers(m)["x-original-topic"] == topic]
    [letter] = independent.read_all(pouch.brokers, pouch.env["POUCH_DLQ_TOPIC"])
    for record, retries in ((waited, "1"), (letter, "1")):
        named = independent.headers(record)
        assert TENANT_HEADERS.items() <= named.items()
        assert (named["x-original-topic"], named["x-retry-count"]) == (topic, retries)

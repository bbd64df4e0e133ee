"""Requests that are wanted later, on real Kafka: delays that are kept, tiers that do not wait for each other, kills."""

import json
import time
import uuid

import independent
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource
from conftest import wait_until

FAILS = ["--exec", "cat >/dev/null; echo 'the registry is down' >&2; exit 75", "--start", "earliest"]


@pytest.fixture
def tiers(pouch):
    """Short delays of this test's own, so that its topics are too: names of the topics."""
    def use(*delays):
        pouch.env["POUCH_RETRY_TIERS"] = ",".join(delays)
        pouch.env["POUCH_RETRY_ATTEMPTS"] = "1"
        pouch.env["POUCH_DLQ_TOPIC"] = f"dlq-{uuid.uuid4().hex[:12]}"
        return [f"internal.retry.{delay}" for delay in delays]
    yield use
    pouch.stop_all()


def header(record, name):
    return next((value.decode() for key, value in record.headers() or [] if key == name), None)


def all_of(pouch, topic, request):
    """The records of a request on a topic, oldest first."""
    if topic not in AdminClient({"bootstrap.servers": pouch.brokers}).list_topics(timeout=30).topics:
        return []
    found = [m for m in independent.read_all(pouch.brokers, topic) if request in (m.value() or b"").decode(errors="replace")]
    return sorted(found, key=lambda m: m.timestamp()[1])


def listed(pouch, request):
    done = pouch.run("dlq", "list", "-o", "json")
    return [letter for letter in json.loads(done.stdout or "[]") if letter["request_id"] == request]


@pytest.mark.acceptance("D8")
def test_the_retry_topics_are_made_with_four_partitions_and_a_day(pouch):
    pouch.worker(pouch.topic(), "--exec", "cat").wait_for("taking requests")
    admin = AdminClient({"bootstrap.servers": pouch.brokers})
    for delay, minutes in (("1min", 1), ("5min", 5), ("30min", 30)):
        name = f"internal.retry.{delay}"
        assert len(admin.list_topics(name, timeout=30).topics[name].partitions) == 4
        resource = ConfigResource(ConfigResource.Type.TOPIC, name)
        retention = admin.describe_configs([resource])[resource].result(30)["retention.ms"].value
        assert int(retention) == (24 * 60 + minutes) * 60000


@pytest.mark.acceptance("C27", "C28", "D24")
def test_a_request_goes_through_the_tiers_and_then_becomes_a_dead_letter(pouch, tiers):
    soon, later = tiers("1001ms", "2001ms")
    topic = pouch.topic()
    pouch.worker(topic, *FAILS)
    request = pouch.ok("send", topic, stdin="1").strip()
    [letter] = wait_until(lambda: listed(pouch, request), "the dead letter")
    assert (letter["code"], letter["kind"], letter["attempts"]) == ("handler_error", "retriable", 3)
    assert letter["source"]["topic"] == topic
    came = all_of(pouch, topic, request)
    assert [header(m, "pouch-retry-attempt") for m in came] == [None, "1", "2"]
    for name, back in zip((soon, later), came[1:], strict=True):
        [waited] = all_of(pouch, name, request)
        assert header(waited, "pouch-retry-topic") == topic
        assert back.timestamp()[1] >= int(header(waited, "pouch-retry-at")), "it came back early"
        assert back.value() == waited.value() and back.key() == waited.key()


@pytest.mark.acceptance("D24")
def test_a_long_delay_does_not_hold_up_a_short_one(pouch, tiers):
    long, short = tiers("1h", "1002ms")
    topic = pouch.topic()
    for name in (long, short):
        pouch.topic(name, 1)
    pouch.worker(topic, "--exec", "cat")
    for name, due in ((long, 3600000), (short, 1002)):
        independent.produce(pouch.brokers, name, name, key="k", headers=[
            ("pouch-retry-topic", topic), ("pouch-retry-at", str(int(time.time() * 1000) + due)),
            ("pouch-retry-attempt", "1"), ("pouch-retry-tier", "1")])
    wait_until(lambda: all_of(pouch, topic, short), "the one that is due")
    assert not all_of(pouch, topic, long)
    pouch.stop_all()
    pouch.ok("topic", "delete", long, "--yes")  # what waits there would keep others waiting for an hour


@pytest.mark.acceptance("C28", "D24")
def test_whoever_brings_records_back_may_be_killed(pouch, tiers):
    [waits] = tiers("20001ms")  # time enough to end the worker before they come back
    topic = pouch.topic(partitions=1)
    first = pouch.worker(topic, *FAILS)
    requests = [str(uuid.uuid4()) for _ in range(5)]
    for request in requests:
        independent.produce(pouch.brokers, topic, independent.seal(pouch.key, "1", request_id=request), key=request, headers=[("pouch-reply", "none")])
    wait_until(lambda: all(all_of(pouch, waits, request) for request in requests), "all to wait")
    # What is not committed would be handled again, and become two dead letters.
    looker = Consumer({"bootstrap.servers": pouch.brokers, "group.id": f"{topic}.workers"})
    wait_until(lambda: looker.committed([TopicPartition(topic, 0)], timeout=30)[0].offset >= len(requests), "all to be committed")
    looker.close()
    first.kill()
    pouch.worker(topic, *FAILS)
    for request in requests:
        [letter] = wait_until(lambda request=request: listed(pouch, request), "the dead letter")
        assert letter["attempts"] == 2
        [waited] = all_of(pouch, waits, request)
        assert all_of(pouch, topic, request)[1].timestamp()[1] >= int(header(waited, "pouch-retry-at"))


@pytest.mark.acceptance("C28")
def test_a_topic_that_is_gone_when_its_request_is_due_makes_a_dead_letter(pouch, tiers):
    [waits] = tiers("1003ms")
    pouch.topic(waits)
    pouch.worker(pouch.topic(), "--exec", "cat")
    request = str(uuid.uuid4())
    independent.produce(pouch.brokers, waits, independent.seal(pouch.key, "1", request_id=request), headers=[
        ("pouch-retry-topic", f"gone-{request}"), ("pouch-retry-at", "1"), ("pouch-retry-attempt", "4"), ("pouch-retry-tier", "1")])
    [letter] = wait_until(lambda: listed(pouch, request), "the dead letter")
    assert (letter["code"], letter["target"], letter["attempts"]) == ("target_refused", f"gone-{request}", 4)


@pytest.mark.acceptance("A24")
def test_a_request_with_a_short_deadline_is_answered_and_not_put_off(pouch):
    topic = pouch.topic()
    pouch.worker(topic, *FAILS).wait_for("taking requests")
    done = pouch.ask(topic, 1)
    assert json.loads(done.stdout)["error"]["code"] == "handler_error"
    assert not all_of(pouch, "internal.retry.1min", json.loads(done.stdout)["request_id"])

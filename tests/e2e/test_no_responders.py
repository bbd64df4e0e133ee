"""A request that nobody can answer is told so at once, and one that somebody may answer waits."""

import json

import independent
import pytest
from confluent_kafka import TopicPartition

NEVER = "10m"  # a timeout that no test lives to see


@pytest.fixture(autouse=True)
def as_it_comes(pouch):
    """The program's own default, which most tests have turned off."""
    del pouch.env["POUCH_CLIENT_NO_RESPONDERS"]


def test_a_topic_that_no_group_reads_is_told_at_once(pouch):
    topic = pouch.topic()
    done = pouch.ask(topic, {}, timeout=NEVER)
    assert done.returncode == 69, done.stderr
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "no_responders" and topic in error["message"] and "sealed" not in error
    assert f"pouch worker {topic}" in done.stderr


def test_so_is_an_inbox_without_a_center(pouch):
    inbox = pouch.topic()
    done = pouch.run("request", "--publisher", "p", "--inbox", inbox, "--timeout", NEVER, "-o", "json", stdin="1")
    assert done.returncode == 69 and inbox in json.loads(done.stdout)["error"]["message"]


def test_of_several_the_one_that_nobody_reads_is_named(pouch):
    there, nowhere = pouch.topic(), pouch.topic()
    pouch.worker(there, "--exec", "cat").wait_for("taking requests")
    done = pouch.run("request", "--gather", there, nowhere, "--timeout", NEVER, "-o", "json", stdin="1")
    assert done.returncode == 75, done.stderr
    assert {part["from"]: part.get("payload", part.get("error", {}) and part["error"]["code"]) for part in json.loads(done.stdout)} == \
        {there: 1, nowhere: "no_responders"}


def test_a_worker_that_went_a_moment_ago_is_waited_for(pouch):
    topic = pouch.topic(partitions=1)
    first = pouch.worker(topic, "--exec", "cat").wait_for("taking requests")
    assert pouch.ask(topic, 1, timeout=NEVER).returncode == 0
    assert first.stop() == 0
    asking = pouch.start("request", topic, "2", "--timeout", NEVER).wait_for(f"waiting for a worker on {topic}")
    pouch.worker(topic, "--exec", "cat", name="second")
    assert asking.process.wait(60) == 0, asking.stderr()
    assert asking.stdout() == "2\n"


def test_commits_of_one_who_is_no_member_are_a_sign_of_life(pouch):
    topic = pouch.topic(partitions=1)
    consumer = independent.reader(pouch.brokers, topic)
    consumer.commit(offsets=[TopicPartition(topic, 0, 0)], asynchronous=False)
    asking = pouch.start("request", topic, "1", "--timeout", NEVER).wait_for(f"waiting for a worker on {topic}")
    [request] = independent.read(consumer, 1)
    consumer.close()
    envelope = json.loads(request.value())
    reply = json.dumps({"request_id": envelope["request_id"], "payload": "here", "timestamp": 1, "success": True})
    independent.produce(pouch.brokers, envelope["replyTopic"], independent.seal(pouch.key, reply, request_id=envelope["request_id"]),
                        key=envelope["request_id"])
    assert asking.process.wait(60) == 0 and asking.stdout() == '"here"\n', asking.stderr()

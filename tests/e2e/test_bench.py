"""The measurements that bring a center of their own, on a real Kafka and on the embedded one."""

import json
import signal
import time
from collections import Counter

import pytest
from confluent_kafka.admin import AdminClient
from conftest import PATIENCE, wait_until


@pytest.fixture
def store(tmp_path):
    return f"sqlite://{tmp_path}/store"


def measured(pouch, *words):
    return json.loads(pouch.ok("bench", *words, "-o", "json"))


def assert_spread(result, prefix=""):
    points = [result[f"{prefix}{point}_us"] for point in ("p50", "p90", "p99", "p999", "max")]
    assert points[0] > 0 and points == sorted(points)


def topics_of_runs(pouch):
    names = AdminClient({"bootstrap.servers": pouch.brokers}).list_topics(timeout=30).topics
    return {name for name in names if name.startswith("pouch-bench-")}


def test_a_chain_is_measured_and_each_request_passes_the_center_twice(pouch, store):
    result = measured(pouch, "chain", "--count", 40, "--warm-up", 0, "--size", 300, "--timeout", "60s", "--store", store)
    assert (result["count"], result["in_flight"], result["size"], result["failed"]) == (40, 1, 300, 0)
    assert result["rate"] > 0
    for prefix in ("", "there_", "back_"):
        assert_spread(result, prefix)
    assert result["there_p50_us"] <= result["p50_us"] * 1.1, "one in flight: a request takes no less than its way there"

    rows = json.loads(pouch.ok("log", "--limit", 1000, "-o", "json", "--store", store))["rows"]
    requests = Counter(row["request_id"] for row in rows)
    assert len(requests) == 41, "one more shows that the chain is up"
    assert set(requests.values()) == {8}
    request = rows[-1]["request_id"]
    trace = json.loads(pouch.ok("trace", request, "-o", "json", "--store", store))["rows"]
    hops = [row for row in trace if row["by"] == "center"]
    assert len(hops) == 2 and all(row["success"] for row in trace)
    assert hops[0]["publisher"] != hops[1]["publisher"] and hops[0]["topic"] == hops[1]["topic"]
    assert [row["target"] for row in hops] == [row["publisher"] for row in hops]
    assert pouch.ok("trace", request, "--store", store).splitlines()[1].count("5 hops") == 1


def test_what_a_measurement_made_is_removed_again(pouch, store):
    for words in (["chain", "--count", 5, "--warm-up", 0, "--in-flight", 3], ["route", "--count", 500]):
        result = measured(pouch, *words, "--store", store)
        assert result["count"] == words[2] and result["failed"] == 0 and result["rate"] > 0
        wait_until(lambda: not topics_of_runs(pouch), "the topics being deleted")
        assert json.loads(pouch.ok("route", "list", "-o", "json", "--store", store)) == []


@pytest.mark.parametrize("words", [["chain", "--count", 10_000_000], ["route", "--count", 50_000_000]], ids=lambda w: w[0])
def test_what_a_measurement_made_is_removed_when_it_is_ended(pouch, store, words):
    def routes():
        return json.loads(pouch.ok("route", "list", "-o", "json", "--store", store))

    before = topics_of_runs(pouch)
    bench = pouch.start("bench", *words, "--store", store)
    wait_until(routes, "the routes of the run")
    bench.process.send_signal(signal.SIGTERM)  # a shell may have had us ignore SIGINT, and so whom we start
    assert bench.process.wait(5 * PATIENCE) == -signal.SIGTERM
    assert routes() == []
    wait_until(lambda: topics_of_runs(pouch) <= before, "no topic of the run is left")


def test_a_chain_is_measured_on_the_embedded_broker(dev, store):
    assert measured(dev, "chain", "--count", 20, "--warm-up", 0, "--timeout", "60s", "--store", store)["failed"] == 0
    table = dev.ok("bench", "chain", "--count", 20, "--in-flight", 4, "--warm-up", 0, "--timeout", "60s", "--store", store)
    assert table.startswith("20 answered, 0 failed") and "request to answer" in table


def test_a_chain_that_cannot_start_says_why_and_leaves_nothing(pouch, store):
    done = pouch.run("bench", "chain", "--count", 5, "--store", "nowhere://")
    assert done.returncode == 78 and "nowhere" in done.stderr
    done = pouch.run("bench", "chain", "--count", 5, "--store", store, "--reply-topic", "answers", "--timeout", "6s")
    assert done.returncode == 75 and done.stdout == "" and "the first request failed" in done.stderr
    wait_until(lambda: not topics_of_runs(pouch), "the topics being deleted")
    assert json.loads(pouch.ok("route", "list", "-o", "json", "--store", store)) == []
    done = pouch.run("bench", "chain", "--size", 1)
    assert done.returncode == 64 and "--size" in done.stderr


def test_requests_by_publisher_go_through_the_center(pouch, store):
    topic, inbox = pouch.topic(), pouch.topic()
    pouch.env.update(POUCH_STORE=store, POUCH_CENTER_INBOX=inbox)
    pouch.ok("route", "add", "measured", topic)
    pouch.start("center", "--start", "earliest")
    pouch.start("bench", "worker", topic)
    result = measured(pouch, "request", "--publisher", "measured", "--rate", 200, "--count", 100, "--warm-up", 0, "--timeout", "60s")
    assert result["failed"] == 0
    assert_spread(result)

    def routed():
        rows = json.loads(pouch.ok("log", "--publisher", "measured", "--limit", 1000, "-o", "json"))["rows"]
        return {row["request_id"] for row in rows if row["by"] == "center"}

    wait_until(lambda: len(routed()) == 101, "a row of each request, and of the one that shows that the center is up")


def test_small_requests_are_not_refused_for_being_many(pouch, store):
    """Kafka takes or refuses a batch as a whole: 500 of 760 bytes at once are more than any of these topics takes."""
    topic, inbox, replies = (f"small-{time.time_ns()}.{place}" for place in ("target", "inbox", "replies"))
    for name in (topic, inbox, replies):
        pouch.ok("topic", "create", name, "--partitions", 1, "--set", "max.message.bytes=20000")
    pouch.ok("route", "add", "orders", topic, "--store", store)
    pouch.start("center", "--store", store, "--start", "earliest", env={"POUCH_CENTER_INBOX": inbox}).wait_for("routing")
    pouch.start("bench", "worker", topic).wait_for("taking requests")
    load = ("request", "--publisher", "orders", "--inbox", inbox, "--reply-topic", replies, "--count", 4000, "--warm-up", 0,
            "--in-flight", 500, "--timeout", "60s")
    assert measured(pouch, *load)["failed"] == 0
    # One that is too large by itself is told so, and those beside it are not.
    large = pouch.start("bench", "request", topic, "--reply-topic", replies, "--count", 2, "--warm-up", 0, "--size", 15000, "--timeout", "60s")
    assert measured(pouch, *load)["failed"] == 0
    wait_until(lambda: "MSG_SIZE_TOO_LARGE" in large.stderr(), "the large ones being refused")

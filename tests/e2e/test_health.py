"""pouch health: how a cluster stands and how far groups are behind, beside Kafka's own tools."""

import contextlib
import json
import subprocess
import time
import uuid

import kafka_tools
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from conftest import BUILD, PATIENCE, Pouch, stack, wait_until
from listener import Listener

NOWHERE = "127.0.0.1:9"


def fill(brokers, topic, counts):
    """So many records in each partition."""
    producer = Producer({"bootstrap.servers": brokers})
    for partition, count in enumerate(counts):
        for _ in range(count):
            producer.produce(topic, b"x", partition=partition)
    assert producer.flush(60) == 0


@contextlib.contextmanager
def member(brokers, group, topics, commits):
    """A member of a group that has its partitions, has committed these offsets, and reads nothing."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe(topics)

        def has_all():
            """Of each topic: one that was made a moment ago may be given later than the others."""
            consumer.poll(0.1)
            return {partition.topic for partition in consumer.assignment()} == set(topics)

        wait_until(has_all, "the group giving its partitions")
        consumer.pause(consumer.assignment())
        if commits:
            consumer.commit(offsets=[TopicPartition(*where, offset) for where, offset in commits.items()], asynchronous=False)
        yield consumer
    finally:
        consumer.close()


def commit(brokers, group, topic, offsets):
    """Offsets of a group that has no members."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": group, "enable.auto.commit": False})
    consumer.commit(offsets=[TopicPartition(topic, partition, offset) for partition, offset in enumerate(offsets)], asynchronous=False)
    consumer.close()


def health(pouch, *words, expect=(0, 1)):
    done = pouch.run("health", "-o", "json", *words)
    assert done.returncode in expect, (done.returncode, done.stderr)
    said = json.loads(done.stdout)
    assert (done.returncode == 0) == said["healthy"] == (said["status"] == "healthy") == (not said["reasons"]), said
    return said


def healthy(pouch, *words):
    """The document, once the cluster is well: a broker that stands still for seconds is told as well."""
    return wait_until(lambda: (said := health(pouch, *words))["healthy"] and said, "a cluster that is well")


def exits(pouch, code, *words, **more):
    """What the command prints, once it ends with that code."""
    return wait_until(lambda: [done.stdout] if (done := pouch.run("health", *words, **more)).returncode == code else None, f"exit code {code}")[0]


def lag(said, group):
    [found] = [one for one in said["details"]["lag"]["groups"] if one["group"] == group]
    return found, {(row["topic"], row["partition"]): (row["committed"], row["end"], row["lag"]) for row in found["partitions"]}


@pytest.fixture
def paused(pouch):
    """A group with a member that reads nothing: two topics, of whose partitions one has no commit."""
    group, topics = f"g-{uuid.uuid4().hex[:12]}", [pouch.topic(partitions=3), pouch.topic(partitions=1)]
    fill(pouch.brokers, topics[0], [70, 0, 5])
    fill(pouch.brokers, topics[1], [12])
    with member(pouch.brokers, group, topics, {(topics[0], 0): 3, (topics[0], 2): 5, (topics[1], 0): 0}):
        yield pouch, group, topics


@pytest.mark.acceptance("D26")
def test_the_lag_of_a_paused_group_is_that_of_kafkas_own_tool(paused):
    pouch, group, topics = paused
    found, rows = lag(healthy(pouch, "--group", group, "--lag-alert", 0), group)
    assert rows == kafka_tools.lag_of(pouch.brokers, group)
    assert rows[topics[0], 0] == (3, 70, 67) and rows[topics[0], 1] == (None, 0, None)
    assert (found["state"], found["members"], found["lag"], found["unknown"]) == ("Stable", 1, 67 + 0 + 12, 1)
    table = exits(pouch, 0, "--group", group, "--partitions", "--lag-alert", 0)
    assert [line.split()[1:] for line in table.splitlines() if line.split()[:1] == [topics[0]]] == [["0", "3", "70", "67"], ["1", "-", "0", "-"], ["2", "5", "5", "0"]]


@pytest.mark.acceptance("D12", "D26")
def test_the_library_tells_the_same(paused):
    pouch, group, topics = paused

    def measured():
        done = subprocess.run([BUILD / "e2e_health_calls", pouch.brokers, group], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        rows = [line.split(" ") for line in done.stdout.splitlines()]
        return rows if ["status", "healthy"] in rows else None

    rows = wait_until(measured, "a cluster that is well")
    said = {row[0]: row[1:] for row in rows}
    assert said["ping"] == said["healthy"] == said["measured"] == said["complete"] == ["1"] and said["status"] == ["healthy"]
    assert int(said["topics"][0]) >= 2 and int(said["partitions"][0]) >= 4
    assert said["under_replicated"] == said["offline"] == said["under_min_insync"] == ["0"]
    assert said["broker"] == ["1", "1", "1", ""] and said["group"] == [group, "Stable", "1", "79", "ok"]
    assert [row[1:] for row in rows if row[0] == "lag" and row[1] == topics[1]] == [[topics[1], "0", "0", "12", "12"]]


@pytest.mark.acceptance("D26")
def test_lag_beyond_the_threshold_is_an_alarm(paused):
    pouch, group, topics = paused
    said = wait_until(lambda: len((said := health(pouch, "--group", group, "--lag-alert", 66))["reasons"]) == 1 and said, "one reason alone")
    assert said["status"] == "degraded"
    [reason] = said["reasons"]
    assert f"group {group}" in reason and topics[0] in reason and "67" in reason
    for name in ("LAG_ALERT_THRESHOLD", "POUCH_HEALTH_LAG_ALERT"):
        assert pouch.run("health", "--group", group, env={name: "66"}).returncode == 1
        exits(pouch, 0, "--group", group, env={name: "67"})


def test_a_group_that_is_not_there_is_told(paused):
    pouch, _, _ = paused  # there are groups, so that their coordinator is there to tell
    said = health(pouch, "--group", "no-such-group", expect=(1,))
    assert "there is no group no-such-group" in said["reasons"]


def test_names_that_no_group_can_have_are_refused_and_one_given_twice_is_told_once(paused):
    pouch, group, _ = paused
    for name in ("", "\udcff", "caf\udce9"):  # bytes that are no UTF-8
        done = pouch.run("health", "--group", name)
        assert done.returncode == 64 and "cannot be a group's name" in done.stderr, done.stderr
    assert [one["group"] for one in health(pouch, "--group", group, "--group", group)["details"]["lag"]["groups"]] == [group]


def test_a_long_name_is_told_as_far_as_it_goes(paused):
    pouch, _, _ = paused
    for name in ("é" * 300, "x" + "é" * 300):
        reasons = health(pouch, "--group", name, expect=(1,))["reasons"]
        assert any(reason.startswith("there is no group ") for reason in reasons), reasons


@pytest.mark.acceptance("D11", "D12")
def test_the_document_has_all_of_a_cluster(pouch):
    topic = pouch.topic("platform.health-test", partitions=2)
    said = healthy(pouch, "--lag-alert", 0)
    details = said["details"]
    assert said["latency"] > 0 and said["timestamp"].endswith("Z") and details["connection"] == "up"
    assert details["cluster"]["brokers"] == 1 and details["cluster"]["controller"] == 1 and len(details["cluster"]["cluster_id"]) == 22
    [broker] = details["brokers"]
    assert broker["healthy"] and broker["latency_ms"] > 0 and broker["error"] is None and f"{broker['host']}:{broker['port']}" == pouch.brokers
    assert details["topics"]["platform"] >= 1 and details["topics"]["total"] >= 1
    assert details["partitions"]["total"] >= 2 and details["partitions"]["issues"] == []
    assert [details["partitions"][name] for name in ("under_replicated", "offline", "under_min_insync")] == [0, 0, 0]
    assert "status       healthy" in exits(pouch, 0, "--lag-alert", 0)
    pouch.ok("topic", "delete", topic, "--yes")


@pytest.mark.acceptance("D11")
def test_without_a_broker_it_says_so_and_ends_with_69(tmp_path):
    pouch = Pouch(NOWHERE, tmp_path)
    said = health(pouch, expect=(69,))
    assert said["status"] == "unhealthy" and said["details"]["connection"] == "down" and NOWHERE in said["details"]["error"]


@pytest.mark.acceptance("D11")
def test_the_embedded_broker_is_looked_at_too(dev):
    said = healthy(dev)
    assert said["details"]["cluster"]["brokers"] == 1 and said["details"]["lag"]["groups"] is None and "embedded" in said["details"]["lag"]["error"]


@pytest.mark.acceptance("D25", "D26", "D28")
def test_what_is_measured_again_and_again_is_served(paused):
    pouch, group, topics = paused
    server = Listener(pouch.start("health", "--listen", "127.0.0.1:0", "--every", "500ms", "--lag-alert", 66, "--group", group))
    wait_until(lambda: server.readiness() == (200, []), "the first measurement")

    def degraded():
        """By the lag alone, and not by a broker that stands still."""
        answer = server.get("/health")
        return answer if len(answer.json().get("reasons", [])) == 1 and group in answer.json()["reasons"][0] else None

    answer = wait_until(degraded, "the lag as the one reason")
    assert answer.status_code == 503 and answer.json()["status"] == "degraded"
    assert answer.json()["cluster"]["details"]["cluster"]["brokers"] == 1
    wait_until(lambda: server.status()["cluster"]["details"]["cluster"]["brokers"] == 1, "the same in /statusz")
    where = (("group", group), ("topic", topics[0]))
    metrics = wait_until(lambda: (m := server.metrics()).get(("pouch_cluster_brokers_answering",)) == 1 and ("pouch_group_lag", *where) in m and m, "all of it measured")
    assert metrics[("pouch_cluster_up",)] == metrics[("pouch_cluster_brokers",)] == 1
    assert metrics[("pouch_cluster_status",)] == 1 and metrics[("pouch_broker_up", ("broker", "1"))] == 1
    assert metrics[("pouch_cluster_under_replicated_partitions",)] == metrics[("pouch_cluster_offline_partitions",)] == metrics[("pouch_cluster_lag_left_out",)] == 0
    assert metrics[("pouch_group_lag", *where)] == metrics[("pouch_group_lag_max", *where)] == 67
    fill(pouch.brokers, topics[0], [1])
    wait_until(lambda: server.metrics().get(("pouch_group_lag", *where)) == 68, "the lag of one record more")
    assert server.program.stop() == 0


@pytest.mark.acceptance("D28")
def test_a_worker_says_healthy_or_degraded_in_one_word(pouch):
    topic = pouch.topic()
    worker = Listener(pouch.start("worker", topic, "--pipe", "cat", "--listen", "127.0.0.1:0"))
    said = wait_until(lambda: [answer.json() for answer in [worker.get("/health")] if answer.status_code == 200], "/health 200")[0]
    assert said["status"] == "healthy" and said["consumers"][f"{topic}.workers"]["partitions"] == 3
    assert said["kafka_connected"] and said["dlq_connected"]
    assert worker.program.stop() == 0


def test_watching_prints_one_document_after_the_other(pouch):
    watching = pouch.start("health", "--watch", "--every", "500ms", "-o", "jsonl", "--group", "none")
    wait_until(lambda: [json.loads(line)["details"]["connection"] for line in watching.lines()].count("up") >= 2, "two documents")
    assert watching.stop() == 0


# ---- three brokers, of which one dies ----

def shown_under_replicated(pouch):
    issues = health(pouch, "--lag-alert", 0)["details"]["partitions"]["issues"]
    return {(issue["topic"], issue["partition"]) for issue in issues if issue["in_sync"] < issue["replicas"]}


@pytest.mark.acceptance("D4", "D12", "D25")
def test_a_killed_broker_shows_as_under_replicated_and_clears_when_it_is_back(pouch3, kafka3):
    topic = pouch3.topic(partitions=3)
    # Of the offsets topic too, whose partitions else come and go meanwhile.
    with member(pouch3.brokers, f"g-{uuid.uuid4().hex[:8]}", [topic], {}):
        pass
    # So many that each broker coordinates some.
    groups = [f"g{n}-{uuid.uuid4().hex[:8]}" for n in range(6)]
    for group in groups:
        commit(pouch3.brokers, group, topic, [0, 0, 0])
    server = Listener(pouch3.start("health", "--listen", "127.0.0.1:0", "--every", "500ms", "--lag-alert", 0))
    under, answering = ("pouch_cluster_under_replicated_partitions",), ("pouch_cluster_brokers_answering",)

    def is_well():
        metrics = server.metrics()
        return metrics.get(under) == 0 and metrics.get(answering) == 3 and server.get("/health").status_code == 200

    wait_until(is_well, "three brokers that are well")
    stack(kafka3["stack"], "kill", "kafka.2")
    began = time.monotonic()
    try:
        wait_until(lambda: server.metrics().get(under, 0) > 0, "partitions shown as under-replicated")
        print(f"under-replicated partitions shown {time.monotonic() - began:.1f} s after the end of a broker")


        # Each asks a broker that may hear of it later than the other.
        def shown():
            """What the others coordinate and lead is known all the same."""
            said = health(pouch3, "--lag-alert", 0)["details"]
            assert said["partitions"]["under_replicated"] > 0 or not said["partitions"]["issues"]
            return ([issue for issue in said["partitions"]["issues"] if issue["topic"] == topic and issue["in_sync"] < issue["replicas"] == 3]
                    and said["lag"]["error"] is None
                    and [one for one in said["lag"]["groups"] if one["group"] in groups and one["error"] is None and one["unknown"] < 3])

        def judged():
            done = pouch3.run("topic", "health", topic, "-o", "json")
            said = json.loads(done.stdout)
            return done.returncode == 1 and said["unhealthy"] == 1 and any("have fewer copies in sync than they should" in issue for issue in said["topics"][0]["issues"])

        wait_until(shown, "the topic's partitions shown as under-replicated, and the lag of the others' groups")
        wait_until(judged, "the topic's health")
        wait_until(lambda: (metrics := server.metrics()).get(("pouch_broker_up", ("broker", "2"))) == 0 and metrics.get(answering) == 2, "the broker shown as gone")
        wait_until(lambda: server.get("/health").json()["status"] == "degraded", "the cluster called degraded")
        # Kafka itself says so once the session of the broker is over.
        wait_until(lambda: kafka_tools.under_replicated(pouch3.brokers) == shown_under_replicated(pouch3), "Kafka's own tool telling the same")
    finally:
        stack(kafka3["stack"], "start", "kafka.2")
    began = time.monotonic()
    wait_until(is_well, "all partitions in sync again", 5 * PATIENCE)
    print(f"none shown any more {time.monotonic() - began:.1f} s after it was back")
    wait_until(lambda: not kafka_tools.under_replicated(pouch3.brokers), "Kafka's own tool telling the same")  # it may ask a broker that hears of it later
    assert server.program.stop() == 0


# ---- reply topics without a client ----

@pytest.fixture
def reply_topics(pouch):
    """One that was written to long ago, one of a moment ago, one never used, and one that a group reads."""
    names = {use: f"{use}-{uuid.uuid4().hex[:8]}.replies" for use in ("orphan", "recent", "unused", "group")}
    for name in names.values():
        pouch.ok("topic", "create", name, "--partitions", 1, "--set", "retention.ms=-1")
    producer = Producer({"bootstrap.servers": pouch.brokers})
    producer.produce(names["orphan"], b"x", timestamp=1700000000000)
    producer.produce(names["recent"], b"x")
    producer.produce(names["group"], b"x", timestamp=1700000000000)
    assert producer.flush(60) == 0
    with member(pouch.brokers, f"g-{uuid.uuid4().hex[:8]}", [names["group"]], {(names["group"], 0): 1}):
        pass
    yield names
    pouch.run("topic", "delete", *names.values(), "--yes")


@pytest.mark.acceptance("D5")
def test_reply_topics_of_clients_that_are_gone_are_found_and_deleted(pouch, reply_topics):
    def uses(*words):
        found = json.loads(pouch.ok("topic", "orphans", "-o", "json", *words))
        return {one["topic"]: (one["use"], one["deleted"]) for one in found if one["topic"] in reply_topics.values()}

    assert uses() == {name: (use, False) for use, name in reply_topics.items()}
    assert reply_topics["orphan"] in pouch.ok("topic", "orphans")
    asked = pouch.run("topic", "orphans", "--delete")
    assert asked.returncode == 64 and "nothing was deleted" in asked.stderr and f"{reply_topics['orphan']}: orphan, 1 records" in asked.stderr
    assert pouch.run("topic", "orphans", "--older", "1s").returncode == 64, "so short a time proves nothing"
    assert uses("--delete", "--yes")[reply_topics["orphan"]] == ("orphan", True)
    assert uses() == {name: (use, False) for use, name in reply_topics.items() if use != "orphan"}
    assert uses("--delete", "--unused", "--yes")[reply_topics["unused"]] == ("unused", True)
    assert set(uses()) == {reply_topics["recent"], reply_topics["group"]}
    deleted = {row["name"]: row["before"] for row in json.loads(pouch.ok("changes", "--kind", "topic", "-o", "json")) if row["after"] is None}
    # Those of the broker's other tests went with them.
    assert {name: row for name, row in deleted.items() if name in reply_topics.values()} == {
        reply_topics["orphan"]: {"partitions": 1, "records": 1}, reply_topics["unused"]: {"partitions": 1, "records": 0}}

"""Nothing lost, everything answered: kills, restarts, garbage, topics that change under load."""

import collections
import contextlib
import json
import subprocess
import sys
import time
import uuid

import independent
import pytest
from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, NewPartitions
from conftest import BUILD, PATIENCE, ROOT, stack, wait_until

sys.path.insert(0, str(ROOT / "tests" / "faults"))
import bad_targets  # noqa: E402
import kills  # noqa: E402
from poison import POISON  # noqa: E402


def test_every_accepted_request_is_answered_while_workers_are_killed(pouch):
    topic, replies = pouch.topic(), pouch.topic(f"r-{uuid.uuid4().hex}.replies", 1)
    result = kills.kill_workers(pouch, topic, replies, kills=3, rate=500, seconds_between=1)
    assert result["lost"] == 0 and result["wrong"] == 0 and result["accepted"] > 500
    # What the killed ones had in flight and had not committed: the bound of docs/architecture.md.
    assert result["duplicates"] <= result["kills"] * (10000 + result["rate"])


@pytest.mark.acceptance("A16")
def test_a_client_killed_under_load_is_answered_after_its_restart(pouch):
    topic = pouch.topic()
    pouch.start("bench", "worker", topic)
    assert kills.restart_client(pouch, topic, 3)["answered"] == 3


@pytest.mark.acceptance("A15", "A16")
def test_two_instances_of_one_client_each_get_their_own_replies(pouch):
    topic = pouch.topic()
    pouch.start("bench", "worker", topic)
    for (out, err), code in kills.two_instances(pouch, topic, 10000):
        assert code == 0, err
        result = json.loads(out.splitlines()[-1])
        assert result["count"] == 10000 and result["failed"] == 0


def test_records_under_backpressure_are_contiguous(pouch):
    topic = pouch.topic(partitions=3)
    done = subprocess.run([BUILD / "e2e_group_million", pouch.brokers, topic, "250000", "20261121"], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["taken"], result["gaps"], result["repeats"]) == (250000, 0, 0), result


def test_requests_and_replies_without_a_key_of_their_own_fill_all_partitions_alike(pouch):
    count, topic, replies = 6000, pouch.topic(partitions=3), pouch.topic(f"r-{uuid.uuid4().hex}.replies", 4)
    pouch.start("bench", "worker", topic)
    out = pouch.ok("bench", "request", topic, "--reply-topic", replies, "--in-flight", 64, "--count", count, "--timeout", "60s", "-o", "json", timeout=120)
    assert json.loads(out.splitlines()[-1])["failed"] == 0
    for name, partitions in ((topic, 3), (replies, 4)):
        stored = collections.Counter(record.partition() for record in independent.read_all(pouch.brokers, name))
        mean = stored.total() / partitions
        assert stored.total() >= count and all(mean / 2 < stored[i] < mean * 2 for i in range(partitions)), (name, stored)


def load_while(pouch, topic, change, count, rate, partitions=1):
    """An open loop during which change() happens after the first replies; its result."""
    pouch.start("bench", "worker", topic)
    client = f"c-{uuid.uuid4().hex[:8]}"
    if partitions > 1:
        pouch.topic(f"{client}.replies", partitions)
    pouch.ok("bench", "request", topic, "--client-id", client, "--count", 10, "--timeout", "60s", timeout=120)
    load = pouch.start("bench", "request", topic, "--client-id", client, "--rate", rate, "--count", count, "--warm-up", 0, "--timeout", "30s", "-o", "json", name="load")
    wait_until(lambda: sum(1 for _ in independent.read_all(pouch.brokers, f"{client}.replies")) > 300, "replies flowing")
    change(f"{client}.replies", load)
    assert load.process.wait(300) == 0, load.stderr()
    return json.loads(load.stdout().splitlines()[-1])


def test_replies_go_on_when_the_reply_topic_grows(pouch):
    topic = pouch.topic()

    def grow(reply_topic, _):
        admin = AdminClient({"bootstrap.servers": pouch.brokers})
        admin.create_partitions([NewPartitions(reply_topic, 3)])[reply_topic].result(30)

    result = load_while(pouch, topic, grow, 5000, 250)
    assert result["failed"] == 0, result


@pytest.mark.parametrize("partitions", [1, 12])
def test_replies_go_on_when_the_reply_topic_is_deleted(pouch, partitions):
    """The client makes it again, with one partition."""
    topic, rate, away, replies = pouch.topic(), 250, 0, ""

    def delete(reply_topic, load):
        nonlocal away, replies
        replies = reply_topic
        admin, began = AdminClient({"bootstrap.servers": pouch.brokers}), time.monotonic()

        def topic_id():
            with contextlib.suppress(KafkaException):
                return str(admin.describe_topics(TopicCollection([reply_topic]))[reply_topic].result(30).topic_id)

        old = topic_id()
        assert load.running()
        admin.delete_topics([reply_topic])[reply_topic].result(30)
        wait_until(lambda: topic_id() not in (None, old) or not load.running(), "the topic being made again")
        wait_until(lambda: not load.running() or independent.read_all(pouch.brokers, reply_topic), "replies flowing again")
        away = time.monotonic() - began

    result = load_while(pouch, topic, delete, 10000, rate, partitions)
    # Replies that were stored and not yet read went with the topic, as those did for which there was none; those after it must come.
    assert result["count"] - result["failed"] >= len(independent.read_all(pouch.brokers, replies)), (result, away)
    assert result["failed"] < (10 + away) * rate, (result, away)


def test_garbage_becomes_dead_letters_and_the_partition_goes_on(pouch):
    topic = pouch.topic(partitions=1)
    pouch.worker(topic, "--exec", "cat", "--start", "earliest")
    for value in POISON.values():
        independent.produce(pouch.brokers, topic, value, partition=0)
    done = pouch.ask(topic, {"after": "garbage"})
    assert done.returncode == 0 and json.loads(done.stdout)["payload"] == {"after": "garbage"}

    def found():
        all_of_them = [(record, independent.headers(record)) for record in independent.read_all(pouch.brokers, "internal.dlq")]
        return {int(headers["pouch-dlq-source"].split("/")[2]): (record, headers) for record, headers in all_of_them
                if headers["pouch-dlq-source"].startswith(f"{topic}/")}

    letters = wait_until(lambda: len(found()) >= len(POISON) and found(), "the dead letters")
    for offset, (name, value) in enumerate(POISON.items()):
        assert offset in letters, f"{name} has no dead letter"
        record, headers = letters[offset]
        assert headers["pouch-dlq-code"] in ("bad_envelope", "decrypt_failed"), (name, headers)
        assert headers["pouch-dlq-reason"], name
        if "pouch-dlq-truncated" in headers:
            assert int(headers["pouch-dlq-truncated"]) == len(value) and record.value() == value[: len(record.value())]
        else:
            assert record.value() == value, name
    assert len(letters) == len(POISON)


def test_an_expired_request_is_answered_expired_and_not_handled(pouch, tmp_path):
    topic, replies = pouch.topic(), pouch.topic(f"r-{uuid.uuid4().hex}.replies", 1)
    seen = tmp_path / "seen"
    envelope = independent.seal(pouch.key, "1", replyTopic=replies)
    past = str(int(time.time() * 1000) - 60000)
    independent.produce(pouch.brokers, topic, envelope, headers=[("pouch-deadline", past)])
    pouch.worker(topic, "--exec", f"echo ran >> {seen}; cat", "--start", "earliest")
    reader = independent.reader(pouch.brokers, replies)
    [record] = independent.read(reader, 1)
    reply = json.loads(record.value())
    plain = json.loads(independent.open_sealed(pouch.key, reply)) if "data" in reply else reply["error"]
    assert plain["code"] == "expired"
    assert not seen.exists()
    reader.close()


def test_a_worker_writes_replies_only_where_it_may(pouch):
    topic, victim = pouch.topic(), pouch.topic(partitions=1)
    pouch.worker(topic, "--exec", "cat", "--start", "earliest")
    independent.produce(pouch.brokers, topic, independent.seal(pouch.key, "1", replyTopic=victim))
    assert pouch.ask(topic, 1).returncode == 0
    wait_until(lambda: [m for m in independent.read_all(pouch.brokers, "internal.dlq")
                        if independent.headers(m)["pouch-dlq-source"].startswith(f"{topic}/")], "the dead letter")
    assert independent.read_all(pouch.brokers, victim) == []


def test_old_requests_are_not_replayed_by_surprise(pouch):
    topic = pouch.topic(partitions=1)
    producer = independent.producer(pouch.brokers)
    producer.produce(topic, value=independent.seal(pouch.key, "1"), timestamp=int(time.time() * 1000) - 3600 * 1000)
    assert producer.flush(30) == 0
    refused = pouch.run("worker", topic, "--exec", "cat", timeout=120)
    assert refused.returncode == 78
    assert "--start earliest" in refused.stderr and "--start latest" in refused.stderr and " 1 " in refused.stderr


@pytest.mark.acceptance("A21")
def test_a_stopped_worker_finishes_what_it_has(pouch, tmp_path):
    topic = pouch.topic(partitions=1)
    begun = tmp_path / "begun"
    worker = pouch.worker(topic, "--exec", f"touch {begun}; sleep 2; cat", "--concurrency", "1", "--drain", "60s")
    asking = pouch.start("request", topic, '{"n":1}', "--timeout", "60s", name="asking")
    wait_until(begun.exists, "the handler starting")
    assert worker.stop() == 0
    assert asking.process.wait(60) == 0
    assert json.loads(asking.stdout()) == {"n": 1}
    # It was committed: a successor finds nothing to do.
    begun.unlink()
    pouch.worker(topic, "--exec", f"touch {begun}; cat", name="successor")
    assert pouch.ask(topic, 2).returncode == 0
    records = independent.read_all(pouch.brokers, topic)
    assert len(records) == 2


def test_requests_are_answered_over_three_brokers_while_one_is_down(pouch3, kafka3):
    topic = pouch3.topic()
    pouch3.start("bench", "worker", topic)
    pouch3.ok("bench", "request", topic, "--count", 100, "--in-flight", 10, "--timeout", "60s", timeout=120)
    stack(kafka3["stack"], "kill", "kafka.2")
    try:
        out = pouch3.ok("bench", "request", topic, "--count", 2000, "--in-flight", 50, "--timeout", "60s", "-o", "json", timeout=300)
    finally:
        stack(kafka3["stack"], "start", "kafka.2")
    assert json.loads(out.splitlines()[-1])["failed"] == 0
    out = pouch3.ok("bench", "request", topic, "--count", 2000, "--in-flight", 50, "--timeout", "60s", "-o", "json", timeout=300)
    assert json.loads(out.splitlines()[-1])["failed"] == 0


@pytest.mark.acceptance("B4", "B20")
@pytest.mark.parametrize("kind", bad_targets.KINDS)
def test_a_bad_target_ends_its_own_records_and_no_others_and_is_used_once_it_is_mended(kind, pouch3, kafka3):
    spoil, mend, code = bad_targets.KINDS[kind]
    scene = bad_targets.Scene(pouch3, kafka3).set_up(spoil)
    try:
        scene.start_center()
        became = bad_targets.ends(scene, *bad_targets.run_load(scene, 40, ["good", "bad"], 1))
        n = became["bad"]
        assert n > 10
        assert became == {"bad": n, "answered": {code: n}, "letters": {code: n}, "others_refused": 0, "lost": 0, "wrong": 0, "answered_twice": 0}
        mend(scene)
        wait_until(lambda: bad_targets.is_taken(scene), "the mended target in use", 3 * PATIENCE)
    finally:
        scene.stop()


@pytest.mark.acceptance("A24")
def test_a_worker_whose_reply_topic_has_no_leader_answers_all_others(pouch3, kafka3):
    scene = bad_targets.Scene(pouch3, kafka3)
    bad, good = f"{scene.good}.bad.replies", f"{scene.good}.replies"
    for name in (scene.good, good, "internal.dlq"):
        if name not in scene.admin.list_topics(timeout=30).topics:
            scene.topic(name, 1, 3)
    scene.topic(bad, bad_targets.DEAD_BROKER)
    pouch3.start("worker", scene.good, "--pipe", "cat", env={"POUCH_WORKER_MAX_IN_FLIGHT": "16", "POUCH_RETRY_TIERS": "off"}).wait_for("taking requests")
    assert pouch3.ask(scene.good, 1).returncode == 0

    def send(reply_topic):
        request_id = str(uuid.uuid4())
        independent.produce(pouch3.brokers, scene.good, independent.seal(pouch3.key, "1", request_id=request_id, replyTopic=reply_topic), key=request_id)
        return request_id

    def answered(topic, ids):
        return ids <= {record.key().decode() for record in independent.read_all(pouch3.brokers, topic)}

    scene.bad = bad
    scene.stack("kill", f"kafka.{bad_targets.DEAD_BROKER}")
    try:
        wait_until(lambda: scene.leader() == -1, "the reply topic without its leader")
        for_bad = {send(bad) for _ in range(40)}
        for_good = {send(good) for _ in range(40)}
        wait_until(lambda: answered(good, for_good), "the others being answered")
        letters = wait_until(lambda: [all_ for all_ in [bad_targets.letters_of(pouch3.brokers, scene.good)] if for_bad <= set(all_)], "the dead letters")[0]
        assert all(letters[request_id] == ["overloaded"] for request_id in for_bad) and set(letters) == for_bad
    finally:
        bad_targets.mend_leader(scene)
    wait_until(lambda: answered(bad, {send(bad)}), "the reply topic being used again")


def test_requests_are_answered_over_sasl_ssl(kafka, tmp_path):
    from conftest import Pouch

    flags = ["-X", "security.protocol=SASL_SSL", "-X", "sasl.mechanism=SCRAM-SHA-256", "-X", f"ssl.ca.location={kafka['KAFKA_SSL_CA']}",
             "-X", f"sasl.username={kafka['KAFKA_SASL_USERNAME']}", "-X", f"sasl.password={kafka['KAFKA_SASL_PASSWORD']}"]
    pouch = Pouch(kafka["KAFKA_SASL_SSL_BROKERS"], tmp_path, flags)
    try:
        topic = pouch.topic()
        pouch.worker(topic, "--exec", "cat")
        done = pouch.ask(topic, {"over": "tls"})
        assert done.returncode == 0 and json.loads(done.stdout)["payload"] == {"over": "tls"}, done.stderr
        pouch.flags[-1] = "sasl.password=canary-3c1d"
        wrong = pouch.run("topic", "list", timeout=120)
        assert wrong.returncode in (69, 77), wrong.stderr
        assert "authentication" in wrong.stderr.lower()
        assert "canary-3c1d" not in wrong.stdout + wrong.stderr
    finally:
        pouch.stop_all()

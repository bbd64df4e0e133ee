"""One question, several answers, by `pouch request --gather`."""

import json

import independent
import pytest
from conftest import POUCH, wait_until


def gather(pouch, *words, payload=None, timeout="60s"):
    return pouch.run("request", "--gather", "--timeout", timeout, *words, stdin=json.dumps(payload or {"id": 7}))


def by_name(done):
    return {part["from"]: part for part in json.loads(done.stdout)}


def test_each_topic_answers_with_its_name(pouch):
    bank, tax, land = (pouch.topic() for _ in range(3))
    workers = [pouch.start("worker", bank, "--exec", "cat"), pouch.start("worker", tax, "--exec", "cat"),
               pouch.start("worker", land, "--exec", "echo no such parcel >&2; exit 1")]
    for worker in workers:
        worker.wait_for("taking requests")
    done = gather(pouch, bank, tax)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert sorted(done.stdout.splitlines()) == sorted([f'{bank}: {{"id": 7}}', f'{tax}: {{"id": 7}}'])

    done = gather(pouch, bank, tax, land, "-o", "json")
    assert done.returncode == 75, "only some have answered"
    assert f"2 of 3 answered; without an answer: {land}" in done.stderr and f"{land}: handler_error: no such parcel" in done.stderr
    parts = by_name(done)
    assert parts[bank]["payload"] == parts[tax]["payload"] == {"id": 7}
    assert parts[land]["error"] == {"code": "handler_error", "message": "no such parcel", "sealed": True}
    assert len({part["request_id"] for part in parts.values()}) == 3

    done = gather(pouch, bank, tax, land, "--enough", 2, "-o", "jsonl")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 3
    done = gather(pouch, land)
    assert done.returncode == 1, "what all of them failed with"


def test_who_is_missing_at_the_timeout_is_named(pouch):
    there, away = pouch.topic(), pouch.topic()
    pouch.worker(there, "--exec", "cat")
    assert gather(pouch, there).returncode == 0  # from here on it answers at once
    done = gather(pouch, there, away, "-o", "json", timeout="20s")
    assert done.returncode == 75 and f"1 of 2 answered; without an answer: {away}" in done.stderr
    assert by_name(done)[away]["error"]["code"] == "timeout" and by_name(done)[there]["payload"] == {"id": 7}


@pytest.fixture
def routed(pouch, tmp_path):
    """A publisher with three targets through a center; workers for the first two."""
    pouch.env |= {"POUCH_STORE": f"sqlite://{tmp_path}/store", "POUCH_CENTER_INBOX": pouch.topic()}
    targets = [pouch.topic() for _ in range(3)]
    pouch.ok("route", "add", "citizen", *targets)
    programs = [pouch.start("center", "--start", "earliest").wait_for("routing"),
                *(pouch.start("worker", target, "--exec", "cat", name=f"worker-{n}") for n, target in enumerate(targets[:2]))]
    for program in programs[1:]:
        program.wait_for("taking requests")
    return targets


@pytest.mark.acceptance("B24")
def test_all_targets_of_a_route_answer_and_the_one_that_is_missing_is_told_by_its_place(pouch, routed):
    assert gather(pouch, "--publisher", "citizen", "--enough", 2).returncode == 0  # from here on those two answer at once
    done = gather(pouch, "--publisher", "citizen", "-o", "json", timeout="20s")
    assert done.returncode == 75 and "2 of 3 answered; without an answer: citizen (3 of 3)" in done.stderr
    parts = by_name(done)
    assert {name: parts[name]["branch"] for name in parts} == {routed[0]: [1, 3], routed[1]: [2, 3], "citizen": [3, 3]}
    assert parts[routed[0]]["request_id"] == parts[routed[1]]["request_id"], "it was one request"

    done = gather(pouch, "--publisher", "citizen", "--enough", 2, '{"n":1}')
    assert done.returncode == 0 and sorted(line.split(": ")[0] for line in done.stdout.splitlines()) == sorted(routed[:2])
    pouch.start("worker", routed[2], "--exec", "cat", name="third").wait_for("taking requests")
    assert gather(pouch, "--publisher", "citizen").returncode == 0


@pytest.mark.acceptance("B24")
def test_what_the_center_cannot_deliver_is_a_part_that_failed(pouch, routed):
    pouch.ok("topic", "delete", routed[2], "--yes")
    done = gather(pouch, "--publisher", "citizen", "-o", "json")
    assert done.returncode == 75
    [failed] = [part for part in json.loads(done.stdout) if "error" in part]
    assert failed["error"]["code"] == "target_refused" and failed["error"]["sealed"] is False and failed["branch"] == [3, 3]
    done = gather(pouch, "--publisher", "nobody", "-o", "json")
    assert done.returncode == 1 and by_name(done)["nobody"]["error"]["code"] == "no_route"


@pytest.mark.acceptance("B24")
def test_each_group_counts_once_however_often_it_answers(pouch):
    """Two of our workers in groups of their own, and one that nobody here wrote, which answers twice and tells no group."""
    topic = pouch.topic(partitions=1)
    for group in ("service_1", "service_1_a"):
        pouch.start("worker", topic, "--exec", "cat", "--group", group, name=group).wait_for("taking requests")
    consumer = independent.reader(pouch.brokers, topic)
    asking = pouch.start_other(["sh", "-c", f"echo 1 | exec '{POUCH}' request --gather --responders 3 {topic} -o json --timeout 60s"], "asking")
    [request] = independent.read(consumer, 1)
    consumer.close()
    assert independent.headers(request)["pouch-reply"] == "named"
    envelope = json.loads(request.value())
    reply = json.dumps({"request_id": envelope["request_id"], "payload": 3, "timestamp": 1, "success": True})
    sealed = independent.seal(pouch.key, reply, request_id=envelope["request_id"])

    def groups():
        records = [m for m in independent.read_all(pouch.brokers, envelope["replyTopic"]) if m.key().decode() == envelope["request_id"]]
        return sorted(independent.headers(m)["pouch-responder"] for m in records)

    wait_until(lambda: groups() == ["service_1", "service_1_a"], "both groups answering")
    for _ in range(2):
        independent.produce(pouch.brokers, envelope["replyTopic"], sealed, key=envelope["request_id"])
    assert asking.process.wait(60) == 0, asking.stderr()
    assert sorted(part["from"] for part in json.loads(asking.stdout())) == sorted(["service_1", "service_1_a", topic])

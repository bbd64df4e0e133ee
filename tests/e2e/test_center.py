"""The command center on a real Kafka, seen from outside: what goes in, and what comes out."""

import json
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter

import independent
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from conftest import ROOT, wait_until

sys.path.insert(0, str(ROOT / "tests" / "faults"))
import kills  # noqa: E402


class Center:
    """An inbox, a store and a route or two; centers are started on them by need."""

    def __init__(self, pouch):
        self.pouch = pouch
        self.inbox = pouch.topic(f"inbox-{uuid.uuid4().hex[:8]}")
        self.replies = pouch.topic(f"r-{uuid.uuid4().hex[:8]}.replies", 1)
        self.reader = independent.reader(pouch.brokers, self.replies)
        self.dead = None
        pouch.env["POUCH_STORE"] = f"sqlite://{pouch.folder}/store"
        pouch.env["POUCH_CENTER_INBOX"] = self.inbox

    def route(self, publisher, *targets):
        self.pouch.ok("route", "add", publisher, *targets)

    def start(self, *words, name=None):
        return self.pouch.start("center", "--start", "earliest", *words, name=name).wait_for("routing")

    def send(self, publisher, plain="1", headers=None, key=None, **members):
        """A sealed request in the inbox; its id."""
        request_id = str(uuid.uuid4())
        members = {"worker_name": publisher, "replyTopic": self.replies, **members}
        value = independent.seal(self.pouch.key, plain, 16, request_id, **{k: v for k, v in members.items() if v is not None})
        independent.produce(self.pouch.brokers, self.inbox, value, key=key or request_id, headers=headers)
        return request_id

    def reply(self):
        [record] = independent.read(self.reader, 1)
        return record

    def letters(self):
        """Dead letters of this inbox by request id."""
        found = {}
        for record in independent.read_all(self.pouch.brokers, "internal.dlq"):
            headers = independent.headers(record)
            if headers["pouch-dlq-source"].startswith(f"{self.inbox}/"):
                found.setdefault(headers.get("pouch-dlq-request-id"), []).append((record, headers))
        return found

    def letter(self, request_id):
        return wait_until(lambda: self.letters().get(request_id), f"a dead letter of {request_id}")[0]


@pytest.fixture
def center(pouch):
    c = Center(pouch)
    yield c
    c.reader.close()


def past():
    return str(int(time.time() * 1000) - 60000)


# What is sent, which error the requester is told, what the dead letter's reason says.
OUTCOMES = {
    "no route": (dict(publisher="nobody"), "no_route", "No route found for publisher: nobody"),
    "no publisher": (dict(publisher=None), "no_route", "worker_name"),
    "route disabled": (dict(publisher="off"), "route_disabled", "Route disabled for publisher: off"),
    "hop limit": (dict(publisher="ok", headers=[("pouch-hop", "16")]), "hop_limit", "16 times"),
    "expired": (dict(publisher="ok", headers=[("pouch-deadline", past())]), "expired", "deadline"),
    "unknown target": (dict(publisher="astray"), "target_refused", "missing-target"),
    "too large for its target": (dict(publisher="narrow", plain=json.dumps("x" * 4000)), "too_large", "narrow-target"),
    "too large for the center": (dict(publisher="ok", plain=json.dumps("x" * 499990)), "too_large", "kafka.message.max.bytes"),
    "not an envelope": (dict(publisher="ok", kid=7), "bad_envelope", "kid"),
}


@pytest.mark.acceptance("B1", "B4", "B5")
def test_what_cannot_be_routed_is_answered_at_once_and_becomes_a_dead_letter(center, pouch):
    target = pouch.topic(partitions=1)
    admin, narrow = AdminClient({"bootstrap.servers": pouch.brokers}), f"narrow-target-{center.inbox}"
    admin.create_topics([NewTopic(narrow, 1, 1, config={"max.message.bytes": "2000"})])[narrow].result(60)
    center.route("ok", target)
    center.route("off", target)
    pouch.ok("route", "disable", "off")
    center.route("astray", f"missing-target-{center.inbox}")
    center.route("narrow", narrow)
    center.start()
    for name, (request, code, reason) in OUTCOMES.items():
        request_id = center.send(**request)
        answer = center.reply()
        envelope = json.loads(answer.value())
        assert envelope["request_id"] == request_id and answer.key().decode() == request_id, name
        assert envelope["error"]["code"] == code and reason in envelope["error"]["message"], (name, envelope)
        assert "data" not in envelope
        record, headers = center.letter(request_id)
        assert headers["pouch-dlq-code"] == code and reason in headers["pouch-dlq-reason"], (name, headers)
        assert headers["pouch-dlq-group"] == f"pouch-center.{center.inbox}"
        assert f'"{request_id}"' in record.value().decode()
        shown = pouch.ok("dlq", "show", request_id)
        assert code in shown and "next" in shown, (name, shown)
    assert independent.read_all(pouch.brokers, target) == []


@pytest.mark.acceptance("B4")
def test_a_client_hears_of_a_missing_route_before_its_time_is_up(center, pouch):
    center.start()
    done = pouch.run("request", "--publisher", "nobody", "--timeout", "60s", "-o", "json", stdin="1")
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 1 and error["code"] == "no_route" and error["sealed"] is False


@pytest.mark.acceptance("B5")
def test_garbage_becomes_dead_letters_and_routing_goes_on(center, pouch):
    target = pouch.topic(partitions=1)
    center.route("ok", target)
    garbage = [b"not json", b"", None, b"42", b'{"a":' + b"[" * 10000 + b"]" * 10000 + b"}", b'{"request_id":"\xff"}',
               b'{"x":"' + b"y" * 1047900 + b'"}']
    center.start()
    for value in garbage:
        independent.produce(pouch.brokers, center.inbox, value, partition=0)
    request_id = center.send("ok")
    [routed] = independent.read(independent.reader(pouch.brokers, target), 1)
    assert json.loads(routed.value())["request_id"] == request_id
    letters = wait_until(lambda: len(center.letters().get(None, [])) == len(garbage) and center.letters()[None], "the dead letters")
    by_offset = {int(headers["pouch-dlq-source"].split("/")[2]): (record, headers) for record, headers in letters}
    for offset, value in enumerate(garbage):
        record, headers = by_offset[offset]
        assert headers["pouch-dlq-code"] == "bad_envelope"
        if "pouch-dlq-truncated" in headers:
            assert int(headers["pouch-dlq-truncated"]) == len(value) and value.startswith(record.value())
        else:
            assert record.value() == value


@pytest.mark.acceptance("B3")
def test_a_record_goes_on_byte_for_byte(center, pouch):
    target = pouch.topic(partitions=1)
    center.route("ok", target)
    center.start()
    request_id = str(uuid.uuid4())
    before = ('{ "request_id":"%s","x" : [1, 2.50,{"source_topic":"inner"}],"worker_name":"ok","data":"00FF","iv":"%s",'
              '"tag":"%s" , "replyTopic":"%s","\\u00e9":null}\n') % (request_id, "0a" * 16, "0B" * 16, center.replies)
    sent = [("a", b"1"), ("pouch-hop", b"3"), ("binary", bytes(range(256))), ("a", b"2"), ("empty", b""), ("null", None),
            ("tracestate", b"k=v"), ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("a", b"1")]
    independent.produce(pouch.brokers, center.inbox, before, key="a key of their own", headers=sent)
    [record] = independent.read(independent.reader(pouch.brokers, target), 1)
    assert record.value().decode() == before.replace('null}\n', f'null,"source_topic":"{center.inbox}"}}\n')
    assert record.key() == b"a key of their own"
    hops = ("pouch-hop", "pouch-source", "traceparent")
    assert [h for h in record.headers() if h[0] not in hops] == [h for h in sent if h[0] not in hops]
    ours = dict(h for h in record.headers() if h[0] in hops)
    assert Counter(name for name, _ in record.headers() if name in hops) == dict.fromkeys(hops, 1)
    assert ours["pouch-hop"] == b"4" and ours["pouch-source"].decode().startswith(f"{center.inbox}/")
    trace, span = ours["traceparent"].decode().split("-")[1:3]
    assert trace == "0af7651916cd43dd8448eb211c80319c" and span != "b7ad6b7169203331"


@pytest.mark.acceptance("B3")
def test_a_center_has_no_key_and_never_opens_anything(center, pouch):
    topic = pouch.topic()
    center.route("ok", topic)
    del pouch.env["ENCRYPTION_KEY"]
    running = center.start()
    pouch.env["ENCRYPTION_KEY"] = pouch.key
    pouch.worker(topic, "--exec", "cat", "--start", "earliest")
    done = pouch.ok("request", "--publisher", "ok", "--timeout", "60s", stdin='{"canary":"kept from all between"}')
    assert json.loads(done) == {"canary": "kept from all between"}
    assert "canary" not in running.stdout() + running.stderr()


def test_sighup_does_not_end_a_center(center, pouch):
    topic = pouch.topic()
    center.route("ok", topic)
    running = center.start()
    running.process.send_signal(signal.SIGHUP)
    request_id = center.send("ok")
    wait_until(lambda: request_id in routed_ids(center, topic) or not running.running(), "the request routed")
    assert running.running(), running.stderr()


@pytest.mark.acceptance("B6")
def test_a_worker_passes_a_request_on_through_the_center(center, pouch):
    first, second = pouch.topic(), pouch.topic()
    center.route("initial", first)
    center.route("next", second)
    center.start()
    forward = ("import json, sys\nfor line in sys.stdin:\n  r = json.loads(line)\n"
               "  print(json.dumps({'request_id': r['request_id'], 'forward': 'next', 'payload': {**r['payload'], 'by': 'first'}}), flush=True)\n")
    script = pouch.folder / "forward.py"
    script.write_text(forward)
    pouch.worker(first, "--pipe", f"python3 {script}", "--start", "earliest")
    pouch.worker(second, "--exec", "cat", "--start", "earliest")
    done = pouch.ok("request", "--publisher", "initial", "--timeout", "60s", stdin='{"amount":5}')
    assert json.loads(done) == {"amount": 5, "by": "first"}
    [record] = independent.read_all(pouch.brokers, second)
    headers = independent.headers(record)
    assert headers["pouch-hop"] == "3"  # center, worker, center
    assert json.loads(record.value())["source_topic"] == center.inbox


def test_every_target_gets_the_request_and_each_answer_names_its_branch(center, pouch):
    targets = [pouch.topic() for _ in range(4)]
    center.route("all", *targets)
    center.start()
    for target in targets:
        pouch.worker(target, "--exec", "cat", "--start", "earliest")
    request_id = center.send("all", plain='{"who":"everyone"}')
    answers = independent.read(center.reader, 4)
    assert {json.loads(a.value())["request_id"] for a in answers} == {request_id}
    branches = {(independent.headers(a)["pouch-target"], independent.headers(a)["pouch-fanout"]) for a in answers}
    assert branches == {(target, f"{i + 1}/4") for i, target in enumerate(targets)}


def test_one_missing_target_does_not_keep_the_request_from_the_others(center, pouch):
    good, missing = pouch.topic(), f"missing-{uuid.uuid4().hex[:8]}"
    center.route("all", missing, good)
    center.start()
    request_id = center.send("all")
    [routed] = independent.read(independent.reader(pouch.brokers, good), 1)
    assert json.loads(routed.value())["request_id"] == request_id
    answer = center.reply()
    assert json.loads(answer.value())["error"]["code"] == "target_refused"
    assert independent.headers(answer)["pouch-target"] == missing and independent.headers(answer)["pouch-fanout"] == "1/2"
    _, headers = center.letter(request_id)
    assert headers["pouch-dlq-target"] == missing


def test_a_call_is_answered_by_the_target_that_works(center, pouch):
    good, missing = pouch.topic(), f"missing-{uuid.uuid4().hex[:8]}"
    center.route("all", missing, good)
    center.start()
    pouch.worker(good, "--exec", "cat", "--start", "earliest")
    assert json.loads(pouch.ok("request", "--publisher", "all", "--timeout", "60s", stdin='{"n":1}')) == {"n": 1}


@pytest.mark.acceptance("B2")
def test_a_center_takes_its_settings_from_a_file_and_checks_them(center, pouch):
    target, file = pouch.topic(), pouch.folder / "center.yaml"
    center.route("anyone", target)
    del pouch.env["POUCH_CENTER_INBOX"]
    file.write_text(f"center:\n  inbox: {center.inbox}\n  max_in_flight: 64\ngroup: by-file\nstart: earliest\n")
    pouch.start("center", "--config", file).wait_for("routing")
    ids = {center.send("anyone") for _ in range(200)}
    assert {json.loads(r.value())["request_id"] for r in independent.read(independent.reader(pouch.brokers, target), 200)} == ids
    wait_until(lambda: committed(center, "by-file") == 200, "the group of the file to have committed all")
    assert json.loads(pouch.ok("config", "show", "-o", "json"))["request.timeout"]["value"] == "30s"
    file.write_text(f"center:\n  inbox: {center.inbox}\n  max_in_flihgt: 64\n")
    refused = pouch.run("center", "--config", file)
    assert refused.returncode == 78 and f"{file}:3" in refused.stderr and "max_in_flihgt" in refused.stderr


def test_an_error_is_told_only_where_replies_may_go(center, pouch):
    center.start()
    victim = pouch.topic(partitions=1)
    for members in (dict(replyTopic=victim), dict(replyTopic=f"gone-{center.inbox}.replies"), dict(replyTopic=None)):
        request_id = center.send("nobody", **members)
        assert center.letter(request_id)[1]["pouch-dlq-code"] == "no_route"
    request_id = center.send("nobody", headers=[("pouch-reply", "none")])
    center.letter(request_id)
    assert independent.read_all(pouch.brokers, victim) == []
    assert independent.read_all(pouch.brokers, center.replies) == []


def committed(center, group):
    consumer = Consumer({"bootstrap.servers": center.pouch.brokers, "group.id": group})
    offsets = consumer.committed([TopicPartition(center.inbox, p) for p in range(3)], timeout=60)
    consumer.close()
    return sum(max(o.offset, 0) for o in offsets)


def fill(center, publisher, n):
    """n requests in the inbox, in one go; their ids."""
    producer, ids, errors = independent.producer(center.pouch.brokers), [], []
    for _ in range(n):
        ids.append(str(uuid.uuid4()))
        value = independent.seal(center.pouch.key, "1", 16, ids[-1], worker_name=publisher)
        producer.produce(center.inbox, value=value, key=ids[-1], on_delivery=lambda e, m: e and errors.append(e))
        producer.poll(0)
    assert producer.flush(60) == 0 and not errors
    return ids


def routed_ids(center, target):
    return Counter(json.loads(m.value())["request_id"] for m in independent.read_all(center.pouch.brokers, target))


@pytest.mark.acceptance("B20", "B22")
@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_center_leaves_nothing_half_done(center, pouch, signal_):
    target = pouch.topic()
    center.route("ok", target)
    running = center.start("--drain", "50s")
    ids = fill(center, "ok", 3000)
    wait_until(lambda: routed_ids(center, target), "the first record routed")
    running.process.send_signal(signal_)
    assert running.process.wait(60) == 0, running.stderr()
    done = routed_ids(center, target)
    assert committed(center, f"pouch-center.{center.inbox}") == len(done)
    center.start(name="again")
    wait_until(lambda: len(routed_ids(center, target)) == len(ids), "all records routed")
    assert routed_ids(center, target) == dict.fromkeys(ids, 1)  # a clean stop routes nothing twice


@pytest.mark.acceptance("B19")
def test_several_centers_share_an_inbox(center, pouch):
    target = pouch.topic()
    center.route("ok", target)
    programs = [center.start(name=f"center-{n}") for n in range(3)]
    for program in programs:
        wait_until(lambda p=program: '"partitions":"1"' in p.stderr(), f"{program.name} having one partition")
    ids = fill(center, "ok", 3000)
    wait_until(lambda: len(routed_ids(center, target)) == len(ids), "all records routed")
    programs[0].kill()
    more = fill(center, "ok", 300)
    wait_until(lambda: set(more) <= set(routed_ids(center, target)), "the others routing for the one that died")
    assert set(routed_ids(center, target)) == set(ids) | set(more)


@pytest.mark.acceptance("B21")
def test_routing_goes_on_while_the_store_cannot_be_written(center, pouch):
    target = pouch.topic()
    center.route("ok", target)
    command = " ".join(map(str, pouch.command("center", "--start", "earliest")))
    running = pouch.start_other(["/bin/sh", "-c", f"trap '' XFSZ; exec {command}"], "center")
    running.wait_for("routing")
    before = fill(center, "ok", 100)
    wait_until(lambda: len(routed_ids(center, target)) == len(before), "the first records routed")
    subprocess.run(["prlimit", "--pid", str(running.process.pid), "--fsize=0:unlimited"], check=True)
    during = fill(center, "ok", 20000)
    wait_until(lambda: set(during) <= set(routed_ids(center, target)), "records routed without a store")
    wait_until(lambda: committed(center, f"pouch-center.{center.inbox}") == 20100, "their offsets committed")
    subprocess.run(["prlimit", "--pid", str(running.process.pid), "--fsize=unlimited:unlimited"], check=True)
    assert running.running() and running.stop() == 0


@pytest.mark.acceptance("B1")
def test_the_inbox_is_made_when_it_is_missing(pouch):
    inbox = f"inbox-{uuid.uuid4().hex[:8]}"
    pouch.env["POUCH_STORE"] = f"sqlite://{pouch.folder}/store"
    pouch.start("center", "--inbox", inbox).wait_for("routing")
    described = json.loads(pouch.ok("topic", "describe", inbox, "-o", "json"))
    assert described["partitions"] == 3


def test_old_requests_are_not_routed_by_surprise(center, pouch):
    producer = independent.producer(pouch.brokers)
    value = independent.seal(pouch.key, "1", worker_name="ok")
    producer.produce(center.inbox, value=value, timestamp=int(time.time() * 1000) - 3600 * 1000)
    assert producer.flush(60) == 0
    refused = pouch.run("center", timeout=120)
    assert refused.returncode == 78 and "--start earliest" in refused.stderr and "--start latest" in refused.stderr


def test_a_route_that_is_added_or_disabled_counts_for_every_center(center, pouch):
    target = pouch.topic()
    for n in range(3):
        center.start(name=f"center-{n}")
    center.route("late", target)
    wait_until(lambda: [center.send("late") for _ in range(6)] and routed_ids(center, target), "the new route in force")
    pouch.ok("route", "disable", "late")
    rounds = []

    def all_refused():
        rounds.append({center.send("late") for _ in range(6)})
        answers = [json.loads(m.value()) for m in independent.read_all(pouch.brokers, center.replies)]
        refused = {a["request_id"] for a in answers if a["error"]["code"] == "route_disabled"}
        return any(sent <= refused for sent in rounds)

    wait_until(all_refused, "the route disabled at every center")


@pytest.mark.acceptance("B13", "B20")
def test_nothing_is_lost_or_left_untraced_while_centers_are_killed(pouch):
    result = kills.kill_centers(pouch, kills.SqliteStore(pouch), kills=3, rate=300, seconds_between=1)
    assert result["lost"] == 0 and result["wrong"] == 0 and result["unended"] == 0, result
    assert result["records"] == result["trace_rows"] == result["accepted"] and result["untraced"] == result["rows_twice"] == 0, result
    assert result["stopped"] == [0, 0] and result["errors"].keys() == {"no_route"}, result
    # What the killed ones had in flight and had not committed: the bound of docs/architecture.md.
    assert result["routed_twice"] + result["letters_twice"] <= result["kills"] * (10000 + result["rate"])


@pytest.mark.acceptance("B20")
def test_a_small_request_does_not_overtake_a_large_one_of_its_key_for_which_there_is_no_room(center, pouch):
    target = pouch.topic(partitions=1)
    center.route("p", target)
    producer, sent = independent.producer(pouch.brokers), []
    for n in range(240):
        sent.append(str(uuid.uuid4()))
        value = independent.seal(pouch.key, json.dumps("x" * (2 if n % 2 else 150000)), 16, sent[-1], worker_name="p")
        producer.produce(center.inbox, value, key="k")
        producer.flush(60)
    running = center.start("-X", "fetch.message.max.bytes=100000000")
    wait_until(lambda: len(independent.read_all(pouch.brokers, target)) == len(sent), "all being routed")
    assert [json.loads(record.value())["request_id"] for record in independent.read_all(pouch.brokers, target)] == sent
    assert running.stop() == 0

"""Attacks by whoever reads and writes topics without a key: what docs/security.md says of them, on a real Kafka."""

import json
import uuid
from pathlib import Path

import independent
import pytest
from conftest import wait_until
from listener import Listener
from test_keys import make_ring

THOUSAND = 1000


def new_replies(pouch):
    return pouch.topic(f"r-{uuid.uuid4().hex}.replies", 1)


def produce_all(pouch, topic, values, **more):
    """All stored, spread over the partitions."""
    producer, errors = independent.producer(pouch.brokers), []
    for value in values:
        producer.produce(topic, value=value, on_delivery=lambda e, m: e and errors.append(e), **more)
        producer.poll(0)
    assert producer.flush(60) == 0 and not errors


def letters_of(pouch, topic):
    return [independent.headers(record) for record in independent.read_all(pouch.brokers, "internal.dlq")
            if independent.headers(record)["pouch-dlq-source"].startswith(f"{topic}/")]


def opened(pouch, record):
    return json.loads(independent.open_sealed(pouch.key, record.value()))


class Counting:
    """A worker that writes down each call of its handler."""

    def __init__(self, pouch, tmp_path, *flags, **env):
        self.pouch, self.calls = pouch, tmp_path / "calls"
        self.topic, self.replies = pouch.topic(), new_replies(pouch)
        self.flags, self.env = flags, env
        self.reader = independent.reader(pouch.brokers, self.replies)
        self.start()

    def start(self):
        self.worker = self.pouch.worker(self.topic, "--pipe", f"tee -a {self.calls}", "--start", "earliest", *self.flags, env=self.env)

    def handled(self):
        return len(self.calls.read_text().splitlines()) if self.calls.exists() else 0

    def seal(self, payload="1", **members):
        return independent.seal(self.pouch.key, payload, replyTopic=self.replies, **members)

    def answers(self, n):
        return [opened(self.pouch, record) for record in independent.read(self.reader, n)]


# An old envelope is sent again


def test_an_envelope_sent_a_thousand_times_is_handled_once(pouch, tmp_path):
    service = Counting(pouch, tmp_path, POUCH_DEDUPE_WINDOW="10m")
    envelope = service.seal('{"pay":100}')
    produce_all(pouch, service.topic, [envelope] * THOUSAND)
    answers = service.answers(THOUSAND)
    assert {answer["request_id"] for answer in answers} == {json.loads(envelope)["request_id"]}
    assert all(answer["success"] and answer["payload"] == {"pay": 100} for answer in answers)
    assert service.handled() == 1


def test_the_window_outlives_its_worker(pouch, tmp_path):
    """Ended by a signal that it cannot see, and started again."""
    service = Counting(pouch, tmp_path, "--listen", "127.0.0.1:0", POUCH_DEDUPE_WINDOW="10m", POUCH_INSTANCE_ID="one")
    envelopes = [service.seal(str(n)) for n in range(20)]
    produce_all(pouch, service.topic, envelopes)
    service.answers(20)
    listener = Listener(service.worker)
    # An answer is remembered when the broker has said that it has it, which may be after it was read.
    wait_until(lambda: listener.metrics()[("pouch_worker_dedupe_entries",)] == 20, "all being remembered")
    wait_until(lambda: listener.metrics()[("pouch_worker_dedupe_unsaved",)] == 0, "all being in the file")
    service.worker.kill()
    service.start()
    produce_all(pouch, service.topic, envelopes)
    again = Listener(service.worker)
    wait_until(lambda: again.metrics()["pouch_worker_jobs_total", ("outcome", "repeated")] >= 20, "all being answered again")
    asked = {json.loads(envelope)["request_id"] for envelope in envelopes}

    def times():
        """How often each was answered."""
        answers = [json.loads(record.value())["request_id"] for record in independent.read_all(pouch.brokers, service.replies)]
        return {answers.count(request_id) for request_id in asked}

    wait_until(lambda: min(times()) >= 2, "the second answers")
    assert times() <= {2, 3}, "a third comes from what was not committed"
    assert service.handled() == 20


def test_a_relabelled_request_is_refused_in_the_window(pouch, tmp_path):
    service = Counting(pouch, tmp_path, POUCH_DEDUPE_WINDOW="10m")
    envelope = json.loads(service.seal())
    produce_all(pouch, service.topic, [json.dumps(envelope)])
    service.answers(1)
    produce_all(pouch, service.topic, [json.dumps({**envelope, "request_id": str(uuid.uuid4())})])
    [refused] = service.answers(1)
    assert not refused["success"] and refused["code"] == "not_allowed"
    assert service.handled() == 1
    wait_until(lambda: [h["pouch-dlq-code"] for h in letters_of(pouch, service.topic)] == ["not_allowed"], "the dead letter")


# Requests and replies under other names


def test_a_request_for_a_service_with_another_key_is_not_opened(pouch, tmp_path):
    service = Counting(pouch, tmp_path)
    elsewhere = independent.seal("7" * 64, "1", replyTopic=service.replies, worker_name="another")
    produce_all(pouch, service.topic, [elsewhere])
    [record] = independent.read(service.reader, 1)
    assert json.loads(record.value())["error"]["code"] == "decrypt_failed"
    assert service.handled() == 0


def test_two_replies_that_are_swapped_end_no_call(pouch):
    """Each with the other's inside; the right ones come after them, and end the calls."""
    topic, client = pouch.topic(), f"c-{uuid.uuid4().hex}"
    replies = pouch.topic(f"{client}.replies", 1)
    requests = independent.reader(pouch.brokers, topic)
    pouch.env["POUCH_CLIENT_NO_RESPONDERS"] = "off"  # we answer without a group
    calls = [pouch.start("request", topic, str(n), "--client-id", client, "--timeout", "60s", "-o", "json", name=f"call-{n}") for n in (1, 2)]
    asked = [json.loads(record.value())["request_id"] for record in independent.read(requests, 2)]

    def reply(inner, outer, payload):
        plain = json.dumps({"request_id": inner, "payload": payload, "timestamp": 1, "success": True})
        independent.produce(pouch.brokers, replies, independent.seal(pouch.key, plain, request_id=outer), key=outer)

    for mine, other in (asked, asked[::-1]):
        reply(other, mine, "stolen")
    for mine in asked:
        reply(mine, mine, "right")
    for call in calls:
        assert call.process.wait(60) == 0
        assert json.loads(call.stdout())["payload"] == "right"


def test_no_reply_goes_to_a_topic_of_ours(pouch, tmp_path):
    """Those that only Pouch itself writes to, and those of other services."""
    service, other = Counting(pouch, tmp_path), pouch.topic()
    before = {topic: len(independent.read_all(pouch.brokers, topic)) for topic in (other, service.topic)}
    for victim in (other, service.topic, "internal.dlq", "pouch.routes", "__consumer_offsets"):
        produce_all(pouch, service.topic, [independent.seal(pouch.key, "1", replyTopic=victim)])
    wait_until(lambda: [h["pouch-dlq-code"] for h in letters_of(pouch, service.topic)] == ["not_allowed"] * 5, "five dead letters")
    assert service.handled() == 0
    assert len(independent.read_all(pouch.brokers, other)) == before[other]
    assert len(independent.read_all(pouch.brokers, service.topic)) == before[service.topic] + 5


# Texts that are read in two ways


def doubled(envelope, member, value):
    """The envelope with a member that is there twice; json.loads() takes the last one, other parsers the first."""
    text = envelope[:-1] + f', "{member}": {json.dumps(value)}}}'
    assert json.loads(text)[member] == value
    return text


@pytest.mark.parametrize("escaped", [False, True])
def test_a_member_that_is_there_twice_is_refused_by_center_and_worker(pouch, tmp_path, escaped):
    service = Counting(pouch, tmp_path)
    inbox = pouch.topic()
    pouch.env |= {"POUCH_STORE": f"sqlite://{tmp_path}/store", "POUCH_CENTER_INBOX": inbox}
    pouch.ok("route", "add", "allowed", service.topic)
    pouch.start("center", "--start", "earliest").wait_for("routing")
    members = {"worker_name": "allowed", "request_id": str(uuid.uuid4()), "replyTopic": new_replies(pouch)}
    forged = [doubled(service.seal(worker_name="denied"), name, value) for name, value in members.items()]
    if escaped:
        forged = [text.replace(f'"{name}": {json.dumps(value)}}}', f'"{name[0]}\\u{ord(name[1]):04x}{name[2:]}": {json.dumps(value)}}}')
                  for text, (name, value) in zip(forged, members.items())]
    for topic in (inbox, service.topic):
        produce_all(pouch, topic, forged)
        wait_until(lambda at=topic: [h["pouch-dlq-code"] for h in letters_of(pouch, at)] == ["bad_envelope"] * 3, "three dead letters")
    assert service.handled() == 0
    assert len(independent.read_all(pouch.brokers, service.topic)) == len(forged), "nothing of it was routed"


# Answers that tell why


def test_every_envelope_that_does_not_open_gets_the_same_answer(pouch, tmp_path):
    ring = make_ring(tmp_path / "ring", f"new:{pouch.key}", f"old:{'4' * 64}")
    service = Counting(pouch, tmp_path, "--key-file", str(ring))
    good = json.loads(service.seal('{"amount": 1}'))

    def flipped(member):
        return {**good, member: ("1" if good[member][0] == "0" else "0") + good[member][1:]}

    bad = [flipped("data"), flipped("iv"), flipped("tag"), {**good, "data": ""}, {**good, "data": good["data"][:-2]}, {**good, "data": good["data"] * 9},
           {**good, "iv": good["iv"][:24]}, {**good, "kid": "old"}, {**good, "kid": "none"}, json.loads(independent.seal("7" * 64, "1", replyTopic=service.replies))]
    produce_all(pouch, service.topic, [json.dumps(envelope) for envelope in bad])
    answers = [json.loads(record.value()) for record in independent.read(service.reader, len(bad))]
    assert {json.dumps(answer["error"]) for answer in answers} == {json.dumps(answers[0]["error"])}
    assert answers[0]["error"]["code"] == "decrypt_failed"
    assert {record.key() for record in independent.read_all(pouch.brokers, service.replies)} == {answer["request_id"].encode() for answer in answers}
    assert service.handled() == 0


# Large and many


def test_a_flood_of_headers_is_carried_or_refused_and_work_goes_on(pouch, tmp_path):
    service = Counting(pouch, tmp_path, "--listen", "127.0.0.1:0")
    floods = [[("x", b"y")] * 50000, [(f"n{n}", b"") for n in range(20000)], [("traceparent", b"z" * 900000)], [("pouch-hop", b"9" * 1000)],
              [("pouch-deadline", b"99999999999999999999")], [("traceparent", b"1")] * 20000, [("pouch-target", None)] * 1000]
    for headers in floods:
        produce_all(pouch, service.topic, [service.seal()], headers=headers)
    produce_all(pouch, service.topic, [service.seal('"after"')])
    wait_until(lambda: '"after"' in service.calls.read_text() if service.calls.exists() else False, "the request after them being handled")
    listener = Listener(service.worker)

    def done():
        return sum(value for name, value in listener.metrics().items() if name[0] == "pouch_worker_jobs_total")

    wait_until(lambda: done() >= len(floods) + 1, "all of them being done")
    assert done() == len(floods) + 1
    assert Path(f"/proc/{service.worker.process.pid}").exists()


# Keys


def test_a_worker_names_its_keys_by_fingerprint(pouch, tmp_path):
    ring = make_ring(tmp_path / "ring", f"new:{pouch.key}", "5" * 64)
    worker = Listener(pouch.worker(pouch.topic(), "--exec", "cat", "--key-file", ring, "--listen", "127.0.0.1:0"))
    listed = json.loads(pouch.ok("key", "list", "--key-file", ring, "-o", "json"))["keys"]
    told = worker.status()["keys"]
    assert [key["fingerprint"] for key in told] == [key["fingerprint"] for key in listed] and len({key["fingerprint"] for key in told}) == 2
    labels = {value for name in worker.metrics() for label in name[1:] for value in label}
    for key in told:
        assert len(key["fingerprint"]) == 8 and key["fingerprint"] in labels


def memory_of(pid):
    """Every readable page."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, mode, *rest = line.split()
            if not mode.startswith("r") or rest[-1] in ("[vvar]", "[vvar_vclock]", "[vsyscall]"):
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            memory.seek(start)
            try:
                yield memory.read(end - start)
            except OSError:
                continue


def test_the_text_of_a_key_file_is_in_no_memory_afterwards(pouch, tmp_path):
    """Of a worker that has opened and sealed with it. Beside it one with ENCRYPTION_KEY, so that this shows what it says."""
    ring = make_ring(tmp_path / "ring", f"new:{pouch.key}")
    topics = [pouch.topic(), pouch.topic()]
    by_text = pouch.worker(topics[1], "--exec", "cat")
    key = pouch.env.pop("ENCRYPTION_KEY")
    pouch.env["POUCH_KEY_FILE"] = str(ring)
    by_file = pouch.worker(topics[0], "--exec", "cat")
    assert pouch.ask(topics[0], 1).returncode == 0
    text = key.encode()

    def holds(program):
        return any(text in pages for pages in memory_of(program.process.pid))

    try:
        shown = holds(by_text)
    except PermissionError:
        pytest.skip("only root may read the memory of a program that is not dumpable")
    assert shown
    assert not holds(by_file)

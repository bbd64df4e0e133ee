"""Dead letters, listed and explained: ours, those of other tools, and hostile ones."""

import json
import struct
import time
import uuid

import independent
import pytest
from conftest import wait_until

HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\nfake line\u202e\u009b31m"


@pytest.fixture
def letters(pouch):
    """A dead-letter topic of this test's own, of three partitions."""
    topic = f"dlq-{uuid.uuid4().hex[:12]}"
    pouch.env["POUCH_DLQ_TOPIC"] = topic
    return topic


def put(pouch, topic, value=None, partition=0, **headers):
    """A dead letter as the headers of lib/letter say it, written by a producer that is not ours."""
    named = [(f"pouch-dlq-{name.replace('_', '-')}", text) for name, text in headers.items()]
    independent.produce(pouch.brokers, topic, value or "{}", headers=named, partition=partition)


def listed(pouch, *words):
    return json.loads(pouch.ok("dlq", "list", "-o", "json", *words))


def shown(pouch, *words):
    return json.loads(pouch.ok("dlq", "show", "-o", "json", *words))


def test_without_a_dead_letter_topic_nothing_was_dead_lettered_yet(pouch, letters):
    done = pouch.run("dlq", "list")
    assert (done.returncode, done.stdout) == (0, "")
    assert f"nothing was dead-lettered yet: there is no topic {letters}" in done.stderr
    assert listed(pouch) == []
    assert pouch.run("dlq", "show", str(uuid.uuid4())).returncode == 1


def test_a_topic_without_records_lists_none(pouch, letters):
    pouch.topic(letters)
    done = pouch.run("dlq", "list")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no dead letters" in done.stderr


def test_a_request_that_failed_is_listed_and_explained_and_opened_with_the_key(pouch, letters):
    topic = pouch.topic()
    pouch.worker(topic, "--exec", "echo no such customer >&2; exit 1")
    independent.produce(pouch.brokers, topic, "not an envelope", headers=[("tenant", "one")])
    wait_until(lambda: listed(pouch), "the dead letter")
    [letter] = listed(pouch)
    assert letter["code"] == "bad_envelope" and letter["source"]["topic"] == topic and letter["written_by"] == "pouch"
    assert letter["group"] == f"{topic}.workers" and letter["bytes"] == len("not an envelope")

    [seen] = shown(pouch, f"{letter['partition']}/{letter['offset']}")
    assert seen["headers"] == [["tenant", "one"]]
    assert "not an envelope" in seen["meaning"] and seen["next_step"]
    assert "payload" not in seen
    text = pouch.ok("dlq", "show", f"{letter['partition']}/{letter['offset']}")
    for word in ("bad_envelope", topic, "tenant: one", "next step", "--payload opens it"):
        assert word in text, text


def test_the_payload_is_shown_only_with_the_key(pouch, letters):
    pouch.topic(letters)
    request = str(uuid.uuid4())
    envelope = independent.seal(pouch.key, '{"amount": 12.50}', request_id=request, worker_name="orders")
    put(pouch, letters, envelope, code="handler_error", reason="no such customer", source="orders/2/1041", group="g",
        failed_at="1700000000000", attempts="3", request_id=request, target="billing")
    [letter] = shown(pouch, request)
    assert "payload" not in letter and letter["publisher"] == "orders" and letter["attempts"] == 3
    assert letter["source"] == {"topic": "orders", "partition": 2, "offset": 1041}
    assert letter["time"] == "2023-11-14T22:13:20.000Z" and letter["target"] == "billing"
    opened = pouch.ok("dlq", "show", request.upper(), "--payload", "-o", "jsonl")
    assert '"payload":{"amount": 12.50}' in opened, "the digits stay as they were sealed"
    assert '{"amount": 12.50}' in pouch.ok("dlq", "show", request, "--payload")

    other = pouch.run("dlq", "show", request, "--payload", "-o", "json", env={"ENCRYPTION_KEY": "00" * 32})
    assert other.returncode == 0
    [letter] = json.loads(other.stdout)
    assert "payload" not in letter and letter["payload_error"]
    none = pouch.run("dlq", "show", request, "--payload", env={"ENCRYPTION_KEY": ""})
    assert none.returncode == 78


@pytest.mark.acceptance("D23")
def test_the_newest_come_first_and_filters_choose(pouch, letters):
    pouch.topic(letters)
    for i in range(30):
        put(pouch, letters, json.dumps({"request_id": str(uuid.uuid4()), "worker_name": f"p{i % 2}"}), partition=i % 3,
            code="no_route" if i % 3 else "expired", source=f"in-{i % 5}/0/{i}", failed_at=str(1700000000000 + i))
    times = [letter["source"]["offset"] for letter in listed(pouch)]
    assert times == list(range(29, -1, -1))
    done = pouch.run("dlq", "list", "--limit", 4, "-o", "jsonl")
    assert [json.loads(line)["source"]["offset"] for line in done.stdout.splitlines()] == [29, 28, 27, 26]
    assert "the newest 4 of 30" in done.stderr
    assert {letter["code"] for letter in listed(pouch, "--reason", "expired")} == {"expired"}
    assert len(listed(pouch, "--reason", "expired", "--topic", "in-3")) == 2
    assert len(listed(pouch, "--publisher", "p1", "--since", "2023-11-14T22:13:20.020Z")) == 5
    assert listed(pouch, "--since", "10m") == []
    assert pouch.run("dlq", "list", "--since", "yesterday").returncode == 64
    assert pouch.run("dlq", "list", "--limit", "0").returncode == 64


def test_records_of_other_tools_are_listed_as_far_as_they_tell(pouch, letters):
    pouch.topic(letters)
    independent.produce(pouch.brokers, letters, "x", partition=0, headers=[
        ("kafka_dlt-exception-fqcn", b"java.lang.IllegalStateException"), ("kafka_dlt-exception-message", b"no stock"),
        ("kafka_dlt-original-topic", b"orders"), ("kafka_dlt-original-partition", struct.pack(">i", 7)),
        ("kafka_dlt-original-offset", struct.pack(">q", 1 << 33)), ("kafka_dlt-original-consumer-group", b"shop")])
    independent.produce(pouch.brokers, letters, "x", partition=1)
    by = {letter["written_by"]: letter for letter in listed(pouch)}
    assert by["spring"]["source"] == {"topic": "orders", "partition": 7, "offset": 1 << 33}
    assert by["spring"]["reason"] == "no stock" and by["spring"]["group"] == "shop"
    assert by["unknown"]["code"] is None and by["unknown"]["bytes"] == 1
    assert "Another tool" in pouch.ok("dlq", "show", "0/0") and "spring" in pouch.ok("dlq", "show", "0/0")


def test_a_truncated_letter_says_so(pouch, letters):
    pouch.topic(letters)
    put(pouch, letters, "{" + 65535 * "a", code="too_large", truncated="2000000")
    text = pouch.ok("dlq", "show", "0/0", "--payload")
    assert "truncated: the first 65536 of 2000000 bytes are here" in text
    assert "what was cut off cannot be opened" in text
    assert listed(pouch)[0]["truncated_from"] == 2000000


@pytest.mark.parametrize("most", [100_000, 20_000])
def test_a_letter_that_its_topic_refuses_as_too_large_is_cut(pouch, letters, most):
    """Of a worker, a center and what waits in a retry topic: the records behind them are not held up."""
    topic, inbox, tier = pouch.topic(), pouch.topic(), f"{1000 + most}ms"
    pouch.env |= {"POUCH_CENTER_INBOX": inbox, "POUCH_RETRY_TIERS": tier}
    pouch.ok("topic", "create", letters, "--set", f"max.message.bytes={most}")
    pouch.worker(topic, "--exec", "cat")
    pouch.start("center", "--start", "earliest").wait_for("routing")
    sources = [topic, inbox, f"internal.retry.{tier}"]
    for source in sources:
        independent.produce(pouch.brokers, source, 200_000 * "x", partition=0, headers=[("tenant", "one")])
    found = wait_until(lambda: len(there := listed(pouch)) >= len(sources) and there, "the dead letters")
    assert sorted(letter["source"]["topic"] for letter in found) == sorted(sources)
    for letter in found:
        assert letter["truncated_from"] == 200_000 and most / 8 < letter["bytes"] < most
        assert ["tenant", "one"] in shown(pouch, f"{letter['partition']}/{letter['offset']}")[0]["headers"]
    independent.produce(pouch.brokers, topic, "behind", partition=0)
    wait_until(lambda: any(letter["bytes"] == len("behind") for letter in listed(pouch)), "what was behind one")


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_hostile_headers_cannot_reach_the_terminal(pouch, letters, locale):
    pouch.topic(letters)
    put(pouch, letters, json.dumps({"request_id": str(uuid.uuid4()), "worker_name": "p"}), code=HOSTILE, reason=HOSTILE,
        source=f"{HOSTILE}/0/1", group=HOSTILE, failed_at=HOSTILE, attempts="9" * 40, request_id=HOSTILE)
    independent.produce(pouch.brokers, letters, b"\xff\x00\x1b", partition=1, key=b"\x1b[31m",
                        headers=[(HOSTILE, HOSTILE), ("pouch-dlq-code", None), ("empty", b""), ("bytes", b"\xff\xfe\x1b\x00")])
    for words in (["dlq", "list"], ["dlq", "show", "0/0"], ["dlq", "show", "1/0"]):
        text = pouch.ok(*words, env={"LC_ALL": locale})
        bad = [c for c in text if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c == "\u202e"]
        assert not bad, (words, bad)
        assert "\nfake line" not in text
        assert locale == "C.UTF-8" or text.isascii()
    assert [letter["reason"] for letter in listed(pouch) if letter["reason"]] == [HOSTILE]
    assert len(pouch.ok("dlq", "list", "-o", "jsonl").splitlines()) == 2


def test_a_place_where_no_letter_is_is_named(pouch, letters):
    pouch.topic(letters)
    put(pouch, letters, code="expired")
    for place, why in (("0/5", "offsets 0 to 0, not 5"), ("9/0", "no partition 9")):
        done = pouch.run("dlq", "show", place)
        assert done.returncode == 1 and why in done.stderr
    done = pouch.run("dlq", "show", str(uuid.uuid4()))
    assert done.returncode == 1 and "no dead letter of request" in done.stderr
    assert pouch.run("dlq", "show", "nonsense").returncode == 64


def test_what_transactions_leave_at_the_end_does_not_keep_the_list_waiting(pouch, letters):
    """The last offsets of the topic hold no record: they are markers of a transaction."""
    pouch.topic(letters, 1)
    p = independent.producer(pouch.brokers, **{"transactional.id": str(uuid.uuid4())})
    p.init_transactions(60)
    p.begin_transaction()
    p.produce(letters, value="x", headers=[("pouch-dlq-code", "expired")])
    p.commit_transaction(60)
    assert [letter["code"] for letter in listed(pouch)] == ["expired"]


@pytest.mark.acceptance("B4")
def test_what_a_center_could_not_route_is_explained(pouch, letters):
    pouch.env |= {"POUCH_STORE": f"sqlite://{pouch.folder}/store", "POUCH_CENTER_INBOX": pouch.topic(f"inbox-{uuid.uuid4().hex[:8]}")}
    pouch.ok("route", "add", "astray", "a-target-that-is-nowhere")
    pouch.start("center", "--start", "earliest").wait_for("routing")
    for publisher, code, target, step in (("nobody", "no_route", None, "pouch route add"),
                                          ("astray", "target_refused", "a-target-that-is-nowhere", "pouch topic describe")):
        done = pouch.run("request", "--publisher", publisher, "--timeout", "60s", "-o", "json", stdin='{"amount":1}')
        answer = json.loads(done.stdout)
        assert answer["error"]["code"] == code
        [letter] = wait_until(lambda: (found := pouch.run("dlq", "show", answer["request_id"], "--payload", "-o", "json")) and json.loads(found.stdout), "the letter")
        assert (letter["code"], letter["publisher"], letter["target"]) == (code, publisher, target)
        assert letter["source"]["topic"] == pouch.env["POUCH_CENTER_INBOX"] and step in letter["next_step"]
        assert letter["payload"] == {"amount": 1}
        assert [name for name, _ in letter["headers"]].count("pouch-deadline") == 1
        assert [seen["request_id"] for seen in listed(pouch, "--publisher", publisher)] == [answer["request_id"]]


def redriven(pouch, *words, code=0):
    done = pouch.run("dlq", "redrive", "-o", "json", *words)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def records(pouch, topic):
    return list(independent.read_all(pouch.brokers, topic))


@pytest.fixture
def dead(pouch, letters):
    """Twelve dead letters of two topics and codes, of one partition: the topics."""
    topics = [pouch.topic(partitions=1), pouch.topic(partitions=1)]
    pouch.topic(letters, 1)
    for i in range(12):
        named = {"code": "handler_error" if i % 3 else "expired", "source": f"{topics[i % 2]}/0/{i}", "failed-at": str(1700000000000 + i)}
        independent.produce(pouch.brokers, letters, f"value {i}", key=f"key {i}", headers=[
            ("tenant", "one"), ("pouch-deadline", "1700000000000"), ("pouch-hop", "16"), ("pouch-retry-tier", "3"),
            *((f"pouch-dlq-{name}", text) for name, text in named.items()),
            ("kafka_dlt-original-topic", topics[i % 2])])
    return topics


@pytest.mark.acceptance("C28", "D21", "D23")
def test_dead_letters_are_sent_again_to_where_they_came_from(pouch, letters, dead):
    plan = redriven(pouch, "--dry-run")
    assert (plan["send"], plan["sent"], plan["dry_run"], plan["topics"]) == (12, 0, True, dict.fromkeys(dead, 6))
    assert records(pouch, dead[0]) == []
    assert redriven(pouch, "--reason", "handler_error", "--topic", dead[0], "--yes")["sent"] == 4
    seen = records(pouch, dead[0])
    assert [(m.key(), m.value()) for m in seen] == [(f"key {i}".encode(), f"value {i}".encode()) for i in (2, 4, 8, 10)]
    assert seen[0].headers() == [("tenant", b"one"), ("pouch-reply", b"none"), ("pouch-redrive", b"1"),
                                 ("pouch-redrive-source", f"{letters}/0/2".encode()),
                                 ("x-retry-count", b"1"), ("x-original-topic", dead[0].encode()), ("x-dlq-id", f"{letters}/0/2".encode())]
    assert records(pouch, dead[1]) == []

    # What was sent is marked, and not sent a second time unless asked.
    assert [letter["offset"] for letter in listed(pouch) if letter["redriven"]] == [10, 8, 4, 2]
    rest = redriven(pouch, "--yes")
    assert (rest["sent"], rest["sent_before"]) == (8, 4)
    assert redriven(pouch, "--yes")["sent_before"] == 12
    assert redriven(pouch, "0/4", "--again", "--yes")["sent"] == 1
    changes = json.loads(pouch.ok("changes", "--kind", "dlq", "-o", "json"))
    assert [change["after"]["letters"] for change in changes] == [4, 8, 1]
    assert changes[0]["after"]["filter"] == {"reason": "handler_error", "topic": dead[0]}
    assert changes[0]["name"] == letters and "@" in changes[0]["who"]


def test_what_cannot_be_sent_again_is_told(pouch, letters):
    topic = pouch.topic(partitions=1)
    pouch.topic(letters, 1)
    for headers in ([("pouch-dlq-source", f"{topic}/0/1"), ("pouch-dlq-truncated", "2000000")], [("pouch-dlq-source", "internal.dlq/0/1")],
                    [("pouch-dlq-source", "__consumer_offsets/0/1")], [], [("pouch-dlq-source", f"{topic}/0/2")]):
        redrives = [] if headers and "truncated" in headers[-1][0] else [("pouch-redrive", "3")]
        independent.produce(pouch.brokers, letters, "v", headers=[*redrives, ("pouch-dlq-code", "expired"), *headers])
    plan = redriven(pouch, "--yes")
    assert {name: plan[name] for name in ("send", "truncated", "nowhere", "circling")} == {"send": 0, "truncated": 1, "nowhere": 3, "circling": 1}
    assert redriven(pouch, "--yes", "--force")["sent"] == 1
    assert [m.headers()[1] for m in records(pouch, topic)] == [("pouch-redrive", b"4")]
    assert redriven(pouch, "--yes", "--to", topic, "--force")["sent"] == 3
    assert pouch.run("dlq", "redrive", "--to", "internal.dlq").returncode == 64


def test_letters_of_one_record_are_one_request_again(pouch, letters):
    """A center writes one for each target that failed, all from the same place of its inbox."""
    inbox, request = pouch.topic(partitions=1), str(uuid.uuid4())
    pouch.env["POUCH_CENTER_INBOX"] = inbox
    pouch.topic(letters, 2)
    for i, target in enumerate(("billing", "shipping", "stock")):
        put(pouch, letters, "v", partition=i % 2, code="target_refused", source=f"{inbox}/0/7", request_id=request, target=target)
    put(pouch, letters, "other", code="target_refused", source=f"{inbox}/0/7", request_id=str(uuid.uuid4()), target="billing")
    done = pouch.run("dlq", "redrive", "--dry-run")
    assert f"2 to {inbox}, where a center sends each to all targets" in done.stderr and "2 are of the same records" in done.stderr
    plan = redriven(pouch, "--yes")
    assert (plan["send"], plan["with_others"], plan["sent"]) == (2, 2, 2)
    assert sorted(m.value() for m in records(pouch, inbox)) == [b"other", b"v"]
    assert all(letter["redriven"] for letter in listed(pouch))
    assert redriven(pouch, "--yes")["sent_before"] == 4


def test_nothing_is_sent_to_a_topic_that_is_not_there_or_is_for_no_requests(pouch, letters):
    gone = f"gone-{uuid.uuid4().hex[:8]}"
    pouch.topic(letters, 1)
    put(pouch, letters, code="expired", source=f"{gone}/0/1")
    put(pouch, letters, code="expired", source=f"{letters}/0/1")
    plan = redriven(pouch, "--yes")
    assert (plan["send"], plan["nowhere"], plan["topics"]) == (0, 2, {})
    assert f"there is no topic {gone}" in pouch.run("dlq", "redrive", "--yes").stderr
    assert redriven(pouch, "--yes", "--to", gone)["nowhere"] == 2
    assert pouch.run("dlq", "redrive", "--yes", "--to", letters).returncode == 64
    assert len(listed(pouch)) == 2


def test_what_was_sent_before_has_to_be_known(pouch, letters, dead):
    """Without the store all would go a second time."""
    assert redriven(pouch, "--yes")["sent"] == 12
    pouch.env["POUCH_STORE"] = f"sqlite://{pouch.folder}/none"
    assert not any(letter["redriven"] for letter in listed(pouch)) and redriven(pouch, "--dry-run")["send"] == 12
    assert not (pouch.folder / "none").exists(), "listing makes nothing"
    (pouch.folder / "none").mkdir()
    (pouch.folder / "none" / "registry.db").write_text("no database" * 1000)
    done = pouch.run("dlq", "redrive", "--yes")
    assert done.returncode != 0 and "send all with --again" in done.stderr
    assert redriven(pouch, "--dry-run")["send"] == 12
    assert len(records(pouch, dead[0])) == 6
    assert {letter["redriven"] for letter in listed(pouch)} == {None}


def test_nobody_is_asked_without_a_terminal_and_a_rate_is_kept_to(pouch, letters, dead):
    done = pouch.run("dlq", "redrive")
    assert done.returncode == 64 and "add --yes" in done.stderr and records(pouch, dead[0]) == []
    begin = time.monotonic()
    assert redriven(pouch, "--yes", "--rate", 10)["sent"] == 12
    assert time.monotonic() - begin > 1.0


@pytest.mark.acceptance("C28")
def test_a_request_that_failed_is_sent_again_and_handled(pouch, letters):
    topic, mended = pouch.topic(), pouch.folder / "mended"
    pouch.worker(topic, "--exec", f"test -e {mended} && cat >{mended} || exit 1", "--start", "earliest")
    request = pouch.ok("send", topic, stdin='"please"').strip()
    wait_until(lambda: listed(pouch), "the dead letter")
    mended.touch()
    assert redriven(pouch, request, "--yes")["sent"] == 1
    wait_until(lambda: mended.read_text() == '"please"', "the handler")


@pytest.mark.acceptance("C28", "D23")
def test_old_letters_are_deleted_from_the_front(pouch, letters, dead):
    assert pouch.run("dlq", "purge", "--yes").returncode == 64
    until = "2023-11-14T22:13:20.005Z"
    assert json.loads(pouch.ok("dlq", "purge", "--until", until, "--dry-run", "-o", "json")) == {"matching": 5, "behind_newer": 0, "deleted": 0, "dry_run": True}
    put(pouch, letters, code="expired", failed_at="1")
    done = json.loads(pouch.ok("dlq", "purge", "--until", until, "--yes", "-o", "json"))
    assert (done["deleted"], done["behind_newer"]) == (5, 1)
    assert len(listed(pouch)) == 8
    pouch.ok("dlq", "purge", "--until", "0s", "--yes")
    assert listed(pouch) == []
    assert [json.loads(line)["after"]["action"] for line in pouch.ok("changes", "--kind", "dlq", "-o", "jsonl").splitlines()] == ["purge", "purge"]


# ---- what an administrator asks: how many, of what, of whom, and away with them ----


def counted(pouch, *words):
    return json.loads(pouch.ok("dlq", "stats", "-o", "json", *words))


def letters_by(stats, thing):
    return {row[thing]: row["letters"] for row in stats[f"by_{thing}"]}


@pytest.fixture
def varied(pouch, letters):
    """Thirty letters of two codes, three topics and two tenants: 29 are old, and one of now is another tool's."""
    pouch.topic(letters)
    now = int(time.time() * 1000)
    for i in range(29):
        named = {"code": "no_route" if i % 3 else "handler_error", "source": f"in-{i % 3}/0/{i}", "group": f"g{i % 2}", "failed-at": str(now - 86400000 * (2 + i))}
        independent.produce(pouch.brokers, letters, json.dumps({"request_id": str(uuid.uuid4()), "worker_name": f"p{i % 4}"}), partition=i % 3, headers=[
            ("tenant_id", "acme" if i % 5 else "beta"), ("correlation_id", f"c{i}"),
            *((f"pouch-dlq-{name}", text) for name, text in named.items())])
    independent.produce(pouch.brokers, letters, "x", partition=0)


@pytest.mark.acceptance("D23")
def test_letters_are_counted_by_error_topic_publisher_and_age(pouch, varied, letters):
    stats = counted(pouch)
    assert (stats["topic"], stats["letters"], stats["open"], stats["redriven"], stats["dismissed"]) == (letters, 30, 30, 0, 0)
    assert stats["by_reason"][0]["reason"] == "no_route" and letters_by(stats, "reason") == {"no_route": 19, "handler_error": 10, None: 1}
    assert letters_by(stats, "topic") == {"in-0": 10, "in-1": 10, "in-2": 9, None: 1}
    assert letters_by(stats, "publisher") == {"p0": 8, "p1": 7, "p2": 7, "p3": 7, None: 1}
    assert letters_by(stats, "group") == {"g0": 15, "g1": 14, None: 1}
    assert letters_by(stats, "tenant") == {"acme": 23, "beta": 6, None: 1}
    assert [(row["age"], row["letters"]) for row in stats["by_age"]] == [("under 1h", 1), ("under 7d", 5), ("under 30d", 23), ("older", 1)]
    assert sum(row["bytes"] for row in stats["by_topic"]) == stats["bytes"] > 29
    every = listed(pouch)
    times = [letter["time"] for letter in every]
    assert (stats["oldest"], stats["newest"]) == (min(times), max(times))
    assert stats["not_listed"] == {}

    # A filter leaves the same as in a list.
    for words in (["--reason", "no_route", "--tenant", "beta"], ["--since", "10d"], ["--topic", "in-2", "--publisher", "p1"]):
        assert counted(pouch, *words)["letters"] == len(listed(pouch, *words)) > 0
    text = pouch.ok("dlq", "stats", "--limit", "2")
    assert "letters    30," in text and "and 2 more; --limit shows them" in text and "handler_error" in text


@pytest.mark.acceptance("D23")
def test_how_long_letters_are_kept_is_told_as_the_topic_says(pouch, letters):
    pouch.ok("topic", "create", letters, "--partitions", 1, "--set", "retention.ms=86400000")
    assert counted(pouch)["retention_ms"] == 86400000 and counted(pouch)["oldest"] is None
    assert "kept for   1.0 days" in pouch.ok("dlq", "stats")
    pouch.env["POUCH_DLQ_TOPIC"] = "none-yet"
    assert counted(pouch)["letters"] == 0 and counted(pouch)["retention_ms"] is None


@pytest.mark.acceptance("D23")
def test_letters_that_were_dismissed_are_gone_for_lists_counts_and_redrives(pouch, varied, letters):
    away = {"matching": 19, "dismissed": 19, "later": 0, "dry_run": False}
    assert json.loads(pouch.ok("dlq", "dismiss", "--reason", "no_route", "--dry-run", "-o", "json")) == {**away, "dismissed": 0, "dry_run": True}
    assert len(listed(pouch)) == 30
    assert pouch.run("dlq", "dismiss", "--reason", "no_route").returncode == 64, "nobody can be asked"
    assert json.loads(pouch.ok("dlq", "dismiss", "--reason", "no_route", "--yes", "-o", "json")) == away
    done = pouch.run("dlq", "list", "-o", "json")
    assert len(json.loads(done.stdout)) == 11 and "19 of another status are left out" in done.stderr
    assert {letter["status"] for letter in listed(pouch, "--status", "dismissed")} == {"dismissed"}
    assert len(listed(pouch, "--status", "all")) == 30

    # One, by its place; a second time there is nothing to do.
    [one] = [letter for letter in listed(pouch) if letter["written_by"] == "unknown"]
    place = f"{one['partition']}/{one['offset']}"
    assert json.loads(pouch.ok("dlq", "dismiss", place, "--yes", "-o", "json"))["dismissed"] == 1
    assert "there is nothing to dismiss" in pouch.run("dlq", "dismiss", place, "--yes").stderr
    stats = counted(pouch, "--status", "all")
    assert (stats["letters"], stats["open"], stats["dismissed"]) == (30, 10, 20)
    assert counted(pouch)["letters"] == 10

    target = pouch.topic(partitions=1)
    plan = redriven(pouch, "--to", target, "--yes")
    assert (plan["sent"], plan["dismissed"]) == (10, 20)
    assert len(listed(pouch, "--status", "redriven")) == 10 and listed(pouch, "--status", "open") == []
    assert redriven(pouch, "--to", target, "--reason", "no_route", "--again", "--dry-run")["send"] == 19
    actions = [(change["after"]["action"], change["after"]["letters"]) for change in json.loads(pouch.ok("changes", "--kind", "dlq", "-o", "json"))]
    assert actions == [("dismiss", 19), ("dismiss", 1), ("redrive", 10)]


@pytest.mark.acceptance("D22")
def test_a_letter_tells_whose_it_is_and_what_event_and_shows_its_value_when_asked(pouch, letters):
    pouch.topic(letters)
    event = {"id": "0190b5a4-7b1e-7cc3-98c4-dc0c0c07398f", "type": "message.sent", "payload": {"canary": 1}}
    headers = [("tenant_id", "acme"), ("correlation_id", "c-7"), ("pouch-dlq-code", "invalid_payload"),
               ("pouch-dlq-source", "chat.messages.acme/3/9"), ("pouch-dlq-failed-at", "1700000000000")]
    independent.produce(pouch.brokers, letters, json.dumps(event), headers=headers, partition=0)
    sealed = independent.seal(pouch.key, json.dumps(event))
    independent.produce(pouch.brokers, letters, sealed, headers=headers, partition=1)
    independent.produce(pouch.brokers, letters, b"\xff{", partition=2)

    [plain] = shown(pouch, "0/0")
    assert (plain["failed_at"], plain["tenant"], plain["correlation_id"], plain["event_id"]) == ("2023-11-14T22:13:20.000Z", "acme", "c-7", event["id"])
    assert plain["source"] == {"topic": "chat.messages.acme", "partition": 3, "offset": 9}
    assert "raw_value" not in plain and "canary" not in json.dumps(plain)
    [plain] = shown(pouch, "0/0", "--raw")
    assert json.loads(plain["raw_value"]) == event

    [closed] = shown(pouch, "1/0", "--raw")
    assert closed["event_id"] is None and closed["raw_value"] == sealed
    [opened] = shown(pouch, "1/0", "--payload")
    assert opened["event_id"] == event["id"] and opened["payload"] == event

    [neither] = shown(pouch, "2/0", "--raw")
    assert (neither["failed_at"], neither["event_id"], neither["tenant"], neither["raw_value"]) == (None, None, None, "\ufffd{")
    assert "raw value   \\xff{" in pouch.ok("dlq", "show", "2/0", "--raw")
    assert [letter["tenant"] for letter in listed(pouch, "--tenant", "acme")] == ["acme", "acme"]

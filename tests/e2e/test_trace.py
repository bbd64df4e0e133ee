"""The message log of clients, workers and centers, and the two commands that read it."""

import contextlib
import json
import os
import pty
import re
import resource
import select
import sqlite3
import subprocess
import time
import uuid
from datetime import datetime, timezone
from pathlib import Path

import independent
import pytest
from conftest import PATIENCE, wait_until
from listener import Listener

SECRET = "a-word-that-nobody-may-read"


@pytest.fixture
def store(pouch, sqlite_url):
    """The folder of a store of this test's own, for everything it starts."""
    pouch.env["POUCH_STORE"] = sqlite_url
    return Path(sqlite_url.removeprefix("sqlite://"))


@pytest.fixture
def each_store(request, pouch, store_url):
    """A store of each kind in turn: a function that gives all that is in it."""
    pouch.env["POUCH_STORE"] = store_url
    if store_url.startswith("sqlite"):
        return lambda: b"".join(path.read_bytes() for path in Path(store_url.removeprefix("sqlite://")).iterdir())
    return request.getfixturevalue("keyspace").everything


def rows_of(pouch, request_id):
    done = pouch.run("trace", request_id, "-o", "json")
    return json.loads(done.stdout)["rows"] if done.returncode == 0 else []


def traced(pouch, request_id, n):
    """The rows of a request, as soon as there are n. What a client has left in the spool is brought by a worker, which looks once a minute."""
    return wait_until(lambda: (rows := rows_of(pouch, request_id)) and len(rows) >= n and rows, f"{n} rows of {request_id}", 3 * PATIENCE)


def whole(pouch, *words, env):
    """What is printed once no row is in a spool any more: one that was brought leaves it a moment after it is found."""
    return wait_until(lambda: "incomplete" not in (text := pouch.ok(*words, env=env)) and text, "nothing waiting", 3 * PATIENCE)


def kinds(rows):
    return [(row["by"], row["message_type"], row["success"]) for row in rows]


def answered(pouch, topic, payload, *words):
    """The id of a request that was answered."""
    done = pouch.ask(topic, payload, *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["request_id"]


@pytest.mark.acceptance("A10", "A17", "A18", "B14")
def test_client_and_worker_note_a_request_but_not_what_is_in_it(pouch, each_store):
    topic = pouch.topic()
    pouch.worker(topic, "--exec", "cat")
    rows = traced(pouch, answered(pouch, topic, {"word": SECRET}), 4)
    assert kinds(rows) == [("client", "request", True), ("worker", "request", True), ("worker", "response", True), ("client", "response", True)]
    asked, begun, ended, told = rows
    assert asked["topic"] == begun["topic"] == ended["topic"] == topic and told["topic"] == ended["target"] == "pouch-cli.replies"
    assert (begun["partition"], begun["offset"]) == (ended["partition"], ended["offset"]) and begun["offset"] is not None
    assert 0 < ended["took_us"] <= told["took_us"] and asked["took_us"] is None
    assert asked["at_us"] + told["took_us"] == pytest.approx(told["at_us"], abs=1e7)
    assert not any("envelope" in row for row in rows)
    everything = each_store()
    assert SECRET.encode() not in everything and b'"tag"' not in everything


@pytest.mark.acceptance("A17")
def test_the_files_have_the_table_that_splp_wrote(pouch, store):
    topic = pouch.topic()
    pouch.worker(topic, "--exec", "cat")
    rows = traced(pouch, answered(pouch, topic, {}), 4)
    logged = [row for path in store.glob("trace-*.db") for row in sqlite3.connect(path).execute(
        "SELECT request_id, timestamp, type, topic, payload, success, error, duration_ms FROM message_logs")]
    assert sorted((row[2], row[3], row[4], row[5], row[6]) for row in logged) == sorted(
        (row["message_type"], row["topic"], None, 1, None) for row in rows)
    assert {row[0] for row in logged} == {rows[0]["request_id"]} and sum(row[7] is not None for row in logged) == 2


@pytest.mark.acceptance("A17")
def test_a_payload_is_kept_only_sealed(pouch, each_store):
    pouch.env["POUCH_TRACE_PAYLOAD"] = "sealed"
    topic = pouch.topic()
    pouch.worker(topic, "--exec", "cat")
    rows = traced(pouch, answered(pouch, topic, {"word": SECRET}), 4)
    opened = [json.loads(independent.open_sealed(pouch.key, row["envelope"])) for row in rows]
    assert opened[0] == opened[1] == {"word": SECRET}
    assert opened[2] == opened[3] and opened[2]["payload"] == {"word": SECRET}
    assert SECRET.encode() not in each_store()
    envelopes = "\n".join(json.dumps(row["envelope"]) for row in rows)
    assert pouch.ok("open", stdin=envelopes).count(SECRET) == 4


@pytest.mark.acceptance("A17")
def test_errors_are_noted_by_their_code_and_a_handlers_words_are_not(pouch, each_store):
    topic = pouch.topic()
    pouch.worker(topic, "--exec", f"echo {SECRET} >&2; exit 1")
    done = pouch.ask(topic, {})
    assert SECRET in done.stderr
    rows = traced(pouch, json.loads(done.stdout)["request_id"], 4)
    assert kinds(rows)[2:] == [("worker", "response", False), ("client", "response", False)]
    assert [row["code"] for row in rows] == [None, None, "handler_error", "handler_error"]
    assert SECRET.encode() not in each_store()


def test_a_timeout_is_noted_by_the_client(pouch, store):
    done = pouch.ask(pouch.topic(), {}, timeout="2s")
    [asked, told] = traced(pouch, json.loads(done.stdout)["request_id"], 2)
    assert told["code"] == "timeout" and "no answer" in told["error"] and told["took_us"] >= 2000000
    [failed] = json.loads(pouch.ok("log", "--failed", "-o", "json"))["rows"]
    assert failed["request_id"] == asked["request_id"]


def test_a_request_is_noted_as_of_when_it_was_asked(pouch, store):
    """And not of when it had been sealed and handed over: by then whoever takes it may have noted that it came."""
    topic = pouch.topic(partitions=1)
    pouch.worker(topic, "--exec", "cat")
    asked = traced(pouch, answered(pouch, topic, "x" * 400000), 4)[0]
    [record] = independent.read_all(pouch.brokers, topic)
    assert asked["at_us"] // 1000 + 60000 == int(independent.headers(record)["pouch-deadline"])


def test_a_worker_notes_requests_of_others_and_a_client_answers_of_others(pouch, store):
    """One side of each exchange is a client that nobody here wrote."""
    ours, theirs, request = pouch.topic(), pouch.topic(), str(uuid.uuid4())
    pouch.worker(ours, "--exec", "cat")
    independent.produce(pouch.brokers, ours, independent.seal(pouch.key, "{}", request_id=request, worker_name="orders"))
    [begun, ended] = traced(pouch, request, 2)
    assert begun["publisher"] == ended["publisher"] == "orders"

    consumer = independent.reader(pouch.brokers, theirs)
    asking = pouch.start("request", theirs, "{}", "--timeout", "60s", "-o", "json")
    [record] = independent.read(consumer, 1)
    consumer.close()
    envelope = json.loads(record.value())
    reply = {"request_id": envelope["request_id"], "payload": 1, "timestamp": 1, "success": True}
    independent.produce(pouch.brokers, envelope["replyTopic"], key=envelope["request_id"],
                        value=independent.seal(pouch.key, json.dumps(reply), request_id=envelope["request_id"]))
    assert asking.process.wait(60) == 0
    assert kinds(traced(pouch, envelope["request_id"], 2)) == [("client", "request", True), ("client", "response", True)]


@pytest.mark.acceptance("A19")
def test_the_log_is_read_by_time_publisher_and_failure(pouch, each_store):
    topic = pouch.topic(partitions=1)
    pouch.worker(topic, "--pipe", "while read -r line; do id=$(echo \"$line\" | cut -d'\"' -f4); echo \"{\\\"request_id\\\":\\\"$id\\\",\\\"payload\\\":1}\"; done")
    ids = []
    for publisher in ("one", "two", "one"):
        ids.append(str(uuid.uuid4()))
        independent.produce(pouch.brokers, topic, independent.seal(pouch.key, "{}", request_id=ids[-1], worker_name=publisher))
    independent.produce(pouch.brokers, topic, "garbage")
    for request in ids:
        traced(pouch, request, 2)

    def log(*words):
        return json.loads(pouch.ok("log", "-o", "json", *words))

    everything = wait_until(lambda: (found := log()) and len(found["rows"]) == 7 and found["complete"] and found, "seven rows", 3 * PATIENCE)
    assert everything["missing"] == 0
    times = [row["at_us"] for row in everything["rows"]]
    assert times == sorted(times), "the newest last"
    assert {row["request_id"] for row in log("--publisher", "one")["rows"]} == {ids[0], ids[2]}
    assert [row["code"] for row in log("--failed")["rows"]] == ["bad_envelope"]
    assert log("--limit", "2")["rows"] == everything["rows"][-2:]

    def stamp(us):
        return datetime.fromtimestamp(us / 1e6, timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")

    later = times[-1] // 1000 * 1000 + 1000
    assert log("--until", stamp(times[0] // 1000 * 1000))["rows"] == []
    assert log("--since", stamp(later))["rows"] == []
    assert log("--since", "10m", "--until", stamp(later))["rows"] == everything["rows"]
    assert log("--until", "10m")["rows"] == []
    assert [json.loads(line) for line in pouch.ok("log", "-o", "jsonl").splitlines()] == everything["rows"]
    text = pouch.ok("log")
    assert text.startswith("TIME ") and len(text.splitlines()) == 8 and "bad_envelope" in text
    for words in (["--since", "then"], ["--limit", "0"], ["--follow", "-o", "json"], ["--follow", "--until", "1m"]):
        assert pouch.run("log", *words).returncode == 64


def test_the_log_can_be_followed_and_prints_a_row_once(pouch, store):
    topic = pouch.topic()
    pouch.worker(topic, "--exec", "cat")
    first = answered(pouch, topic, {})
    following = pouch.start("log", "--follow", "-o", "jsonl", "--limit", "2")
    following.wait_for(first)
    ids = [answered(pouch, topic, {"n": n}) for n in range(3)]
    wait_until(lambda: sum(following.stdout().count(request) for request in ids) >= 12, "all rows")
    # What comes now is read together with what was printed, so a second copy would be printed before it.
    last = answered(pouch, topic, {})
    wait_until(lambda: following.stdout().count(last) == 4, "the rows of one more")
    for request in ids:
        assert following.stdout().count(request) == 4
    assert following.running()
    following.kill()


def test_a_log_that_is_followed_ends_when_nobody_reads_it_any_more(pouch, store):
    topic = pouch.topic()
    pouch.worker(topic, "--exec", "cat")
    request = answered(pouch, topic, {})
    following = subprocess.Popen(pouch.command("log", "--follow", "-o", "jsonl"), env=pouch.env, stdout=subprocess.PIPE)
    assert request.encode() in following.stdout.readline()
    following.stdout.close()
    answered(pouch, topic, {})
    assert following.wait(60) == 0


@pytest.fixture
def chain(pouch, each_store):
    """A publisher, a center and a worker; the id of a request that went through all."""
    topic, inbox = pouch.topic(), pouch.topic(f"inbox-{uuid.uuid4().hex[:8]}")
    pouch.env["POUCH_CENTER_INBOX"] = inbox
    pouch.ok("route", "add", "orders", topic)
    pouch.start("center", "--start", "earliest").wait_for("routing")
    pouch.worker(topic, "--exec", "cat")
    done = pouch.run("request", "--publisher", "orders", "--timeout", "60s", "-o", "json", stdin="{}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["request_id"], inbox, topic


@pytest.mark.acceptance("A18", "B15")
def test_the_way_through_a_center_is_drawn_as_a_waterfall(pouch, chain):
    request, inbox, topic = chain
    rows = traced(pouch, request, 5)
    assert [row["by"] for row in rows] == ["client", "center", "worker", "worker", "client"]
    assert {row["publisher"] for row in rows} == {"orders"}
    text = whole(pouch, "trace", request.upper(), env={"LC_ALL": "C", "COLUMNS": "80"})
    lines = text.splitlines()
    assert text.isascii() and "\x1b" not in text and max(map(len, lines)) <= 80
    assert request in lines[0] and "3 hops" in lines[1] and "orders" in lines[1]
    assert [line.split()[0] for line in lines[4:7]] == ["client", "center", "worker"]
    assert all(line.endswith("ok") for line in lines[4:7])
    wide = whole(pouch, "trace", request, env={"LC_ALL": "C.UTF-8", "COLUMNS": "200"}).splitlines()
    assert f"{inbox} → {topic}" in wide[5] and "█" in wide[5]
    bars = [len(re.search("█+", line).group()) for line in wide[4:7]]
    assert bars[0] == max(bars), "the client waits for all of it"


def on_terminal(pouch, *words, **env):
    """What the program writes to a terminal of 80 columns."""
    master, slave = pty.openpty()
    process = subprocess.Popen(pouch.command(*words), stdout=slave, stdin=slave, stderr=subprocess.STDOUT,
                               env=dict(pouch.env, TERM="xterm", COLUMNS="80", LC_ALL="C.UTF-8", **env))
    os.close(slave)
    out = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while select.select([master], [], [], 60)[0] and (more := os.read(master, 65536)):
            out += more
    os.close(master)
    assert process.wait(60) == 0
    return out.decode()


def test_colours_are_for_terminals_and_only_without_no_color(pouch, store):
    done = pouch.ask(pouch.topic(), {}, timeout="1s")
    request = json.loads(done.stdout)["request_id"]
    assert "\x1b[31m" in on_terminal(pouch, "trace", request), "a failure is red"
    assert "\x1b" not in on_terminal(pouch, "trace", request, NO_COLOR="1")
    text = pouch.ok("trace", request)
    assert "\x1b" not in text and "failed" in text and "timeout: no answer" in text


def test_an_unknown_request_names_the_store_that_was_read(pouch, store):
    done = pouch.run("trace", str(uuid.uuid4()))
    assert done.returncode == 1 and f"sqlite://{store}" in done.stderr and "trace.ttl" in done.stderr
    assert pouch.run("trace", "nonsense").returncode == 64
    assert pouch.run("trace", str(uuid.uuid4()), "--store", "nowhere://").returncode == 78
    assert pouch.run("log").returncode == 0


def test_without_a_store_nothing_is_noted(pouch):
    pouch.env["XDG_STATE_HOME"] = str(pouch.folder)
    topic = pouch.topic()
    pouch.worker(topic, "--exec", "cat")
    request = answered(pouch, topic, {})
    done = pouch.run("trace", request)
    assert done.returncode == 1 and f"sqlite://{pouch.folder}/pouch" in done.stderr


@pytest.mark.acceptance("A1", "A20")
def test_a_store_that_cannot_be_opened_stops_neither_client_nor_worker(pouch):
    blocked = pouch.folder / "file"
    blocked.write_text("a file, where a folder would have to be")
    pouch.env["POUCH_STORE"] = f"sqlite://{blocked}/store"
    topic = pouch.topic()
    worker = pouch.worker(topic, "--exec", "cat")
    done = pouch.ask(topic, {})
    assert done.returncode == 0
    for talk in (worker.stderr(), done.stderr):
        assert "messages are not logged" in talk and str(blocked) in talk


@pytest.mark.acceptance("A1")
@pytest.mark.parametrize("url,named", [("cassandraa://host/space", "store cassandraa:"), ("sqlite:", "store sqlite:"),
                                       ("sqlite://relative/folder", "sqlite://relative/folder"), ("/only/a/path", "/only/a/path")])
def test_a_store_that_is_none_is_an_error_of_the_settings(pouch, url, named):
    topic = pouch.topic()
    for words in (["request", topic, "{}"], ["worker", topic, "--exec", "cat"]):
        done = pouch.run(*words, env={"POUCH_STORE": url})
        assert done.returncode == 78 and named in done.stderr, done.stderr


@pytest.mark.acceptance("A20")
def test_a_disk_that_is_full_under_a_running_worker_costs_rows_and_nothing_else(pouch, store):
    topic = pouch.topic()
    worker = pouch.worker(topic, "--exec", "cat", "--listen", "127.0.0.1:0")
    listener = Listener(worker)
    before = answered(pouch, topic, {})
    traced(pouch, before, 4)

    no_room = (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    usual = resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, no_room)
    began = time.time()
    lost = [answered(pouch, topic, {"n": n}) for n in range(5)]
    assert worker.running()
    for request in lost:
        assert kinds(traced(pouch, request, 2)) == [("client", "request", True), ("client", "response", True)]
    wait_until(lambda: listener.metrics()[("pouch_trace_missing_total",)] == 2 * len(lost), "the worker's rows being lost")

    resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, usual)

    def noted_again():
        return len(traced(pouch, answered(pouch, topic, {}), 2)) == 4

    wait_until(noted_again, "the worker writing rows again")
    log = wait_until(lambda: (found := json.loads(pouch.ok("log", "-o", "json", "--limit", "1000"))) and found["missing"] and not found["waiting"] and found, "the gap")
    assert log["complete"] is False and log["missing"] >= 2 * len(lost)
    assert "*incomplete*" in pouch.ok("log", "--limit", "1000")
    assert "*incomplete*" in pouch.ok("trace", lost[2])
    assert "*incomplete*" not in pouch.ok("trace", before)
    assert began < log["rows"][-1]["at_us"] / 1e6
    assert worker.stop() == 0


@pytest.mark.acceptance("A20", "B28")
def test_rows_that_wait_in_a_spool_are_told_until_the_store_has_them(pouch, store):
    spool, away = pouch.folder / "spool", pouch.folder / "away"
    pouch.env["POUCH_TRACE_SPOOL"] = str(spool)
    topic = pouch.topic()
    worker = pouch.worker(topic, "--exec", "cat", "--listen", "127.0.0.1:0")
    listener = Listener(worker)
    before = answered(pouch, topic, {})
    traced(pouch, before, 4)

    store.rename(away)
    store.write_text("a file where the store was")
    request = answered(pouch, topic, {})  # which notes nothing itself: the store cannot be opened
    wait_until(lambda: listener.metrics()[("pouch_trace_spooled_total",)] == 2, "both rows being in the spool")
    worker.kill()
    store.unlink()
    away.rename(store)

    told = f"2 rows wait in the spool of {spool}"
    for words in (["trace", before], ["log"], ["route", "stats"]):
        document = json.loads(pouch.ok(*words, "-o", "json"))
        assert (document["complete"], document["missing"], document["waiting"]) == (False, 0, 2)
        assert f"*incomplete*: {told}" in pouch.ok(*words)
        assert f"incomplete: {told}" in pouch.run(*words, "-o", "jsonl").stderr
    done = pouch.run("trace", request)
    assert done.returncode == 1 and told in done.stderr
    assert "incomplete" not in pouch.ok("trace", before, env={"POUCH_TRACE_SPOOL": "/dev/null"})

    pouch.worker(topic, "--exec", "cat", name="after")
    assert kinds(traced(pouch, request, 2)) == [("worker", "request", True), ("worker", "response", True)]
    wait_until(lambda: json.loads(pouch.ok("trace", before, "-o", "json"))["complete"], "the spool being empty")

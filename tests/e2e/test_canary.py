"""What never leaves a process: the payload and the key, in any log, table, spool, topic or core dump."""

import base64
import json
import os
import resource
import signal
import uuid
from pathlib import Path

import independent
import pytest
from conftest import stack, wait_until
from listener import Listener
from test_keys import make_ring


class Canary:
    """A payload and a key in all the forms in which they could be found."""

    def __init__(self, key):
        self.payload, raw = f"canary-{uuid.uuid4().hex}", bytes.fromhex(key)
        self.forms = {
            "the payload": self.payload.encode(),
            "the payload in hex": self.payload.encode().hex().encode(),
            "the payload in base64": base64.b64encode(self.payload.encode())[4:-4],
            "the key": raw,
            "the key in hex": key.lower().encode(),
            "the key in capitals": key.upper().encode(),
            "the key in base64": base64.b64encode(raw).rstrip(b"="),
        }

    def found(self, data):
        return [name for name, form in self.forms.items() if form in data]


def test_a_canary_is_found_where_it_is():
    canary = Canary("5a" * 32)
    for name, form in canary.forms.items():
        assert name in canary.found(b"before" + form + b"after")
    assert not canary.found(b"neither")


@pytest.fixture
def tables(request, store_url):
    """Of a Cassandra: all that is in them. A SQLite store is a folder of the test's."""
    return request.getfixturevalue("keyspace").everything if store_url.startswith("cassandra") else lambda: b""


def topics_of(pouch):
    return {topic for topic in independent.producer(pouch.brokers).list_topics(timeout=60).topics if not topic.startswith("__")}


def bytes_of(path):
    """None of a file that has been emptied into the store meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def everything_written(pouch, tmp_path, tables, file_but, topics_but):
    yield "the tables", tables()
    for path in sorted(tmp_path.rglob("*")):
        if path.is_file() and path != file_but:
            yield str(path), bytes_of(path)
    for topic in topics_of(pouch) - topics_but:
        for record in independent.read_all(pouch.brokers, topic):
            parts = [record.key(), record.value(), *(part for header in record.headers() or [] for part in (header[0].encode(), header[1]))]
            yield f"{topic}/{record.partition()}/{record.offset()}", b"\n".join(part or b"" for part in parts)


class Watched:
    """A key in a file, and a center and a worker that log all they can; the worker answers, refuses or asks for another try."""

    def __init__(self, pouch, tmp_path, url, **settings):
        self.pouch, self.folder, self.canary = pouch, tmp_path, Canary(pouch.key)
        self.of_other_tests = {topic for topic in topics_of(pouch) if not topic.startswith(("internal.", "pouch"))}
        self.ring = make_ring(tmp_path / "ring", f"a:{pouch.key}")
        self.inbox, self.topic, self.replies = pouch.topic(), pouch.topic(), pouch.topic(f"c-{uuid.uuid4().hex}.replies", 1)
        self.debug = ["-X", "debug=all"]
        del pouch.env["ENCRYPTION_KEY"]
        pouch.env |= {"POUCH_STORE": url, "POUCH_CENTER_INBOX": self.inbox, "POUCH_KEY_FILE": str(self.ring), "POUCH_LOG_LEVEL": "debug",
                      "POUCH_CENTER_ROUTES_TOPIC": f"routes-{self.inbox}", **settings}
        pouch.ok("route", "add", "secret", self.topic)
        script = tmp_path / "answer.sh"
        script.write_text('read -r line; case $line in *refuse*) echo "$line" >&2; exit 1;; *again*) exit 75;; esac; printf %s "$line"\n')
        self.center = pouch.start("center", "--start", "earliest", "--listen", "127.0.0.1:0", *self.debug, name="center")
        self.worker = pouch.worker(self.topic, "--exec", f"sh {script}", "--start", "earliest", "--listen", "127.0.0.1:0", *self.debug, name="worker")
        self.listeners = [Listener(self.center), Listener(self.worker)]

    def ask(self, kind, publisher="secret"):
        """The id of a request with the canary, and the code of its error."""
        payload = {"kind": kind, "text": self.canary.payload}
        done = self.pouch.run("request", "--publisher", publisher, "-o", "json", "--timeout", "60s", *self.debug, stdin=json.dumps(payload))
        (self.folder / f"request-{kind}.err").write_text(done.stderr.replace(self.canary.payload, "") if kind == "refuse" else done.stderr)
        answer = json.loads(done.stdout)
        return answer["request_id"], answer.get("error", {}).get("code")

    def save_what_is_served(self):
        for listener in self.listeners:
            for path in ("/livez", "/readyz", "/metrics", "/statusz"):
                (self.folder / f"{listener.program.name}{path.replace('/', '-')}").write_bytes(listener.get(path).content)

    def leaks(self, tables):
        written = everything_written(self.pouch, self.folder, tables, self.ring, self.of_other_tests)
        return {where: forms for where, data in written if (forms := self.canary.found(data))}


@pytest.mark.acceptance("A17", "B13")
@pytest.mark.parametrize("payload", ["none", "sealed"])
def test_neither_payload_nor_key_is_in_any_log_table_spool_or_topic(pouch, tmp_path, store_url, tables, payload):
    watched = Watched(pouch, tmp_path, store_url, POUCH_TRACE_PAYLOAD=payload)
    codes = {kind: watched.ask(kind)[1] for kind in ("fine", "refuse", "again")}
    assert codes == {"fine": None, "refuse": "handler_error", "again": "handler_error"}
    assert watched.ask("missing", publisher="nobody")[1] == "no_route"
    bad = independent.seal(pouch.key, f"{watched.canary.payload}: no JSON", replyTopic=watched.replies)
    independent.produce(pouch.brokers, watched.topic, bad)
    independent.produce(pouch.brokers, watched.topic, independent.seal("8" * 64, json.dumps(watched.canary.payload), replyTopic=watched.replies))
    reader = independent.reader(pouch.brokers, watched.replies)
    independent.read(reader, 2)
    reader.close()
    watched.save_what_is_served()
    watched.worker.kill()  # so that what only an orderly end would clear away is still there
    assert watched.center.stop() == 0
    traced = tables() or b"".join(path.read_bytes() for path in (tmp_path / "store").glob("trace-*.db"))
    assert watched.topic.encode() in traced, "nothing was traced"
    assert not watched.leaks(tables)


@pytest.mark.acceptance("A17", "A20", "B13", "B17", "B21")
def test_neither_is_in_what_waits_for_a_cassandra_that_is_away(pouch, tmp_path, cassandra, keyspace):
    """Its rows go into the spool and from there into the tables; looked for in both."""
    spool, impatient = tmp_path / "spool", keyspace.url.replace("request_timeout=60s", "request_timeout=5s")
    watched = Watched(pouch, tmp_path, impatient, POUCH_TRACE_PAYLOAD="sealed", POUCH_TRACE_SPOOL=str(spool))
    for program in (watched.center, watched.worker):
        assert core_limits(program.process.pid) == ["0", "0"], "no core dump can be written"
    assert watched.ask("fine")[1] is None
    pouch.env["POUCH_STORE"] = f"sqlite://{tmp_path}/client"  # that of the client is here all the time
    stack(cassandra["stack"], "kill", "-STOP", "cassandra")
    try:
        asked = [watched.ask(kind)[0] for kind in ("fine", "refuse")]
        for listener in watched.listeners:
            wait_until(lambda served=listener: served.metrics()[("pouch_trace_spooling",)] == 1, "rows going into the spool", 3 * 60)
        watched.save_what_is_served()
        spooled = b"".join(bytes_of(path) for path in spool.rglob("*") if path.is_file())
        assert watched.topic.encode() in spooled, "nothing was spooled"
        assert not watched.leaks(lambda: b"")
    finally:
        stack(cassandra["stack"], "kill", "-CONT", "cassandra")

    def stored():
        found = [row["request_id"] for row in keyspace.rows("SELECT request_id FROM {}.trace_by_request")]
        return all(sum(str(one) == request for one in found) >= 3 for request in asked)

    wait_until(stored, "the rows of center and worker being in the tables", 3 * 60)
    assert watched.center.stop() == 0
    assert not watched.leaks(keyspace.everything)


# Core dumps


def core_limits(pid):
    [line] = [line for line in open(f"/proc/{pid}/limits") if line.startswith("Max core file size")]
    return line.split()[4:6]


def children(pid):
    """Of all its threads."""
    return [child for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]


def end_by_abort(program):
    """How it ended, as waitpid() tells it."""
    program.sent.add(signal.SIGABRT)
    program.process.send_signal(signal.SIGABRT)
    status = os.waitpid(program.process.pid, 0)[1]
    program.process.returncode = -signal.SIGABRT
    assert os.WTERMSIG(status) == signal.SIGABRT
    return status


def test_no_core_dump_is_written(pouch, tmp_path, monkeypatch):
    """Beside one of a program that allows it, so that this shows what it says."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    monkeypatch.chdir(tmp_path)
    try:
        topic = pouch.topic()
        worker = pouch.worker(topic, "--pipe", "exec sleep 1000")
        other = pouch.start_other(["sleep", "1000"], "sleep")
        wait_until(lambda: core_limits(worker.process.pid) == ["0", "0"], "the limit of core dumps being 0")
        handler = wait_until(lambda: children(worker.process.pid), "the handler")[0]
        assert core_limits(handler) == ["0", "0"]
        ends = {program.name: end_by_abort(program) for program in (worker, other)}
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    assert not os.WCOREDUMP(ends[worker.name])
    assert os.WCOREDUMP(ends["sleep"]) or hard == 0, "without a limit a core dump is written"

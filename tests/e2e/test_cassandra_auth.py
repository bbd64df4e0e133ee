"""A store on a Cassandra that lets in nobody without TLS and a password: the whole path, and what is told to whoever is not let in."""

import json
import ssl
import subprocess
import uuid
from pathlib import Path

import pytest
from cassandra.auth import PlainTextAuthProvider
from conftest import wait_until
from keyspaces import Keyspace, connect, new_name, store_url

PERMISSION, CONFIG = 77, 78


class Server:
    """The server, a user of our own there who may make keyspaces and no more, and a keyspace that this user has made."""

    def __init__(self, exports, folder):
        self.exports = {name.replace("_AUTH_", "_"): value for name, value in exports.items()}
        self.ca, self.user, self.password = exports["CASSANDRA_AUTH_CA"], f"u{uuid.uuid4().hex[:8]}", f"Secret-{uuid.uuid4().hex}"
        login = PlainTextAuthProvider(exports["CASSANDRA_AUTH_USER"], exports["CASSANDRA_AUTH_PASSWORD"])
        self.session = connect(self.exports, auth_provider=login, ssl_context=ssl.create_default_context(cafile=self.ca))
        self.session.execute(f"CREATE ROLE {self.user} WITH PASSWORD = '{self.password}' AND LOGIN = true")
        self.session.execute(f"GRANT CREATE ON ALL KEYSPACES TO {self.user}")
        self.password_file = secret_file(folder / "password", self.password)
        self.keyspace = Keyspace(self.exports, new_name(), self.session)

    def url(self, **changed):
        given = {"user": self.user, "password_file": self.password_file, "ca": self.ca, "connect_timeout": "60s", **changed}
        return store_url(self.exports, self.keyspace.name, "".join(f"&{name}={value}" for name, value in given.items() if value))


def secret_file(path, password):
    path.touch(0o600)
    path.write_text(f"{password}\n")
    return path


@pytest.fixture(scope="module")
def server(cassandra_auth, tmp_path_factory):
    made = Server(cassandra_auth, tmp_path_factory.mktemp("auth"))
    yield made
    made.session.cluster.shutdown()


@pytest.mark.acceptance("A17", "B7", "B9", "B13", "B14")
def test_what_happened_is_kept_over_tls_by_a_user_with_a_password(server, pouch, tmp_path):
    inbox, topic, publisher = pouch.topic(), pouch.topic(), f"p-{uuid.uuid4().hex[:8]}"
    pouch.env |= {"POUCH_STORE": server.url(), "POUCH_CENTER_INBOX": inbox, "POUCH_LOG_LEVEL": "debug"}
    pouch.ok("route", "add", publisher, topic)
    programs = [pouch.start("center", "--start", "earliest").wait_for("routing"), pouch.worker(topic, "--exec", "cat")]
    asking = pouch.start("request", "--publisher", publisher, "--timeout", "60s", "-o", "json", '{"n":1}')
    assert asking.process.wait(120) == 0, asking.stderr()
    request = json.loads(asking.stdout())["request_id"]

    def stored():
        return {(row["made_by"], row["message_type"] or row["type"]) for row in server.keyspace.rows(
            f"SELECT * FROM {{}}.trace_by_request WHERE request_id = {request}")}

    sides = {("client", "request"), ("center", "request"), ("worker", "request"), ("worker", "response"), ("client", "response")}
    wait_until(lambda: stored() == sides, "the rows of client, center and worker")
    [route] = server.keyspace.rows(f"SELECT * FROM {{}}.registry WHERE part = 'registry' AND kind = 'route' AND name = '{publisher}'")
    assert (route["target_topic"], route["enabled"]) == ([topic], True)
    assert len(json.loads(pouch.ok("trace", request, "-o", "json"))["rows"]) == len(sides)

    shown = pouch.ok("config", "show", "-o", "json", env={"POUCH_CASSANDRA_PASSWORD": server.password})
    assert str(server.password_file) in shown and server.password not in shown
    for program in programs:
        assert server.password.encode() not in Path(f"/proc/{program.process.pid}/cmdline").read_bytes()
        assert server.password.encode() not in Path(f"/proc/{program.process.pid}/environ").read_bytes()
        assert program.stop() == 0
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and server.password.encode() in path.read_bytes()]


@pytest.mark.acceptance("A17")
def test_who_is_not_let_in_is_told_why_and_what_to_do(server, pouch, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other",
                    "-keyout", tmp_path / "other.key", "-out", tmp_path / "other.pem"], check=True, capture_output=True)
    guess = f"Guess-{uuid.uuid4().hex}"
    wrong = secret_file(tmp_path / "wrong", guess)
    cases = {
        server.url(password_file=wrong): (PERMISSION, "refuses user and password"),
        server.url(user=None, password_file=None): (PERMISSION, "give user"),
        server.url(ca=tmp_path / "other.pem"): (CONFIG, "certificate"),
        server.url(ca=None, tls="on"): (CONFIG, "certificate"),
        server.url(password_file=tmp_path / "none"): (CONFIG, f"{tmp_path}/none"),
    }
    for url, (code, words) in cases.items():
        for command in (["route", "list"], ["trace", str(uuid.uuid4())], ["log"]):
            done = pouch.run(*command, env={"POUCH_STORE": url})
            assert (done.returncode, done.stdout) == (code, "") and words in done.stderr, (command, url, done.returncode, done.stderr)
            assert guess not in done.stderr and server.password not in done.stderr


@pytest.mark.acceptance("A20")
def test_a_password_that_the_store_refuses_costs_rows_and_no_request(server, pouch, tmp_path):
    pouch.env["POUCH_STORE"] = server.url(password_file=secret_file(tmp_path / "wrong", "Guess-4711"))
    topic = pouch.topic()
    worker = pouch.worker(topic, "--exec", "cat")
    done = pouch.ask(topic, {"n": 1})
    assert done.returncode == 0 and json.loads(done.stdout)["payload"] == {"n": 1}
    worker.wait_for("refuses user and password")
    assert "Guess-4711" not in worker.stderr() + done.stderr

"""What the end-to-end tests share: servers, the program, and an independent view of the wire.

The servers are started by scripts/stack and ended with the run. The independent client is
confluent-kafka, and the independent cipher is the `cryptography` package: nothing of ours.
"""

import contextlib
import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("POUCH_BUILD", ROOT / "build" / "release"))
POUCH = Path(os.environ.get("POUCH_BIN", BUILD / "pouch"))
sys.path.insert(0, str(ROOT / "tests" / "support"))

import keyspaces  # noqa: E402
from installed import Installed  # noqa: E402

PATIENCE = 60  # seconds; a bound for waits that normally end at once, never a thing to be asserted

# What must work on every kind of store: a test of one of these rows that asks for `store_url` runs on each.
STORES = ("sqlite", "cassandra")
ON_EACH_STORE = {*(f"A{n}" for n in range(17, 21)), *(f"B{n}" for n in (*range(7, 18), 19, 21, 28))}


def pytest_generate_tests(metafunc):
    if "store_url" in metafunc.fixturenames:
        rows = {row for mark in metafunc.definition.iter_markers("acceptance") for row in mark.args}
        metafunc.parametrize("store_url", STORES if rows & ON_EACH_STORE else STORES[:1], indirect=True)


class OneCassandra(LoadFileScheduling):
    """For `-n`: the tests of a file share a process, and so do all that need a Cassandra, by their names, for the sake of one server."""

    def _split_scope(self, nodeid):
        return "cassandra" if "cassandra" in nodeid or "test_cql.py" in nodeid else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return OneCassandra(config, log)


def wait_until(condition, what, seconds=PATIENCE):
    """The first true value of condition(), looked for in short intervals; fails when it does not come."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"{what} did not happen within {seconds} s")
        time.sleep(0.02)


STATE = tempfile.TemporaryDirectory(prefix="pouch-state-")  # where programs keep what no test looks at


def clean_environment():
    names = ("POUCH_", "KAFKA_", "CASSANDRA_", "ENCRYPTION_KEY", "SPLP_", "PRODUCER_", "CONSUMER_", "SCHEMA_")
    return dict({name: value for name, value in os.environ.items() if not name.startswith(names)}, XDG_STATE_HOME=STATE.name)


# What tests end programs with, and what a sanitizer says.
ENDS = {signal.SIGTERM, signal.SIGINT, signal.SIGKILL}
FINDING = re.compile(r"(ERROR|WARNING): (Address|Leak|Thread)Sanitizer|^\S+:\d+:\d+: runtime error: ", re.MULTILINE)


class Program:
    """A running `pouch` or other program; its output goes to files, so that it never blocks on us."""

    def __init__(self, command, env, folder, name):
        self.name, self.sent = name, {*ENDS}
        self.out, self.err = folder / f"{name}.out", folder / f"{name}.err"
        self.process = subprocess.Popen([str(word) for word in command], env=env, stdin=subprocess.DEVNULL,
                                        stdout=self.out.open("wb"), stderr=self.err.open("wb"), start_new_session=True)

    def stdout(self):
        return self.out.read_text(errors="replace")  # the last character may not be there whole

    def stderr(self):
        return self.err.read_text(errors="replace")

    def lines(self):
        """Of its output, those that are there whole while it writes on."""
        return self.stdout().rpartition("\n")[0].splitlines()

    def running(self):
        return self.process.poll() is None

    def wait_for(self, text, seconds=PATIENCE):
        def look():
            if text in self.stdout() + self.stderr():
                return True
            assert self.running(), f"{self.name} ended with {self.process.returncode}: {self.stderr()[-2000:]}"
            return False

        wait_until(look, f"{self.name} saying '{text}'", seconds)
        return self

    def fault(self):
        """The signal that ended it and that no test sent, or what a sanitizer found; None: nothing of the kind."""
        code, said = self.process.poll() or 0, self.stderr()
        if code < 0 and -code not in self.sent:
            return f"{self.name} was ended by {signal.Signals(-code).name}: {said[-2000:]}"
        found = FINDING.search(said)
        return found and f"{self.name}: {said[found.start():][:2000]}"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=PATIENCE):
        """SIGTERM and the exit code."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"{self.name} did not end within {seconds} s of SIGTERM: {self.stderr()[-2000:]}")


class Pouch:
    """The program against one broker with one key."""

    def __init__(self, brokers, folder, flags=(), key=None):
        self.brokers, self.folder, self.flags = brokers, folder, list(flags)
        self.key = key or secrets.token_hex(32)
        # Most peers of the tests read without a group, so nobody can see that they are there.
        self.env = dict(clean_environment(), POUCH_CLIENT_NO_RESPONDERS="off", POUCH_BROKERS=brokers, ENCRYPTION_KEY=self.key, XDG_STATE_HOME=str(folder / "state"),
                        ASAN_OPTIONS="detect_leaks=0" if "asan" not in str(BUILD) else "detect_leaks=1")
        self.programs = []

    def through(self, brokers):
        """The same by other addresses; what it starts ends with what this one has started."""
        other = Pouch(brokers, self.folder, key=self.key)
        other.programs = self.programs
        return other

    def command(self, *words):
        words = [str(word) for word in words]
        return [POUCH, *words, *self.flags]

    def run(self, *words, stdin=None, timeout=120, env=None):
        return subprocess.run(self.command(*words), input=stdin, capture_output=True, text=True, timeout=timeout,
                              env=dict(self.env, **(env or {})), stdin=None if stdin is not None else subprocess.DEVNULL)

    def ok(self, *words, stdin=None, timeout=120, env=None):
        done = self.run(*words, stdin=stdin, timeout=timeout, env=env)
        assert done.returncode == 0, f"pouch {shlex.join(map(str, words))}: exit {done.returncode}: {done.stderr[-2000:]}"
        return done.stdout

    def start(self, *words, name=None, env=None):
        name = name or f"{words[0]}-{len(self.programs)}"
        program = Program(self.command(*words), dict(self.env, **(env or {})), self.folder, name)
        self.programs.append(program)
        return program

    def start_other(self, command, name, env=None):
        program = Program(command, dict(self.env, **(env or {})), self.folder, name)
        self.programs.append(program)
        return program

    def topic(self, name=None, partitions=3):
        name = name or f"t-{uuid.uuid4().hex[:12]}"
        self.ok("topic", "create", name, "--partitions", partitions)
        return name

    def worker(self, topic, *words, name=None, env=None):
        """A worker that has begun; its group may have no partitions yet, and a request waits for that as long as its own timeout says."""
        program = self.start("worker", topic, *words, name=name, env=env)
        program.wait_for("topics")
        return program

    def ask(self, topic, payload, *words, timeout="60s"):
        return self.run("request", topic, "--timeout", timeout, "-o", "json", *words, stdin=json.dumps(payload))

    def stop_all(self):
        """Ends all that still runs, as far as it lets itself be ended; fails when one of all the programs has crashed."""
        for program in self.programs:
            if program.running():
                with contextlib.suppress(BaseException):
                    program.stop(20)
        if faults := [*filter(None, (program.fault() for program in self.programs))]:
            pytest.fail("\n".join(faults))


def stack(name, verb, *words, idle=False):
    """scripts/stack VERB, on the stack of that name; what it prints. idle: what it starts runs only when nothing else wants to."""
    policy = ["chrt", "--idle", "0"] if idle else []
    done = subprocess.run([*policy, ROOT / "scripts" / "stack", verb, "--name", name, *words], capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"scripts/stack {shlex.join([verb, *words])}: {done.stderr[-3000:]}")
    return done.stdout


@contextlib.contextmanager
def running(name, *servers, idle=False):
    """Servers, as long as this lasts: their exports, and the name of their stack."""
    exports = {"stack": name}
    try:
        for line in stack(name, "up", *servers, idle=idle).splitlines():
            variable, _, value = line.removeprefix("export ").partition("=")
            exports[variable] = shlex.split(value)[0] if value else ""
        yield exports
    finally:
        stack(name, "down")


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """The build, installed under a prefix."""
    # Sanitized code cannot be linked by others as an ordinary library can.
    assert "POUCH_SANITIZE:STRING=\n" in (BUILD / "CMakeCache.txt").read_text(), "needs a build without sanitizers"
    return Installed(BUILD, tmp_path_factory.mktemp("prefix"))


@pytest.fixture
def example_topics(pouch):
    """The topics of the examples' workers, whose names are fixed; made, and deleted for the next test that uses them."""
    names = [pouch.topic("calculate"), pouch.topic("get-user")]
    yield names
    pouch.stop_all()
    pouch.ok("topic", "delete", *names, "--yes")


@pytest.fixture(scope="session")
def kafka():
    """One broker: its exports."""
    with running(f"test-{os.getpid()}", "kafka") as exports:
        yield exports


@pytest.fixture(scope="module")
def kafka3():
    """Three brokers, replication 3."""
    with running(f"test3-{os.getpid()}", "kafka=3") as exports:
        yield exports


@pytest.fixture(scope="session")
def kafka_secure():
    """One broker that allows nobody anything without an ACL: its exports."""
    with running(f"test-secure-{os.getpid()}", "kafka_secure") as exports:
        yield exports


@pytest.fixture(scope="session")
def cassandra():
    """One Cassandra: its exports."""
    with running(f"test-cassandra-{os.getpid()}", os.environ.get("POUCH_TEST_CASSANDRA", "cassandra")) as exports:
        yield exports


@pytest.fixture(scope="session")
def cassandra_auth():
    """One Cassandra that lets in nobody without TLS and a password: its exports."""
    with running(f"test-auth-{os.getpid()}", "cassandra_auth") as exports:
        yield exports


@pytest.fixture(scope="session")
def registry():
    """A schema registry: its exports."""
    with running(f"test-registry-{os.getpid()}", "registry") as exports:
        yield exports


@pytest.fixture(scope="session")
def shared_keyspace(cassandra):
    """One for all tests, since it takes 10 s to make; it goes with its server."""
    made = keyspaces.Keyspace(cassandra, keyspaces.new_name(), keyspaces.connect(cassandra))
    done = subprocess.run([POUCH, "route", "list", "--store", made.url], env=clean_environment(), capture_output=True, text=True, timeout=5 * PATIENCE)
    assert done.returncode == 0, done.stderr
    yield made
    made.session.cluster.shutdown()


@pytest.fixture
def keyspace(shared_keyspace):
    """A keyspace with nothing in it."""
    wait_until(shared_keyspace.answers, "the driver finding Cassandra again")
    shared_keyspace.clear()
    return shared_keyspace


@pytest.fixture
def pouch(kafka, tmp_path):
    program = Pouch(kafka["KAFKA_BROKERS"], tmp_path)
    yield program
    program.stop_all()


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite://{tmp_path}/store"


@pytest.fixture
def store_url(request):
    """A store with nothing in it, of each kind in turn."""
    return request.getfixturevalue("sqlite_url") if request.param == "sqlite" else request.getfixturevalue("keyspace").url


@pytest.fixture
def pouch3(kafka3, tmp_path):
    program = Pouch(kafka3["KAFKA_BROKERS"], tmp_path)
    yield program
    program.stop_all()


@pytest.fixture
def dev(tmp_path):
    """The embedded default, over the same interface."""
    key = secrets.token_hex(32)
    env = dict(clean_environment(), ENCRYPTION_KEY=key)
    broker = Program([POUCH, "dev", "--topic", "internal.dlq:1"], env, tmp_path, "dev")
    broker.wait_for("POUCH_BROKERS=")
    brokers = broker.stdout().split("POUCH_BROKERS=")[1].split()[0]
    program = Pouch(brokers, tmp_path, key=key)
    yield program
    try:
        program.stop_all()
    finally:
        broker.stop()
    assert not (fault := broker.fault()), fault

"""pouch dev: the embedded broker, its key and its end."""

import json
import os
import signal
import stat
import subprocess
import time

import independent
import pytest
from confluent_kafka.admin import AdminClient
from conftest import POUCH, Program, Pouch, clean_environment, wait_until


class Dev(Program):
    """A running `pouch dev` at home in tmp_path."""

    def __init__(self, folder, *words, name="dev", **env):
        self.state = folder / "state"
        env = dict(clean_environment(), HOME=str(folder), XDG_STATE_HOME=str(self.state), **env)
        super().__init__([POUCH, "dev", *words], env, folder, name)
        self.wait_for("stop it with Ctrl-C")

    def exports(self):
        """What a shell makes of the output."""
        script = '. "$1"; printf "%s\\n" "$POUCH_BROKERS" "$POUCH_STORE" "$POUCH_KEY_FILE"'
        done = subprocess.run(["sh", "-c", script, "sh", self.out], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, check=True)
        brokers, store, key_file = done.stdout.splitlines()
        return {"POUCH_BROKERS": brokers, "POUCH_STORE": store, "POUCH_KEY_FILE": key_file}

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture
def start(tmp_path):
    running = []

    def start_dev(*words, folder=tmp_path, **env):
        folder.mkdir(exist_ok=True)
        running.append(Dev(folder, *words, name=f"dev-{len(running)}", **env))
        return running[-1]

    yield start_dev
    for dev in running:
        if dev.running():
            dev.end()


@pytest.fixture
def at_dev(start, tmp_path):
    """The program with what `pouch dev` exports, and nothing else."""
    made = []

    def use(*words):
        exports = start(*words).exports()
        pouch = Pouch(exports["POUCH_BROKERS"], tmp_path)
        del pouch.env["ENCRYPTION_KEY"]
        pouch.env.update(exports)
        made.append(pouch)
        return pouch

    yield use
    for pouch in made:
        pouch.stop_all()


def test_it_prints_what_other_terminals_need_and_nothing_else(start, tmp_path):
    dev = start()
    lines = dev.stdout().splitlines()
    assert [line.split("=")[0] for line in lines] == ["export POUCH_BROKERS", "export POUCH_STORE", "export POUCH_KEY_FILE"]
    exports = dev.exports()
    assert exports["POUCH_BROKERS"].startswith("127.0.0.1:")
    assert exports["POUCH_KEY_FILE"] == str(tmp_path / "state" / "pouch" / "dev.key")
    assert exports["POUCH_STORE"] == f"sqlite://{tmp_path}/state/pouch/dev"
    assert "nothing is kept on disk" in dev.stderr()
    assert all(line.startswith("pouch: ") for line in dev.stderr().splitlines())
    assert [path for path in (tmp_path / "state").rglob("*") if path.is_file()] == [tmp_path / "state" / "pouch" / "dev.key"]


@pytest.mark.acceptance("A3")
def test_a_key_is_made_for_its_owner_alone_and_kept(start):
    first = start()
    path = first.state / "pouch" / "dev.key"
    key = path.read_text()
    assert len(bytes.fromhex(key.strip())) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert first.end() == 0
    second = start()
    assert second.exports()["POUCH_KEY_FILE"] == str(path) and path.read_text() == key


def test_a_home_with_odd_characters_reaches_the_shell_whole(start, tmp_path):
    home = tmp_path / "it's a `home` $HOME"
    exports = start(folder=home).exports()
    assert exports["POUCH_KEY_FILE"] == str(home / "state" / "pouch" / "dev.key")
    assert exports["POUCH_STORE"] == f"sqlite://{home}/state/pouch/dev"


def test_a_key_that_is_given_is_used(start, tmp_path):
    key = tmp_path / "my.key"
    key.write_text("a" * 64 + "\n")
    key.chmod(0o600)
    by_flag = start("--key-file", key, "-o", "json")
    printed = json.loads(by_flag.stdout())
    assert printed["key_file"] == str(key) and printed["brokers"]
    by_environment = start("-o", "json", ENCRYPTION_KEY="b" * 64)
    assert json.loads(by_environment.stdout())["key_file"] is None
    assert not by_flag.state.exists(), "no key was to be made"
    assert "POUCH_KEY_FILE" in start(ENCRYPTION_KEY="").stdout()


def test_a_store_that_is_given_is_used(start, tmp_path):
    by_flag = start("--store", f"sqlite://{tmp_path}/by-flag", "-o", "json")
    assert json.loads(by_flag.stdout())["store"] == f"sqlite://{tmp_path}/by-flag"
    by_environment = start(POUCH_STORE=f"sqlite://{tmp_path}/by-environment")
    assert by_environment.exports()["POUCH_STORE"] == f"sqlite://{tmp_path}/by-environment"


@pytest.mark.acceptance("A18")
def test_a_request_is_routed_and_traced_through_it(at_dev):
    pouch = at_dev("--topic", "command-center-inbox", "--topic", "hello")
    pouch.ok("route", "add", "greeter", "hello")
    pouch.start("center").wait_for("routing")
    pouch.worker("hello", "--exec", "cat")
    done = pouch.run("request", "--publisher", "greeter", "--timeout", "60s", "-o", "json", stdin="1")
    assert done.returncode == 0, done.stderr
    request_id = json.loads(done.stdout)["request_id"]

    def seen():
        told = pouch.run("trace", request_id, "-o", "json")
        return told.returncode == 0 and sorted(row["by"] for row in json.loads(told.stdout)["rows"])

    wait_until(lambda: seen() == ["center", "client", "client", "worker", "worker"], "the request's whole trace")


def test_a_key_file_that_is_not_there_is_refused(tmp_path):
    done = subprocess.run([POUCH, "dev", "--key-file", tmp_path / "none"], capture_output=True, text=True, env=clean_environment(), timeout=60)
    assert done.returncode == 78 and "pouch key new" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("in_the_way, named", [("state", "state/pouch"), ("state/pouch", "state/pouch/dev.key")])
def test_a_place_where_no_key_can_be_kept_is_named(in_the_way, named, tmp_path):
    (tmp_path / in_the_way).parent.mkdir(exist_ok=True)
    (tmp_path / in_the_way).write_text("a file")
    env = dict(clean_environment(), HOME=str(tmp_path), XDG_STATE_HOME=str(tmp_path / "state"))
    done = subprocess.run([POUCH, "dev"], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 78 and f"{tmp_path / named} cannot be made: Not a directory" in done.stderr
    assert "--key-file" in done.stderr and done.stdout == ""


def test_topics_have_the_partitions_asked_for(start):
    exports = start("--topic", "one", "--topic", "three:3", "-t", "four:4").exports()
    topics = AdminClient({"bootstrap.servers": exports["POUCH_BROKERS"]}).list_topics(timeout=30).topics
    assert {name: len(topic.partitions) for name, topic in topics.items()} == {"one": 1, "three": 3, "four": 4}


@pytest.mark.acceptance("A9", "A10", "A11")
def test_a_request_is_answered_through_it(at_dev):
    pouch = at_dev("--topic", "hello")
    pouch.start("worker", "hello", "--exec", "cat").wait_for("taking requests")
    began = time.monotonic()
    done = pouch.ask("hello", {"name": "Ada"})
    assert done.returncode == 0 and json.loads(done.stdout)["payload"] == {"name": "Ada"}, done.stderr
    assert "waiting for a worker" not in done.stderr or time.monotonic() - began > 1, "an answer within a second needs no word"
    [request] = independent.read_all(pouch.brokers, "hello")
    assert b"Ada" not in request.value()


def test_a_worker_tells_how_to_make_a_topic_that_is_missing(at_dev):
    pouch = at_dev()
    done = pouch.run("worker", "later", "--exec", "cat")
    advice = "pouch topic create later"
    assert done.returncode == 1 and advice in done.stderr, done.stderr
    pouch.ok(*advice.split()[1:])
    pouch.worker("later", "--exec", "cat")
    assert pouch.ask("later", 1).returncode == 0


def test_what_the_help_says_to_try_works(tmp_path):
    text = subprocess.run([POUCH, "--help"], capture_output=True, text=True, check=True).stdout
    snippet = text.split("Try it")[1].split("\n\n")[0].split("\n", 1)[1]
    assert snippet.count("pouch ") == 3
    env = dict(clean_environment(), HOME=str(tmp_path), XDG_STATE_HOME=str(tmp_path), PATH=f"{POUCH.parent}:{os.environ['PATH']}", POUCH_REQUEST_TIMEOUT="60s")
    script = f"trap 'set -- $(jobs -p); kill $2; wait $2; kill $1; wait' EXIT\n{snippet}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=env, cwd=tmp_path, timeout=120)
    assert done.stdout == '{"name":"Ada"}\n', done.stderr


@pytest.mark.acceptance("A12")
def test_a_request_that_nobody_answers_says_so_after_a_moment(at_dev):
    pouch = at_dev("--topic", "hello")
    asking = pouch.start("request", "hello", "1", "--timeout", "60s")
    asking.wait_for("waiting for a worker on hello")
    pouch.worker("hello", "--exec", "cat")
    assert asking.process.wait(60) == 0 and asking.stdout() == "1\n"


def test_topics_are_listed_and_described(at_dev):
    pouch = at_dev("--topic", "hello:2")
    pouch.ok("topic", "create", "more")
    rows = {row["topic"]: row["partitions"] for row in json.loads(pouch.ok("topic", "list", "-o", "json"))}
    assert rows["hello"] == 2 and "more" in rows
    independent.produce(pouch.brokers, "hello", b"1", partition=1)
    found = json.loads(pouch.ok("topic", "describe", "hello", "-o", "json"))
    assert [(p["low"], p["high"]) for p in found["partition"]] == [(0, 0), (0, 1)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(at_dev, start, number):
    dev = start("--topic", "hello")
    assert dev.end(number) == 0


def test_a_worker_ends_though_its_broker_is_gone(start, tmp_path):
    dev = start("--topic", "hello")
    pouch = Pouch(dev.exports()["POUCH_BROKERS"], tmp_path)
    try:
        worker = pouch.start("worker", "hello", "--exec", "cat", "--drain", "1s").wait_for("taking requests")
        assert pouch.ask("hello", 1).returncode == 0
        assert dev.end() == 0
        worker.wait_for("no broker is reachable")
        assert worker.stop() is not None
    finally:
        pouch.stop_all()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_clients_are_there(start, tmp_path, number):
    dev = start("--topic", "hello")
    pouch = Pouch(dev.exports()["POUCH_BROKERS"], tmp_path)
    try:
        pouch.worker("hello", "--exec", "cat")
        asking = pouch.start("request", "nobody", "1", "--timeout", "60s")
        asking.wait_for("waiting for a worker")
        assert dev.end(number) == 0
    finally:
        pouch.stop_all()

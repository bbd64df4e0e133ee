"""Keys: the file that operators change, and processes that follow it."""

import json
import re
import signal
import stat
import sys
import time
import uuid

import independent
import pytest
from conftest import ROOT, Pouch, wait_until
from test_listen import Listener

sys.path.insert(0, str(ROOT / "tests" / "faults"))

import rotation  # noqa: E402

NOWHERE = "127.0.0.1:1"  # no broker listens there
TAKEN, KEPT = "the key ring was read again", "the key ring stays as it was"


@pytest.fixture
def alone(tmp_path):
    """The program without a broker and without ENCRYPTION_KEY."""
    program = Pouch(NOWHERE, tmp_path)
    del program.env["ENCRYPTION_KEY"]
    program.env["POUCH_STORE"] = f"sqlite://{tmp_path / 'store'}"
    return program


def make_ring(path, *lines):
    path.touch(0o600)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def put_in_place(ring, text):
    """At once, or a process may read what is not there whole."""
    new = make_ring(ring.with_name("new"))
    new.write_text(text)
    new.rename(ring)


def listed(pouch, ring):
    return [(key["kid"], key["seals"]) for key in json.loads(pouch.ok("key", "list", "--key-file", ring, "-o", "json"))["keys"]]


# The commands


@pytest.mark.acceptance("A3")
def test_a_ring_is_made_changed_and_listed_and_keys_are_never_shown(alone, tmp_path):
    ring = make_ring(tmp_path / "ring", "# the payment services")
    said = []
    for words in (["add", "may"], ["add", "june"], ["activate", "june"], ["retire", "may"], ["list"]):
        for output in ([], ["-o", "json"], ["-o", "jsonl"]) if words == ["list"] else ([],):
            done = alone.run("key", *words, *output, "--key-file", ring)
            assert done.returncode == 0, done.stderr
            said.append(done.stdout + done.stderr)
    assert listed(alone, ring) == [("june", True)]
    assert ring.read_text().startswith("# the payment services\njune:") and stat.S_IMODE(ring.stat().st_mode) == 0o600
    key = ring.read_text().split(":")[1].strip()
    assert re.fullmatch("[0-9a-f]{64}", key) and all(key not in text for text in said)
    assert list(tmp_path.glob("ring*")) == [ring]


def test_bare_keys_are_named_by_their_fingerprint(alone, tmp_path):
    ring = make_ring(tmp_path / "ring", "a" * 64, f"b:{'b' * 64}")
    [bare, named] = json.loads(alone.ok("key", "list", "--key-file", ring, "-o", "json"))["keys"]
    assert (bare["kid"], named["kid"]) == ("", "b")
    alone.ok("key", "activate", "b", "--key-file", ring)
    alone.ok("key", "retire", bare["fingerprint"], "--key-file", ring)
    assert ring.read_text() == f"b:{'b' * 64}\n"


def test_a_key_comes_from_the_input_and_never_from_an_argument(alone, tmp_path):
    ring = make_ring(tmp_path / "ring", f"a:{'a' * 64}")
    made = alone.ok("key", "new")
    assert alone.run("key", "add", "b", made.strip(), "--key-file", ring).returncode == 64
    alone.ok("key", "add", "b", "-", "--key-file", ring, stdin=made)
    assert ring.read_text() == f"a:{'a' * 64}\nb:{made}"


REFUSALS = {
    "no file is named": (["add", "b"], None, 64, "--key-file"),
    "there is no such file": (["add", "b"], "nowhere", 78, "umask 077; touch"),
    "the kid is there": (["add", "a"], "ring", 1, "has a key a already"),
    "it is no kid": (["add", "a b"], "ring", 78, "is no key id"),
    "there is no such key to activate": (["activate", "x"], "ring", 1, "has no key x"),
    "there is no such key to retire": (["retire", "x"], "ring", 1, "has no key x"),
    "the key seals": (["retire", "a"], "ring", 1, "pouch key activate"),
    "the input is no key": (["add", "b", "-"], "ring", 78, "64 hex characters"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_refused_says_what_to_do_and_changes_nothing(alone, tmp_path, name):
    words, file, code, text = REFUSALS[name]
    ring = make_ring(tmp_path / "ring", f"a:{'a' * 64}", f"b2:{'b' * 64}")
    before = ring.read_bytes()
    done = alone.run("key", *words, *(["--key-file", tmp_path / file] if file else []), stdin="5" * 63 + "\n")
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert text in done.stderr and "5555" not in done.stderr
    assert ring.read_bytes() == before
    assert not alone.ok("changes", "-o", "jsonl")


def test_every_change_says_who_when_before_and_after_and_holds_no_key(alone, tmp_path):
    ring = make_ring(tmp_path / "ring", f"a:{'a' * 64}")
    alone.ok("key", "add", "b", "--key-file", ring)
    alone.ok("key", "activate", "b", "--key-file", ring)
    alone.ok("key", "activate", "b", "--key-file", ring)  # it seals already: no change
    alone.ok("key", "retire", "a", "--key-file", ring)
    changes = json.loads(alone.ok("changes", "--kind", "key", "-o", "json"))
    kids = [(change["name"], change["before"]["keys"], change["after"]["keys"]) for change in changes]
    assert kids == [("b", ["a"], ["a", "b"]), ("b", ["a", "b"], ["b", "a"]), ("a", ["b", "a"], ["b"])]
    assert all("@" in change["who"] and change["at"].endswith("Z") and change["after"]["file"] == str(ring) for change in changes)
    secret = ring.read_text().split(":")[1].strip()
    for file in (tmp_path / "store").iterdir():
        assert secret.encode() not in file.read_bytes() and b"a" * 64 not in file.read_bytes()


def test_a_store_that_is_not_there_holds_up_no_change(alone, tmp_path):
    ring = make_ring(tmp_path / "ring", f"a:{'a' * 64}")
    done = alone.run("key", "add", "b", "--key-file", ring, env={"POUCH_STORE": "sqlite:///proc/nowhere"})
    assert done.returncode == 0 and "who changed it is not written down" in done.stderr
    assert listed(alone, ring) == [("a", True), ("b", False)]


def test_what_a_key_has_sealed_is_counted_over_processes(alone, tmp_path):
    ring = make_ring(tmp_path / "ring", f"a:{'a' * 64}")
    alone.env.update(POUCH_KEY_FILE=str(ring), POUCH_CRYPTO_SEAL_COUNTS=str(tmp_path / "counts" / "seals"))
    for n in (3, 4):
        alone.ok("seal", stdin="1\n" * n)
    [key] = json.loads(alone.ok("key", "list", "-o", "json"))["keys"]
    assert key["sealed"] == 7
    counts = tmp_path / "counts" / "seals"
    counts.write_text(counts.read_text().replace(f"{7:020}", f"{2**32 - 1:020}"))
    assert alone.run("seal", stdin="1\n").returncode == 0
    stopped = alone.run("seal", stdin="1\n", env={"POUCH_CRYPTO_OVER_LIMIT": "stop"})
    assert stopped.returncode != 0 and stopped.stdout == "" and "2^32" in stopped.stderr
    warned = alone.run("seal", stdin="1\n")
    assert warned.returncode == 0 and "2^32" in warned.stderr


# Processes that run


def test_a_worker_takes_a_changed_file_by_itself_and_refuses_a_bad_one(pouch, tmp_path):
    topic, ring = pouch.topic(), make_ring(tmp_path / "ring", f"a:{pouch.key}")
    worker = Listener(pouch.start("worker", topic, "--exec", "cat", "--key-file", ring, "--listen", "127.0.0.1:0"))
    worker.until_ready()

    def kids():
        return [(key["kid"], key["seals"]) for key in worker.status()["keys"]]

    assert kids() == [("a", True)]
    pouch.ok("key", "add", "b", "--key-file", ring)
    wait_until(lambda: kids() == [("a", True), ("b", False)], "the new key being known")
    pouch.ok("key", "activate", "b", "--key-file", ring)
    wait_until(lambda: kids() == [("b", True), ("a", False)], "the new key sealing")
    done = pouch.run("request", topic, "1", "--key-file", ring, "--timeout", "60s")
    assert done.stdout == "1\n", done.stderr
    good = ring.read_text()
    put_in_place(ring, good + "c:tooshort\n")
    worker.program.wait_for(KEPT)
    assert f"line 3 of {ring}" in worker.program.stderr()
    assert kids() == [("b", True), ("a", False)]
    figures = worker.metrics()
    assert figures["pouch_key_reloads_total", ("outcome", "taken")] == 2
    assert figures["pouch_key_reloads_total", ("outcome", "refused")] == 1
    fingerprint = next(key["fingerprint"] for key in worker.status()["keys"] if key["kid"] == "b")
    labels = ("key", fingerprint), ("kid", "b")
    assert figures["pouch_seals_total", *labels] == figures["pouch_opens_total", *labels] == 1
    assert figures["pouch_key_seals", *labels] >= 2  # the requester's, too
    assert abs(figures["pouch_key_last_used_seconds", *labels] - time.time()) < 600
    put_in_place(ring, good)
    wait_until(lambda: worker.metrics()["pouch_key_reloads_total", ("outcome", "taken")] == 3, "the good file being taken")


def test_a_client_takes_a_changed_file_while_it_waits(pouch, tmp_path):
    """Its request is answered under a key that it did not have when it asked."""
    topic, replies = pouch.topic(partitions=1), f"r-{uuid.uuid4().hex}.replies"
    ring, new = make_ring(tmp_path / "ring", f"a:{pouch.key}"), "7" * 64
    asking = pouch.start("request", topic, "1", "--key-file", ring, "--timeout", "120s", "--reply-topic", replies)
    reader = independent.reader(pouch.brokers, topic)
    [request] = independent.read(reader, 1)
    reader.close()
    pouch.ok("key", "add", "b", "-", "--key-file", ring, stdin=new)
    asking.wait_for(TAKEN)
    request_id = json.loads(request.value())["request_id"]
    reply = json.dumps({"request_id": request_id, "payload": "late", "timestamp": 1, "success": True})
    independent.produce(pouch.brokers, replies, independent.seal(new, reply, 16, request_id, kid="b"), key=request_id)
    assert asking.process.wait(60) == 0 and asking.stdout() == '"late"\n'


@pytest.mark.acceptance("A6")
def test_keys_rotate_under_load_and_nothing_is_refused(pouch):
    figures = rotation.rotate_keys(pouch, rotations=2, in_flight=32)
    assert figures["failed"] == figures["refused"] == 0 and figures["answered"] > 0, figures
    assert figures["written_down"] == 2 * 3 * 2 and figures["stopped"] == [0, 0]


def test_a_wrong_key_is_told_kept_counted_and_logged_without_secrets(pouch):
    topic, secret, theirs = pouch.topic(), "canary-1b7e", "9" * 64
    worker = Listener(pouch.start("worker", topic, "--exec", "cat", "--listen", "127.0.0.1:0"))
    worker.until_ready()
    wrong = pouch.run("request", topic, "-o", "json", "--timeout", "60s", stdin=json.dumps({"secret": secret}), env={"ENCRYPTION_KEY": theirs})
    assert json.loads(wrong.stdout)["error"]["code"] == "decrypt_failed", wrong.stderr
    unknown = independent.seal(theirs, json.dumps({"secret": secret}), kid="2019")
    independent.produce(pouch.brokers, topic, unknown)

    def failures(reason):
        return worker.metrics()["pouch_decrypt_failures_total", ("reason", reason)]

    wait_until(lambda: (failures("not_opened"), failures("unknown_kid")) == (1, 1), "both failures being counted")
    worker.program.wait_for('"kid":"2019"')

    def letters():
        return [m for m in independent.read_all(pouch.brokers, "internal.dlq")
                if independent.headers(m)["pouch-dlq-source"].startswith(f"{topic}/")]

    wait_until(lambda: len(letters()) == 2, "both dead letters")
    assert all(independent.headers(letter)["pouch-dlq-code"] == "decrypt_failed" for letter in letters())
    log = worker.program.stderr()
    assert log.count("a record was refused") == 2 and '"code":"decrypt_failed"' in log
    for text in (secret, theirs, pouch.key, json.loads(unknown)["data"]):
        assert text not in log

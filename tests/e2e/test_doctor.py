"""pouch doctor: what it finds on a real Kafka, and what it advises."""

import json
import re
import time
import uuid

import independent
import pytest
from conftest import Pouch, wait_until
from listener import Listener

OK, WARN, FAIL = 0, 1, 2
NOWHERE = "127.0.0.1:1"


def name(what):
    return f"{what}-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def here(pouch, tmp_path):
    """An estate with names of its own: an inbox, dead letters, announcements, a store."""
    pouch.inbox, pouch.letters, pouch.changes = name("inbox"), name("dlq"), name("routes")
    config = tmp_path / "pouch.yaml"
    config.write_text(f"center:\n  inbox: {pouch.inbox}\n  routes_topic: {pouch.changes}\ndlq:\n  topic: {pouch.letters}\n")
    pouch.env.update(POUCH_CONFIG=str(config), POUCH_STORE=f"sqlite://{tmp_path}/store")
    return pouch


def look(pouch, *words):
    """The exit code and the findings; each that is not ok says what to do."""
    done = pouch.run("doctor", *words, "-o", "json")
    assert done.returncode in (OK, WARN, FAIL), done.stderr
    findings = json.loads(done.stdout)
    levels = {finding["level"] for finding in findings}
    assert done.returncode == (FAIL if "fail" in levels else WARN if "warn" in levels else OK)
    for finding in findings:
        assert (finding["advice"] is None) == (finding["level"] == "ok"), finding
        assert finding["what"] and finding["where"] and finding["check"]
    assert pouch.key not in done.stdout
    return done.returncode, findings


def about(findings, check, where=None, level=None):
    return [finding for finding in findings if finding["check"] == check
            and where in (None, finding["where"]) and level in (None, finding["level"])]


def test_an_estate_that_works_has_no_failure_and_one_broker_is_told(here):
    target = here.topic()
    here.ok("route", "add", "billing", target)
    center = Listener(here.start("center", "--listen", "127.0.0.1:0"))
    worker = Listener(here.start("worker", target, "--pipe", "cat", "--listen", "127.0.0.1:0"))
    center.until_ready()
    worker.until_ready()
    code, findings = look(here, center.url, worker.url)
    assert code == WARN, findings
    [one] = about(findings, "brokers")
    assert one["level"] == "warn" and "there is one broker" in one["what"]
    [version] = about(findings, "version", here.brokers)
    assert version["level"] == "ok" and "Kafka" in version["what"] and "librdkafka 2." in version["what"]
    for topic in (here.inbox, here.letters, here.changes, target, "internal.retry.1min"):
        assert [finding["level"] for finding in about(findings, "topic", topic)] == ["ok"], findings
    assert about(findings, "centers", here.inbox, "ok") and about(findings, "store", level="ok")
    assert "1 routes" in about(findings, "store")[0]["what"]
    for peer in (center.url, worker.url):
        assert about(findings, "peer", peer, "ok"), findings
    assert about(findings, "keys", "all", "ok")
    table = here.run("doctor", center.url)
    assert table.returncode == WARN and re.search(r"^warn +brokers .*one broker.*\n +-> run three brokers", table.stdout, re.M)


def test_what_is_missing_is_found_and_nothing_is_made(here):
    code, findings = look(here)
    assert code == WARN
    for topic in (here.inbox, here.letters, here.changes):
        [missing] = about(findings, "topic", topic)
        assert missing["level"] == "warn" and "no such topic" in missing["what"]
    assert "nothing is there yet" in about(findings, "store")[0]["what"]
    topics = here.ok("topic", "list", "-o", "json")
    assert here.inbox not in topics and not (here.folder / "store").exists()


def test_a_route_to_a_topic_that_is_not_there_is_a_failure(here):
    gone = name("gone")
    here.ok("route", "add", "billing", gone)
    here.ok("route", "add", "off", name("other"))
    here.ok("route", "disable", "off")
    code, findings = look(here)
    assert code == FAIL
    assert [finding["where"] for finding in about(findings, "topic", level="fail")] == [gone]
    assert "pouch topic create" in about(findings, "topic", gone)[0]["advice"]


def test_topics_that_are_set_up_wrongly_are_failures(here):
    here.ok("topic", "create", here.inbox, "--set", "retention.ms=1000")
    here.ok("topic", "create", here.letters, "--set", "retention.ms=3600000")
    here.ok("topic", "create", here.changes)
    here.ok("topic", "create", f"{here.inbox}.replies", "--set", "retention.ms=5000")
    code, findings = look(here, "--reply-topic", f"{here.inbox}.replies")
    assert code == FAIL
    assert "go after 1 s" in about(findings, "topic", here.inbox, "fail")[0]["what"]
    assert "go after 3600 s" in about(findings, "topic", here.letters, "warn")[0]["what"]
    assert "not compacted" in about(findings, "topic", here.changes, "fail")[0]["what"]
    assert "go after 5 s" in about(findings, "topic", f"{here.inbox}.replies", "fail")[0]["what"]
    assert "no center reads it" in about(findings, "centers", here.inbox, "warn")[0]["what"]


def test_a_key_that_another_process_does_not_have_is_a_failure(here, tmp_path):
    other = Pouch(here.brokers, tmp_path)
    other.env["POUCH_CONFIG"] = here.env["POUCH_CONFIG"]
    here.programs.append(other.start("worker", here.topic(), "--pipe", "cat", "--listen", "127.0.0.1:0", name="stranger"))
    stranger = Listener(here.programs[-1])
    stranger.until_ready()
    code, findings = look(here, stranger.url)
    assert code == FAIL
    disagreements = about(findings, "keys", level="fail")
    assert sorted(finding["where"] for finding in disagreements) == sorted(["this host", stranger.url])
    assert all("key-rotation" in finding["advice"] for finding in disagreements)


def test_records_from_the_future_are_told(here):
    here.ok("topic", "create", here.inbox)
    producer = independent.producer(here.brokers)
    producer.produce(here.inbox, b"{}", timestamp=int(time.time() * 1000) + 1800000)
    assert producer.flush(30) == 0
    _, findings = look(here)
    [ahead] = about(findings, "clock", here.inbox)
    assert ahead["level"] == "warn" and "ahead of this host's clock" in ahead["what"]


def test_settings_that_break_a_promise_are_failures(here):
    for setting, word in (("enable.idempotence=false", "cannot be set"), ("acks=1", "cannot be set"), ("no.such.property=1", "No such")):
        code, findings = look(here, "-X", setting)
        assert code == FAIL
        [refused] = about(findings, "settings", level="fail")
        assert word in refused["what"], refused
    code, findings = look(here, "-X", "linger.ms=20", "--drain", "50s")
    assert code == WARN
    assert [finding["where"] for finding in about(findings, "settings")] == ["kafka.linger.ms", "drain"]


def test_no_broker_and_no_peer_are_failures_that_say_where(tmp_path):
    alone = Pouch(NOWHERE, tmp_path)
    done = alone.run("doctor", "127.0.0.1:1", "-o", "json")
    assert done.returncode == FAIL, done.stderr
    findings = json.loads(done.stdout)
    assert about(findings, "brokers", NOWHERE, "fail") and about(findings, "peer", "127.0.0.1:1", "fail")


def test_a_peer_that_is_not_ready_is_a_failure_with_its_reasons(here):
    topic = here.topic(partitions=1)
    worker = Listener(here.start("worker", topic, "--drain", "5m", "--handler-timeout", "10m", "--exec", f"while ! test -e {here.folder}/go; do sleep 0.05; done; cat",
                                 "--listen", "127.0.0.1:0"))
    worker.until_ready()
    here.ok("send", topic, stdin="1")
    wait_until(lambda: worker.status()["in_flight"]["requests"] == 1, "the request in flight")
    worker.program.process.terminate()
    worker.until_ready(503)
    code, findings = look(here, worker.url)
    assert code == FAIL and "it is stopping" in about(findings, "peer", worker.url, "fail")[0]["what"]
    (here.folder / "go").touch()
    assert worker.program.process.wait(60) == 0

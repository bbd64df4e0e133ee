"""What `--listen` serves: health, metrics as another program reads them, and status."""

import json
import os
import re
import signal

import httpx
import independent
import pytest
from confluent_kafka import Consumer
from conftest import Pouch, running, stack, wait_until
from listener import Listener
from prometheus_client.parser import text_string_to_metric_families

ENDPOINTS = ["/livez", "/readyz", "/metrics", "/statusz"]


def start(pouch, topic, *words):
    """A worker whose handlers may wait for the test."""
    return Listener(pouch.start("worker", topic, "--listen", "127.0.0.1:0", "--handler-timeout", "10m", *(words or ("--pipe", "cat"))))


@pytest.fixture
def own_kafka(tmp_path):
    """A broker that may be killed."""
    with running(f"listen-{os.getpid()}", "kafka") as exports:
        program = Pouch(exports["KAFKA_BROKERS"], tmp_path)
        yield program, exports["stack"]
        program.stop_all()


def test_a_worker_is_ready_once_its_group_has_given_it_partitions(pouch):
    topic = pouch.topic(partitions=1)
    # A member that does not answer the group holds up all others.
    holder = Consumer({"bootstrap.servers": pouch.brokers, "group.id": f"{topic}.workers", "max.poll.interval.ms": 300000})
    holder.subscribe([topic], on_revoke=lambda *_: None)
    wait_until(lambda: holder.poll(0.1) or holder.assignment(), "the group's first member")
    worker = start(pouch, topic)
    wait_until(lambda: worker.readiness() == (503, ["its group has not given it partitions yet"]), "/readyz naming the group")
    assert worker.get("/livez").json() == {"live": True, "reasons": []}
    holder.close()
    worker.until_ready()
    assert worker.program.stop() == 0


def test_a_worker_that_was_given_none_is_ready_and_takes_over(pouch):
    topic = pouch.topic(partitions=1)
    both = [start(pouch, topic) for _ in range(2)]

    def given_none():
        """Which one, once the group has both: then the other has the partition."""
        given = {worker: re.findall('"partitions assigned","group":"%s.workers","partitions":"([0-9]+)"' % topic, worker.program.stderr()) for worker in both}
        return [worker for worker in both if given[worker][-1:] == ["0"]]

    [spare] = wait_until(given_none, "the one partition being given to one of the two")
    [busy] = [worker for worker in both if worker is not spare]
    for worker in both:
        worker.until_ready()
    assert spare.status()["assigned"] == 0
    assert busy.program.stop() == 0
    wait_until(lambda: spare.status()["assigned"] == 1, "the partition being given to the other")
    spare.until_ready()
    assert spare.program.stop() == 0


def test_a_worker_is_not_ready_without_its_broker_and_again_when_it_is_back(own_kafka):
    pouch, name = own_kafka
    topic = pouch.topic()
    worker = start(pouch, topic)
    worker.until_ready()
    stack(name, "kill", "kafka")
    wait_until(lambda: any("no broker answers at" in reason for reason in worker.readiness()[1]), "/readyz naming the broker")
    assert worker.get("/livez").status_code == 200
    assert "no broker answers at" in worker.status()["brokers"]
    stack(name, "start", "kafka")
    worker.until_ready()
    assert worker.status()["brokers"] == "up"
    assert json.loads(pouch.ask(topic, {"n": 1}).stdout)["payload"] == {"n": 1}


def test_what_is_counted_reads_as_prometheus_reads_it(pouch):
    topic = pouch.topic()
    worker = start(pouch, topic)
    for n in range(3):
        assert pouch.ask(topic, {"n": n}).returncode == 0
    replied = ("pouch_worker_jobs_total", ("outcome", "replied"))
    wait_until(lambda: worker.metrics()[replied] == 3, "three replies counted")
    wait_until(lambda: worker.metrics()[("pouch_worker_in_flight",)] == 0, "nothing in flight")
    opened = [value for key, value in worker.metrics().items() if key[0] == "pouch_opens_total"]
    assert opened == [3]
    before = worker.metrics()[("pouch_http_answers_total", ("class", "4xx"))]
    assert worker.get("/none").status_code == 404
    assert worker.metrics()[("pouch_http_answers_total", ("class", "4xx"))] == before + 1


@pytest.mark.acceptance("B28")
def test_what_a_member_has_still_to_do_is_its_lag(pouch):
    topic, door = pouch.topic(partitions=1), pouch.folder / "door"
    worker = start(pouch, topic, "--exec", f"while ! test -e {door}; do sleep 0.05; done; cat", "--concurrency", "1")
    lag = ("pouch_consumer_lag", ("partition", "0"), ("topic", topic))
    wait_until(lambda: worker.metrics().get(lag) == 0, "a lag of none")
    for n in range(4):
        pouch.ok("send", topic, stdin=str(n))
    wait_until(lambda: worker.metrics().get(lag) == 4, "a lag of four")
    assert worker.status()["partitions"][0]["lag"] == 4
    door.touch()
    wait_until(lambda: worker.metrics().get(lag) == 0, "a lag of none again")


def test_every_metric_has_its_help_and_type(pouch):
    text = start(pouch, pouch.topic()).get("/metrics").text
    families = list(text_string_to_metric_families(text))
    assert len(families) > 20
    for family in families:
        assert family.documentation.endswith(".") and family.type in ("counter", "gauge", "histogram"), family.name
        assert family.samples and family.name.startswith("pouch_")
    names = [family.name for family in families]
    assert len(names) == len(set(names))


def test_the_status_tells_what_is_in_flight_and_which_is_the_oldest(pouch, tmp_path):
    topic, go = pouch.topic(partitions=1), tmp_path / "go"
    worker = start(pouch, topic, "--exec", f"while [ ! -e {go} ]; do sleep 0.05; done; cat")
    asking = [pouch.start_other(pouch.command("request", topic, '{"canary":1}', "--timeout", "60s"), f"ask-{n}")
              for n in range(3)]
    wait_until(lambda: worker.status()["in_flight"]["requests"] == 3, "three requests in flight")
    said = worker.status()
    assert said["role"] == "worker" and said["phase"] == "working" and said["group"] == f"{topic}.workers"
    assert said["in_flight"]["oldest"]["source"] == f"{topic}/0/0" and said["in_flight"]["oldest"]["age_ms"] >= 0
    assert said["in_flight"]["bytes"] > 0 and said["in_flight"]["paused"] is None
    assert said["assigned"] == 1
    assert 0 <= said["partitions"][0].pop("lag") <= 3
    assert said["partitions"] == [{"topic": topic, "partition": 0, "in_flight": 3, "next_offset": 3, "paused": None}]
    assert len(said["keys"]) == 1 and re.fullmatch("[0-9a-f]{8}", said["keys"][0]["fingerprint"])
    assert pouch.key not in json.dumps(said) and "canary" not in json.dumps(said)
    go.touch()
    assert [ask.process.wait(60) for ask in asking] == [0, 0, 0]
    wait_until(lambda: worker.status()["in_flight"]["oldest"] is None, "nothing in flight")


def test_a_worker_that_takes_no_more_says_so(pouch, tmp_path):
    topic, go = pouch.topic(partitions=1), tmp_path / "go"
    config = tmp_path / "pouch.yaml"
    config.write_text("worker:\n  max_in_flight: 2\n")
    worker = start(pouch, topic, "--config", config, "--exec", f"while [ ! -e {go} ]; do sleep 0.05; done; cat")
    for n in range(3):
        pouch.start_other(pouch.command("request", topic, "{}", "--timeout", "60s"), f"ask-{n}")
    wait_until(lambda: worker.status()["in_flight"]["paused"], "a pause")
    assert worker.status()["in_flight"]["requests"] == 2
    assert worker.status()["in_flight"]["paused"] == "as many requests are in flight as may be"
    go.touch()
    wait_until(lambda: worker.status()["in_flight"]["paused"] is None, "the end of the pause")


def test_what_went_wrong_last_is_told(pouch):
    topic = pouch.topic()
    worker = start(pouch, topic)
    independent.produce(pouch.brokers, topic, b'{"canary"')
    wait_until(lambda: any(line["msg"] == "a record was refused" for line in worker.status()["last_errors"]),
               "the refused record in the status")
    assert "canary" not in worker.get("/statusz").text


def test_a_worker_that_is_stopping_is_not_ready(pouch, tmp_path):
    topic, go = pouch.topic(), tmp_path / "go"
    worker = start(pouch, topic, "--drain", "60s", "--exec", f"while [ ! -e {go} ]; do sleep 0.05; done; cat")
    asking = pouch.start_other(pouch.command("request", topic, "{}", "--timeout", "60s"), "ask")
    wait_until(lambda: worker.status()["in_flight"]["requests"] == 1, "the request in flight")
    worker.program.process.send_signal(signal.SIGTERM)
    wait_until(lambda: worker.readiness() == (503, ["it is stopping"]), "/readyz of a stopping worker")
    assert worker.get("/livez").status_code == 200
    go.touch()
    assert asking.process.wait(60) == 0
    assert worker.program.process.wait(60) == 0


def test_the_status_tells_of_retries_and_of_the_dedupe_window(pouch, tmp_path):
    topic = pouch.topic(partitions=1)
    plain = start(pouch, topic)
    assert plain.status()["dedupe"] is None
    pouch.env |= {"POUCH_DEDUPE_WINDOW": "10m", "POUCH_DEDUPE_FILE": str(tmp_path / "window"), "POUCH_DEDUPE_MAX": "50"}
    worker = start(pouch, again := pouch.topic(partitions=1))
    for n in range(2):
        assert pouch.ask(again, {"n": n}).returncode == 0
    wait_until(lambda: worker.status()["dedupe"]["requests"] == 2, "both in the window")
    wait_until(lambda: worker.status()["dedupe"]["unsaved"] == 0, "both in its file")
    assert worker.status()["dedupe"] == {"window_ms": 600000, "most": 50, "requests": 2, "unsaved": 0, "forgotten": 0, "file_failures": 0}
    for one in (plain, worker):
        wait_until(lambda: one.status()["retries"]["working"], "retries being brought back")
        assert set(one.status()["retries"]) == {"working", "redelivered", "postponed", "waiting_partitions", "blocked"}
        wait_until(lambda: one.metrics()[("pouch_worker_in_flight_limit",)] > 0, "its bound")


def test_other_methods_and_paths_are_refused_as_problems(pouch):
    worker = start(pouch, pouch.topic())
    for path in ENDPOINTS:
        refused = httpx.post(worker.url + path, content=b"x", timeout=60)
        assert refused.status_code == 405 and refused.headers["allow"] == "GET, HEAD, OPTIONS"
        head = httpx.head(worker.url + path, timeout=60)
        assert head.content == b"" and int(head.headers["content-length"]) > 0
    missing = worker.get("/metrics/")
    assert missing.status_code == 404 and missing.headers["content-type"] == "application/problem+json"
    assert missing.json()["status"] == 404


def test_an_address_that_is_taken_is_a_clear_error(pouch):
    topic = pouch.topic()
    first = start(pouch, topic)
    address = first.url.removeprefix("http://")
    done = pouch.run("worker", topic, "--pipe", "cat", "--listen", address)
    assert done.returncode == 78 and address in done.stderr and "another program listens there" in done.stderr
    done = pouch.run("worker", topic, "--pipe", "cat", "--listen", "9464")
    assert done.returncode == 78 and "HOST:PORT" in done.stderr


def test_an_address_that_others_reach_is_allowed_and_told(pouch):
    worker = pouch.start("worker", pouch.topic(), "--pipe", "cat", "--listen", "0.0.0.0:0")
    worker.wait_for("it is not of this host alone")
    assert pouch.start("worker", pouch.topic(), "--pipe", "cat", "--listen", "127.0.0.1:0").wait_for(
        "serving health").stderr().count("not of this host alone") == 0


def test_a_center_tells_its_routes_and_is_ready(pouch):
    pouch.env["POUCH_STORE"] = f"sqlite://{pouch.folder}/store"
    inbox, target = pouch.topic(), pouch.topic()
    pouch.ok("route", "add", "billing", target)
    center = Listener(pouch.start("center", "--inbox", inbox, "--listen", "127.0.0.1:0"))
    center.until_ready()
    said = center.status()
    assert said["role"] == "center" and said["ready"] is True and said["notes"] == [] and "keys" not in said
    assert said["routes"]["known"] == 1 and 0 <= said["routes"]["age_ms"] < 60000
    assert {partition["topic"] for partition in said["partitions"]} == {inbox}
    assert pouch.run("send", "--publisher", "billing", "--inbox", inbox, stdin='{"canary":1}').returncode == 0
    wait_until(lambda: center.metrics()[("pouch_center_records_total", ("outcome", "routed"))] == 1, "a record routed")
    wait_until(lambda: center.status()["store"]["rows"] > 0, "its trace row written")
    assert "canary" not in center.get("/statusz").text
    assert center.program.stop() == 0

"""A worker whose handler keeps failing, and one whose handlers do not come back."""

import json
import time

import independent
import pytest
from conftest import wait_until
from listener import Listener

SETTINGS = {"POUCH_BREAKER_FAILURES": "3", "POUCH_BREAKER_MAX_HELD": "2", "POUCH_RETRY_ATTEMPTS": "1",
            "POUCH_RETRY_TIERS": "off", "POUCH_WORKER_CONCURRENCY": "1"}


class Service:
    """A command that fails until it is mended, and counts how often it is called."""

    def __init__(self, pouch, folder, recovery):
        self.pouch, self.calls, self.good = pouch, folder / "calls", folder / "good"
        self.topic = pouch.topic(partitions=1)
        command = f"echo >> {self.calls}; cat; test -e {self.good} || exit 75"
        env = dict(SETTINGS, POUCH_BREAKER_RECOVERY=f"{recovery}s")
        self.worker = Listener(pouch.start("worker", self.topic, "--exec", command, "--listen", "127.0.0.1:0", env=env))
        self.worker.until_ready()

    def called(self):
        return len(self.calls.read_text()) if self.calls.exists() else 0

    def breaker(self):
        [breaker] = self.worker.status()["breakers"]
        assert breaker["name"] == self.topic and breaker["kind"] == "handler"
        return breaker

    def code(self, *words):
        return json.loads(self.pouch.ask(self.topic, 1, *words).stdout)["error"]["code"]


@pytest.mark.acceptance("A24")
def test_a_command_that_keeps_failing_is_not_called_and_what_waits_is_handled_once_it_works(pouch, tmp_path):
    service = Service(pouch, tmp_path, 30)  # time enough for both to be held before one is let through
    for _ in range(3):
        assert service.code() == "handler_error"
    waiting = [pouch.start("request", service.topic, "1", "--timeout", "2m", name=f"waiting-{n}") for n in range(2)]
    wait_until(lambda: service.breaker()["held"] == 2, "the requests being held")
    assert service.breaker()["state"] == "open"
    assert service.called() == 3
    service.good.touch()
    for one in waiting:
        assert one.process.wait(120) == 0, one.stderr()
        assert json.loads(one.stdout()) == 1
    wait_until(lambda: service.breaker()["state"] == "closed", "the breaker closing")
    assert service.breaker()["held"] == service.breaker()["failures"] == 0
    metrics = service.worker.metrics()
    assert metrics["pouch_worker_breakers", ("state", "closed")] == 1
    assert metrics["pouch_breaker_openings_total", ("kind", "handler")] >= 1
    assert service.worker.program.stop() == 0


def code_of(pouch, record):
    """Of the error that an answer tells, sealed or in clear."""
    answer = json.loads(record.value())
    return (json.loads(independent.open_sealed(pouch.key, answer)) if "data" in answer else answer["error"])["code"]


@pytest.mark.acceptance("A24")
def test_more_than_may_wait_is_answered_at_once_and_what_waits_expires(pouch, tmp_path):
    service = Service(pouch, tmp_path, 2)
    for _ in range(3):
        assert service.code() == "handler_error"
    called = service.called()
    begun = time.monotonic()
    replies = pouch.topic(f"{service.topic}.replies", 1)
    producer = independent.producer(pouch.brokers)  # all at once, however busy the machine is
    for _ in range(12):
        producer.produce(service.topic, value=independent.seal(pouch.key, "1", replyTopic=replies))
    assert producer.flush(60) == 0
    reader = independent.reader(pouch.brokers, replies)
    codes = [code_of(pouch, record) for record in independent.read(reader, 12)]
    reader.close()
    probes = service.called() - called
    assert set(codes) <= {"overloaded", "handler_error"} and codes.count("overloaded") >= 1
    assert probes == codes.count("handler_error")  # who was let through
    assert probes <= 1 + (time.monotonic() - begun) / 2  # one in each time of recovery
    assert service.worker.program.stop() == 0

"""A publisher that sends more than center.publisher_rate allows, and one beside it that does not."""

import json
import uuid

import independent
import pytest
from conftest import PATIENCE, wait_until
from listener import Listener

RATE, BURST = 10, 20


@pytest.fixture
def limited(pouch):
    """A center that limits its publishers, and an echo worker behind it."""
    pouch.env.update(POUCH_STORE=f"sqlite://{pouch.folder}/store", POUCH_CENTER_INBOX=pouch.topic(f"inbox-{uuid.uuid4().hex[:8]}"),
                     POUCH_CENTER_PUBLISHER_RATE=str(RATE), POUCH_CENTER_PUBLISHER_BURST=str(BURST))
    target = pouch.topic()
    for publisher in ("loud", "quiet"):
        pouch.ok("route", "add", publisher, target)
    center = Listener(pouch.start("center", "--listen", "127.0.0.1:0"))
    worker = Listener(pouch.start("worker", target, "--pipe", "cat", "--listen", "127.0.0.1:0"))
    center.until_ready()
    worker.until_ready()
    return pouch, center


def load(pouch, publisher, rate, count):
    """A load at a steady rate, whatever comes of it."""
    return pouch.start("bench", "request", "--publisher", publisher, "--rate", rate, "--count", count, "--size", 64, "--warm-up", 0,
                       "--timeout", "60s", "-o", "json", name=publisher)


def result(program):
    program.process.wait(2 * PATIENCE)
    return json.loads(program.stdout())


@pytest.mark.acceptance("B4")
def test_who_sends_too_much_is_told_so_and_nobody_else_notices(limited):
    pouch, center = limited
    sending = load(pouch, "loud", 100, 400), load(pouch, "quiet", 5, 20)
    loud, quiet = map(result, sending)
    assert quiet["failed"] == 0
    refused, routed = loud["failed"], 400 - loud["failed"]
    assert BURST <= routed <= BURST + RATE * (loud["seconds"] + 1)
    assert "publisher loud sends more than 10 requests a second; send less, or raise center.publisher_rate" in sending[0].stderr()
    assert center.metrics()[("pouch_center_limited_total",)] == refused

    def counted():
        of = {entry["publisher"]: entry for entry in center.status()["publishers"]}
        return of["loud"]["routed"] >= routed and of["loud"]["failed"] >= refused and of["quiet"]["routed"] >= 20 and of

    of = wait_until(counted, "all requests in the center's status")
    assert (of["loud"]["failed"], of["loud"]["limited"]) == (refused, refused)
    assert center.metrics()[("pouch_center_records_total", ("outcome", "overloaded"))] == refused
    assert (of["quiet"]["failed"], of["quiet"]["limited"]) == (0, 0)
    letters = [independent.headers(record) for record in independent.read_all(pouch.brokers, "internal.dlq")]
    ours = [letter for letter in letters if letter["pouch-dlq-source"].startswith(pouch.env["POUCH_CENTER_INBOX"] + "/")]
    assert len(ours) == refused and {letter["pouch-dlq-code"] for letter in ours} == {"overloaded"}

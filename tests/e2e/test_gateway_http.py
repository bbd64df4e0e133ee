"""A gateway's port under what HTTP clients may do wrong: the rules of tests/support/http_rules.py by a raw socket, and clients that are slow."""

import contextlib
import json
import re
import socket
import sys

import httpx
import independent
import pytest
from conftest import ROOT, Pouch, wait_until
from gateway import Gateway
from http_rules import ASK, BODY, HOST, JSON, LENGTH, RULES, VALUE

sys.path.insert(0, str(ROOT / "tests" / "faults"))
from slow_clients import Crowd  # noqa: E402

CROWD = 30  # clients that take long
WITHOUT_BODY = {204, 304}
DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT")
NEXT = f"POST {ASK} HTTP/1.1\r\n{HOST}{JSON}{LENGTH}Connection: close\r\n\r\n{BODY}"  # behind each rule's own request
ECHO = {"success": True, "response": VALUE}


class Answer:
    """The first answer of what a server has said, and what it has said behind."""

    def __init__(self, said, method):
        head, end, self.rest = said.partition(b"\r\n\r\n")
        assert end, said
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1" and len(status) == 3, first
        self.status = int(status)
        self.fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        assert len(self.fields) == len(lines), head
        silent = method == "HEAD" or self.status in WITHOUT_BODY
        length = 0 if silent else int(self.fields["content-length"])
        assert len(self.rest) >= length, said
        self.body, self.rest = self.rest[:length], self.rest[length:]

    def wrong(self):
        """What no answer of an origin server may be, whatever was asked (RFC 9110, sections 6.6.1, 8.3, 8.6, 15.5.2 and 15.5.6)."""
        fields = self.fields
        return [what for what, is_so in (
            ("no date", not DATE.fullmatch(fields.get("date", ""))),
            ("no type", self.body and "content-type" not in fields),
            ("a length without a body", self.status in WITHOUT_BODY and "content-length" in fields),
            ("two lengths", "transfer-encoding" in fields),
            ("another protocol", "upgrade" in fields or self.status < 200),
            ("no Allow", self.status == 405 and "allow" not in fields),
            ("no challenge", self.status == 401 and "www-authenticate" not in fields),
            ("a secret", b"secret" in self.body),
        ) if is_so]


@pytest.fixture(scope="module")
def gateway(kafka, tmp_path_factory):
    pouch = Pouch(kafka["KAFKA_BROKERS"], tmp_path_factory.mktemp("gateway-http"))
    yield Gateway(pouch).start()
    pouch.stop_all()


@pytest.fixture(scope="module")
def echo(gateway):
    topic = gateway.pouch.topic(partitions=1)
    gateway.pouch.worker(topic, "--pipe", "cat")
    wait_until(lambda: gateway.post(f"/kafka/request/{topic}", {"value": VALUE}).status_code == 200, "a worker that answers")
    return topic


def exchange(gateway, text, address="127.0.0.1", seconds=60):
    """All that comes back until the server has closed."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=seconds, source_address=(address, 0)) as connection:
        with contextlib.suppress(OSError):  # it has heard enough
            connection.sendall(text.encode("latin-1"))
            connection.shutdown(socket.SHUT_WR)
        said = b""
        while data := connection.recv(65536):
            said += data
    return said


def answers(said, methods):
    """All that were given, by the methods that were asked with."""
    found = []
    while said:
        found.append(Answer(said, methods[len(found)] if len(found) < len(methods) else "GET"))
        said = found[-1].rest
    return found


def judge(rule, said):
    """What is wrong about what a server has said to a rule's request and the one behind it."""
    methods = re.findall(r"(?:^|\n\r\n)([A-Z]+) [^\r\n]* HTTP/1\.\d\r\n", rule.sent.lstrip("\r\n")) if rule.kept else [rule.sent.lstrip("\r\n").split(" ")[0]]
    found = answers(said, methods)
    wrong = [what for answer in found for what in answer.wrong()]
    if [answer.status for answer in found] != [*rule.statuses, *[200] * rule.kept]:
        wrong.append(f"answered {[answer.status for answer in found]}")
    elif rule.kept and json.loads(found[-1].body).get("response") != VALUE:
        wrong.append(f"the next request got {found[-1].body}")
    elif found and "close" not in found[-1].fields.get("connection", ""):
        wrong.append("closed without a word")
    elif rule.says and rule.says not in found[len(rule.statuses) - 1].body.decode():
        wrong.append(f"said {found[len(rule.statuses) - 1].body}")
    return wrong


@pytest.mark.acceptance("C33")
def test_each_rule_of_http_holds_and_nothing_is_taken_for_a_request_that_is_none(gateway, echo):
    """F37. What each rule sends, with a good request right behind: so many answers, with these statuses, and then the end; and the topic
    has one record for each request that was good, and no other, whatever stood in the bodies of those that were not."""
    before, wrong = len(independent.read_all(gateway.pouch.brokers, echo)), []
    for rule in RULES:
        said = exchange(gateway, (rule.sent if rule.ends else rule.sent + NEXT).replace("TOPIC", echo))
        wrong += [f"{rule.section} {rule.probe} {rule.sent[:300]!r}: {what}" for what in judge(rule, said)]
    assert not wrong, "\n".join(wrong)
    assert len(independent.read_all(gateway.pouch.brokers, echo)) - before == sum(rule.asks() for rule in RULES)


def test_an_address_has_no_more_connections_than_it_may_and_others_are_let_in(kafka, tmp_path):
    """F36. One address with all its connections open is told 503 and may ask on those; from another one is served meanwhile."""
    pouch, most = Pouch(kafka["KAFKA_BROKERS"], tmp_path), 8
    few = Gateway(pouch, env={"POUCH_GATEWAY_CONNECTIONS_PER_ADDRESS": str(most)}).start()
    one, last = f"GET /livez HTTP/1.1\r\n{HOST}\r\n", f"GET /livez HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n"
    metric = re.compile(r'^pouch_http_rejects_total\{reason="address"\} (\d+)$', re.MULTILINE)
    open_now = [socket.create_connection(("127.0.0.1", few.port), timeout=60, source_address=("127.0.0.2", 0)) for _ in range(most)]
    try:
        for connection in open_now:
            connection.sendall(one.encode())
            assert Answer(connection.recv(65536), "GET").status == 200  # so it is counted
        # Nothing is sent: what comes before the server has closed is not lost then.
        with socket.create_connection(("127.0.0.1", few.port), timeout=60, source_address=("127.0.0.2", 0)) as one_more:
            assert Answer(one_more.recv(65536), "GET").status == 503
        assert Answer(exchange(few, last, "127.0.0.3"), "GET").status == 200
        assert int(metric.search(few.get("/metrics").text)[1]) == 1
        open_now[0].sendall(last.encode())
        assert Answer(open_now[0].recv(65536), "GET").status == 200
    finally:
        for connection in open_now:
            connection.close()
    wait_until(lambda: metric_of(few, "pouch_http_connections") < most, "its connections being gone")
    assert Answer(exchange(few, last, "127.0.0.2"), "GET").status == 200
    pouch.stop_all()


def metric_of(gateway, name):
    return int(re.search(rf"^{name} (\d+)$", gateway.get("/metrics").text, re.MULTILINE)[1])


@pytest.mark.acceptance("C33")
def test_slow_clients_leave_the_others_alone(gateway):
    """F36 in short, without a word about time: while heads and bodies trickle, healthy clients are answered. `tests/faults/run F36` measures."""
    with Crowd(gateway, CROWD):
        wait_until(lambda: metric_of(gateway, "pouch_http_connections") >= CROWD, "the slow clients being there")
        with httpx.Client(base_url=gateway.url, timeout=60) as healthy:
            assert all(healthy.get("/livez").status_code == 200 for _ in range(500))

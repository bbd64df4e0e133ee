"""A gateway's port under what HTTP clients may do wrong: the list of heads of tests/unit/httpd, at the real thing, and clients that are slow."""

import re
import socket
import threading

import httpx
import pytest
from conftest import ROOT, Pouch, wait_until
from gateway import Gateway

UNIT = (ROOT / "tests" / "unit" / "httpd" / "test_head.c").read_text()
MACROS = {name: text for name, text in re.findall(r'^#define (HOST|GET|POST) +(.+)$', UNIT, re.MULTILINE)}
PIECE = re.compile(r'"((?:[^"\\]|\\.)*)"|\b(HOST|GET|POST)\b')
ESCAPES = {"r": "\r", "n": "\n", "t": "\t", '"': '"', "\\": "\\"}
BLIND = 10  # clients that begin a request and never end it, of each kind


def text_of(source):
    """What a C expression of literals and the macros of the file says."""
    def unescape(found):
        return chr(int(found[1][1:], 16)) if found[1][0] == "x" else ESCAPES[found[1]]

    return "".join(re.sub(r"\\(x[0-9a-fA-F]{2}|.)", unescape, literal) if not macro else text_of(MACROS[macro]) for literal, macro in PIECE.findall(source))


def entries(name):
    return UNIT.split(f"}} {name}[] = {{" if name == "refused" else f"{name}[] = {{", 1)[1].split("\n};", 1)[0]


REFUSED = [(text_of(text), int(status)) for text, status in re.findall(r'^    \{((?:[^{}"]|"(?:[^"\\]|\\.)*")+),\s+(\d{3})\},$', entries("refused"), re.MULTILINE)]
TAKEN = [text_of(line) for line in entries("taken").splitlines() if line.strip()]


@pytest.fixture(scope="module")
def gateway(kafka, tmp_path_factory):
    pouch = Pouch(kafka["KAFKA_BROKERS"], tmp_path_factory.mktemp("gateway-http"))
    yield Gateway(pouch).start()
    pouch.stop_all()


def exchange(gateway, text, seconds=60):
    """All that comes back until the server has closed."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=seconds) as connection:
        connection.sendall(text.encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        said = b""
        while data := connection.recv(65536):
            said += data
    return said


def statuses(said):
    return [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d{3}) ", said, re.MULTILINE)]


def test_the_list_is_read_whole():
    assert len(REFUSED) == len(re.findall(r"\d{3}\},$", entries("refused"), re.MULTILINE)) > 80
    assert len(TAKEN) > 15 and TAKEN[0] == "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_what_is_malformed_is_refused_and_nothing_behind_it_is_taken_for_a_request(gateway):
    """F37. Each case, with a request smuggled in behind: one answer, with the status of the list, and the end."""
    smuggled = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
    wrong = [(text, status, found) for text, status in REFUSED if (found := statuses(exchange(gateway, text + smuggled))) != [status]]
    assert not wrong
    assert gateway.get("/livez").status_code == 200


def test_what_is_well_formed_is_answered(gateway):
    """Whatever the gateway thinks of the path, it does not call the request malformed."""
    for text in TAKEN:
        found = statuses(exchange(gateway, text + ("12345" if "Content-Length: " in text and "Length: 0\r" not in text else "")))
        assert found and found[-1] not in {400, 414, 431, 501, 505}, (text, found)


@pytest.mark.acceptance("C33")
def test_requests_in_a_row_are_answered_in_their_order(gateway):
    said = exchange(gateway, "".join(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n" for path in ("/livez", "/nothing-here", "/livez")))
    assert statuses(said) == [200, 404, 200]


class Slow:
    """Clients that send a byte now and then, of heads and of bodies."""

    BEGUN = (b"POST /kafka/send/slow HTTP/1.1\r\nHost: a\r\nX-Slow: ", b"POST /kafka/send/slow HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{")

    def __init__(self, gateway, n):
        self.connections = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(2 * n)]
        for i, connection in enumerate(self.connections):
            connection.sendall(self.BEGUN[i % 2])
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.ending.wait(0.1):
            for connection in self.connections:
                try:
                    connection.send(b" ")
                except OSError:
                    continue  # the server has had enough of it

    def close(self):
        self.ending.set()
        self.thread.join()
        for connection in self.connections:
            connection.close()


@pytest.mark.acceptance("C33")
def test_slow_clients_leave_the_others_alone(gateway):
    """F36. While heads and bodies trickle, healthy clients are answered, each within the time that they would be given anyway."""
    slow = Slow(gateway, BLIND)
    try:
        metric = re.compile(r"^pouch_http_connections (\d+)$", re.MULTILINE)
        wait_until(lambda: int(metric.search(gateway.get("/metrics").text)[1]) >= 2 * BLIND, "the slow clients being there")
        with httpx.Client(base_url=gateway.url, timeout=60) as healthy:
            assert all(healthy.get("/livez").status_code == 200 for _ in range(500))
    finally:
        slow.close()

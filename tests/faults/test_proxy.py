"""The proxy does to a connection what it is told, and nothing when it is told nothing."""

import socket
import struct
import threading
import time

import pytest
from conftest import wait_until
from ports import free_port
from proxy import Proxy


@pytest.fixture
def echo():
    """A server that sends back what it gets: its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(connection):
        try:
            while data := connection.recv(65536):
                connection.sendall(data)
        except OSError:
            pass
        connection.close()

    def accept():
        try:
            while True:
                threading.Thread(target=serve, args=server.accept()[:1], daemon=True).start()
        except OSError:
            pass

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()


@pytest.fixture
def proxy(echo):
    with Proxy("127.0.0.1", echo) as running:
        yield running


@pytest.fixture
def client(proxy):
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as connection:
        yield connection


def ask(client, data=b"hello"):
    """What came back, and after how long."""
    began, got = time.monotonic(), b""
    client.sendall(data)
    while len(got) < len(data):
        part = client.recv(65536)
        if not part:
            raise ConnectionResetError
        got += part
    return got, time.monotonic() - began


def test_all_passes_as_it_came(client):
    data = bytes(range(256)) * 1000
    assert ask(client, data)[0] == data


def test_it_listens_where_it_is_told(echo):
    port = free_port()
    with Proxy("127.0.0.1", echo, listen=port) as proxy, socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        assert proxy.port == port and ask(client)[0] == b"hello"


def test_each_way_is_late(proxy, client):
    proxy.delay(0.1)
    assert ask(client)[1] >= 0.2
    proxy.delay(0.1, ways=Proxy.DOWN)
    assert ask(client)[1] >= 0.1
    proxy.delay(0.05, 0.05)
    data = bytes(range(256))
    assert ask(client, data)[0] == data


def test_a_throttled_line_takes_its_time_and_loses_nothing(proxy, client):
    data = bytes(range(256)) * 80
    proxy.throttle(102400, ways=Proxy.UP)
    got, took = ask(client, data)
    assert got == data and took >= 0.1
    proxy.mend()
    assert ask(client)[0] == b"hello"


@pytest.mark.parametrize("ways", (Proxy.UP, Proxy.DOWN, Proxy.BOTH))
def test_a_black_hole_takes_all_and_gives_it_back_when_it_is_mended(proxy, client, ways):
    proxy.blackhole(ways)
    client.sendall(b"lost?")
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.recv(10)
    if ways == Proxy.DOWN:
        wait_until(lambda: proxy.passed[Proxy.UP] == 5, "the other way taking it")
    else:
        assert proxy.passed[Proxy.UP] == 0
    client.settimeout(60)
    proxy.mend()
    assert client.recv(10) == b"lost?"


def test_requests_of_a_kind_are_held_with_what_follows_them(proxy, client):
    def request(kind, text):
        return struct.pack(">ih", len(text) + 2, kind) + text

    before, after = request(0, b"produce") + request(8, b""), request(8, b"commit") + request(0, b"more")
    assert ask(client, before)[0] == before
    proxy.hold(8)
    held = request(0, bytes(1000)) + after
    for at in range(0, len(held), 3):  # in pieces that know nothing of where requests begin
        client.sendall(held[at:at + 3])
    got = b""
    while len(got) < len(held) - len(after):
        got += client.recv(65536)
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        while True:
            got += client.recv(65536)
    assert len(got) - (len(held) - len(after)) < 6  # less than tells of what kind it is
    client.settimeout(60)
    proxy.mend()
    while len(got) < len(held):
        got += client.recv(65536)
    assert got == held and ask(client, before)[0] == before


@pytest.mark.parametrize("n", (0, 1, 99))
def test_a_connection_is_cut_after_so_many_bytes_and_the_next_one_is_well(proxy, client, n):
    assert ask(client)[0] == b"hello"
    proxy.cut_after(n, ways=Proxy.UP)
    with pytest.raises(ConnectionError):
        ask(client, bytes(100))
    wait_until(lambda: proxy.cuts == 1, "the cut")
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as again:
        assert ask(again)[0] == b"hello"


def test_a_reset_is_seen_by_both_sides(proxy, client):
    assert ask(client)[0] == b"hello"
    proxy.reset()
    with pytest.raises(ConnectionError):
        ask(client)

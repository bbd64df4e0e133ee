"""Clients that take long over their requests, beside clients that do not, as a function that gives figures; `tests/faults/run` prints them."""

import json
import re
import resource
import select
import socket
import statistics
import subprocess
import threading
import time
from contextlib import suppress

from conftest import BUILD, PATIENCE, wait_until
from gateway import Gateway
from programs import Missing
from promises import at_least, at_most

HEALTHY = 16  # connections of those who are measured
OTHERS = 500  # files besides the clients
A_ADDRESS = 1000  # clients of one address: fewer than gateway.connections_per_address, which is not what is measured
CONNECTIONS = 16384  # gateway.connections
TURN_S = 0.05
PERIOD_S = 2  # of a client's bytes
VALUE = '{"value":{"n":1}}'


def metrics_of(gateway):
    return {name: int(float(value)) for name, value in re.findall(r"^(pouch_http_\S+) (\S+)$", gateway.get("/metrics").text, re.MULTILINE)}


class Crowd:
    """A third of them say nothing, a third trickle a head and a third a body. Whoever is closed comes again."""

    POST = b"POST /kafka/request/slow HTTP/1.1\r\nHost: localhost\r\n"
    BEGUN = (b"", POST + b"X-Slow: ", POST + b"Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n ")

    def __init__(self, gateway, n):
        self.gateway, self.n, self.port, self.closed = gateway, n, gateway.port, 0
        self.poll, self.sockets, self.number = select.epoll(), {}, {}
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        for i in range(self.n):
            self.open(i)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()
        for one in self.sockets.values():
            one.close()
        wait_until(lambda: metrics_of(self.gateway)["pouch_http_connections"] < OTHERS // 10, "the slow clients being gone", 2 * PATIENCE)

    def open(self, i):
        one = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE, source_address=(f"127.0.{1 + i // A_ADDRESS}.1", 0))
        one.setblocking(False)
        with suppress(OSError):
            one.send(self.BEGUN[i % len(self.BEGUN)])
        self.sockets[i], self.number[one.fileno()] = one, i
        self.poll.register(one, select.EPOLLIN)

    def come_again(self, i):
        old = self.sockets.pop(i)
        self.number.pop(old.fileno())
        self.poll.unregister(old)
        old.close()
        self.closed += 1
        self.open(i)

    def run(self):
        turn, step = 0, max(1, round(self.n * TURN_S / PERIOD_S))
        while not self.ending.wait(TURN_S):
            for fd, _ in self.poll.poll(0):  # the server has said something, which is the end
                self.come_again(self.number[fd])
            for i in range(turn, turn + step):
                with suppress(OSError):
                    if i % self.n % len(self.BEGUN):
                        self.sockets[i % self.n].send(b" ")
            turn = (turn + step) % self.n


def ask(gateway, topic, count):
    """So many requests, one after the other on each of some connections: what became of them, by a program that is not slow itself."""
    words = [BUILD / "http_load", "127.0.0.1", str(gateway.port), f"/kafka/request/{topic}", str(HEALTHY), str(count)]
    done = subprocess.run(words, input=VALUE, capture_output=True, text=True, timeout=600)
    return json.loads(done.stdout) if done.stdout else {"errors": count, "said": done.stderr}


def let_open(files):
    if not (BUILD / "http_load").exists():
        raise Missing(f"{BUILD}/http_load is not built: cmake --build {BUILD} --target http_load")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < files:
        raise Missing(f"this user may open no more than {most} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def slow_clients(pouch, clients, pairs, count):
    """F36: healthy clients alone and beside the slow ones, in turn, each as many requests; the ratio is the median of those of the pairs."""
    let_open(clients + OTHERS)
    topic, found, held, closed = pouch.topic(), [], [], 0
    pouch.start("bench", "worker", topic)
    gateway = Gateway(pouch).start()
    wait_until(lambda: gateway.post(f"/kafka/request/{topic}", {"value": {}}).status_code == 200, "a worker that answers")
    ask(gateway, topic, count)  # connections to the brokers and the like are there from now on
    begin = time.monotonic()
    for _ in range(pairs):
        alone = ask(gateway, topic, count)
        with Crowd(gateway, clients) as crowd:
            wait_until(lambda: metrics_of(gateway)["pouch_http_connections"] >= 0.8 * min(clients, CONNECTIONS), "the slow clients being there")
            found.append((alone, ask(gateway, topic, count)))
            held.append(metrics_of(gateway)["pouch_http_connections"])
        closed += crowd.closed
    seen = metrics_of(gateway)
    failed = sum(one["errors"] for pair in found for one in pair)
    figures = {"clients": clients, "pairs": pairs, "requests": 2 * pairs * count, "seconds": round(time.monotonic() - begin), "failed": failed, "open": held,
               "came_again": closed, **at_most(failed=0), **at_least(open=min(clients, CONNECTIONS) // 2)}
    for reason in ("head_timeout", "body_timeout", "connections"):
        figures[reason] = seen[f'pouch_http_rejects_total{{reason="{reason}"}}']
    if failed:
        return {**figures, "said": [one["said"] for pair in found for one in pair if "said" in one][:2]}
    for name in ("p50_us", "p99_us"):
        figures |= {f"alone_{name}": round(statistics.median(a[name] for a, _ in found)), f"beside_{name}": round(statistics.median(b[name] for _, b in found)),
                    f"{name[:3]}_ratios": [round(b[name] / a[name], 2) for a, b in found], f"{name[:3]}_ratio": round(statistics.median(b[name] / a[name] for a, b in found), 2)}
    return figures

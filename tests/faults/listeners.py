"""Live events to thousands, as functions that give figures: idle clients and then an event for all, one that never reads, and a thousand that are
cut and come back, half of them to another gateway. bench/sse_load.c is the clients and looks at what each of them gets."""

import json
import subprocess

from conftest import BUILD
from gateway import Gateway
from programs import Missing
from promises import at_least, at_most

KIB_A_CLIENT = 16


def load(pouch, **numbers):
    program = BUILD / "sse_load"
    if not program.exists():
        raise Missing(f"{program} is not built")
    pouch.env |= {"POUCH_GATEWAY_EVENTS_TOPIC": "listeners", "POUCH_GATEWAY_CONNECTIONS_PER_ADDRESS": "0"}  # all of them are here
    a, b = (Gateway(pouch, "--client-id", "listeners", name=f"gateway-{name}").start() for name in "ab")
    words = [f"{name}={number}" for name, number in dict(numbers, port=a.port, port2=b.port, pid=a.program.process.pid).items()]
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    metrics = {line.split()[0]: float(line.split()[1]) for line in a.get("/metrics").text.splitlines() if line.startswith("pouch_events_")}
    for gateway in (a, b):
        gateway.program.stop()
    return {**figures, "dropped_slow": int(metrics["pouch_events_slow_total"]), **at_most(skipped=0)}


def idle_then_told(pouch, clients, count):
    """F33: all get each event once."""
    return {**load(pouch, clients=clients, count=count, interval=1000), **at_most(kib_a_client=KIB_A_CLIENT)}


def one_never_reads(pouch, clients, count):
    """F34: it is dropped, and the others get everything; p99 with and without it in one run."""
    numbers = dict(clients=clients, count=count, interval=20, size=40000)
    without, beside = load(pouch, **numbers), load(pouch, slow=1, **numbers)
    return {"without": without, **beside, **at_least(dropped_slow=1)}


def cut_and_back(pouch, clients, cut, times):
    """F35: nothing is missing and nothing comes twice."""
    return load(pouch, clients=clients, count=20, interval=50, cut=cut, back=times)

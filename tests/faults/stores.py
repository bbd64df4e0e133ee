"""Faults of the store, as functions that give figures; `scripts/python tests/faults/run` prints them.

A center routes an open loop of requests while its Cassandra is killed, frozen or slow. It must route as
if nothing had happened, and afterwards the store must have one row for each record that it routed.
"""

import contextlib
import json
import subprocess
import time

import conftest
import independent
from cassandra.cluster import Cluster
from cassandra.policies import WhiteListRoundRobinPolicy
from conftest import stack, wait_until
from listener import Listener
from proxy import Proxy


# The store's share of the machine: what the center and the others leave, as if it had one of its own.
LOWEST = 19


@contextlib.contextmanager
def killed(name, _proxy):
    stack(name, "kill", "cassandra")
    yield
    stack(name, "start", "cassandra", nice=LOWEST)


@contextlib.contextmanager
def frozen(name, _proxy):
    stack(name, "kill", "-STOP", "cassandra")
    yield
    stack(name, "kill", "-CONT", "cassandra")


@contextlib.contextmanager
def slow(_name, proxy):
    proxy.delay(2)
    yield
    proxy.mend()


FAULTS = (killed, frozen, slow)


@contextlib.contextmanager
def session(exports):
    address = exports["CASSANDRA_CONTACT_POINTS"]
    cluster = Cluster([address], port=int(exports["CASSANDRA_PORT"]), protocol_version=4, load_balancing_policy=WhiteListRoundRobinPolicy([address]))
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


def rows_of(exports, keyspace, inbox):
    """The rows of an inbox in the table by request, and how many the list by time has in all."""
    with session(exports) as cassandra:
        rows = [(row.kafka_partition, row.kafka_offset, row.row_id)
                for row in cassandra.execute(f"SELECT source_topic, kafka_partition, kafka_offset, row_id FROM {keyspace}.trace_by_request") if row.source_topic == inbox]
        listed = {row.row_id for row in cassandra.execute(f"SELECT list, row_id FROM {keyspace}.trace_by_time") if row.list == "all"}
    return rows, listed


def has_traced_all(center):
    """Whether all rows of a center are in the store; it is given by its listener."""
    metrics = center.metrics()
    return not any(metrics[f"pouch_trace_{name}",] for name in ("spooling", "spool_bytes", "queue_bytes"))


class Stage:
    """A center on an inbox of its own, with a worker behind it; the store is reached through a proxy."""

    def __init__(self, pouch, url, name, *settings):
        self.pouch, self.name = pouch, name
        self.inbox, self.topic = pouch.topic(), pouch.topic()
        pouch.env.update(POUCH_STORE=url, POUCH_CENTER_INBOX=self.inbox)
        pouch.ok("route", "add", name, self.topic)
        self.center = pouch.start("center", "--start", "earliest", "--listen", "127.0.0.1:0", name=f"center-{name}", env=dict(settings))
        self.worker = pouch.start("bench", "worker", self.topic, name=f"worker-{name}", env={"POUCH_STORE": ""})
        self.listener = Listener(self.center)

    def load(self, rate, seconds):
        env = dict(self.pouch.env, POUCH_CENTER_INBOX=self.inbox)
        env.pop("POUCH_STORE", None)
        return subprocess.Popen([str(w) for w in self.pouch.command("bench", "request", "--publisher", self.name, "--rate", rate, "--count", rate * seconds,
                                                                    "--client-id", f"load-{self.name}", "--timeout", "60s", "-o", "json")],
                                env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def metric(self, name):
        return self.listener.metrics()[(name,)]

    def stop(self):
        return [program.stop(60) for program in (self.center, self.worker)]


def measure(stage, rate, seconds, fault, fault_seconds):
    """The loop's percentiles; the fault is in the middle of it."""
    load = stage.load(rate, seconds)
    time.sleep((seconds - fault_seconds) / 2)
    with fault:
        time.sleep(fault_seconds)
    out, err = load.communicate(timeout=300)
    assert load.returncode == 0, err[-2000:]
    return json.loads(out)


def middle(values):
    return sorted(values)[len(values) // 2]


def store_fault(pouch, exports, name, fault, pairs, rate, seconds, fault_seconds):
    """Alternates a center that traces with one that does not, on a machine whose store has that fault for both."""
    address, port = exports["CASSANDRA_CONTACT_POINTS"], int(exports["CASSANDRA_PORT"])
    with Proxy(address, port) as proxy:
        proxy.step_back()
        where = f"127.0.0.1:{proxy.port}" if fault is slow else f"{address}:{port}"
        url = f"cassandra://{where}/faults_{fault.__name__}"
        on = Stage(pouch, url, "traced")
        off = Stage(pouch, url, "untraced", ("POUCH_TRACE_CENTER", "off"))
        runs = []
        for _ in range(pairs):
            traced = measure(on, rate, seconds, fault(name, proxy), fault_seconds)
            wait_until(lambda: has_traced_all(on.listener), "the spool being replayed", 300)
            runs.append((traced, measure(off, rate, seconds, fault(name, proxy), fault_seconds)))
        spooled, missing = on.metric("pouch_trace_spooled_total"), on.metric("pouch_trace_missing_total")
        stopped = on.stop() + off.stop()
    records = {(m.partition(), m.offset()) for m in independent.read_all(pouch.brokers, on.inbox)}
    rows, listed = rows_of(exports, f"faults_{fault.__name__}", on.inbox)
    ratios = [traced["p99_us"] / untraced["p99_us"] for traced, untraced in runs]
    return {"pairs": pairs, "rate": rate, "seconds": seconds, "fault_seconds": fault_seconds, "failed": sum(r["failed"] for pair in runs for r in pair),
            "p99_ms_traced": round(middle([t["p99_us"] for t, _ in runs]) / 1000, 2), "p99_ms_untraced": round(middle([u["p99_us"] for _, u in runs]) / 1000, 2),
            "p99_ratio": round(middle(ratios), 2), "p99_ratios": [round(r, 2) for r in sorted(ratios)], "records": len(records), "rows": len(rows), "rows_listed": len(listed & {row[2] for row in rows}),
            "untraced": len(records - {row[:2] for row in rows}), "doubled": len(rows) - len({row[:2] for row in rows}),
            "spooled": int(spooled), "missing": int(missing), "stopped": stopped}

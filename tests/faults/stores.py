"""Faults of the store, as functions that give figures; `scripts/python tests/faults/run` prints them.

A center routes an open loop of requests while its Cassandra is killed, frozen or slow. It must route as
if nothing had happened, and afterwards the store must have one row for each record that it routed.
"""

import bisect
import contextlib
import threading
import time
import uuid

import conftest
import independent
from cassandra.cluster import Cluster
from cassandra.policies import WhiteListRoundRobinPolicy
from conftest import PATIENCE, stack, wait_until
from listener import Listener
from promises import at_most
from proxy import Proxy


@contextlib.contextmanager
def killed(name, _proxy):
    stack(name, "kill", "cassandra")
    yield
    stack(name, "start", "cassandra", idle=True)


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

# A record a request at 2,000 a second is all that the broker can do on two cores.
LINGER = {"linger.ms": 10}


class Feed:
    """Requests to an inbox at a steady rate, sealed before the first one goes. Nobody takes them from the target's topic: what the router
    does is what counts, and a worker and a caller would want the same two cores."""

    def __init__(self, pouch, inbox, publisher, rate, seconds):
        self.inbox, self.rate, self.refused = inbox, rate, 0
        keys = [str(uuid.uuid4()) for _ in range(rate * seconds)]
        self.values = [(key, independent.seal(pouch.key, "{}", 16, key, replyTopic="nobody.replies", worker_name=publisher)) for key in keys]
        self.producer = independent.producer(pouch.brokers, **LINGER)
        self.thread = threading.Thread(target=self.send)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join()

    def delivered(self, error, _):
        self.refused += error is not None

    def send(self):
        begin, sent = time.monotonic(), 0
        while sent < len(self.values):
            due = min(len(self.values), int((time.monotonic() - begin) * self.rate))
            for key, value in self.values[sent:due]:
                self.producer.produce(self.inbox, value=value, key=key, on_delivery=self.delivered)
            sent = max(sent, due)
            self.producer.poll(0.01)
        assert self.producer.flush(60) == 0


@contextlib.contextmanager
def session(exports):
    address = exports["CASSANDRA_CONTACT_POINTS"]
    cluster = Cluster([address], port=int(exports["CASSANDRA_PORT"]), protocol_version=4, connect_timeout=PATIENCE,
                      control_connection_timeout=PATIENCE, load_balancing_policy=WhiteListRoundRobinPolicy([address]))
    try:
        connected = cluster.connect()
        connected.default_timeout = PATIENCE
        yield connected
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
    """A center on an inbox of its own."""

    def __init__(self, pouch, url, name, *settings):
        self.pouch, self.name, self.sent = pouch, name, 0
        self.inbox, self.topic = (self.timed_topic(f"{word}-{uuid.uuid4().hex[:12]}") for word in ("inbox", name))
        pouch.env.update(POUCH_STORE=url, POUCH_CENTER_INBOX=self.inbox)
        self.center = self.start_center(settings)
        self.listener = Listener(self.center)

    def timed_topic(self, name):
        """Records have the time at which the broker stored them, so that one clock tells when a record came and when it was routed."""
        self.pouch.ok("topic", "create", name, "--partitions", 3, "--set", "message.timestamp.type=LogAppendTime")
        return name

    def start_center(self, settings):
        self.pouch.ok("route", "add", self.name, self.topic)
        return self.pouch.start("center", "--start", "earliest", "--listen", "127.0.0.1:0", name=f"center-{self.name}", env=dict(settings))

    def load(self, rate, seconds):
        self.sent += rate * seconds
        return Feed(self.pouch, self.inbox, self.name, rate, seconds)

    def metric(self, name, *labels):
        return self.listener.metrics()[(name, *labels)]

    def has_routed(self, records):
        return self.metric("pouch_center_records_total", ("outcome", "routed")) >= records

    def records(self):
        """Where each record of the inbox was stored, and when."""
        return {(m.partition(), m.offset()): m.timestamp()[1] for m in independent.read_all(self.pouch.brokers, self.inbox)}

    def routing_times(self):
        """When each record came, and how long until it had been stored in its target's topic; milliseconds."""
        came = self.records()
        for m in independent.read_all(self.pouch.brokers, self.topic):
            _, partition, offset = independent.headers(m)["pouch-source"].split("/")
            at = came[int(partition), int(offset)]
            yield at, m.timestamp()[1] - at

    def stop(self):
        return [self.center.stop(60)]


def measure(stage, rate, seconds, fault, fault_seconds):
    """A loop, with the fault in the middle of it: how many were refused, and when it was."""
    load = stage.load(rate, seconds)
    began = time.time()
    with load:
        time.sleep((seconds - fault_seconds) / 2)
        with fault:
            fault_from = time.time()
            time.sleep(fault_seconds)
            fault_to = time.time()
    wait_until(lambda: stage.has_routed(stage.sent), "all being routed", 60)
    return {"failed": load.refused, "from_ms": 1000 * began, "to_ms": 1000 * time.time(), "fault_ms": (1000 * fault_from, 1000 * fault_to)}


def at(part, values):
    return sorted(values)[int(len(values) * part)]


def percentile(part, times):
    """Of whole milliseconds, each of which stands for anything within half a one of it: else 4 beside 3 would be a third more."""
    times = sorted(times)
    rank, value = len(times) * part, times[int(len(times) * part)]
    below = bisect.bisect_left(times, value)
    return value - 0.5 + (rank - below) / (bisect.bisect_right(times, value) - below)


def latencies(on, off, runs):
    """Of pairs of loops, with and without tracing: how long routing took by the broker's clock, in all and during the fault."""
    out = {"failed": sum(loop["failed"] for pair in runs for loop in pair)}
    for which, stage in enumerate((on, off)):
        times = sorted(stage.routing_times())
        for loop in (pair[which] for pair in runs):
            for figure, begin, end in (("routing_p99_us", loop["from_ms"], loop["to_ms"]), ("fault_p99_us", *loop["fault_ms"])):
                loop[figure] = 1000 * percentile(0.99, [took for came, took in times if begin <= came <= end])
    for what, figure in (("routing", "routing_p99_us"), ("routing_in_fault", "fault_p99_us")):
        ratios = [traced[figure] / untraced[figure] for traced, untraced in runs]
        out |= {f"{what}_p99_ms": [round(at(0.5, [pair[which][figure] for pair in runs]) / 1000, 2) for which in (0, 1)],
                f"{what}_p99_ratio": round(at(0.5, ratios), 2), f"{what}_p99_ratios": [round(ratio, 2) for ratio in sorted(ratios)]}
    return out | at_most(routing_in_fault_p99_ratio=1.25)


def store_fault(pouch, exports, name, fault, pairs, rate, seconds, fault_seconds):
    """A center that traces and one that does not, each first in every other pair, on a machine whose store has that fault for both."""
    address, port = exports["CASSANDRA_CONTACT_POINTS"], int(exports["CASSANDRA_PORT"])
    with Proxy(address, port) as proxy:
        proxy.step_back()
        where = f"127.0.0.1:{proxy.port}" if fault is slow else f"{address}:{port}"
        url = f"cassandra://{where}/faults_{fault.__name__}"
        on = Stage(pouch, url, "traced")
        off = Stage(pouch, url, "untraced", ("POUCH_TRACE_CENTER", "off"))

        def loop(stage, meanwhile, during):
            loop = measure(stage, rate, seconds, meanwhile, during)
            wait_until(lambda: has_traced_all(on.listener), "the spool being replayed", 300)
            return loop

        for stage in (off, on):
            loop(stage, contextlib.nullcontext(), 0)  # broker and store compile what they do most
        runs = []
        for n in range(pairs):
            loops = {stage: loop(stage, fault(name, proxy), fault_seconds) for stage in ((on, off) if n % 2 else (off, on))}
            runs.append((loops[on], loops[off]))
        spooled, missing = on.metric("pouch_trace_spooled_total"), on.metric("pouch_trace_missing_total")
        stopped = on.stop() + off.stop()
    records = on.records().keys()
    rows, listed = rows_of(exports, f"faults_{fault.__name__}", on.inbox)
    return {**latencies(on, off, runs), "pairs": pairs, "rate": rate, "seconds": seconds, "fault_seconds": fault_seconds,
            "records": len(records), "rows": len(rows), "rows_listed": len(listed & {row[2] for row in rows}),
            "untraced": len(records - {row[:2] for row in rows}), "doubled": len(rows) - len({row[:2] for row in rows}),
            "spooled": int(spooled), "missing": int(missing), "stopped": stopped}


def answers_cut(pouch, exports, times, rate):
    """What the store answers to a write is cut off again and again, so that the write is made twice: each record has one row."""
    with Proxy(exports["CASSANDRA_CONTACT_POINTS"], int(exports["CASSANDRA_PORT"])) as proxy:
        stage = Stage(pouch, f"cassandra://127.0.0.1:{proxy.port}/faults_cut", "cut")
        with stage.load(rate, 2 * times) as load:
            for _ in range(times):
                before = proxy.cuts
                proxy.cut_after(0, ways=Proxy.DOWN)
                wait_until(lambda: proxy.cuts > before, "an answer being cut")
                time.sleep(1)
        wait_until(lambda: stage.has_routed(stage.sent), "all being routed", 60)
        wait_until(lambda: has_traced_all(stage.listener), "the spool being brought to the store", 300)
        missing, stopped = stage.metric("pouch_trace_missing_total"), stage.stop()
    records = stage.records().keys()
    rows, _ = rows_of(exports, "faults_cut", stage.inbox)
    return {"cuts": times, "rate": rate, "failed": load.refused, "records": len(records), "rows": len(rows),
            "untraced": len(records - {row[:2] for row in rows}), "doubled": len(rows) - len({row[:2] for row in rows}),
            "missing": int(missing), "stopped": stopped}

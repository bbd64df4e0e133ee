"""Kills, as functions that give figures; `scripts/python tests/faults/run` prints them."""

import json
import subprocess
import time
from collections import Counter

import independent
import stores
from conftest import PATIENCE, stack, wait_until
from listener import Listener
from load import Load, letters_of
from proxy import proxied


def start_worker(pouch, topic, number):
    return pouch.start("bench", "worker", topic, "--group", f"{topic}.workers", name=f"worker-{number}")


def kill_workers(pouch, topic, reply_topic, kills, rate, seconds_between):
    """kill -9 of one of two workers, again and again under load, each replaced at once."""
    workers = [start_worker(pouch, topic, n) for n in range(2)]
    load = Load(pouch.brokers, pouch.key, topic, reply_topic, rate).start()
    wait_for_first_reply(load)
    for kill in range(kills):
        workers[kill % 2].kill()
        workers[kill % 2] = start_worker(pouch, topic, kill + 2)
        wait_for_more(load, seconds_between)
    return dict(load.stop(), kills=kills, rate=rate)


def wait_for_first_reply(load, seconds=60):
    end = time.monotonic() + seconds
    while not load.replies:
        assert time.monotonic() < end, "no reply at all"
        time.sleep(0.02)


def wait_for_more(load, seconds):
    """Until replies flow again, and not shorter than that."""
    before, end = len(load.replies), time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end and len(load.replies) > before, "replies flowing again", seconds + 2 * PATIENCE)


def restart_client(pouch, topic, kills):
    """A client killed under load, and the time until the next one with its client id has its first reply."""
    took = []
    for kill in range(kills):
        busy = pouch.start("bench", "request", topic, "--client-id", "restarted", "--in-flight", 64, "--count", 100000000, name=f"busy-{kill}")
        answered = pouch.run("request", topic, "1", "--client-id", "restarted", "--timeout", "60s")
        assert answered.returncode == 0, answered.stderr
        busy.kill()
        begin = time.monotonic()
        answered = pouch.run("request", topic, "1", "--client-id", "restarted", "--timeout", "60s")
        took.append(time.monotonic() - begin)
        assert answered.returncode == 0, answered.stderr
    return {"kills": kills, "answered": len(took), "seconds_max": round(max(took), 3), "seconds_median": round(sorted(took)[kills // 2], 3)}


def two_instances(pouch, topic, count):
    """Two clients with one client id at the same time; each must get exactly its own replies."""
    command = pouch.command("bench", "request", topic, "--client-id", "twins", "--in-flight", 200, "--count", count, "--timeout", "60s", "-o", "json")
    both = [subprocess.Popen([str(w) for w in command], env=pouch.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    return [(process.communicate(timeout=300), process.returncode) for process in both]


class SqliteStore:
    """A store in the folder of a test."""

    def __init__(self, pouch):
        self.pouch, self.url = pouch, f"sqlite://{pouch.folder}/store"

    def rows(self, _inbox):
        """What was routed where, as the log tells it: a record that was routed again may have a row in each of two files, of one id."""
        rows = map(json.loads, self.pouch.ok("log", "--since", "1d", "-o", "jsonl", "--store", self.url, timeout=300).splitlines())
        return [(row["partition"], row["offset"], row["target"]) for row in rows if row["by"] == "center"]


class CassandraStore:
    """A keyspace of its own in the Cassandra with these exports."""

    def __init__(self, exports, keyspace):
        self.exports, self.keyspace = exports, keyspace
        self.url = f"cassandra://{exports['CASSANDRA_CONTACT_POINTS']}:{exports['CASSANDRA_PORT']}/{keyspace}"

    def rows(self, inbox):
        with stores.session(self.exports) as cassandra:
            table = cassandra.execute(f"SELECT source_topic, kafka_partition, kafka_offset, target_topic FROM {self.keyspace}.trace_by_request")
            return [row[1:] for row in table if row.source_topic == inbox]


OFFSET_COMMIT = 8  # Kafka's number of that request


def start_center(pouch, number):
    return pouch.start("center", "--start", "earliest", "--listen", "127.0.0.1:0", name=f"center-{number}")


class Traced:
    """Two centers on an inbox under load, a tenth of it for a publisher without a route. Every request must be
    answered; the trace must name each record of the inbox once."""

    def __init__(self, pouch, store, rate, centers_by=None):
        """centers_by: a Pouch for the centers."""
        self.pouch, self.store, self.rate = pouch, store, rate
        self.centers_by = centers_by or pouch
        self.inbox, self.topic = pouch.topic(), pouch.topic()
        for side in {pouch, self.centers_by}:
            side.env.update(POUCH_STORE=store.url, POUCH_CENTER_INBOX=self.inbox)
        pouch.ok("route", "add", "billing", self.topic, "--replace")
        self.centers = [start_center(self.centers_by, n) for n in range(2)]
        self.worker = start_worker(pouch, self.topic, 0)
        self.load = Load(pouch.brokers, pouch.key, self.inbox, pouch.topic(f"{self.inbox}.replies", 1), rate, ["billing"] * 9 + ["nobody"]).start()
        wait_for_first_reply(self.load)

    def result(self, kills):
        answered = self.load.stop()
        for listener in map(Listener, self.centers):
            wait_until(lambda: stores.has_traced_all(listener), "rows in a spool being brought to the store", 300)
        codes = [program.stop(120) for program in self.centers]
        self.worker.stop()
        routed = Counter(m.key().decode() for m in independent.read_all(self.pouch.brokers, self.topic))
        letters = letters_of(self.pouch.brokers, self.inbox)
        records = {(m.partition(), m.offset()) for m in independent.read_all(self.pouch.brokers, self.inbox)}
        rows = self.store.rows(self.inbox)
        return dict(answered, kills=kills, rate=self.rate, stopped=codes, records=len(records), trace_rows=len(rows),
                    untraced=len(records - {row[:2] for row in rows}), rows_twice=len(rows) - len(set(rows)),
                    unended=len(set(self.load.accepted) - set(routed) - set(letters)),
                    routed_twice=sum(n - 1 for n in routed.values()), letters=len(letters),
                    letters_twice=sum(len(codes) - 1 for codes in letters.values()))


def kill_centers(pouch, store, kills, rate, seconds_between):
    """kill -9 of one of two centers, again and again, each replaced at once."""
    scene = Traced(pouch, store, rate)
    for kill in range(kills):
        scene.centers[kill % 2].kill()
        scene.centers[kill % 2] = start_center(pouch, kill + 2)
        wait_for_more(scene.load, seconds_between)
    return scene.result(kills)


def kill_uncommitted(pouch, kafka, store, kills, rate):
    """kill -9 of a center whose records have been delivered and answered, and of which no commit has come to the broker: for a second
    those are held on their way, and nothing else is."""
    with proxied(kafka) as (proxy, brokers):
        scene = Traced(pouch, store, rate, pouch.through(brokers))
        for kill in range(kills):
            proxy.hold(OFFSET_COMMIT)
            wait_for_more(scene.load, 1)
            scene.centers[kill % 2].kill()
            proxy.mend()
            scene.centers[kill % 2] = start_center(scene.centers_by, kill + 2)
            wait_for_more(scene.load, 1)
        return scene.result(kills)


def kill_cassandra(pouch, store, kills, rate, seconds_between):
    """kill -9 of the store's server, again and again, each time started on its data."""
    scene = Traced(pouch, store, rate)
    for _ in range(kills):
        stack(store.exports["stack"], "kill", "cassandra")
        wait_for_more(scene.load, 1)
        stack(store.exports["stack"], "start", "cassandra")
        wait_for_more(scene.load, seconds_between)
    return scene.result(kills)

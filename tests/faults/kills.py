"""Kills, as functions that give figures; `scripts/python tests/faults/run` prints them."""

import contextlib
import sqlite3
import subprocess
import time
from collections import Counter

import independent
from load import Load, letters_of


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
        before, end = len(load.replies), time.monotonic() + seconds_between
        # The next kill comes when replies flow again, and not before the interval.
        while time.monotonic() < end or len(load.replies) == before:
            time.sleep(0.05)
    return dict(load.stop(), kills=kills, rate=rate)


def wait_for_first_reply(load, seconds=60):
    end = time.monotonic() + seconds
    while not load.replies:
        assert time.monotonic() < end, "no reply at all"
        time.sleep(0.02)


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


def trace_rows(folder):
    """The center's rows in a store's folder: what was routed where, once for each record and target."""
    rows = set()
    for file in sorted(folder.glob("trace-*.db")):
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
            rows |= set(db.execute("SELECT topic, partition, offset, target FROM trace WHERE made_by = 1"))
    return rows


def start_center(pouch, number):
    return pouch.start("center", "--start", "earliest", name=f"center-{number}")


def kill_centers(pouch, inbox, topic, reply_topic, kills, rate, seconds_between):
    """kill -9 of one of two centers, again and again under load, each replaced at once; a tenth of the
    requests has no route. Every one must be answered; the trace must name each record of the inbox once."""
    store = pouch.folder / "store"
    pouch.env.update(POUCH_STORE=f"sqlite://{store}", POUCH_CENTER_INBOX=inbox)
    pouch.ok("route", "add", "billing", topic)
    centers = [start_center(pouch, n) for n in range(2)]
    worker = start_worker(pouch, topic, 0)
    load = Load(pouch.brokers, pouch.key, inbox, reply_topic, rate, ["billing"] * 9 + ["nobody"]).start()
    wait_for_first_reply(load)
    for kill in range(kills):
        centers[kill % 2].kill()
        centers[kill % 2] = start_center(pouch, kill + 2)
        before, end = len(load.replies), time.monotonic() + seconds_between
        while time.monotonic() < end or len(load.replies) == before:
            time.sleep(0.05)
    result = load.stop()
    codes = [program.stop(60) for program in centers]
    worker.stop()
    routed = Counter(m.key().decode() for m in independent.read_all(pouch.brokers, topic))
    letters = letters_of(pouch.brokers, inbox)
    records = {(inbox, m.partition(), m.offset()) for m in independent.read_all(pouch.brokers, inbox)}
    rows = trace_rows(store)
    return dict(result, kills=kills, rate=rate, stopped=codes, records=len(records), trace_rows=len(rows),
                untraced=len(records - {row[:3] for row in rows}),
                unended=len(set(load.accepted) - set(routed) - set(letters)),
                routed_twice=sum(n - 1 for n in routed.values()), letters=len(letters),
                letters_twice=sum(len(codes) - 1 for codes in letters.values()))

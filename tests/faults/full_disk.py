"""A center whose disk is full for a while: on a small file system of its own, which nobody else sees."""

import contextlib
import os
import shlex
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

import independent
import stores
from conftest import wait_until
from kills import start_worker, wait_for_first_reply, wait_for_more
from load import Load

UNSHARE = ["unshare", "--mount", "--propagation", "private"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
MOUNT = 'mount -t tmpfs -o size=512m pouch "$0" && '


def why_not():
    """What keeps this system from giving us a file system of our own; nothing: it does."""
    try:
        done = subprocess.run([*UNSHARE, "sh", "-c", MOUNT + "true", "/mnt"], capture_output=True, text=True)
    except FileNotFoundError as error:
        return str(error)
    return done.stderr.strip() or None


def fill(folder):
    """Takes all the room that there is; the file that has it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    disk = os.statvfs(folder)
    assert disk.f_bavail == 0, disk
    return filler


def rows_in(folder, copies):
    """(topic, partition, offset, target) of the center's rows, one for each. SQLite looks through /proc/PID/root to
    where it leads, so it is given copies."""
    rows = []
    shutil.rmtree(copies, ignore_errors=True)
    shutil.copytree(folder, copies, ignore=shutil.ignore_patterns("spool-*"))
    for file in sorted(copies.glob("trace-*.db")):
        with contextlib.closing(sqlite3.connect(file)) as db:
            rows += db.execute("SELECT topic, partition, offset, target FROM trace WHERE made_by = 1").fetchall()
    return rows


def start_center(pouch, store, publisher, topic, *words, env=None):
    """A center whose store is on a disk of its own, and that folder as it is seen from here."""
    store.mkdir()
    pouch.env.update(POUCH_STORE=f"sqlite://{store}", POUCH_TRACE_SPOOL_BYTES="48MiB", POUCH_TRACE_SPOOL_RESERVE="48MiB")
    add = shlex.join(map(str, pouch.command("route", "add", publisher, topic)))
    center = shlex.join(map(str, pouch.command("center", "--start", "earliest", *words)))
    program = pouch.start_other([*UNSHARE, "sh", "-c", f"{MOUNT} {add} && exec {center}", store], f"center-{publisher}", env)
    program.wait_for("routing")
    return program, Path(f"/proc/{program.process.pid}/root{store}")


class OnOwnDisk(stores.Stage):
    def start_center(self, settings):
        program, self.folder = start_center(self.pouch, self.pouch.folder / f"disk-{self.name}", self.name, self.topic, "--listen", "127.0.0.1:0",
                                            env=dict(settings))
        return program

    @contextlib.contextmanager
    def full(self):
        filler = fill(self.folder)
        yield
        filler.unlink()

    def has_traced_all(self):
        return stores.has_traced_all(self.listener)


def full_disk_pairs(pouch, pairs, rate, seconds, full_seconds):
    """Alternates a center that traces with one that does not, each with its disk full for a while."""
    on, off = OnOwnDisk(pouch, "", "traced"), OnOwnDisk(pouch, "", "untraced", ("POUCH_TRACE_CENTER", "off"))
    runs = []
    for _ in range(pairs):
        traced = stores.measure(on, rate, seconds, on.full(), full_seconds)
        wait_until(on.has_traced_all, "the spool being brought to the store", 300)
        runs.append((traced, stores.measure(off, rate, seconds, off.full(), full_seconds)))
    records = on.records().keys()
    rows = [row[1:3] for row in rows_in(on.folder, pouch.folder / "copies")]
    return {**stores.latencies(on, off, runs), "pairs": pairs, "rate": rate, "seconds": seconds, "full_for": full_seconds, "records": len(records),
            "trace_rows": len(rows), "untraced": len(records - set(rows)), "rows_twice": len(rows) - len(set(rows)), "stopped": on.stop() + off.stop()}


def full_disk(pouch, inbox, topic, reply_topic, rate, seconds):
    store = pouch.folder / "disk"
    pouch.env.update(POUCH_CENTER_INBOX=inbox)
    center, folder = start_center(pouch, store, "billing", topic)
    worker = start_worker(pouch, topic, 0)
    load = Load(pouch.brokers, pouch.key, inbox, reply_topic, rate, ["billing"]).start()
    wait_for_first_reply(load)
    filler = fill(folder)
    center.wait_for("go into the spool")
    wait_for_more(load, seconds)
    filler.unlink()
    center.wait_for("go to the store again", 90)
    result = load.stop()
    records = {(inbox, m.partition(), m.offset()) for m in independent.read_all(pouch.brokers, inbox)}
    end = time.monotonic() + 60
    while len(rows := rows_in(folder, pouch.folder / "copies")) < len(records) and time.monotonic() < end:
        time.sleep(0.1)
    worker.stop()
    return dict(result, rate=rate, full_for=seconds, records=len(records), trace_rows=len(rows),
                untraced=len(records - {row[:3] for row in rows}), rows_twice=len(rows) - len(set(rows)), stopped=center.stop(60))

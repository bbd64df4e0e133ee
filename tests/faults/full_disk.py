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
from kills import start_worker, wait_for_first_reply
from load import Load

UNSHARE = ["unshare", "--mount", "--propagation", "private"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
MOUNT = 'mount -t tmpfs -o size=256m pouch "$0" && '


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


def start_center(pouch, store, topic):
    store.mkdir()
    pouch.env.update(POUCH_STORE=f"sqlite://{store}", POUCH_TRACE_SPOOL_BYTES="48MiB", POUCH_TRACE_SPOOL_RESERVE="48MiB")
    add = shlex.join(map(str, pouch.command("route", "add", "billing", topic)))
    center = shlex.join(map(str, pouch.command("center", "--start", "earliest")))
    program = pouch.start_other([*UNSHARE, "sh", "-c", f"{MOUNT} {add} && exec {center}", store], "center")
    program.wait_for("routing")
    return program


def full_disk(pouch, inbox, topic, reply_topic, rate, seconds):
    store = pouch.folder / "disk"
    pouch.env.update(POUCH_CENTER_INBOX=inbox)
    center = start_center(pouch, store, topic)
    folder = Path(f"/proc/{center.process.pid}/root{store}")  # its file system, from here
    worker = start_worker(pouch, topic, 0)
    load = Load(pouch.brokers, pouch.key, inbox, reply_topic, rate, ["billing"]).start()
    wait_for_first_reply(load)
    filler = fill(folder)
    center.wait_for("go into the spool")
    before, end = len(load.replies), time.monotonic() + seconds
    while time.monotonic() < end or len(load.replies) == before:
        time.sleep(0.05)
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

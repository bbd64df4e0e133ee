"""Faults of the broker and of the way to it, as functions that give figures; `tests/faults/run` prints them."""

import contextlib
import os
import random
import shutil
import subprocess
import time
from pathlib import Path

from conftest import ROOT, Pouch, stack, wait_until
from fleet import Fleet
from full_disk import UNSHARE, fill
from members import commits_of
from promises import MEMORY, RESUMES, at_least, at_most, may_repeat, once
from proxy import Proxy, proxied


def broker_killed(pouch, kafka, rate, times, seconds, down):
    """kill -9 of the only broker, and its start after a while. It is back when it answers."""
    fleet = Fleet(pouch, rate).start()
    for _ in range(times):
        fleet.run_for(seconds)
        stack(kafka["stack"], "kill", "kafka")
        time.sleep(down)
        stack(kafka["stack"], "start", "kafka")
        fleet.mark("mended")
        fleet.until_flowing()
    return {"times": times, "down_s": down, **fleet.stop(), **may_repeat(times, rate), **at_most(resumed_s=RESUMES, rss_mib=MEMORY)}


def broker_frozen(pouch, kafka, rate, seconds):
    fleet = Fleet(pouch, rate).start()
    fleet.run_for(5)
    stack(kafka["stack"], "kill", "-STOP", "kafka")
    time.sleep(seconds)
    stack(kafka["stack"], "kill", "-CONT", "kafka")
    fleet.mark("mended")
    fleet.until_flowing()
    return {"seconds": seconds, **fleet.stop(), **may_repeat(1, rate), **at_most(resumed_s=RESUMES, rss_mib=MEMORY)}


def leaders_move(pouch, kafka, rate, times, seconds):
    """Of three brokers one after the other is killed and started again: leaders and coordinators move each time."""
    fleet = Fleet(pouch, rate).start()
    for number in range(times):
        server = f"kafka.{number % 3 + 1}"
        stack(kafka["stack"], "kill", server)
        fleet.run_for(seconds)
        stack(kafka["stack"], "start", server)
        fleet.run_for(seconds)
    return {"times": times, **fleet.stop(), **may_repeat(times, rate), **at_most(rss_mib=MEMORY)}


def connections_cut(pouch, kafka, rate, times, seed):
    """All connections are reset after some bytes to or from the broker, from none to 256 KiB."""
    rng = random.Random(seed)
    with proxied(kafka) as (proxy, brokers):
        fleet = Fleet(pouch, rate, via=brokers).start()
        watches = commits_of(fleet)
        for number in range(times):
            before = proxy.cuts
            proxy.cut_after(rng.randrange(2 ** rng.randint(0, 18)), ways=(Proxy.UP, Proxy.DOWN)[number % 2])
            wait_until(lambda: proxy.cuts > before, "a cut")
            fleet.mark("mended")
            fleet.until_flowing()
            for watch in watches:  # cuts that leave a member no heartbeat for a session are another fault
                watch.until_caught_up()
        figures = {"cuts": times, "seed": seed, **fleet.stop(), "commits_gone_back": sum(watch.stop() for watch in watches)}
        return {**figures, **once(), **at_most(resumed_s=RESUMES, commits_gone_back=0)}


def black_hole(pouch, kafka, rate, seconds):
    """Nothing passes between the programs and the broker, and no connection ends."""
    with proxied(kafka) as (proxy, brokers):
        fleet = Fleet(pouch, rate, via=brokers, timeout=10).start()
        center = fleet.of("center")[0].until_ready()
        proxy.blackhole()
        began = time.monotonic()
        found_out = {"seconds": None}

        def look():
            if center.listener.readiness()[0] == 503:
                found_out["seconds"] = round(time.monotonic() - began, 1)
            return found_out["seconds"] is not None or time.monotonic() - began > seconds

        wait_until(look, "the end of the black hole", seconds + 60)
        time.sleep(max(0, began + seconds - time.monotonic()))
        proxy.mend()
        fleet.mark("mended")
        fleet.until_flowing()
        return {"seconds": seconds, "found_out_s": found_out["seconds"], **fleet.stop(), **may_repeat(1, rate),
                **at_most(resumed_s=RESUMES, longest_s=10 + 5, rss_mib=MEMORY)}


def slow_link(pouch, kafka, rate, seconds):
    """A far broker, then one behind a thin line."""
    found = {}
    with proxied(kafka) as (proxy, brokers):
        for name, spoil in (("far", lambda: proxy.delay(0.2, 0.05)), ("thin", lambda: proxy.throttle(64000))):
            fleet = Fleet(pouch, rate, via=brokers, timeout=60).start()
            spoil()
            fleet.run_for(seconds)
            found[name] = fleet.stop() | once() | at_most(rss_mib=MEMORY)
            proxy.mend()
    return {"seconds": seconds, **found}


def lost_tail(pouch, kafka, rate, seconds):
    """The ends of the topics' logs are gone when the broker comes back, and positions that were committed lie beyond them: that is told, and
    nothing that is left is passed over. What was lost with the disk was accepted and is gone, which one copy cannot help."""
    data = Path(os.environ.get("POUCH_STACKS", f"/tmp/pouch-stacks-{os.getuid()}")) / kafka["stack"] / "kafka.1" / "data"
    fleet = Fleet(pouch, rate, timeout=10).start()
    logs = [f"{topic}-{partition}" for topic in (fleet.inbox, fleet.target) for partition in range(3)]

    def between(act):
        stack(kafka["stack"], "kill", "kafka")
        for log in logs:
            act(data / log, data.parent / log)
        stack(kafka["stack"], "start", "kafka")
        fleet.mark("mended")
        fleet.until_flowing()

    def go_back(log, older):
        shutil.rmtree(log)
        older.rename(log)

    fleet.run_for(seconds)
    between(shutil.copytree)
    fleet.run_for(seconds)
    between(go_back)
    fleet.run_for(seconds)
    resets = sum(member.listener.metrics()[("pouch_offset_resets_total",)] for member in fleet.members)
    return {"seconds": seconds, "position_alarms": int(resets), **fleet.stop(), **at_least(position_alarms=1)}


class SmallDisk:
    """A Kafka whose disk is a small file system of its own, which nobody else sees."""

    def __init__(self, folder, mib):
        self.folder = folder / "small"
        self.folder.mkdir()
        mount = f'mount -t tmpfs -o size={mib}m pouch "$0" && echo mounted && exec sleep infinity'
        self.holder = subprocess.Popen([*UNSHARE, "sh", "-c", mount, str(self.folder)], stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "mounted\n"
        self.inside = Path(f"/proc/{self.holder.pid}/root{self.folder}")

    def stack(self, verb, *words):
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        done = subprocess.run(["nsenter", *user, "--mount", f"--target={self.holder.pid}", ROOT / "scripts" / "stack", verb, *words],
                              env=dict(os.environ, POUCH_STACKS=str(self.folder / "stacks")), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        return dict(line.removeprefix("export ").split("=", 1) for line in done.stdout.splitlines() if line.startswith("export "))

    def has_ended(self):
        """Whether the broker has stopped for want of room."""
        pid = (self.inside / "stacks" / "default" / "kafka.1" / "pid").read_text().split()[0]
        return not Path(f"/proc/{pid}").exists()

    def close(self):
        with contextlib.suppress(AssertionError):
            self.stack("down")
        self.holder.kill()
        self.holder.wait()


def broker_disk_full(pouch, rate, seconds):
    """The broker finds no room and ends, as Kafka does; there is room again, and it is started: calls end by their time meanwhile."""
    disk = SmallDisk(pouch.folder, 512)
    try:
        fleet = Fleet(Pouch(disk.stack("up", "kafka")["KAFKA_BROKERS"], pouch.folder, key=pouch.key), rate, timeout=10).start()
        fleet.run_for(seconds)
        filler = fill(disk.inside)
        began = time.monotonic()
        wait_until(disk.has_ended, "the broker ending", 120)
        ended_after = time.monotonic() - began
        time.sleep(seconds)
        filler.unlink()
        disk.stack("start", "kafka")
        fleet.mark("mended")
        fleet.until_flowing()
        figures = fleet.stop()
        fleet.members_by.stop_all()
    finally:
        disk.close()
    return {"seconds": seconds, "broker_ended_after_s": round(ended_after, 1), **figures, **may_repeat(1, rate),
            **at_most(resumed_s=RESUMES, longest_s=10 + 5, rss_mib=MEMORY)}

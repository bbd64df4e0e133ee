"""Faults of centers, workers and clients, as functions that give figures; `tests/faults/run` prints them."""

import os
import random
import signal
import threading
import time
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition
from conftest import PATIENCE, wait_until
from fleet import Fleet
from promises import at_most, may_repeat, once

LIBFAKETIME = [*Path("/usr/lib").glob("*/faketime/libfaketime.so.1")]


def rolling_restart(pouch, rate, times):
    """Each center and each worker is told to end and replaced, one after the other; two clients go on asking."""
    fleet = Fleet(pouch, rate).start()
    took = []

    def end(program):
        began = time.monotonic()
        code = program.stop()
        took.append(time.monotonic() - began)
        return code

    codes = []
    for _ in range(times):
        for member in fleet.members:
            codes.append(member.until_ready().replace(end))
            member.until_ready()
            fleet.run_for(1)
    return {"restarts": len(codes), "codes": codes, "stop_s_max": round(max(took), 2), **fleet.stop(), **once(), **at_most(not_ok=0, codes=0)}


class Commits:
    """Looks at what a group has committed, as long as this lasts; whether it ever goes back."""

    def __init__(self, brokers, group, topic, partitions):
        self.group = Consumer({"bootstrap.servers": brokers, "group.id": group, "enable.auto.commit": False})
        self.places = [TopicPartition(topic, p) for p in range(partitions)]
        self.latest, self.regressions, self.ending = {}, 0, threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        while not self.ending.wait(0.2):
            try:
                committed = self.group.committed(self.places, timeout=10)
            except KafkaException:
                continue
            for at in committed:
                self.regressions += at.offset < self.latest.get(at.partition, at.offset)
                self.latest[at.partition] = at.offset

    def until_caught_up(self):
        """Until all is committed that is there now: then each member reaches the group's coordinator."""
        ends = {place.partition: self.group.get_watermark_offsets(place, timeout=PATIENCE)[1] for place in self.places}
        wait_until(lambda: all(self.latest.get(partition, -1) >= end for partition, end in ends.items()), "commits")

    def stop(self):
        self.ending.set()
        self.thread.join()
        self.group.close()
        return self.regressions


def commits_of(fleet):
    brokers = fleet.pouch.brokers
    return [Commits(brokers, f"pouch-center.{fleet.inbox}", fleet.inbox, 3), Commits(brokers, f"{fleet.target}.workers", fleet.target, 3)]


def zombies(pouch, rate, seconds):
    """A center and a worker stand still until others have taken over from them, and then go on as if nothing had been."""
    fleet = Fleet(pouch, rate).start()
    watches = commits_of(fleet)
    for kind in ("center", "worker"):
        fleet.run_for(3)
        victim = fleet.of(kind)[0].program.process.pid
        os.kill(victim, signal.SIGSTOP)
        fleet.run_for(seconds)
        os.kill(victim, signal.SIGCONT)
    fleet.run_for(5)
    for member in fleet.members:
        member.until_ready()
    return {"seconds": seconds, **fleet.stop(), "commits_gone_back": sum(watch.stop() for watch in watches), 
            **may_repeat(2, rate), **at_most(commits_gone_back=0)}


def client_kills(pouch, rate, times):
    """kill -9 of a client with calls open; the next one has its client id, and so its reply topic."""
    fleet = Fleet(pouch, rate, centers=1, workers=1).start()
    for number in range(times):
        client = fleet.clients[number % len(fleet.clients)]
        client.kill()
        client.start()
        fleet.run_for(0.5)
    return {"kills": times, **fleet.stop(), **once(), **at_most(not_ok=0)}


def first_requests(pouch, times):
    """A client asks at once: with a reply topic that is not there yet, and with one that is."""
    topic = pouch.topic()
    pouch.start("bench", "worker", topic)
    pouch.ok("request", topic, "1", "--timeout", "60s")
    took, failed = {"new": [], "old": []}, 0
    for number in range(times):
        for kind in took:
            began = time.monotonic()
            failed += pouch.run("request", topic, "1", "--client-id", f"first-{topic}-{number}", "--timeout", "60s").returncode != 0
            took[kind].append(time.monotonic() - began)
    return {"times": times, "failed": failed,
            **{f"{kind}_topic_s": [round(sorted(each)[len(each) // 2], 3), round(max(each), 3)] for kind, each in took.items()}}


def rebalance_storm(pouch, rate, seconds):
    """Centers and workers come and go, one a second or as fast as they can."""
    fleet = Fleet(pouch, rate).start()
    end, joins, leaves = time.monotonic() + seconds, 0, 0
    extra = []
    while time.monotonic() < end:
        turn = time.monotonic()
        if len(extra) < 2:
            extra.append(fleet.add("center" if joins % 2 else "worker"))
            joins += 1
        else:
            fleet.remove(extra.pop(0))
            leaves += 1
        time.sleep(max(0, turn + 1 - time.monotonic()))
    return {"seconds": seconds, "joins": joins, "leaves": leaves, **fleet.stop(), **may_repeat(leaves, rate)}


def clock_jumps(pouch, rate, times, seed):
    """The wall clocks of a center and a worker jump by an hour and by seconds, both ways; the monotonic one does not."""
    clock = pouch.folder / "clock"
    clock.write_text("+0\n")
    env = {"LD_PRELOAD": str(LIBFAKETIME[0]), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    fleet = Fleet(pouch, rate, centers=1, workers=1, env={"center": env, "worker": env}).start()
    rng = random.Random(seed)
    for jump in [3600, 0, -3600, 0, *(rng.randint(-5, 5) for _ in range(times))]:
        clock.write_text(f"{jump:+d}\n")
        fleet.run_for(2)
    return {"jumps": 4 + times, "seed": seed, **fleet.stop(), **once(), **at_most(not_ok=0)}

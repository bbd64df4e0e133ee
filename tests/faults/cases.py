"""All cases by their numbers in the catalogue, with their lengths."""

import inspect
import json
import os
import subprocess
import time

import bad_targets
import bounds
import brokers
import conftest
import full_disk as disk
import gateways
import kills
import listeners
import live_routes as changing
import members
import programs
import promises
import registries
import rotation
import scripted
import slow_clients
import stores
from programs import Missing


def worker_kills(pouch, rate, times, seconds):
    topic, replies = pouch.topic(), pouch.topic(f"r-{time.time_ns()}.replies", 1)
    figures = kills.kill_workers(pouch, topic, replies, kills=times, rate=rate, seconds_between=seconds)
    return {**figures, **promises.at_most(duplicates=times * (promises.IN_FLIGHT + rate))}


def center_kills(pouch, rate, times, seconds):
    return bounded(kills.kill_centers(pouch, kills.SqliteStore(pouch), kills=times, rate=rate, seconds_between=seconds))


def uncommitted_kills(pouch, kafka, rate, times):
    """That something is done again shows that the kills came between its delivery and its commit."""
    figures = bounded(kills.kill_uncommitted(pouch, kafka, kills.SqliteStore(pouch), kills=times, rate=rate))
    return {**figures, **promises.at_least(routed_twice=times)}


def center_kills_cassandra(pouch, rate, times, seconds):
    with one_cassandra() as exports:
        return bounded(kills.kill_centers(pouch, kills.CassandraStore(exports, "center_kills"), kills=times, rate=rate, seconds_between=seconds))


def bounded(figures):
    bound = figures["kills"] * (promises.IN_FLIGHT + figures["rate"])
    return {**figures, **promises.at_most(routed_twice=bound, letters_twice=bound)}


def cassandra_kills(pouch, rate, times, seconds):
    with one_cassandra() as exports:
        return kills.kill_cassandra(pouch, kills.CassandraStore(exports, "cassandra_kills"), kills=times, rate=rate, seconds_between=seconds)


def cassandra_answers_cut(pouch, rate, times):
    with one_cassandra() as exports:
        return stores.answers_cut(pouch, exports, times, rate)


def bad_target(kind):
    def measure(pouch, kafka, rate, rounds, seconds):
        spoil, mend, _ = bad_targets.KINDS[kind]
        scene = bad_targets.Scene(pouch, kafka).set_up(spoil)
        try:
            return bad_targets.measure(scene, rate=rate, rounds=rounds, seconds=seconds)
        finally:
            mend(scene)
            scene.stop()

    return measure


def key_rotation(pouch, times, in_flight):
    return rotation.rotate_keys(pouch, rotations=times, in_flight=in_flight)


def client_restarts(pouch, times):
    topic = pouch.topic()
    worker = pouch.start("bench", "worker", topic)
    result = kills.restart_client(pouch, topic, times)
    worker.stop()
    return result


def twins(pouch, requests):
    topic = pouch.topic()
    worker = pouch.start("bench", "worker", topic)
    results = [json.loads(out.splitlines()[-1]) for (out, _), _ in kills.two_instances(pouch, topic, requests)]
    worker.stop()
    return {"asked": [r["count"] for r in results], "failed": [r["failed"] for r in results]}


def live_routes(pouch, times):
    estate = changing.Estate(pouch, f"sqlite://{pouch.folder}/store")
    estate.start_a_center_a_partition()
    try:
        return {"announced": changing.announced(estate, changes=times), "unannounced": changing.unannounced(estate, changes=max(2, times // 10)),
                "written_by_others": changing.written_by_others(estate)}
    finally:
        estate.close()


def full_disk(pouch, rate, seconds):
    need_own_disk()
    inbox, topic, replies = pouch.topic(), pouch.topic(), pouch.topic(f"full-disk-{time.time_ns()}.replies", 1)
    return disk.full_disk(pouch, inbox, topic, replies, rate=rate, seconds=seconds)


def full_disk_pairs(pouch, rate, pairs, seconds):
    need_own_disk()
    return disk.full_disk_pairs(pouch, pairs=pairs, rate=rate, seconds=seconds + 8, full_seconds=seconds)


def million(pouch, records, seed):
    topic = pouch.topic(partitions=3)
    done = subprocess.run([conftest.BUILD / "e2e_group_million", pouch.brokers, topic, str(records), str(seed)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def store_fault(fault):
    def measure(pouch, rate, pairs, seconds):
        with one_cassandra(idle=True) as exports:
            return stores.store_fault(pouch, exports, exports["stack"], fault, pairs=pairs, rate=rate, seconds=seconds + 8, fault_seconds=seconds)

    return measure


def one_cassandra(idle=False):
    """With nothing in it, and nobody else's: its exports."""
    return conftest.running(f"faults-store-{os.getpid()}", "cassandra", idle=idle)


def clock_jumps(pouch, rate, times, seed):
    need(members.LIBFAKETIME, "libfaketime is not installed: scripts/deps test")
    return members.clock_jumps(pouch, rate, times, seed)


def broker_disk_full(pouch, rate, seconds):
    need_own_disk()
    return brokers.broker_disk_full(pouch, rate, seconds)


def retry_tiers():
    """By the tests of the tiers, in which delays are seconds."""
    return programs.shown_by_tests("tests/e2e/test_retry.py")


def need_own_disk():
    need(not (why := disk.why_not()), f"no file system of its own: {why}")


def shown(case):
    def run_programs():
        return programs.shown_by_programs(case)

    return run_programs


def need(what, otherwise):
    if not what:
        raise Missing(otherwise)


class Case:
    """A function, how long it takes at full length and in short, and how many brokers it wants. Its arguments are `pouch`, `kafka` (the
    exports), `seed` (printed) and lengths."""

    def __init__(self, number, name, run, full=None, short=None, brokers=1):
        self.number, self.name, self.run, self.brokers = number, name, run, brokers
        self.full, self.short = full or {}, {**(full or {}), **(short or {})}
        self.wants = [*inspect.signature(run).parameters]

    def measure(self, **given):
        """Its figures; of what is given it takes what it wants."""
        return self.run(**{name: given[name] for name in self.wants})


CASES = [
    Case("F1", "broker_killed", brokers.broker_killed, dict(rate=1000, times=3, seconds=20, down=5), dict(rate=200, times=1, seconds=3, down=2)),
    *(Case("F2", f"broker_frozen_{seconds}", brokers.broker_frozen, dict(rate=1000, seconds=seconds), dict(rate=200, seconds=min(seconds, 12)))
      for seconds in (5, 30, 70)),  # under and over a session, and the time after which librdkafka gives a request up
    Case("F3", "center_kills", center_kills, dict(rate=1000, times=100, seconds=3), dict(rate=300, times=3, seconds=1)),
    Case("F3", "uncommitted_kills", uncommitted_kills, dict(rate=1000, times=20), dict(rate=300, times=2)),
    Case("F3", "center_kills_cassandra", center_kills_cassandra, dict(rate=1000, times=20, seconds=3), dict(rate=300, times=3, seconds=1)),
    Case("F4", "rolling_restart", members.rolling_restart, dict(rate=1000, times=5), dict(rate=200, times=1)),
    Case("F5", "zombies", members.zombies, dict(rate=500, seconds=60), dict(rate=100, seconds=14)),
    Case("F6", "worker_kills", worker_kills, dict(rate=1000, times=100, seconds=3), dict(rate=300, times=3, seconds=1)),
    Case("F7", "client_kills", members.client_kills, dict(rate=500, times=50), dict(rate=200, times=4)),
    Case("F7", "client_restarts", client_restarts, dict(times=20), dict(times=3)),
    Case("F7", "twins", twins, dict(requests=10000), dict(requests=2000)),
    Case("F8", "first_requests", members.first_requests, dict(times=200), dict(times=10)),
    Case("F9", "rebalance_storm", members.rebalance_storm, dict(rate=500, seconds=60), dict(rate=100, seconds=8)),
    Case("F9", "million", million, dict(records=1000000), dict(records=100000)),
    Case("F10", "leaders_move", brokers.leaders_move, dict(rate=300, times=6, seconds=10), dict(rate=100, times=1, seconds=3), brokers=3),
    Case("F11", "produce_errors", shown("F11"), brokers=0),
    *(Case("F11", f"{kind}_target", bad_target(kind), dict(rate=50, rounds=7, seconds=4), dict(rounds=1, seconds=2), brokers=3) for kind in bad_targets.KINDS),
    Case("F12", "producer_ends", shown("F12"), brokers=0),
    Case("F13", "connections_cut", brokers.connections_cut, dict(rate=300, times=100), dict(rate=100, times=4)),
    Case("F14", "black_hole", brokers.black_hole, dict(rate=200, seconds=90), dict(rate=100, seconds=8)),
    Case("F15", "slow_link", brokers.slow_link, dict(rate=40, seconds=30), dict(seconds=4)),
    Case("F16", "broker_disk_full", broker_disk_full, dict(rate=200, seconds=10), dict(rate=100, seconds=3), brokers=0),
    Case("F17", "full_disk", full_disk, dict(rate=2000, seconds=60), dict(rate=500, seconds=3)),
    Case("F17", "full_disk_pairs", full_disk_pairs, dict(rate=2000, pairs=10, seconds=12), dict(rate=500, pairs=1, seconds=4)),
    Case("F18", "lost_tail", brokers.lost_tail, dict(rate=300, seconds=20), dict(rate=100, seconds=4)),
    Case("F19", "clock_jumps", clock_jumps, dict(rate=200, times=60), dict(rate=100, times=2)),
    *(Case("F20", f"store_{fault.__name__}", store_fault(fault), dict(rate=2000, pairs=10, seconds=60 if fault is stores.frozen else 12),
           dict(rate=300, pairs=1, seconds=5)) for fault in stores.FAULTS),
    Case("F20", "cassandra_kills", cassandra_kills, dict(rate=1000, times=20, seconds=3), dict(rate=300, times=1, seconds=1)),
    Case("F21", "cassandra_answers_cut", cassandra_answers_cut, dict(rate=300, times=30), dict(rate=100, times=3)),
    Case("F22", "two_rows_in_a_moment", shown("F22"), brokers=0),
    Case("F23", "live_routes", live_routes, dict(times=100), dict(times=4)),
    Case("F23", "cyclic_route", scripted.cyclic_route, dict(rate=200, times=50), dict(rate=50, times=3)),
    Case("F24", "gateways_killed", gateways.gateways_killed, dict(clients=1000, seconds=120, every=5), dict(clients=60, seconds=12, every=4)),
    Case("F25", "registry_spoiled", registries.registry_spoiled, dict(rate=200, seconds=10), dict(rate=100, seconds=3)),
    Case("F26", "stray_answers", scripted.stray_answers, dict(rate=200, seconds=60), dict(rate=50, seconds=14)),
    Case("F27", "swapped_answers", scripted.swapped_answers, dict(rate=200, seconds=60), dict(rate=50, seconds=3)),
    Case("F28", "poisoned", scripted.poisoned, dict(rate=200, times=20), dict(rate=50, times=1)),
    Case("F29", "unwritable_letters", scripted.unwritable_letters, dict(rate=200, seconds=30), dict(rate=50, seconds=2)),
    Case("F30", "retry_tiers", retry_tiers, brokers=0),
    Case("F31", "sizes", bounds.sizes, dict(rate=200), dict(rate=50)),
    Case("F32", "overload", bounds.overload, dict(rate=2000, seconds=60, handler_ms=5), dict(rate=400, seconds=12, handler_ms=10)),
    Case("F33", "idle_then_told", listeners.idle_then_told, dict(clients=10000, count=20), dict(clients=200, count=3)),
    Case("F34", "one_never_reads", listeners.one_never_reads, dict(clients=1000, count=400), dict(clients=20, count=400)),
    Case("F35", "cut_and_back", listeners.cut_and_back, dict(clients=2000, cut=1000, times=100), dict(clients=100, cut=50, times=10)),
    Case("F36", "slow_clients", slow_clients.slow_clients, dict(clients=18000, pairs=5, count=5000), dict(clients=300, pairs=1, count=200)),
    Case("F38", "shortage", bounds.shortage, dict(rate=500, seconds=30), dict(rate=100, seconds=3)),
    Case("F39", "key_rotation", key_rotation, dict(times=10, in_flight=32), dict(times=1)),
    Case("F39", "no_key", bounds.no_key, dict(rate=100, seconds=10), dict(rate=50, seconds=2)),
]

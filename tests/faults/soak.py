"""soak.py MINUTES [RATE [SEED]]: an estate under load with one fault after the other, chosen from a seed, and calm between them.

Two centers, two workers and two clients behind a proxy. The first of each lives through it all, so that its memory and its descriptors
can be watched; the second is killed and replaced. Prints the seed first and one line of JSON at the end; exit 1 when a promise was broken.
"""

import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "support")]

import conftest  # noqa: E402
import promises  # noqa: E402
from conftest import stack  # noqa: E402
from fleet import Fleet  # noqa: E402
from proxy import proxied  # noqa: E402

CALM = 8  # seconds, at most, between two faults
FDS_AN_HOUR = 20  # a leak of descriptors is more than that; memory has its bound, and its slope is for whoever reads it


class Faults:
    """What may happen, each as a method that does it and mends it."""

    def __init__(self, fleet, kafka, proxy, rng):
        self.fleet, self.kafka, self.proxy, self.rng = fleet, kafka, proxy, rng

    def second(self):
        return self.fleet.of(self.rng.choice(("center", "worker")))[1]

    def replace_second(self, how):
        """The new one is ready before anything else happens: one that finds no broker at its start ends, as it should."""
        member = self.second()
        member.replace(how)
        member.until_ready()

    def kill(self):
        self.replace_second(lambda program: program.kill())

    def restart(self):
        self.replace_second(lambda program: program.stop())

    def freeze(self):
        pid = self.second().program.process.pid
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self.rng.uniform(1, 15))
        os.kill(pid, signal.SIGCONT)

    def kill_client(self):
        client = self.fleet.clients[1]
        client.kill()
        client.start()

    def kill_broker(self):
        stack(self.kafka["stack"], "kill", "kafka")
        time.sleep(self.rng.uniform(0, 5))
        stack(self.kafka["stack"], "start", "kafka")

    def freeze_broker(self):
        stack(self.kafka["stack"], "kill", "-STOP", "kafka")
        time.sleep(self.rng.uniform(1, 10))
        stack(self.kafka["stack"], "kill", "-CONT", "kafka")

    def cut(self):
        before = self.proxy.cuts
        self.proxy.cut_after(self.rng.randrange(2 ** self.rng.randint(0, 18)))
        conftest.wait_until(lambda: self.proxy.cuts > before, "a cut")

    def black_hole(self):
        self.for_a_while(lambda: self.proxy.blackhole())

    def one_way(self):
        self.for_a_while(lambda: self.proxy.blackhole(self.proxy.DOWN))

    def far(self):
        self.for_a_while(lambda: self.proxy.delay(0.1, 0.05))

    def thin(self):
        self.for_a_while(lambda: self.proxy.throttle(200000))

    def for_a_while(self, spoil):
        spoil()
        time.sleep(self.rng.uniform(1, 8))
        self.proxy.mend()


KINDS = [name for name in vars(Faults) if name not in ("second", "replace_second", "for_a_while") and not name.startswith("__")]
REPEATS = ("kill", "freeze", "kill_broker", "freeze_broker", "black_hole", "one_way", "far", "thin", "cut")  # after which work may be done twice


def soak(pouch, kafka, minutes, rate, seed):
    rng, happened = random.Random(seed), []
    with proxied(kafka) as (proxy, brokers):
        fleet = Fleet(pouch, rate, via=brokers).start()
        faults, to_come = Faults(fleet, kafka, proxy, rng), []
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            to_come = to_come or rng.sample(KINDS, len(KINDS))  # each kind once before any comes again
            kind = to_come.pop()
            happened.append(kind)
            getattr(faults, kind)()
            fleet.mark("mended")
            fleet.run_for(rng.uniform(0, CALM))
        figures = fleet.stop(120)
    flat = promises.at_most(fds_an_hour=FDS_AN_HOUR) if "fds_an_hour" in figures else {}  # it was too short to tell
    return {"minutes": minutes, "seed": seed, "faults": {kind: happened.count(kind) for kind in KINDS}, **figures,
            **promises.may_repeat(sum(kind in REPEATS for kind in happened), rate), **promises.at_most(rss_mib=promises.MEMORY), **flat}


def main():
    minutes, rate, seed = (int(given or usual) for given, usual in zip((*sys.argv[1:], "", "", "")[:3], (30, 300, time.time_ns() % 10**9)))
    print(f"scripts/soak: seed {seed}", file=sys.stderr, flush=True)
    with conftest.running(f"soak-{os.getpid()}", "kafka") as kafka, tempfile.TemporaryDirectory() as folder:
        pouch = conftest.Pouch(kafka["KAFKA_BROKERS"], Path(folder))
        try:
            figures = soak(pouch, kafka, minutes, rate, seed)
        finally:
            pouch.stop_all()
    print(json.dumps({"case": "F40", "fault": "soak", **promises.held(figures), **figures}))
    wrong = [what for _, what in promises.broken(figures)]
    for what in wrong:
        print(f"F40 soak: {what}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

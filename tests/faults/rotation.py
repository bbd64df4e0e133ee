"""Keys that are rotated under load, as a function that gives figures; `scripts/python tests/faults/run` prints them."""

import json
import re
import sys
import threading
import time
from datetime import datetime, timezone
from urllib.request import urlopen

# Answers a request of `pouch bench request` as its own worker does: the time at which it was seen is filled in.
STAMP = """import json, sys, time
for line in sys.stdin:
    r = json.loads(line)
    r["payload"]["seen"] = "%016d" % (time.time() * 1e6)
    print('{"request_id":"%s","payload":%s}' % (r["request_id"], json.dumps(r["payload"], separators=(",", ":"))), flush=True)
"""
TAKEN = "the key ring was read again"


def wait(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)


class Asker:
    """`pouch bench request`, one run after the other, until it is told to end."""

    def __init__(self, pouch, ring, in_flight):
        self.pouch, self.ring, self.in_flight = pouch, ring, in_flight
        self.answered, self.failed, self.runs, self.why = 0, 0, 0, ""
        self.ending, self.program, self.since = False, None, 0.0
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def _run(self):
        while not self.ending:
            self.since = time.time()
            self.program = self.pouch.start("bench", "request", "--publisher", "rotating", "--in-flight", self.in_flight, "--count", 5000, "--timeout", "120s",
                                            "--key-file", self.ring, "-o", "json", "--client-id", "rotation", name=f"asker-{self.runs}")
            code = self.program.process.wait()
            if code:
                self.failed += 1
                self.why = self.program.stderr()
                return
            result = json.loads(self.program.stdout())
            self.runs += 1
            self.answered += result["count"] - result["failed"]
            self.failed += result["failed"]
            self.why = self.why or self.program.stderr() if result["failed"] else self.why

    def took(self, before, after):
        """Whether it has read its key file, which was changed between these two."""
        if self.since > after:
            return True
        at = datetime.fromtimestamp(before, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        return any(TAKEN in line and json.loads(line)["ts"] >= at for line in self.program.stderr().rpartition("\n")[0].splitlines() if line.startswith("{"))

    def stop(self):
        self.ending = True
        self.thread.join()


class Operator:
    """Rolls each step out to the key files of both ends, and goes on when both have taken it."""

    def __init__(self, pouch, asker, rings, url):
        self.pouch, self.asker, self.rings, self.url = pouch, asker, rings, url

    def keys(self):
        with urlopen(f"{self.url}/statusz", timeout=60) as answer:
            return {key["kid"]: key for key in json.load(answer)["keys"]}

    def roll_out(self, kids, *words, stdin=None):
        before = time.time()
        for ring in self.rings:
            self.pouch.ok("key", *words, "--key-file", ring, stdin=stdin)
        after = time.time()
        wait(lambda: list(self.keys()) == kids, f"the worker having the keys {kids}")
        wait(lambda: self.asker.took(before, after), f"the client having the keys {kids}")

    def wait_for_rest(self, new):
        """Until what the old key sealed is opened at both ends. Topics have one partition, so what comes later is opened later; and the
        client asks once for each answer. So when the worker has opened twice as many requests as may be open, the client has
        read all answers of before, and sent requests, which the worker has opened, after all of before."""
        enough = self.keys()[new]["opened"] + 2 * self.asker.in_flight + 2
        wait(lambda: self.keys()[new]["opened"] >= enough, f"requests under key {new}")

    def rotate(self, old, new):
        made = self.pouch.ok("key", "new")
        self.roll_out([old, new], "add", new, "-", stdin=made)
        self.roll_out([new, old], "activate", new)
        self.wait_for_rest(new)
        self.roll_out([new], "retire", old)


def rotate_keys(pouch, rotations, in_flight):
    """Rotations under load over three processes: a client, a center, which has no key, and a worker."""
    rings = [pouch.folder / "client.ring", pouch.folder / "worker.ring"]
    inbox, topic = pouch.topic(partitions=1), pouch.topic(partitions=1)
    stamp = pouch.folder / "stamp.py"
    stamp.write_text(STAMP)
    first = f"k0:{pouch.ok('key', 'new')}"
    for ring in rings:
        ring.touch(0o600)
        ring.write_text(first)
    del pouch.env["ENCRYPTION_KEY"]
    pouch.env.update(POUCH_STORE=f"sqlite://{pouch.folder / 'store'}", POUCH_CENTER_INBOX=inbox)
    pouch.ok("route", "add", "rotating", topic)
    center = pouch.start("center", "--start", "earliest", name="rotation-center")
    worker = pouch.start("worker", topic, "--pipe", f"{sys.executable} {stamp}", "--key-file", rings[1], "--listen", "127.0.0.1:0", name="rotation-worker")
    worker.wait_for("serving health, metrics and status").wait_for("taking requests")
    asker = Asker(pouch, rings[0], in_flight).start()
    operator = Operator(pouch, asker, rings, re.search(r"http://[\d.:]+", worker.stderr()).group(0))
    began = time.monotonic()
    for n in range(rotations):
        operator.rotate(f"k{n}", f"k{n + 1}")
    seconds = time.monotonic() - began
    asker.stop()
    codes = [program.stop() for program in (worker, center)]
    refused = worker.stderr().count("a record was refused")
    history = len(pouch.ok("changes", "--kind", "key", "-o", "jsonl").splitlines())
    return {"rotations": rotations, "in_flight": in_flight, "seconds": round(seconds, 1), "answered": asker.answered, "failed": asker.failed,
            "refused": refused, "why": asker.why[-500:], "written_down": history, "stopped": codes}

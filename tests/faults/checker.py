#!/usr/bin/env python3
"""Reads histories (history.py) when all is over and says which promises were broken.

    tests/faults/checker.py FILE…      one line of JSON; exit 1 when a promise was broken

The promises: each call ends once; nothing that was accepted is lost; no answer is given to another request; what has one key
keeps its order, but for requests whose calls had ended when a topic took them: nobody waits for these, and they are counted. So is what
was done twice, since it may be within the bounds of what was killed.
"""

import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import history

ENDS = ("ok", "fail", "info")
COUNTED = {"run": "run_twice", "routed": "routed_twice", "answer": "answered_twice", "letter": "lettered_twice"}
NEVER = ("unended", "ended_twice", "unasked", "lost", "crossed", "reordered")


@dataclass(slots=True)
class Request:
    by: str = ""  # none: nobody asked it
    begun: int = 0
    value: str = ""
    order: tuple = ()  # key and number
    seen_value: str = ""  # with which it was handled and answered
    differs: bool = False  # there was more than one
    ends: int = 0
    accepted: int = 0  # how often there was an event of this name, as of those below
    run: int = 0
    routed: int = 0
    answer: int = 0
    letter: int = 0

    def saw(self, value):
        self.differs |= self.seen_value not in ("", value)
        self.seen_value = value


class Ledger:
    """All events, by request; in whatever order they are read."""

    def __init__(self):
        self.requests, self.killed, self.codes = {}, set(), Counter()
        self.places = {}  # by topic and partition: (offset, id, since when) of what it holds
        self.oks, self.mended = [], []  # moments
        self.ended_at = {}  # the first end of each

    def take(self, event):
        kind = event["e"]
        if kind == "killed":
            self.killed.add(event["who"])
        elif kind == "mark":
            self.mended += [event["t"]] if event["what"] == "mended" else []
        elif kind == "refused":
            self.codes["refused"] += 1
        else:
            self.take_request(kind, event, self.requests.setdefault(event["id"], Request()))

    def take_request(self, kind, event, request):
        if kind == "invoke":
            request.by, request.begun, request.value = event["by"], event["t"], event["value"]
            request.order = (event["key"], event["n"]) if "key" in event else ()
            return
        if kind in ENDS:
            request.ends += 1
            self.ended_at.setdefault(event["id"], event["t"])
            self.codes[event.get("code", "ok")] += 1
            self.oks += [event["t"]] if kind == "ok" else []
        else:
            setattr(request, kind, getattr(request, kind) + 1)
        if "value" in event:
            request.saw(event["value"])
        if kind == "routed":
            where, _, offset = event["at"].rpartition("/")
            self.places.setdefault(where, []).append((int(offset), event["id"], event.get("stored", 0)))

    def wrong(self):
        """Request ids, by what is wrong with them."""
        found = {name: set() for name in (*NEVER, *COUNTED.values())}
        for request_id, request in self.requests.items():
            for name in self.wrong_with(request):
                found[name].add(request_id)
        found["reordered"], _ = self.reordered()
        return found

    def wrong_with(self, request):
        if not request.by and (request.ends or request.answer or request.run):
            yield "unasked"
        if request.by and (request.differs or request.seen_value not in ("", request.value)):
            yield "crossed"
        if request.by and not request.ends and request.by not in self.killed:
            yield "unended"
        if request.ends > 1:
            yield "ended_twice"
        if request.accepted and not request.answer and not request.letter:
            yield "lost"
        yield from (name for kind, name in COUNTED.items() if getattr(request, kind) > 1)

    def reordered(self):
        """Those that came to a place for the first time after a later one of their key had: of calls that went on, and of calls that had
        ended by then."""
        found, late = set(), set()
        for held in self.places.values():
            latest, seen = {}, set()
            for _, request_id, stored in sorted(held):
                order = self.requests[request_id].order
                if request_id in seen or not order:
                    continue
                seen.add(request_id)
                key, number = order
                came_late = self.came_late(request_id, stored)
                if number < latest.get(key, number):
                    (late if came_late else found).add(request_id)
                elif not came_late:
                    latest[key] = number
        return found, late

    def came_late(self, request_id, stored):
        """Whether its call had ended before the place took it."""
        return self.ended_at.get(request_id, stored) < stored

    def counts(self):
        """How many there were, and how often something was done beyond the first time."""
        all_of_them = self.requests.values()
        beyond = {kind: sum(max(0, getattr(request, kind) - 1) for request in all_of_them) for kind in COUNTED}
        return {"calls": sum(bool(request.by) for request in all_of_them), "accepted": sum(bool(request.accepted) for request in all_of_them),
                "ended": dict(self.codes), "not_ok": sum(self.codes.values()) - self.codes["ok"],
                "lettered": sum(bool(request.letter) for request in all_of_them),
                "reordered_late": len(self.reordered()[1]), "routed_late": len({request_id for held in self.places.values() for _, request_id, stored in held if self.came_late(request_id, stored)}),
                "stored_again": sum(max(0, request.accepted - 1) for request in all_of_them),
                **{name.replace("twice", "again"): beyond[kind] for kind, name in COUNTED.items()}}

    def moments(self):
        """How long calls took; the longest time without a success, and how long it took from each `mended` to the next one (None:
        there was none)."""
        oks = sorted(self.oks)
        gaps = [later - earlier for earlier, later in zip(oks, oks[1:])]
        firsts = [next((ok - t for ok in oks if ok > t), None) for t in self.mended]
        took = sorted(t - self.requests[request_id].begun for request_id, t in self.ended_at.items() if self.requests[request_id].by)
        found = {"p50_s": seconds(part(took, 0.5)), "p99_s": seconds(part(took, 0.99)), "longest_s": seconds(part(took, 1)),
                 "longest_gap_s": seconds(max(gaps, default=None))}
        return found | ({"resumed_s": [*map(seconds, firsts)]} if firsts else {})


def part(values, which):
    """Of sorted values."""
    return values[min(len(values) - 1, int(len(values) * which))] if values else None


def seconds(nanoseconds):
    return None if nanoseconds is None else round(nanoseconds / 1e9, 3)


def check(events):
    """What is wrong (request ids by name), and the figures."""
    ledger = Ledger()
    for event in events:
        ledger.take(event)
    wrong = ledger.wrong()
    return wrong, {**ledger.counts(), **{name: len(ids) for name, ids in wrong.items()}, **ledger.moments()}


def main():
    wrong, figures = check(history.read(*map(Path, sys.argv[1:])))
    print(json.dumps(figures))
    broken = [name for name in NEVER if wrong[name]]
    for name in broken:
        print(f"checker: {name}: {', '.join(sorted(wrong[name])[:10])}", file=sys.stderr)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()

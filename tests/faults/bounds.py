"""Sizes, overload and what a system gives no more of, as functions that give figures; `tests/faults/run` prints them."""

import itertools
import os
import resource
import secrets
import subprocess
import time

from fleet import Fleet
from promises import MEMORY, at_least, at_most, exactly, once


def sizes(pouch, rate):
    """The largest payload passes; a byte more, and 10 MiB, are refused with the limit named; small requests feel nothing."""
    fleet = Fleet(pouch, rate, centers=1, workers=1).start()

    def ask_with(n):
        return fleet.ask("x" * (n - 2))

    fits, too_large = 400_000, 600_000
    while too_large - fits > 1:
        n = (fits + too_large) // 2
        fits, too_large = (n, too_large) if ask_with(n)[0] == "ok" else (fits, n)
    became = {name: ask_with(n) for name, n in (("largest", fits), ("one_more", too_large), ("ten_mib", 10 * 1024 * 1024))}
    refused = [code for name, (code, _) in became.items() if name != "largest"]
    return {"largest_payload": fits, "became": {name: code for name, (code, _) in became.items()}, "said": became["one_more"][1].strip()[-200:],
            **fleet.stop(), "too_large": refused.count("too_large"), **exactly(too_large=2), **at_most(not_ok=0, rss_mib=MEMORY), **once()}


def overload(pouch, rate, seconds, handler_ms):
    """Far more requests than the handlers can do: calls end by their time, what is too old is not handled, memory keeps its bounds, and what
    can be done is done in time: a fifth of what the handler alone could do, in the second half, when all queues are full."""
    fleet = Fleet(pouch, rate, workers=1, timeout=2, handler_ms=handler_ms).start()
    time.sleep(seconds / 2)
    before = fleet.answered()
    time.sleep(seconds / 2)
    answered = fleet.answered() - before
    return {"seconds": seconds, "handler_ms": handler_ms, **fleet.stop(120), "answered_a_second": round(2 * answered / seconds),
            **at_least(answered_a_second=200 // handler_ms), **at_most(longest_s=2 + 5, rss_mib=MEMORY), **once()}


def with_limit(kind, number):
    return lambda: resource.setrlimit(kind, (number, number))


# What a program is given too little of at its start.
SHORT = {"files": (resource.RLIMIT_NOFILE, (4, 8, 16, 24)), "memory": (resource.RLIMIT_AS, (16 << 20, 32 << 20, 48 << 20, 64 << 20, 96 << 20))}


def lowest_free(pid):
    """The descriptor that it would get next: with that as its limit it gets none, and may poll those that it has, which with less it may not."""
    taken = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    return next(fd for fd in itertools.count() if fd not in taken)


def shortage(pouch, rate, seconds):
    """Too few descriptors or too little memory: at the start a reason and an exit code, under load nothing is lost."""
    topic, ended = pouch.topic(), []
    for what, (kind, amounts) in SHORT.items():
        for amount in amounts:
            done = subprocess.run([str(word) for word in pouch.command("request", topic, "1", "--timeout", "1s")], env=pouch.env, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=120, preexec_fn=with_limit(kind, amount))
            ended.append({what: amount, "exit": done.returncode, "said": bool(done.stderr.strip())})
    fleet = Fleet(pouch, rate).start()
    victims = [member.program.process.pid for member in (fleet.of("center")[0], fleet.of("worker")[0])]
    before = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in victims}
    for pid in victims:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free(pid), before[pid][1]))
    fleet.run_for(seconds)
    for pid in victims:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before[pid])
    fleet.mark("mended")
    fleet.run_for(2)
    crashed = sum(one["exit"] < 0 for one in ended)
    return {"starts": ended, "crashed": crashed, "unexplained": sum(not one["said"] for one in ended), **fleet.stop(),
            **at_most(crashed=0, unexplained=0, not_ok=0), **at_least(calls=1), **once()}


def no_key(pouch, rate, seconds):
    """Whoever seals or opens does not start without a key, or with none that is one; a worker with another key tells each requester."""
    topic, exits = pouch.topic(), {}
    starts = {"worker": ("worker", topic, "--exec", "cat"), "request": ("request", topic, "1"), "bench": ("bench", "worker", topic)}
    keys = {"none": None, "short": "00", "not_hex": "zz" * 32}
    for name, words in starts.items():
        for kind, key in keys.items():
            env = {variable: value for variable, value in pouch.env.items() if variable != "ENCRYPTION_KEY"} | ({"ENCRYPTION_KEY": key} if key else {})
            done = subprocess.run([str(word) for word in pouch.command(*words)], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
            exits[f"{name}_{kind}"] = done.returncode
    fleet = Fleet(pouch, rate, centers=1, workers=1, clients=1, env={"worker": {"ENCRYPTION_KEY": secrets.token_hex(32)}})
    fleet.start(answers=False)
    time.sleep(seconds)
    figures = fleet.stop()
    return {"seconds": seconds, "exits": exits, **figures, "told": figures["ended"].get("decrypt_failed", 0), **exactly(exits=78, told=figures["calls"]), **once()}

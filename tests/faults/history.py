"""What happened, as those who took part saw it: one JSON object a line, in files of their own.

    t      nanoseconds of the monotonic clock, which all processes of a host share
    by     who writes it
    e      what happened:

    invoke     a client asks: id, value (there is no other like it), and key and n where order is promised: n grows with each request of a key
    refused    a call was not even made: code; no id
    ok         the call has ended with an answer: value
    fail       the call has ended with an error: code
    info       the call has ended and nobody knows how the request did: code (timeout, closed)
    accepted   the topic that was asked holds the request: at (topic/partition/offset)
    routed     the topic of a worker holds it: at, and stored: since when, by the clock of t, where the broker tells that
    run        a handler was given it: value
    answer     the topic for its replies holds an answer: at, and value or code
    letter     the dead-letter topic holds it: code
    killed     of the process `who`: its calls cannot end any more
    mark       something was done to all of them: what
"""

import hashlib
import json
import threading
import time


class History:
    """Written by one process; threads may share it."""

    def __init__(self, path, by):
        self.path, self.by = path, by
        self.lock, self.file = threading.Lock(), path.open("a")

    def note(self, event, t=None, **what):
        line = json.dumps({"t": time.monotonic_ns() if t is None else t, "by": self.by, "e": event, **what}, separators=(",", ":"))
        with self.lock:
            self.file.write(line + "\n")

    def close(self):
        self.file.close()


def short(value):
    """A value as it is written down."""
    return value if len(str(value)) <= 200 else hashlib.sha256(json.dumps(value).encode()).hexdigest()


def read(*paths):
    """The events of several histories, one after the other. The last line of a process that was killed may be half a line."""
    for path in paths:
        with path.open() as file:
            for line in file:
                if line.endswith("\n"):
                    yield json.loads(line)

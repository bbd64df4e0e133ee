"""A schema registry that can be spoiled. It passes on to a real one what it is asked, until it is told otherwise:

    with SpoiledRegistry(url) as registry:
        … programs are given registry.url …
        registry.spoil("5xx")  # any of FAULTS
        registry.mend()
        registry.asked         # how many requests have come so far
        registry.idle_s()      # and how long ago the last one did
"""

import threading
import time
from urllib.parse import urlsplit

import fronts
from ports import free_port

FAULTS = ("gone", "5xx", "silent", "garbage")


class SpoiledRegistry:
    def __init__(self, url):
        parts = urlsplit(url)
        self.root, self.path = f"{parts.scheme}://{parts.netloc}", parts.path
        self.fault, self.asked, self.asked_at, self.lock = None, 0, time.monotonic(), threading.Lock()
        self.mended = threading.Event()
        self.server, self.port = None, free_port()  # which nobody takes while it is gone

    def __enter__(self):
        self.mend()
        self.url = f"http://localhost:{self.port}{self.path}"  # by name: a Listener finds its program by the first address in digits
        return self

    def __exit__(self, *_):
        self.mended.set()
        self._close()

    def idle_s(self):
        return time.monotonic() - self.asked_at

    def spoil(self, fault):
        assert fault in FAULTS
        self.mended.clear()
        self.fault = fault
        if fault == "gone":
            self._close()
        elif not self.server:
            self._listen()

    def mend(self):
        self.fault = None
        self.mended.set()
        if not self.server:
            self._listen()

    def _listen(self):
        self.server = fronts.Server(("127.0.0.1", self.port), self._handler()).start()

    def _close(self):
        if self.server:
            self.server.stop()
        self.server = None

    def _handler(registry):
        class Handler(fronts.Handler):  # of HTTP/1.0: each answer ends its connection, so none outlives a fault
            def answer(self):
                with registry.lock:
                    registry.asked += 1
                    registry.asked_at = time.monotonic()
                body = self.body()
                code, said = self.spoiled() or self.passed_on(registry.root, body)
                self.say(code, said, Content_Type="application/vnd.schemaregistry.v1+json")

            def spoiled(self):
                if registry.fault == "silent":
                    registry.mended.wait()
                return {"5xx": (503, b'{"error_code":50301,"message":"no leader"}'), "garbage": (200, b"<html>\x00{]")}.get(registry.fault)

            do_GET = do_POST = do_PUT = do_DELETE = answer

        return Handler

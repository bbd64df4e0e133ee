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
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from ports import free_port

FAULTS = ("gone", "5xx", "silent", "garbage")


class Server(ThreadingHTTPServer):
    daemon_threads, allow_reuse_address, block_on_close = True, True, False

    def handle_error(self, *_):
        """Who was kept waiting has gone."""


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
        self.server = Server(("127.0.0.1", self.port), self._handler())
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _close(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
        self.server = None

    def _handler(registry):
        class Handler(BaseHTTPRequestHandler):  # of HTTP/1.0: each answer ends its connection, so none outlives a fault
            def answer(self):
                with registry.lock:
                    registry.asked += 1
                    registry.asked_at = time.monotonic()
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
                code, said = self.spoiled() or self.passed_on(body)
                self.send_response(code)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def spoiled(self):
                if registry.fault == "silent":
                    registry.mended.wait()
                return {"5xx": (503, b'{"error_code":50301,"message":"no leader"}'), "garbage": (200, b"<html>\x00{]")}.get(registry.fault)

            def passed_on(self, body):
                kept = {name: self.headers[name] for name in ("Content-Type", "Accept") if self.headers[name]}
                request = urllib.request.Request(registry.root + self.path, body, kept, method=self.command)
                try:
                    with urllib.request.urlopen(request, timeout=30) as answer:
                        return answer.status, answer.read()
                except urllib.error.HTTPError as error:
                    return error.code, error.read()

            def log_message(self, *_):
                pass

            do_GET = do_POST = do_PUT = do_DELETE = answer

        return Handler

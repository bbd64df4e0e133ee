"""Small HTTP servers of the tests' own, and what those have in common that stand before another server."""

import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves on a thread of its own from start() to stop()."""

    daemon_threads, block_on_close = True, False

    def start(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, *_):
        """Who was kept waiting, or does not trust us, has gone."""


class Handler(BaseHTTPRequestHandler):
    def say(self, code, said, **fields):
        self.send_response(code)
        for name, value in {**fields, "Content-Length": len(said)}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(said)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None

    def passed_on(self, root, body):
        """What the server there answers to the same: its status, and the text."""
        kept = {name: self.headers[name] for name in ("Content-Type", "Accept") if self.headers[name]}
        request = urllib.request.Request(root + self.path, body, kept, method=self.command)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def log_message(self, *_):
        pass

"""A running `pouch gateway`, as HTTP clients see it."""

import re

import httpx
from conftest import wait_until


# One for all, since what a client costs is its certificates. No connection is kept: the gateway may be another one by then.
HTTP = httpx.Client(timeout=60, limits=httpx.Limits(max_connections=None, max_keepalive_connections=0))


class Gateway:
    """Started with start(), and again after kill(): at the same port where one was given."""

    def __init__(self, pouch, *words, port=0, name="gateway", env=None):
        self.pouch, self.words, self.given, self.name, self.env = pouch, words, port, name, env
        self.starts = 0

    def start(self):
        self.starts += 1
        self.program = self.pouch.start("gateway", "--listen", f"127.0.0.1:{self.given}", *self.words, name=f"{self.name}-{self.starts}", env=self.env)
        found = wait_until(self.address, f"{self.name} serving")
        self.port, self.url = int(found.group(1)), found.group(0)
        wait_until(lambda: self.get("/readyz").status_code == 200, f"{self.name} being ready")
        return self

    def address(self):
        assert self.program.running(), self.program.stderr()[-2000:]
        return re.search(r"https?://127\.0\.0\.1:(\d+)", self.program.stderr())

    def get(self, path, **more):
        return HTTP.get(self.url + path, **more)

    def post(self, path, json=None, **more):
        return HTTP.post(self.url + path, json=json, **more)

    def kill(self):
        self.program.kill()

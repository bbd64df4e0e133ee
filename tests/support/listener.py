"""A running program that serves health, metrics and status, as other programs see it."""

import re

import httpx
from conftest import wait_until
from prometheus_client.parser import text_string_to_metric_families


class Listener:
    """A program started with --listen, and the address that it tells."""

    def __init__(self, program):
        self.program = program.wait_for("serving health, metrics and status")
        self.url = re.search(r"http://[\d.]+:\d+", program.stderr()).group(0)

    def get(self, path):
        return httpx.get(self.url + path, timeout=60)

    def readiness(self):
        answer = self.get("/readyz")
        said = answer.json()
        assert (answer.status_code == 200) == said["ready"] == (not said["reasons"]), said
        return answer.status_code, said["reasons"]

    def until_ready(self, status=200):
        wait_until(lambda: self.readiness()[0] == status, f"/readyz {status}")

    def status(self):
        return self.get("/statusz").json()

    def metrics(self):
        answer = self.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        return {(sample.name, *sorted(sample.labels.items())): sample.value
                for family in text_string_to_metric_families(answer.text) for sample in family.samples}

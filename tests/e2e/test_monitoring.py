"""What deploy/ gives to Prometheus, with a real one: it scrapes real processes and runs each query of the dashboard."""

import json
import re
import shutil
import uuid

import httpx
import pytest
from conftest import ROOT, Program, wait_until
from listener import Listener

DEPLOY = ROOT / "deploy"


class Prometheus:
    """A server that reads deploy/prometheus, with our addresses in place of those of the example."""

    def __init__(self, folder, jobs):
        for name in ("prometheus.yml", "pouch.rules.yml"):
            shutil.copy(DEPLOY / "prometheus" / name, folder)
        config = folder / "prometheus.yml"
        head, _, _ = config.read_text().partition("scrape_configs:")
        scrape = [{"job_name": job, "static_configs": [{"targets": targets}]} for job, targets in jobs.items()]
        config.write_text(head.replace("_interval: 15s", "_interval: 500ms") + f"scrape_configs: {json.dumps(scrape)}\n")
        command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data", "--web.listen-address=127.0.0.1:0"]
        self.program = Program(command, {"PATH": "/usr/bin:/bin"}, folder, "prometheus")
        self.program.wait_for("Server is ready to receive web requests")
        self.url = "http://" + re.search(r'msg="Listening on" address=(\S+)', self.program.stderr()).group(1)

    def get(self, path, **parameters):
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=60).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, text):
        """The values of an instant vector."""
        return [float(one["value"][1]) for one in self.get("query", query=text)["result"]]

    def rules(self):
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]


@pytest.fixture
def prometheus(tmp_path):
    assert shutil.which("prometheus"), "scripts/deps test installs prometheus"
    servers = []

    def start(**jobs):
        folder = tmp_path / "prometheus"
        folder.mkdir()
        servers.append(Prometheus(folder, {name.replace("_", "-"): targets for name, targets in jobs.items()}))
        return servers[0]

    yield start
    for server in servers:
        assert server.program.stop() == 0


def address(listener):
    return listener.url.removeprefix("http://")


def queries():
    board = json.loads((DEPLOY / "grafana" / "pouch.json").read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            text = target["expr"].replace("$__rate_interval", "30s").replace("$job", ".*").replace("$instance", ".*")
            assert not re.search(r"\$[a-z_]", text), text
            yield panel["title"], text


def traffic(pouch, inbox):
    """Requests that are answered, one that nobody is for, and one whose handler refuses."""
    for n in range(5):
        assert pouch.run("request", "--publisher", "billing", "--inbox", inbox, "--timeout", "60s", stdin=str(n)).returncode == 0
    assert pouch.run("request", "--publisher", "nobody", "--inbox", inbox, "--timeout", "60s", stdin="1").returncode != 0


@pytest.mark.acceptance("D25", "B28")
def test_prometheus_scrapes_what_runs_and_every_panel_has_its_answer(pouch, prometheus):
    pouch.env |= {"POUCH_STORE": f"sqlite://{pouch.folder}/store", "POUCH_DLQ_TOPIC": f"dlq-{uuid.uuid4().hex[:8]}"}
    inbox, target = pouch.topic(), pouch.topic()
    pouch.ok("route", "add", "billing", target)
    center = Listener(pouch.start("center", "--inbox", inbox, "--start", "earliest", "--listen", "127.0.0.1:0"))
    worker = Listener(pouch.start("worker", target, "--pipe", "cat", "--start", "earliest", "--listen", "127.0.0.1:0"))
    health = Listener(pouch.start("health", "--listen", "127.0.0.1:0"))
    server = prometheus(pouch=[address(center), address(worker)], pouch_health=[address(health)])
    for listener in (center, worker):
        listener.until_ready()
    wait_until(lambda: server.query("sum(up)") == [3], "all three scraped")
    traffic(pouch, inbox)

    wait_until(lambda: server.query('sum(pouch_center_records_total{outcome="routed"})') == [5], "the routed records")
    wait_until(lambda: server.query('sum(pouch_worker_jobs_total{outcome="replied"})') == [5], "the answered requests")
    wait_until(lambda: server.query("sum(pouch_dead_letters_total)") == [1], "the dead letter")
    wait_until(lambda: server.query(f'sum(pouch_group_lag{{topic="{target}"}})') == [0], "the lag of the worker's group")
    # Whoever does not answer a scrape in time has no values until the next one.
    wait_until(lambda: server.query("pouch_cluster_brokers") == [1], "the one broker")
    wait_until(lambda: server.query("pouch_cluster_offline_partitions + pouch_cluster_under_replicated_partitions") == [0], "all partitions being well")
    wait_until(lambda: server.query("sum(pouch_retry_working)") == [2], "both bringing back retries")
    for role in ("worker", "center"):
        wait_until(lambda role=role: server.query(f"pouch_{role}_in_flight_limit > 0"), f"the limit of the {role}")

    for title, text in queries():
        wait_until(lambda text=text: server.query(text), f"an answer for the panel {title}: {text}")

    wait_until(lambda: all(rule["health"] != "unknown" for rule in server.rules()), "each rule being evaluated")
    rules = server.rules()
    assert len(rules) > 20 and [rule for rule in rules if rule["health"] != "ok"] == []

    # One that is gone is told of.
    assert worker.program.stop() == 0
    gone = {"alertname": "PouchDown", "instance": address(worker)}
    [alert] = wait_until(lambda: [one for one in server.get("alerts")["alerts"] if gone.items() <= one["labels"].items()], "the alert")
    assert alert["annotations"]["summary"] == f"{address(worker)} does not answer" and alert["labels"]["severity"] == "critical"

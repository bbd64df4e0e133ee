"""What deploy/ says: rules that Prometheus takes, alerts that fire when they should, names that are really there."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = PROMETHEUS / "pouch.rules.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "pouch.json"
LIST = ROOT / "lib" / "metrics" / "list.h"

# Labels that rules and panels may choose by though no list of metrics has their values.
FREE_LABELS = {"job", "instance", "broker", "group", "topic", "partition", "kid", "key", "le"}


def promtool(*words):
    assert shutil.which("promtool"), "scripts/deps test installs promtool, in Debian's package prometheus"
    done = subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# ---- names ----


def listed():
    """Each metric's labels, as {name: {label: values}}, of all lists in list.h; and which of them are histograms."""
    text = LIST.read_text()
    histograms = set(re.findall(r'X\(\w+, "(pouch_\w+)"', text))
    labels = {name: {} for name in histograms | set(re.findall(r'X\([^"]*"(pouch_\w+)"', text))}
    for name, row in re.findall(r'X\(\w+, \w+, "(pouch_\w+)", "((?:[^"\\]|\\.)*)"', text):
        for label, value in re.findall(r'(\w+)=\\"([^"\\]*)\\"', row):
            labels[name].setdefault(label, set()).add(value)
    return labels, histograms


def expressions():
    """Every expression of the rules and of the dashboard."""
    rules = re.sub(r"(?m)^\s*#.*$", "", RULES.read_text())
    found = [" ".join(text.split()) for text in re.findall(r"expr: (?:>-)?(.*?)(?=\n\s+(?:for|labels|annotations):|\n\s+- |\Z)", rules, re.S)]
    board = json.loads(DASHBOARD.read_text())
    return found + [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]


def test_rules_and_panels_name_only_metrics_that_there_are():
    labels, histograms = listed()
    series = set(labels) - histograms | {f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")}
    assert len(expressions()) > 60
    for text in expressions():
        unknown = set(re.findall(r"\bpouch_\w+", text)) - series
        assert not unknown, f"{unknown} in: {text}"


def test_rules_and_panels_choose_by_labels_that_there_are():
    labels, _ = listed()
    for text in expressions():
        for name, selector in re.findall(r"\b(pouch_\w+)\{([^}]*)\}", text):
            for label, values in re.findall(r'(\w+)=~?"([^"]*)"', selector):
                if label not in FREE_LABELS:
                    unknown = set(values.split("|")) - labels[name].get(label, set())
                    assert not unknown, f"{name} has no {label} {unknown}: {text}"


@pytest.mark.acceptance("D27")
def test_the_names_of_brokers_are_left_to_brokers():
    """They are beans of a broker's JVM; the documents say how Prometheus comes by them."""
    families = ("kafka_server_", "kafka_network_", "kafka_controller_", "kafka_log_")
    runbook = (ROOT / "docs" / "operations.md").read_text()
    for family in families:
        assert f"`{family}*`" in runbook and family not in LIST.read_text()
    assert "jmx_prometheus_javaagent" in runbook


# ---- alerts ----


def rules():
    """{alert: {"severity", "summary", "action"}}, by the form that the file is written in."""
    found = {}
    for block in re.split(r"\n\s+- (?=alert: |record: )", RULES.read_text()):
        name = re.match(r"alert: (\w+)", block)
        if name:
            texts = {key: value.strip('"') for key, value in re.findall(r"(?m)^\s+(summary|action): (.*)$", block)}
            found[name.group(1)] = {"block": block, "severity": re.search(r"severity: (\w+)", block).group(1), **texts}
    return found


CENTER, WORKER = 'instance="center-1:9464"', 'instance="orders-1:9464"'
ON_CENTER, ON_WORKER = {"instance": "center-1:9464"}, {"instance": "orders-1:9464"}


def flat(value, n=40):
    return f"{value}+0x{n}"


def grows(by, n=40):
    return f"0+{by}x{n}"


def answered(good, late):
    return {'pouch_worker_jobs_total{outcome="replied"}': grows(good, 400),
            'pouch_worker_jobs_total{outcome="handler_timeout"}': grows(late, 400)}


def buckets(name, le, label=""):
    """Ten a minute, all within the doubling that ends with le seconds."""
    return {f'{name}_bucket{{le="{le / 2:.6f}"{label}}}': flat(0), f'{name}_bucket{{le="{le:.6f}"{label}}}': grows(10),
            f'{name}_bucket{{le="+Inf"{label}}}': grows(10)}


def ring(*keys):
    """Two processes and the keys that each has; the first key of the first seals."""
    out = {f'pouch_seals_total{{kid="k2",key="22222222",{CENTER}}}': grows(60)}
    for process, names in zip((CENTER, WORKER), keys):
        for name in names:
            out[f'pouch_key_last_used_seconds{{kid="{name}",key="{name[1] * 8}",{process}}}'] = flat(1)
    return out


# alert: when it is looked at, a load that fires it with its labels and what its summary then says, and one that does not.
CASES = {
    "PouchObjectiveFast": ("70m", answered(98, 2), {}, "2% of the requests of the last 5 minutes were not answered in time", answered(999, 1)),
    "PouchObjectiveSlow": ("390m", answered(99, 1), {}, "1% of the requests of the last hour were not answered in time", answered(999, 1)),
    "PouchDown": ("10m", {f'up{{job="pouch",{CENTER}}}': "1 1 1+0x1 0+0x20"}, {"job": "pouch", **ON_CENTER}, "center-1:9464 does not answer",
                  {f'up{{job="pouch",{CENTER}}}': "1 1 1 1 1 1 1 1 1 1 0 1", 'up{job="another",instance="x:1"}': flat(0)}),
    "PouchInFlightNearBound": ("10m", {f"pouch_worker_in_flight{{{WORKER}}}": flat(950), f"pouch_worker_in_flight_limit{{{WORKER}}}": flat(1000)},
                               ON_WORKER, "orders-1:9464 has 95% of the requests in flight that it may have",
                               {f"pouch_worker_in_flight{{{WORKER}}}": flat(100), f"pouch_worker_in_flight_limit{{{WORKER}}}": flat(1000),
                                f"pouch_center_in_flight{{{WORKER}}}": flat(0), f"pouch_center_in_flight_limit{{{WORKER}}}": flat(0)}),
    "PouchCenterSlow": ("15m", buckets("pouch_center_seconds", 1.048576), {}, "1 of 100 records takes a center 1.043s or longer",
                        buckets("pouch_center_seconds", 0.001024)),
    "PouchHandlerSlow": ("15m", buckets("pouch_worker_handler_seconds", 8.388608, f",{WORKER}"), ON_WORKER,
                         "1 of 100 requests takes the handlers of orders-1:9464 8.347s or longer",
                         buckets("pouch_worker_handler_seconds", 2.097152, f",{WORKER}")),
    "PouchOverloaded": ("15m", {f'pouch_worker_jobs_total{{outcome="overloaded",{WORKER}}}': grows(60)}, ON_WORKER,
                        "orders-1:9464 turns away 1 requests a second", {f'pouch_worker_jobs_total{{outcome="overloaded",{WORKER}}}': grows(1)}),
    "PouchOfflinePartitions": ("10m", {"pouch_cluster_offline_partitions{}": flat(3)}, {}, "3 partitions have no leader",
                               {"pouch_cluster_offline_partitions{}": flat(0)}),
    "PouchUnderReplicated": ("10m", {"pouch_cluster_under_replicated_partitions{}": flat(4)}, {}, "4 partitions lack a copy",
                             {"pouch_cluster_under_replicated_partitions{}": "0 0 0 0 0 0 0 0 0 4 4 0"}),
    "PouchGroupLag": ("10m", {'pouch_group_lag{group="g",topic="t",instance="h:1"}': flat(1200), 'pouch_group_lag{group="g",topic="t",instance="h:2"}': flat(1201)},
                      {"group": "g", "topic": "t"}, "group g is 1201 records behind on t",
                      {'pouch_group_lag{group="g",topic="t",instance="h:1"}': flat(600), 'pouch_group_lag{group="g",topic="t",instance="h:2"}': flat(600)}),
    "PouchClusterAway": ("10m", {'pouch_cluster_up{instance="h:1"}': flat(0)}, {"instance": "h:1"}, "no broker answers h:1", {'pouch_cluster_up{instance="h:1"}': flat(1)}),
    "PouchBrokerAway": ("10m", {'pouch_broker_up{broker="1"}': flat(1), 'pouch_broker_up{broker="2"}': flat(0)}, {"broker": "2"}, "broker 2 does not answer",
                        {'pouch_broker_up{broker="1"}': flat(1), 'pouch_broker_up{broker="2"}': "1 1 1 1 1 0 1+0x20"}),
    "PouchUnderMinInSync": ("10m", {"pouch_cluster_under_min_insync_partitions{}": flat(2)}, {}, "2 partitions take nothing, since too few of their copies are in sync",
                            {"pouch_cluster_under_min_insync_partitions{}": flat(0)}),
    "PouchOffsetsReset": ("10m", {f"pouch_offset_resets_total{{{WORKER}}}": "0 0 0 1+0x20"}, ON_WORKER, "orders-1:9464 found its place in a topic gone",
                          {f"pouch_offset_resets_total{{{WORKER}}}": flat(3)}),
    "PouchDeadLetters": ("15m", {f'pouch_dead_letters_total{{kind="retriable",{WORKER}}}': grows(2)}, {"kind": "retriable"},
                         "20 retriable dead letters in 10 minutes", {f'pouch_dead_letters_total{{kind="retriable",{WORKER}}}': "0 0 0 0 0 0 0 0 5+0x20"}),
    "PouchNoRoute": ("15m", {f'pouch_center_records_total{{outcome="no_route",{CENTER}}}': grows(2)}, {"outcome": "no_route"},
                     "10 records in 5 minutes ended with no_route", {f'pouch_center_records_total{{outcome="routed",{CENTER}}}': grows(1000)}),
    "PouchNoResponders": ("15m", {f"pouch_client_no_responders_total{{{WORKER}}}": grows(2)}, {}, "10 requests in 5 minutes went to topics that nobody reads",
                          {f"pouch_client_no_responders_total{{{WORKER}}}": flat(100)}),
    "PouchHandlerBreakerOpen": ("10m", {f'pouch_worker_breakers{{state="open",{WORKER}}}': flat(1), f'pouch_worker_breakers{{state="half_open",{WORKER}}}': flat(0)},
                                ON_WORKER, "orders-1:9464 has stopped calling a handler that kept failing",
                                {f'pouch_worker_breakers{{state="closed",{WORKER}}}': flat(1), f'pouch_worker_breakers{{state="open",{WORKER}}}': flat(0)}),
    "PouchTargetStalled": ("10m", {f"pouch_center_stalled_targets{{{CENTER}}}": flat(1)}, ON_CENTER, "center-1:9464 sends to a topic that takes nothing",
                           {f"pouch_center_stalled_targets{{{CENTER}}}": flat(0), f'pouch_target_breakers{{state="open",{CENTER}}}': flat(0)}),
    "PouchBlocked": ("10m", {f"pouch_worker_blocked_partitions{{{CENTER}}}": flat(0), f"pouch_center_blocked_partitions{{{CENTER}}}": flat(2),
                             f"pouch_retry_blocked{{{CENTER}}}": flat(0)}, ON_CENTER, "center-1:9464 waits because a dead letter cannot be stored",
                     {f"pouch_worker_blocked_partitions{{{CENTER}}}": flat(0), f"pouch_center_blocked_partitions{{{CENTER}}}": flat(0),
                      f"pouch_retry_blocked{{{CENTER}}}": flat(0)}),
    "PouchRetriesStay": ("20m", {f'pouch_worker_jobs_total{{outcome="retried_later",{WORKER}}}': grows(1), f'pouch_center_records_total{{outcome="retried_later",{WORKER}}}': flat(0),
                                 f"pouch_retry_working{{{WORKER}}}": flat(0)}, {}, "requests wait in retry topics, and no process brings them back",
                         {f'pouch_worker_jobs_total{{outcome="retried_later",{WORKER}}}': grows(1), f'pouch_center_records_total{{outcome="retried_later",{WORKER}}}': flat(0),
                          f"pouch_retry_working{{{WORKER}}}": flat(0), f"pouch_retry_working{{{CENTER}}}": flat(1)}),
    "PouchUnchecked": ("10m", {f"pouch_worker_unchecked{{{WORKER}}}": flat(2)}, ON_WORKER, "2 requests at orders-1:9464 wait for a schema",
                       {f"pouch_worker_unchecked{{{WORKER}}}": flat(0)}),
    "PouchDedupeForgets": ("10m", {f"pouch_worker_dedupe_forgotten_total{{{WORKER}}}": "0 0 0 4+0x20"}, ON_WORKER,
                           "orders-1:9464 may handle again what it has answered", {f"pouch_worker_dedupe_forgotten_total{{{WORKER}}}": flat(4)}),
    "PouchRoutesWait": ("10m", {f"pouch_center_awaiting_requests{{{CENTER}}}": flat(2)}, ON_CENTER, "2 requests at center-1:9464 wait for a route that has changed",
                        {f"pouch_center_awaiting_requests{{{CENTER}}}": flat(0)}),
    "PouchKeysDiffer": ("20m", ring(["k1", "k2"], ["k1"]), {"kid": "k2", "key": "22222222"}, "key 22222222 seals messages, and not every process has it",
                        ring(["k1", "k2"], ["k1", "k2"])),
    "PouchDecryptFails": ("15m", {f'pouch_decrypt_failures_total{{reason="unknown_kid",{WORKER}}}': grows(2)}, {"reason": "unknown_kid", **ON_WORKER},
                          "orders-1:9464 could not open 10 messages (unknown_kid)", {f'pouch_decrypt_failures_total{{reason="not_opened",{WORKER}}}': flat(7)}),
    "PouchKeyReloadRefused": ("10m", {f'pouch_key_reloads_total{{outcome="refused",{WORKER}}}': "0 0 0 1+0x20"}, {"outcome": "refused", **ON_WORKER},
                              "orders-1:9464 did not take its changed key file", {f'pouch_key_reloads_total{{outcome="taken",{WORKER}}}': "0 0 0 1+0x20"}),
    "PouchKeySpent": ("10m", {'pouch_key_seals{kid="k1",key="bb",instance="a:1"}': flat(2000000000), 'pouch_key_seals{kid="k1",key="bb",instance="a:2"}': flat(2000000000),
                              'pouch_key_seals{kid="k1",key="bb",instance="b:1"}': flat(1000000000)}, {"kid": "k1", "key": "bb"},
                      "key bb has sealed 3G messages, of 4.29 G that it may",
                      {'pouch_key_seals{kid="k1",key="bb",instance="a:1"}': flat(2000000000), 'pouch_key_seals{kid="k1",key="bb",instance="a:2"}': flat(2000000000)}),
    "PouchStoreAway": ("10m", {f"pouch_trace_spooling{{{CENTER}}}": flat(1)}, ON_CENTER,
                       "the store does not take the trace rows of center-1:9464; they go into its spool", {f"pouch_trace_spooling{{{CENTER}}}": flat(0)}),
    "PouchSpoolFills": ("25m", {f"pouch_trace_spool_bytes{{{CENTER}}}": grows(10485760)}, ON_CENTER, "the spool of center-1:9464 will be full within an hour",
                        {f"pouch_trace_spool_bytes{{{CENTER}}}": grows(1000)}),
    "PouchTraceRowsLost": ("15m", {f"pouch_trace_missing_total{{{CENTER}}}": grows(3)}, ON_CENTER, "30 trace rows of center-1:9464 were not written",
                           {f"pouch_trace_missing_total{{{CENTER}}}": flat(30)}),
}

class Look:
    """A database of its own, which costs promtool most of its time, so loads of metrics that have nothing in common share one."""

    def __init__(self):
        self.names, self.series, self.alerts = set(), {}, []

    def takes(self, rule, series):
        return not self.names & metrics([rule, *series])

    def add(self, name, rule, at, series, expected):
        self.names |= metrics([rule, *series])
        self.series |= series
        self.alerts.append({"eval_time": at, "alertname": name, "exp_alerts": expected})

    def test(self):
        return {"interval": "1m", "input_series": [{"series": one, "values": values} for one, values in self.series.items()],
                "alert_rule_test": self.alerts}


def metrics(texts):
    return set(re.findall(r"\b(?:pouch_\w+|up(?=\{))", " ".join(texts)))


# The objective looks hours back and waits for nothing, so it need not be looked at every minute of them.
LONG = {"PouchObjectiveFast", "PouchObjectiveSlow"}


@pytest.mark.parametrize(("names", "every"), [(CASES.keys() - LONG, "1m"), (LONG, "10m")], ids=["conditions", "objective"])
@pytest.mark.acceptance("D25", "D32")
def test_each_alert_fires_when_it_should_and_only_then(tmp_path, names, every):
    known, looks = rules(), []
    assert known.keys() == CASES.keys()
    for name in sorted(names):
        (at, load, labels, summary, quiet), rule = CASES[name], known[name]
        alert = {"exp_labels": {"severity": rule["severity"], **labels}, "exp_annotations": {"summary": summary, "action": rule["action"]}}
        for series, expected in ((load, [alert]), (quiet, [])):
            look = next((one for one in looks if one.takes(rule["block"], series)), None)
            if not look:
                looks.append(look := Look())
            look.add(name, rule["block"], at, series, expected)
    document = tmp_path / "alerts.yml"
    document.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": every, "tests": [look.test() for look in looks]}))
    promtool("test", "rules", document)


def test_prometheus_takes_the_rules_and_the_example():
    promtool("check", "rules", RULES)
    promtool("check", "config", PROMETHEUS / "prometheus.yml")


def test_each_alert_has_its_line_in_the_runbook():
    runbook = (ROOT / "docs" / "operations.md").read_text()
    missing = [name for name in rules() if f"| `{name}` |" not in runbook]
    assert not missing


# ---- the dashboard ----


def test_the_dashboard_has_the_form_that_grafana_imports():
    board = json.loads(DASHBOARD.read_text())
    assert board["uid"] == "pouch-overview" and board["title"] == "Pouch" and board["schemaVersion"] >= 38
    assert "id" not in board, "an id is an installation's own"
    variables = {one["name"]: one for one in board["templating"]["list"]}
    assert list(variables) == ["datasource", "job", "instance"] and variables["datasource"]["type"] == "datasource"
    for name in ("job", "instance"):
        assert variables[name]["type"] == "query" and variables[name]["allValue"] == ".*"
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    for panel in board["panels"]:
        assert panel["type"] in ("row", "stat", "timeseries") and panel["title"], panel
        if panel["type"] == "row":
            continue
        source = {"type": "prometheus", "uid": "${datasource}"}
        assert panel["datasource"] == source and panel["targets"] and panel["fieldConfig"]["defaults"]["unit"]
        names = [target["refId"] for target in panel["targets"]]
        assert len(names) == len(set(names))
        for target in panel["targets"]:
            assert target["datasource"] == source
            used = set(re.findall(r"\$([a-z_]\w*)", target["expr"])) - {"__rate_interval"}
            assert used <= variables.keys() - {"datasource"}, target["expr"]


def test_panels_lie_beside_each_other_and_not_upon():
    taken = {}
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] and place["x"] + place["w"] <= 24 and place["h"] > 0
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies upon {taken[x, y]}"
                taken[x, y] = panel["title"]

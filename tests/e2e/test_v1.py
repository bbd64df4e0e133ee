"""What the commands show and change, over HTTP: the same documents, checked beside the commands' own."""

import json
import re
import uuid

import asyncapi_schema
import httpx
import independent
import pytest
from conftest import PATIENCE, Pouch, wait_until
from gateway import Gateway
from prometheus_client.parser import text_string_to_metric_families

PUBLISHERS = ("orders", "closed")


class Scene:
    """A center with a route that works and one that is disabled, requests through both, and a gateway that looks at it all."""

    def __init__(self, kafka, folder):
        self.pouch = pouch = Pouch(kafka["KAFKA_BROKERS"], folder)
        name = uuid.uuid4().hex[:8]
        self.target, self.letters = pouch.topic(f"target-{name}", partitions=1), pouch.topic(f"dlq-{name}", partitions=2)
        pouch.env |= {"POUCH_STORE": f"sqlite://{folder}/store", "POUCH_CENTER_INBOX": pouch.topic(f"inbox-{name}", partitions=1),
                      "POUCH_CENTER_ROUTES_TOPIC": f"routes-{name}", "POUCH_DLQ_TOPIC": self.letters}
        for publisher in PUBLISHERS:
            pouch.ok("route", "add", publisher, self.target, "--service", "shop")
        pouch.ok("service", "add", "shop", "--tag", "sales")
        pouch.ok("route", "disable", "closed")
        center = pouch.start("center", "--start", "earliest", "--listen", "127.0.0.1:0").wait_for("routing").wait_for("127.0.0.1:")
        self.center = re.search(r"127\.0\.0\.1:\d+", center.stderr()).group(0)
        self.ids = {publisher: [pouch.ok("send", "--publisher", publisher, stdin='{"secret":"payload"}').strip() for _ in range(4)] for publisher in PUBLISHERS}
        wait_until(lambda: sum(r["count"] for r in self.command("route", "stats")["routes"]) >= 8, "the requests being counted")
        self.gateway = Gateway(pouch, env={"POUCH_GATEWAY_PROCESSES": self.center}).start()

    def command(self, *words):
        return json.loads(self.pouch.ok(*words, "-o", "json"))

    def get(self, path, status=200, **more):
        said = self.gateway.get(path, **more)
        assert said.status_code == status, f"{path}: {said.status_code} {said.text[:500]}"
        return said.json()

    def send(self, method, path, body=None, status=200, **headers):
        said = httpx.request(method, self.gateway.url + path, json=body, headers=headers, timeout=60)
        assert said.status_code == status, f"{method} {path}: {said.status_code} {said.text[:500]}"
        return said


@pytest.fixture(scope="module")
def scene(kafka, tmp_path_factory):
    scene = Scene(kafka, tmp_path_factory.mktemp("v1"))
    yield scene
    scene.pouch.stop_all()


def route_name():
    return f"p-{uuid.uuid4().hex[:8]}"


# ---- routes and services ----


@pytest.mark.acceptance("B29")
def test_routes_and_services_are_what_the_commands_show(scene):
    listed = scene.get("/v1/routes")
    assert [r for r in listed["routes"] if r["publisher"] in PUBLISHERS] == [r for r in scene.command("route", "list") if r["publisher"] in PUBLISHERS]
    one = scene.gateway.get("/v1/routes/orders")
    assert one.json() == scene.command("route", "show", "orders") and one.json()["service_info"]["name"] == "shop"
    assert one.headers["etag"] == f'"{one.json()["version"]}"'
    assert scene.get("/v1/services") == {"services": scene.command("service", "list")}
    assert scene.get("/v1/services?tag=none") == {"services": []}
    assert scene.get("/v1/services/shop") == scene.command("service", "show", "shop")
    scene.get("/v1/routes/nobody", 404)
    scene.get("/v1/services/nobody", 404)


def test_routes_are_listed_with_their_numbers(scene):
    by = {r["publisher"]: r["stats"] for r in scene.get("/v1/routes?stats=1h")["routes"]}
    told = {r["publisher"]: r for r in scene.command("route", "stats", "--since", "1h")["routes"]}
    for publisher in PUBLISHERS:
        assert by[publisher] == {name: value for name, value in told[publisher].items() if name not in ("publisher", "route")}
    assert (by["orders"]["success"], by["closed"]["failure"]) == (4, 4)
    assert scene.get("/v1/routes?stats=yesterday", 400)["code"] == "invalid_payload"


def test_what_has_not_changed_is_not_sent_again(scene):
    for path in ("/v1/routes", "/v1/routes/orders", "/v1/services", "/v1/catalog"):
        first = scene.gateway.get(path)
        again = scene.gateway.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        assert scene.gateway.get(path, headers={"If-None-Match": '"other"'}).json() == first.json()


@pytest.mark.acceptance("B29")
def test_a_route_is_made_changed_rolled_back_and_removed(scene):
    name = route_name()
    made = scene.send("POST", "/v1/routes", {"publisher": name, "targets": [scene.target]}, 201)
    assert made.json() == {k: v for k, v in scene.command("route", "show", name).items() if k != "service_info"}
    scene.send("POST", "/v1/routes", {"publisher": name, "targets": [scene.target]}, 409)

    version = made.headers["etag"]
    replaced = scene.send("PUT", f"/v1/routes/{name}", {"targets": ["a", "b"], "service": "shop"}, **{"If-Match": version})
    assert replaced.json()["targets"] == ["a", "b"] and replaced.json()["id"] == made.json()["id"]
    off = scene.send("POST", f"/v1/routes/{name}/disable", **{"If-Match": replaced.headers["etag"]})
    assert off.json()["enabled"] is False
    other = scene.send("PUT", f"/v1/routes/{name}", {"targets": ["c"], "service": "shop"}, **{"If-Match": off.headers["etag"]})
    assert other.json()["enabled"] is False, "a disabled route stays so until it is enabled"
    on = scene.send("POST", f"/v1/routes/{name}/enable", **{"If-Match": "*"})
    assert on.json()["enabled"] is True
    scene.send("POST", f"/v1/routes/{name}/rollback", {"version": made.json()["version"]}, 400, **{"If-Match": "*"})
    back = scene.send("POST", f"/v1/routes/{name}/rollback", {"to": made.json()["version"]}, **{"If-Match": on.headers["etag"]})
    assert back.json()["targets"] == [scene.target]

    changes = scene.get(f"/v1/routes/{name}/history")["changes"]
    assert changes == scene.command("route", "history", name) and len(changes) == 6
    assert {change["who"] for change in changes} == {"local"}, "who came from this host without a key"
    gone = scene.send("DELETE", f"/v1/routes/{name}", **{"If-Match": back.headers["etag"]})
    assert gone.json()["removed"] is True
    scene.get(f"/v1/routes/{name}", 404)
    scene.send("POST", f"/v1/routes/{name}/rollback", {"to": made.json()["version"]}, 412, **{"If-Match": back.headers["etag"]})
    again = scene.send("POST", f"/v1/routes/{name}/rollback", {"to": made.json()["version"]}, **{"If-None-Match": "*"})
    assert scene.get(f"/v1/routes/{name}")["version"] == again.json()["version"], "what was removed comes back"


def test_a_change_for_another_version_is_refused_and_changes_nothing(scene):
    name = route_name()
    path, body = f"/v1/routes/{name}", {"targets": [scene.target]}
    scene.send("PUT", path, body, 428)
    scene.send("PUT", path, body, 412, **{"If-Match": '"1"'})
    made = scene.send("PUT", path, body, 201, **{"If-None-Match": "*"})
    scene.send("PUT", path, body, 412, **{"If-None-Match": "*"})
    other = f'"{made.json()["version"] + 1}"'
    for method, at, what in (("PUT", path, {"targets": ["x"]}), ("DELETE", path, None), ("POST", f"{path}/disable", None), ("POST", f"{path}/rollback", {})):
        assert scene.send(method, at, what, 412, **{"If-Match": other}).json()["code"] == "exists"
        scene.send(method, at, what, 428)
        scene.send(method, at, what, 400, **{"If-Match": "nonsense"})
    now = scene.get(path)
    assert (now["version"], now["targets"], now["enabled"]) == (made.json()["version"], [scene.target], True)
    scene.send("DELETE", "/v1/routes/nobody", None, 404, **{"If-Match": "*"})


def test_what_is_no_route_is_refused_with_the_reason(scene):
    for body, why in (({"targets": ["t"]}, "publisher"), ({"publisher": "p"}, "targets"), ({"publisher": "p", "targets": []}, "1 to 16"),
                      ({"publisher": "p", "targets": [1]}, "1 to 16"), ({"publisher": "p", "targets": ["a b"]}, "a b"), ({"publisher": "p", "targets": ["t", "t"]}, "t"),
                      ({"publisher": "p", "targets": ["t"], "enabled": "yes"}, "enabled"), ({"publisher": "p", "targets": ["t"], "target": "t"}, "target"),
                      ({"publisher": 7, "targets": ["t"]}, "publisher"), ({"publisher": "p q", "targets": ["t"]}, "p q")):
        said = scene.send("POST", "/v1/routes", body, 400)
        assert why in said.json()["detail"], (body, said.text)
    scene.send("PUT", "/v1/routes/p", {"publisher": "q", "targets": ["t"]}, 400, **{"If-None-Match": "*"})


def test_a_service_is_registered_replaced_and_removed(scene):
    path = f"/v1/services/s-{uuid.uuid4().hex[:8]}"
    made = scene.send("PUT", path, {"description": "d", "tags": ["b", "a"]}, 201, **{"If-None-Match": "*"})
    assert (made.json()["version"], made.json()["tags"]) == ("1.0.0", ["a", "b"])
    scene.send("PUT", path, {}, 428)
    scene.send("PUT", path, {"tags": "a"}, 400, **{"If-Match": made.headers["etag"]})
    new = scene.send("PUT", path, {"version": "2.0.0"}, **{"If-Match": made.headers["etag"]})
    scene.send("DELETE", path, None, 412, **{"If-Match": made.headers["etag"]})
    scene.send("DELETE", path, **{"If-Match": new.headers["etag"]})
    scene.get(path, 404)


# ---- traces ----


def without_envelope(rows):
    return [{name: value for name, value in row.items() if name != "envelope"} for row in rows]


def test_a_request_is_found_with_its_hops(scene):
    request = scene.ids["closed"][0]
    told, found = scene.command("trace", request), scene.get(f"/v1/traces/{request}")
    assert found == told | {"rows": without_envelope(told["rows"])}
    assert {hop["by"] for hop in found["hops"]} >= {"center"} and found["rows"][-1]["code"] == "route_disabled"
    scene.get(f"/v1/traces/{uuid.uuid4()}", 404)
    scene.get("/v1/traces/none", 400)


def test_traces_are_listed_by_page_and_none_is_missed_or_shown_twice(scene):
    whole = wait_until(lambda: (found := scene.get("/v1/traces?limit=500"))["complete"] and found, "nothing waiting in a spool", 3 * PATIENCE)
    assert whole["cursor"] is None
    seen, cursor = [], ""
    while cursor is not None:
        page = scene.get(f"/v1/traces?limit=3&cursor={cursor}" if cursor else "/v1/traces?limit=3")
        assert len(page["rows"]) <= 3
        seen += page["rows"]
        cursor = page["cursor"]
        assert len(seen) <= len(whole["rows"])
    assert seen == whole["rows"] and len(seen) >= 8
    failed = scene.get("/v1/traces?failed=true&publisher=closed")["rows"]
    assert {row["request_id"] for row in failed} == set(scene.ids["closed"]) and not any(row["success"] for row in failed)
    assert scene.get("/v1/traces?until=1h")["rows"] == []
    for query in ("limit=0", "limit=501", "cursor=zz", "cursor=1.2", "since=never", "failed=perhaps"):
        scene.get(f"/v1/traces?{query}", 400)


# ---- dead letters ----


def test_dead_letters_are_listed_counted_and_explained(scene):
    told, found = scene.command("dlq", "list"), scene.get("/v1/dead-letters")
    assert found["letters"] == told and found["matching"] >= 4
    assert scene.get("/v1/dead-letters?reason=route_disabled&publisher=closed")["matching"] == 4
    assert scene.get("/v1/dead-letters?reason=none")["letters"] == []
    one = scene.get(f"/v1/dead-letters?request={scene.ids['closed'][1]}")["letters"]
    assert [letter["request_id"] for letter in one] == [scene.ids["closed"][1]]
    stats = scene.command("dlq", "stats")
    assert scene.get("/v1/dead-letters/stats") == stats

    seen, cursor = [], ""
    while cursor is not None:
        page = scene.get("/v1/dead-letters?limit=1" + (f"&cursor={cursor}" if cursor else ""))
        seen += page["letters"]
        cursor = page["cursor"]
        assert len(seen) <= len(told)
    assert seen == told

    letter = told[0]
    explained = scene.get(f"/v1/dead-letters/{letter['partition']}/{letter['offset']}")
    [shown] = scene.command("dlq", "show", f"{letter['partition']}/{letter['offset']}")
    assert {k: v for k, v in explained.items() if k != "status"} == {k: v for k, v in shown.items() if k != "event_id"}
    assert explained["status"] == "open" and explained["next_step"]
    scene.get("/v1/dead-letters/0/9999", 404)
    scene.get("/v1/dead-letters/9/0", 404)
    scene.get("/v1/dead-letters/x/0", 400)
    for query in ("status=gone", "since=never", "request=7", "limit=0", "cursor=zz"):
        scene.get(f"/v1/dead-letters?{query}", 400)


@pytest.fixture
def own_letters(scene):
    """Letters of a source topic that only one test knows: its name, and how many."""
    topic, n = scene.pouch.topic(f"source-{uuid.uuid4().hex[:8]}", partitions=1), 3
    for _ in range(n):
        headers = [("pouch-dlq-code", "handler_error"), ("pouch-dlq-source", f"{topic}/0/{_}"), ("pouch-dlq-failed-at", "1700000000000")]
        independent.produce(scene.pouch.brokers, scene.letters, independent.seal(scene.pouch.key, "{}"), headers=headers, partition=0)
    wait_until(lambda: scene.get(f"/v1/dead-letters?topic={topic}")["matching"] == n, "the letters")
    return topic, n


def test_letters_are_sent_again_after_a_look_and_not_twice(scene, own_letters):
    topic, n = own_letters
    look = scene.send("POST", "/v1/dead-letters/redrive", {"topic": topic}).json()
    assert (look["dry_run"], look["send"], look["topics"], look["sent"]) == (True, n, {topic: n}, 0)
    assert look == scene.command("dlq", "redrive", "--topic", topic, "--dry-run")
    assert scene.send("POST", "/v1/dead-letters/redrive", {"topic": topic, "dry_run": False, "expect": n + 1}, 409).json()["code"] == "conflict"
    done = scene.send("POST", "/v1/dead-letters/redrive", {"topic": topic, "dry_run": False, "expect": n}).json()
    assert (done["sent"], done["failed"], done["dry_run"]) == (n, 0, False)
    assert len(independent.read(independent.reader(scene.pouch.brokers, topic), n)) == n
    again = scene.send("POST", "/v1/dead-letters/redrive", {"topic": topic, "dry_run": False}).json()
    assert (again["send"], again["sent_before"], again["sent"]) == (0, n, 0)
    assert {letter["status"] for letter in scene.get(f"/v1/dead-letters?topic={topic}")["letters"]} == {"redriven"}
    assert scene.command("changes", "--kind", "dlq")[-1]["after"]["filter"] == {"topic": topic}
    for body in ({"topics": topic, "dry_run": False}, {"topic": 7}, {"dry_run": "no"}, {"partition": 1}, {"to": "internal.dlq"}, {"request": "7"}, {"since": "never"}, {"expect": -1}):
        scene.send("POST", "/v1/dead-letters/redrive", body, 400)


def test_letters_are_dismissed_when_there_are_as_many_as_were_seen(scene, own_letters):
    topic, n = own_letters
    asked = {"topic": topic, "dry_run": False}
    assert scene.send("POST", "/v1/dead-letters/dismiss", {"topic": topic}).json() == {"matching": n, "dismissed": 0, "later": 0, "dry_run": True}
    scene.send("POST", "/v1/dead-letters/dismiss", asked, 428)
    scene.send("POST", "/v1/dead-letters/dismiss", asked | {"expect": n - 1}, 409)
    assert scene.get(f"/v1/dead-letters?topic={topic}")["matching"] == n
    [one, *_] = scene.get(f"/v1/dead-letters?topic={topic}")["letters"]
    place = {"partition": one["partition"], "offset": one["offset"]}
    assert scene.send("POST", "/v1/dead-letters/dismiss", place | {"dry_run": False, "expect": 1}).json()["dismissed"] == 1
    assert scene.send("POST", "/v1/dead-letters/dismiss", asked | {"expect": n - 1}).json()["dismissed"] == n - 1
    assert scene.get(f"/v1/dead-letters?topic={topic}") == {"letters": [], "cursor": None, "matching": 0, "hidden": n, "complete": True}


def test_a_purge_counts_first_and_takes_age_alone(scene):
    seen = scene.send("POST", "/v1/dead-letters/purge", {"until": "10000d"}).json()
    assert seen == {"matching": 0, "behind_newer": 0, "deleted": 0, "dry_run": True}
    scene.send("POST", "/v1/dead-letters/purge", {"until": "10000d", "dry_run": False}, 428)
    scene.send("POST", "/v1/dead-letters/purge", {"until": "10000d", "dry_run": False, "expect": 5}, 409)
    assert scene.send("POST", "/v1/dead-letters/purge", {"until": "10000d", "dry_run": False, "expect": 0}).json()["deleted"] == 0
    for body in ({}, {"until": "1d", "topic": "t"}, {"until": 1}, {"until": "1d", "older": "2d"}):
        scene.send("POST", "/v1/dead-letters/purge", body, 400)


# ---- the cluster ----


@pytest.mark.acceptance("B29")
def test_the_cluster_is_told_as_the_commands_tell_it(scene):
    def is_same():
        """Each is measured for itself, and an answer of a broker may be late once."""
        health, told = scene.get("/v1/health"), scene.command("health")
        return health["status"] == told["status"] and health["details"]["cluster"] == told["details"]["cluster"] and told

    told = wait_until(is_same, "the same health")
    assert set(scene.get("/v1/lag")) == set(told["details"]["lag"])
    topics = scene.get("/v1/topics")
    by = {topic["name"]: topic for topic in topics["topics"]}
    [same] = [topic for topic in scene.command("topic", "health", scene.target)["topics"]]
    assert by[scene.target] == same and topics["total"] == len(by) == topics["healthy"] + topics["unhealthy"]
    assert scene.get(f"/v1/topics/{scene.target}") == scene.command("topic", "describe", scene.target)
    scene.get(f"/v1/topics/none-{uuid.uuid4().hex}", 404)
    assert {entry["name"] for entry in scene.get("/v1/catalog")["topics"]} >= {"platform.audit"}
    assert set(scene.get("/v1/catalog/plan")) == {"changes", "as_they_were", "tenants"}
    assert isinstance(scene.get("/v1/tenants")["tenants"], list)
    gateway = wait_until(lambda: (one := scene.get("/v1/gateways")["gateways"][0])["healthy"] and one, "the gateway being well")
    assert gateway["reasons"] == [] and gateway["kafka"]["pendingRequests"] == 0 and len(scene.get("/v1/gateways")["gateways"]) == 1


def test_a_topic_may_have_any_name_that_kafka_allows(scene):
    names = ("catalog", "plan", "health")
    for name in names:
        scene.pouch.topic(name, partitions=1)
        assert scene.get(f"/v1/topics/{name}")["topic"] == name
    scene.pouch.ok("topic", "delete", *names, "--yes")


def test_rates_are_those_of_the_processes_that_the_settings_name(scene):
    view = scene.get("/v1/stats")
    assert [process["process"] for process in view["processes"]] == [scene.center]
    assert (view["processes"][0]["role"], [p["publisher"] for p in view["publishers"]]) == ("center", ["orders"])


def test_without_a_registry_there_are_no_schemas(scene):
    assert scene.get("/v1/schemas", 404)["detail"].startswith("there is no schema registry")


# ---- descriptions and counts ----


def references(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_the_routes_of_now_are_described_as_asyncapi(scene):
    name = route_name()
    scene.send("POST", "/v1/routes", {"publisher": name, "targets": [scene.target, "elsewhere"]}, 201)
    document = scene.get("/asyncapi.json")
    assert document["asyncapi"] == "3.0.0" and document["info"]["title"] and document["info"]["version"]
    assert asyncapi_schema.faults(document) == []
    assert asyncapi_schema.faults(document | {"operations": {"ask": {"action": "ask"}}}), "the schema tells what is wrong"
    ask = document["operations"][f"ask-{name}"]
    assert (ask["action"], ask["reply"]["address"]["location"]) == ("send", "$message.payload#/replyTopic")
    handle = document["operations"][f"handle-{scene.target}"]
    assert handle["action"] == "receive" and handle["channel"] == {"$ref": f"#/channels/{scene.target}"}
    assert document["channels"]["elsewhere"]["address"] == "elsewhere" and document["channels"]["replies"]["address"] is None
    found = set(references(document))
    assert len(found) > 5
    for reference in found:
        at = document
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]
    scene.send("DELETE", f"/v1/routes/{name}", **{"If-Match": "*"})
    assert f"ask-{name}" not in scene.get("/asyncapi.json")["operations"]


@pytest.mark.acceptance("C35")
def test_calls_are_counted_and_timed_by_method_and_route(scene):
    def samples():
        families = text_string_to_metric_families(scene.gateway.get("/metrics").text)
        return {(sample.name, *sorted(sample.labels.items())): sample.value for family in families for sample in family.samples if family.name.startswith("http_request")}

    of_route = (("method", "GET"), ("url", "/v1/routes/{publisher}"))
    before = samples().get(("http_requests_total", *of_route), 0)
    for path in ("/v1/routes/orders", "/v1/routes/closed", "/v1/routes/nobody"):
        scene.gateway.get(path)
    after = samples()
    assert after[("http_requests_total", *of_route)] == before + 3
    buckets = [after[("http_request_duration_seconds_bucket", ("le", le), *of_route)] for le in ("0.1", "0.5", "1", "2", "5", "+Inf")]
    assert buckets == sorted(buckets) and buckets[-1] == after[("http_request_duration_seconds_count", *of_route)] == before + 3
    assert after[("http_request_duration_seconds_sum", *of_route)] > 0


def test_nothing_of_it_shows_a_payload(scene):
    for path in ("/v1/traces", f"/v1/traces/{scene.ids['orders'][0]}", "/v1/dead-letters", "/v1/dead-letters/stats", "/asyncapi.json"):
        text = scene.gateway.get(path).text
        assert "secret" not in text and '"data":"' not in text and "envelope\":{\"request_id" not in text, path

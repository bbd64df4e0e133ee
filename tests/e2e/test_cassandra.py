"""The Cassandra store: the suite of both back ends, the whole path, and the tables that splp made; read back with the Python driver."""

import json
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import independent
import pytest
from conftest import BUILD, PATIENCE, ROOT, clean_environment, stack, wait_until
from keyspaces import TABLES, new_name, store_url

sys.path.insert(0, str(ROOT / "tests" / "faults"))
import kills  # noqa: E402
import stores  # noqa: E402
from proxy import Proxy  # noqa: E402

SECRET = "a-word-that-nobody-may-read"


@pytest.fixture(scope="module")
def driver(shared_keyspace):
    """A session of the Python driver; rows are dictionaries."""
    wait_until(shared_keyspace.answers, "the driver finding Cassandra again")
    return shared_keyspace.session


@pytest.fixture(autouse=True)
def found_again(shared_keyspace):
    wait_until(shared_keyspace.answers, "the driver finding Cassandra again")


@pytest.fixture
def store(pouch, keyspace):
    """The URL of a store for everything that is started."""
    pouch.env["POUCH_STORE"] = keyspace.url
    return keyspace.url


def rows_of(pouch, request_id):
    done = pouch.run("trace", request_id, "-o", "json")
    return json.loads(done.stdout)["rows"] if done.returncode == 0 else []


def traced(pouch, request_id, n):
    return wait_until(lambda: (rows := rows_of(pouch, request_id)) and len(rows) >= n and rows, f"{n} rows of {request_id}")


@pytest.mark.acceptance("A17", "A18", "A19", "B7", "B8", "B9", "B13", "B14", "B15", "B16")
@pytest.mark.parametrize("tests", ["backends", "others"])
def test_both_back_ends_do_the_same(keyspace, tests):
    env = dict(clean_environment(), POUCH_TEST_STORE=keyspace.url)
    done = subprocess.run([BUILD / f"unit_store_test_{tests}"], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.acceptance("A17")
def test_the_keyspace_is_made_as_it_is_asked_for(cassandra, driver, pouch):
    one, several, bad = new_name(), new_name(), new_name()
    done = pouch.run("route", "list", "--store", store_url(cassandra, one), timeout=5 * PATIENCE)
    assert done.returncode == 0 and "one copy of each row" in done.stderr
    assert pouch.run("route", "list", "--store", store_url(cassandra, one)).stderr.count("one copy") == 0
    done = pouch.run("route", "list", "--store", store_url(cassandra, several, "&replication=datacenter1:1&dc=datacenter1&consistency=local_one"), timeout=5 * PATIENCE)
    assert done.returncode == 0 and "one copy" not in done.stderr
    made = {row["keyspace_name"]: row["replication"] for row in driver.execute("SELECT keyspace_name, replication FROM system_schema.keyspaces")}
    assert made[one] == {"class": "org.apache.cassandra.locator.SimpleStrategy", "replication_factor": "1"}
    assert made[several] == {"class": "org.apache.cassandra.locator.NetworkTopologyStrategy", "datacenter1": "1"}

    tables = {row["table_name"]: row for row in driver.execute(f"SELECT * FROM system_schema.tables WHERE keyspace_name = '{one}'")}
    assert sorted(tables) == TABLES
    for name in ("trace_by_request", "trace_by_time", "trace_minutes", "trace_gaps", "route_stats"):
        assert tables[name]["default_time_to_live"] == 604800
        assert "TimeWindow" in tables[name]["compaction"]["class"]
    assert not list(driver.execute(f"SELECT * FROM system_schema.indexes WHERE keyspace_name = '{one}'"))

    for parameters, words in {"&replication=0": "replication", "&replication=3x": "replication", "&nonsense=1": "nonsense",
                              "&consistency=most": "consistency", "&splp=perhaps": "splp"}.items():
        done = pouch.run("route", "list", "--store", store_url(cassandra, bad, parameters))
        assert done.returncode == 78 and words in done.stderr, done.stderr
    done = pouch.run("route", "list", "--store", f"cassandra://anna:{SECRET}@127.0.0.1/x")
    assert done.returncode == 78 and "password_file" in done.stderr and SECRET not in done.stderr

    driver.execute(f"UPDATE {one}.store_schema SET version = 99 WHERE part = 'schema'")
    done = pouch.run("route", "list", "--store", store_url(cassandra, one))
    assert done.returncode == 78 and "update pouch" in done.stderr and "99" in done.stderr


@pytest.mark.acceptance("A17", "B3", "B7", "B9", "B13", "B14", "B16")
def test_a_request_through_the_center_leaves_its_rows_and_not_its_words(cassandra, driver, pouch, keyspace, store):
    inbox, topic, publisher = pouch.topic(), pouch.topic(), f"orders-{uuid.uuid4().hex[:6]}"
    pouch.ok("service", "add", publisher, "--version", "2.1", "--tag", "gov", "--tag", "adult", "--endpoint", "https://host")
    pouch.ok("route", "add", publisher, topic, "--service", publisher)
    pouch.start("center", "--inbox", inbox, "--start", "earliest").wait_for("routes")
    pouch.worker(topic, "--exec", "cat")
    done = pouch.run("request", "--publisher", publisher, "--inbox", inbox, "--timeout", "60s", "-o", "json", stdin=json.dumps({"word": SECRET}))
    assert done.returncode == 0, done.stderr
    request_id = json.loads(done.stdout)["request_id"]
    rows = traced(pouch, request_id, 5)
    assert [(row["by"], row["message_type"], row["success"]) for row in rows] == [
        ("client", "request", True), ("center", "request", True), ("worker", "request", True), ("worker", "response", True), ("client", "response", True)]

    stored = {(row["made_by"], row["message_type"] or row["type"]): row for row in driver.execute(
        f"SELECT * FROM {keyspace.name}.trace_by_request WHERE request_id = {request_id}")}
    assert len(stored) == 5
    routed, told = stored["center", "request"], stored["client", "response"]
    assert (routed["worker_name"], routed["source_topic"], routed["target_topic"]) == (publisher, inbox, topic)
    assert (routed["route_id"], routed["success"], routed["error"]) == (f"route-{publisher}", True, None)
    assert routed["processing_time_ms"] == round(routed["took_us"] / 1000) and routed["timestamp_us"] // 1000 * 1000 == round(
        routed["timestamp"].replace(tzinfo=timezone.utc).timestamp() * 1000) * 1000
    assert (told["type"], told["topic"], told["payload"], told["success"]) == ("response", "pouch-cli.replies", None, True)
    assert told["duration_ms"] == pytest.approx(told["took_us"] / 1000, abs=0.6)

    for row in driver.execute(f"SELECT ttl(success) AS left FROM {keyspace.name}.trace_by_request WHERE request_id = {request_id}"):
        assert 604800 - 60 * PATIENCE < row["left"] <= 604800

    [route] = driver.execute(f"SELECT * FROM {keyspace.name}.registry WHERE part = 'registry' AND kind = 'route' AND name = '{publisher}'")
    assert (route["route_id"], route["source_publisher"], route["target_topic"], route["service_name"], route["enabled"]) == (
        f"route-{publisher}", publisher, [topic], publisher, True)
    [service] = driver.execute(f"SELECT * FROM {keyspace.name}.registry WHERE part = 'registry' AND kind = 'service' AND name = '{publisher}'")
    assert (service["service_name"], service["version"], set(service["tags"])) == (publisher, "2.1", {"gov", "adult"})

    logged = json.loads(pouch.ok("log", "--publisher", publisher, "-o", "json"))["rows"]
    assert {row["request_id"] for row in logged} == {request_id} and [row["route"] for row in logged if row["by"] == "center"] == [f"route-{publisher}"]
    everything = keyspace.everything()
    assert not [word for word in (SECRET, pouch.key, '"tag"') if word.encode() in everything]


@pytest.mark.acceptance("A20", "B17", "B21")
def test_a_frozen_cassandra_holds_up_nothing_and_nothing_is_missing_afterwards(cassandra, pouch, keyspace, store):
    inbox, topic, publisher = pouch.topic(), pouch.topic(), f"frozen-{uuid.uuid4().hex[:6]}"
    pouch.ok("route", "add", publisher, topic)
    center = pouch.start("center", "--inbox", inbox, "--start", "earliest").wait_for("routes")
    targets = independent.reader(pouch.brokers, topic)
    stack(cassandra["stack"], "kill", "-STOP", "cassandra")
    try:
        sent = [pouch.ok("send", "--publisher", publisher, "--inbox", inbox, stdin="{}", env={"POUCH_STORE": f"sqlite://{pouch.folder}/own"}).strip()
                for _ in range(20)]
        assert len(independent.read(targets, 20)) == 20
    finally:
        stack(cassandra["stack"], "kill", "-CONT", "cassandra")

    def stored():
        rows = keyspace.rows_if_answered(f"SELECT request_id FROM {{}}.trace_by_request WHERE worker_name = '{publisher}' ALLOW FILTERING")
        return sorted(str(row["request_id"]) for row in rows or [])

    wait_until(lambda: stored() == sorted(sent), "every row, once", 5 * PATIENCE)
    targets.close()
    log = wait_until(lambda: (found := json.loads(pouch.ok("log", "--publisher", publisher, "-o", "json")))["complete"] and found, "an empty spool")
    assert len(log["rows"]) == 20
    assert center.stop() == 0


@pytest.mark.acceptance("B13", "B17", "B21")
def test_nothing_is_left_untraced_while_cassandra_and_centers_are_killed(cassandra, pouch, keyspace):
    store = kills.CassandraStore(cassandra, keyspace.name)
    for kill in (kills.kill_cassandra, kills.kill_centers):
        result = kill(pouch, store, kills=1, rate=100, seconds_between=1)
        assert result["lost"] == result["wrong"] == result["unended"] == result["untraced"] == result["rows_twice"] == 0, result
        assert result["records"] == result["trace_rows"] == result["accepted"] > 100 and result["stopped"] == [0, 0], result


@pytest.mark.acceptance("B17", "B21")
def test_a_slow_cassandra_holds_up_nothing_and_nothing_is_missing_afterwards(cassandra, pouch, keyspace):
    with Proxy(cassandra["CASSANDRA_CONTACT_POINTS"].split(",")[0], int(cassandra["CASSANDRA_PORT"])) as proxy:
        stage = stores.Stage(pouch, f"cassandra://127.0.0.1:{proxy.port}/{keyspace.name}", "slow")
        result = stores.measure(stage, 200, 4, stores.slow(None, proxy), 3)
        wait_until(lambda: stores.has_traced_all(stage.listener), "all rows in the store", 5 * PATIENCE)
        assert result["failed"] == 0 and stage.stop() == [0]
    records = stage.records()
    rows, listed = stores.rows_of(cassandra, keyspace.name, stage.inbox)
    assert sorted(row[:2] for row in rows) == sorted(records) and len(records) >= 800 and listed >= {row[2] for row in rows}


@pytest.mark.acceptance("B11")
def test_a_center_starts_and_routes_while_its_own_cassandra_is_frozen(cassandra, pouch, keyspace):
    """The server takes connections and says nothing."""
    inbox, topic, publisher = pouch.topic(), pouch.topic(), f"frozen-{uuid.uuid4().hex[:6]}"
    own = {"POUCH_STORE": f"sqlite://{pouch.folder}/own"}
    pouch.env["POUCH_STORE"] = keyspace.url.partition("?")[0]
    pouch.ok("route", "add", publisher, topic)
    pouch.start("center", "--inbox", inbox, "--start", "earliest").wait_for("routes").stop()
    pouch.start("worker", topic, "--exec", "cat", env=own)
    stack(cassandra["stack"], "kill", "-STOP", "cassandra")
    try:
        pouch.start("center", "--inbox", inbox, "--start", "earliest").wait_for("routing by the routes that were kept")
        done = pouch.run("request", "--publisher", publisher, "--inbox", inbox, "--timeout", "60s", stdin='{"n":1}', env=own)
    finally:
        stack(cassandra["stack"], "kill", "-CONT", "cassandra")
    assert done.returncode == 0 and json.loads(done.stdout) == {"n": 1}


@pytest.mark.acceptance("B11")
def test_a_center_starts_and_routes_while_cassandra_is_away(pouch, store, tmp_path):
    """The routes that were read last lie in the state directory; the store is then one where nobody answers."""
    inbox, topic, publisher = pouch.topic(), pouch.topic(), f"away-{uuid.uuid4().hex[:6]}"
    pouch.ok("route", "add", publisher, topic)
    pouch.start("center", "--inbox", inbox, "--start", "earliest").wait_for("routes").stop()
    [kept] = (tmp_path / "state" / "pouch").glob("*routes.jsonl")
    away = "cassandra://127.0.0.1:1/away"
    kept.rename(kept.with_name("127.0.0.1_1_away-routes.jsonl"))
    pouch.start("center", "--inbox", inbox, "--start", "earliest", "--store", away).wait_for("routing by the routes that were kept")
    pouch.worker(topic, "--exec", "cat")
    done = pouch.run("request", "--publisher", publisher, "--inbox", inbox, "--timeout", "60s", stdin='{"n":1}', env={"POUCH_STORE": f"sqlite://{tmp_path}/own"})
    assert done.returncode == 0 and json.loads(done.stdout) == {"n": 1}


@pytest.mark.acceptance("B9", "B10")
def test_what_another_program_writes_becomes_a_change_like_any_other(driver, pouch, keyspace, store):
    kept, gone, new = (f"{word}-{uuid.uuid4().hex[:6]}" for word in ("kept", "gone", "new"))
    for publisher in (kept, gone):
        pouch.ok("route", "add", publisher, "t")
    where = "part = 'registry' AND kind = 'route' AND change = 0"
    driver.execute(f"UPDATE {keyspace.name}.registry SET enabled = false WHERE {where} AND name = '{kept}'")
    driver.execute(f"DELETE FROM {keyspace.name}.registry WHERE {where} AND name = '{gone}'")
    driver.execute(f"INSERT INTO {keyspace.name}.registry (part, kind, name, change, route_id, source_publisher, target_topic, enabled)"
                   f" VALUES ('registry', 'route', '{new}', 0, 'r-{new}', '{new}', ['a', 'b'], true)")
    with ThreadPoolExecutor(6) as several:  # who looks at the same time makes one change of it, not six
        list(several.map(lambda _: pouch.ok("route", "list"), range(6)))
    routes = {route["publisher"]: route for route in json.loads(pouch.ok("route", "list", "-o", "json"))}
    assert gone not in routes and not routes[kept]["enabled"] and routes[new]["targets"] == ["a", "b"]
    for publisher, there in ((kept, True), (gone, False), (new, True)):
        changes = json.loads(pouch.ok("route", "history", publisher, "-o", "json"))
        assert [change["who"] == "unknown" for change in changes] == [False] * (len(changes) - 1) + [True]
        assert (changes[-1]["after"] is not None) == there
    again = {route["publisher"]: route["version"] for route in json.loads(pouch.ok("route", "list", "-o", "json"))}
    assert again == {publisher: route["version"] for publisher, route in routes.items()}
    pouch.ok("route", "add", gone, "t", "--id", f"route-{gone}")


@pytest.mark.acceptance("B9", "B29")
def test_who_knows_of_no_weights_sees_the_heaviest_target_and_makes_a_route_without(driver, pouch, keyspace, store):
    publisher = f"weighted-{uuid.uuid4().hex[:6]}"
    pouch.ok("route", "add", "before", "stock")
    driver.execute(f"ALTER TABLE {keyspace.name}.registry DROP weights")  # as the version before left it
    for _ in range(2):  # the second time by a process that ended before it said that it had done it
        driver.execute(f"UPDATE {keyspace.name}.store_schema SET version = 1 WHERE part = 'schema'")
        assert [route["publisher"] for route in json.loads(pouch.ok("route", "list", "-o", "json"))] == ["before"]
    pouch.ok("route", "add", publisher, "stock", "canary", "--weight", "stock=10", "--weight", "canary=90")
    where = f"part = 'registry' AND kind = 'route' AND change = 0 AND name = '{publisher}'"
    [row] = keyspace.rows(f"SELECT target_topic FROM {{}}.registry WHERE {where}")
    assert list(row["target_topic"]) == ["canary"]

    def route():
        return json.loads(pouch.ok("route", "show", publisher, "-o", "json"))

    assert (route()["targets"], route()["weights"]) == (["stock", "canary"], {"stock": 10, "canary": 90})
    driver.execute(f"UPDATE {keyspace.name}.registry SET enabled = false WHERE {where}")
    assert (route()["enabled"], route()["weights"]) == (False, {"stock": 10, "canary": 90})
    driver.execute(f"UPDATE {keyspace.name}.registry SET target_topic = ['stock-2'] WHERE {where}")
    assert (route()["targets"], route()["weights"]) == (["stock-2"], None)
    [row] = keyspace.rows(f"SELECT weights FROM {{}}.registry WHERE {where}")
    assert row["weights"] is None
    changes = json.loads(pouch.ok("route", "history", publisher, "-o", "json"))
    assert [change["who"] == "unknown" for change in changes] == [False, True, True]
    assert "weights" in changes[-1]["before"] and "weights" not in changes[-1]["after"]


@pytest.mark.acceptance("A19", "B15", "B28")
def test_a_time_with_missing_rows_is_called_incomplete(pouch, keyspace, store):
    pouch.ok("route", "add", "orders", "anywhere")
    now_us = int(datetime.now(timezone.utc).timestamp() * 1e6)
    keyspace.rows(f"INSERT INTO {{}}.trace_gaps (day, to_us, id, from_us, rows) VALUES ({now_us // 86400000000}, {now_us}, 1, {now_us - 60000000}, 7)")
    for command in (["route", "stats"], ["log"]):
        found = json.loads(pouch.ok(*command, "-o", "json"))
        assert (found["complete"], found["missing"]) == (False, 7)
        assert "*incomplete*: 7 rows" in pouch.ok(*command)
        assert json.loads(pouch.ok(*command, "--until", "10m", "-o", "json"))["complete"] is True


# ---- moving from splp ----

SPLP = [
    "CREATE KEYSPACE IF NOT EXISTS messaging WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE KEYSPACE IF NOT EXISTS command_center WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TABLE IF NOT EXISTS messaging.message_logs (request_id uuid, timestamp timestamp, type text, topic text, payload text,"
    " success boolean, error text, duration_ms int, PRIMARY KEY (request_id, timestamp)) WITH CLUSTERING ORDER BY (timestamp DESC)",
    "CREATE TABLE IF NOT EXISTS command_center.routing_metadata (request_id uuid, worker_name text, timestamp timestamp, source_topic text,"
    " target_topic text, route_id text, message_type text, success boolean, error text, processing_time_ms int,"
    " PRIMARY KEY (request_id, timestamp)) WITH CLUSTERING ORDER BY (timestamp DESC)",
    "CREATE TABLE IF NOT EXISTS command_center.routes (route_id text PRIMARY KEY, source_publisher text, target_topic text,"
    " service_name text, enabled boolean, created_at timestamp, updated_at timestamp)",
    "CREATE TABLE IF NOT EXISTS command_center.services (service_name text PRIMARY KEY, version text, description text, endpoint text,"
    " tags set<text>, created_at timestamp, updated_at timestamp)",
]


@pytest.fixture(scope="module")
def splp(driver):
    """The tables of splp as its client and its command center make them."""
    for statement in SPLP:
        driver.execute(statement)
    return driver


@pytest.mark.acceptance("A17", "A18", "B13", "B15")
def test_rows_that_splp_wrote_are_shown_beside_ours_without_their_payload(cassandra, pouch, keyspace, store, splp):
    pouch.env["POUCH_STORE"] = store_url(cassandra, keyspace.name)
    now = datetime.now(timezone.utc).replace(microsecond=250000)
    request, publisher = uuid.uuid4(), f"splp-{uuid.uuid4().hex[:6]}"
    log = splp.prepare("INSERT INTO messaging.message_logs (request_id, timestamp, type, topic, payload, success, error, duration_ms) VALUES (?,?,?,?,?,?,?,?)")
    splp.execute(log, (request, now, "request", "command-center-inbox", json.dumps(SECRET), None, None, None))
    splp.execute(log, (request, now + timedelta(milliseconds=40), "response", "replies", json.dumps(SECRET), False, "went wrong", 40))
    routed = splp.prepare("INSERT INTO command_center.routing_metadata (request_id, worker_name, timestamp, source_topic, target_topic,"
                          " route_id, message_type, success, error, processing_time_ms) VALUES (?,?,?,?,?,?,?,?,?,?)")
    splp.execute(routed, (request, publisher, now + timedelta(milliseconds=10), "command-center-inbox", "service-1-topic", "r1", "request", True, None, 3))

    done = pouch.ok("trace", request, "-o", "json")
    rows = json.loads(done)["rows"]
    assert [(row["by"], row["message_type"], row["success"], row["took_us"]) for row in rows] == [
        ("client", "request", True, None), ("center", "request", True, 3000), ("client", "response", False, 40000)]
    assert (rows[1]["publisher"], rows[1]["topic"], rows[1]["target"], rows[1]["route"]) == (publisher, "command-center-inbox", "service-1-topic", "r1")
    assert rows[2]["error"] == "went wrong" and rows[0]["at_us"] == int(now.timestamp() * 1000) * 1000
    assert SECRET not in done

    topic = pouch.topic()
    pouch.worker(topic, "--exec", "cat")
    ours = json.loads(pouch.ask(topic, {}).stdout)["request_id"]
    traced(pouch, ours, 4)
    shown = json.loads(pouch.ok("log", "--since", "5m", "-o", "json"))["rows"]
    assert {str(request), ours} <= {row["request_id"] for row in shown}
    assert [row["at_us"] for row in shown] == sorted(row["at_us"] for row in shown)
    [row] = json.loads(pouch.ok("log", "--publisher", publisher, "-o", "json"))["rows"]
    assert row["request_id"] == str(request)
    failed = json.loads(pouch.ok("log", "--failed", "--since", "5m", "-o", "json"))["rows"]
    assert [row["error"] for row in failed if row["request_id"] == str(request)] == ["went wrong"]
    assert str(request) not in pouch.ok("log", "--since", "5m", "-o", "json", "--store", store)


@pytest.mark.acceptance("B7", "B9", "B11")
def test_the_routes_of_splp_are_taken_over_as_they_are(cassandra, pouch, store, splp):
    now = datetime.now(timezone.utc)
    route = splp.prepare("INSERT INTO command_center.routes (route_id, source_publisher, target_topic, service_name, enabled, created_at, updated_at) VALUES (?,?,?,?,?,?,?)")
    splp.execute(route, ("r1", "first", "service-1-topic", "svc", True, now, now))
    splp.execute(route, ("r2", "second", "service-2-topic", None, False, now, now))
    splp.execute(route, ("r0", "second", "older-topic", None, True, now, now - timedelta(days=1)))
    splp.execute(route, ("r3", "not a name", "t", None, True, now, now))
    splp.execute("INSERT INTO command_center.services (service_name, version, description, tags, created_at) VALUES ('svc', '1.0', 'does it', {'gov'}, toTimestamp(now()))")
    before = {row["table_name"] for row in splp.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'command_center'")}

    theirs = store_url(cassandra, "command_center")
    shown = pouch.run("route", "import", theirs, "--dry-run", "-o", "json")
    assert not {"first", "second"} & {route["publisher"] for route in json.loads(pouch.ok("route", "list", "-o", "json"))}
    done = pouch.run("route", "import", theirs, "-o", "json")
    assert done.returncode == 65, done.stderr
    results = {(row["kind"], row["name"]): row["result"] for row in json.loads(done.stdout)}
    assert results == {("service", "svc"): "added", ("route", "first"): "added", ("route", "second"): "added", ("route", "not a name"): "refused"}
    assert {row["name"] for row in json.loads(shown.stdout)} == {name for _, name in results}
    routes = {route["publisher"]: route for route in json.loads(pouch.ok("route", "list", "-o", "json"))}
    assert {name: (routes[name]["id"], routes[name]["targets"], routes[name]["enabled"], routes[name]["service"]) for name in ("first", "second")} == {
        "first": ("r1", ["service-1-topic"], True, "svc"), "second": ("r2", ["service-2-topic"], False, None)}
    assert "several routes" in done.stderr

    splp.execute("DELETE FROM command_center.routes WHERE route_id = 'r3'")
    again = pouch.run("route", "import", theirs, "-o", "jsonl")
    assert again.returncode == 0 and {json.loads(line)["result"] for line in again.stdout.splitlines()} == {"same"}
    pouch.ok("route", "enable", "second")
    assert pouch.run("route", "import", theirs).returncode == 1
    assert pouch.run("route", "import", theirs, "--replace").returncode == 0
    assert json.loads(pouch.ok("route", "show", "second", "-o", "json"))["enabled"] is False
    assert {row["table_name"] for row in splp.execute("SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'command_center'")} == before

    sqlite = f"sqlite://{pouch.folder}/moved"
    assert pouch.run("route", "import", store, "--store", sqlite).returncode == 0
    assert {"first", "second"} <= {r["publisher"] for r in json.loads(pouch.ok("route", "list", "-o", "json", "--store", sqlite))}
    done = pouch.run("route", "import", store_url(cassandra, "messaging"))
    assert done.returncode == 78 and "command_center" in done.stderr

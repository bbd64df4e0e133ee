"""The commands on routes and services: the store that they change, and what centers hear of it."""

import json
import os
import sqlite3
import stat
import subprocess
import uuid

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient, ConfigResource
from conftest import Pouch, wait_until

NEGATIVE, USAGE, CONFIG = 1, 64, 78
NOWHERE = "127.0.0.1:1"  # no broker listens there
ROUTE = {"publisher", "id", "targets", "weights", "enabled", "service", "version", "created_at", "updated_at"}
SERVICE = {"name", "version", "description", "endpoint", "tags", "revision", "created_at", "updated_at"}


def with_routes(pouch, store_url):
    """The program with a store and a control topic of its own."""
    pouch.routes_topic = f"routes-{uuid.uuid4().hex[:12]}"
    pouch.env |= {"POUCH_STORE": store_url, "POUCH_CENTER_ROUTES_TOPIC": pouch.routes_topic}
    return pouch


@pytest.fixture
def here(pouch, store_url):
    return with_routes(pouch, store_url)


HARM = "\x1b[31m"


def test_what_others_wrote_to_the_registry_does_not_steer_a_terminal(alone, tmp_path):
    assert document(alone, "route", "list") == []
    with sqlite3.connect(tmp_path / "store" / "registry.db") as store:
        store.execute("INSERT INTO route VALUES (?, ?, ?, 1, 0, 0, 0, NULL)", ["p" + HARM, "i" + HARM, "s" + HARM])
        store.execute("INSERT INTO target VALUES (?, 0, ?)", ["p" + HARM, "t" + HARM])
        store.execute("INSERT INTO service (name, version, description, endpoint, created_ms, updated_ms) "
                      "VALUES (?, ?, ?, ?, 0, 0)", ["s" + HARM, "v" + HARM, "d" + HARM, "e" + HARM])
        store.execute("INSERT INTO tag VALUES (?, 0, ?)", ["s" + HARM, "g" + HARM])
    store.close()
    for words, names in ((["route", "list"], "pst"), (["route", "show", "p" + HARM], "pistv"), (["route", "stats"], "pi"),
                         (["service", "list"], "sveg"), (["service", "show", "s" + HARM], "svdegp"),
                         (["route", "enable", "p" + HARM], "pt"), (["route", "show", "x" + HARM], "x")):
        done = alone.run(*words)
        shown = done.stdout + done.stderr
        assert "\x1b" not in shown and all(name + r"\x1b[31m" in shown for name in names), f"{words}: {shown!r}"


def test_what_others_wrote_to_the_registry_is_listed_though_it_is_no_utf_8(alone, tmp_path):
    assert document(alone, "route", "list") == []
    with sqlite3.connect(tmp_path / "store" / "registry.db") as store:
        store.execute("INSERT INTO route VALUES (CAST(x'70ff' AS TEXT), CAST(x'69ff' AS TEXT), 's', 1, 0, 0, 0, NULL)")
        store.execute("INSERT INTO target VALUES (CAST(x'70ff' AS TEXT), 0, 't')")
        store.execute("INSERT INTO service (name, version, created_ms, updated_ms) VALUES (CAST(x'73ff' AS TEXT), '1', 0, 0)")
    store.close()
    assert [(route["publisher"], route["id"]) for route in document(alone, "route", "list")] == [("p\ufffd", "i\ufffd")]
    assert [service["name"] for service in document(alone, "service", "list")] == ["s\ufffd"]
    assert [route["publisher"] for route in document(alone, "route", "stats")["routes"]] == ["p\ufffd"]
    assert {change["name"] for change in document(alone, "changes")} == {"p\ufffd", "s\ufffd"}


@pytest.fixture
def alone(tmp_path):
    """The same where no broker answers. A change waits for one for seconds, so tests of a kind share their changes."""
    program = Pouch(NOWHERE, tmp_path)
    program.env["POUCH_STORE"] = f"sqlite://{tmp_path}/store"
    return program


def document(pouch, *words):
    return json.loads(pouch.ok(*words, "-o", "json"))


def refused(pouch, *words, code):
    done = pouch.run(*words)
    assert (done.returncode, done.stdout) == (code, ""), f"{words}: exit {done.returncode}: {done.stderr}"
    return done.stderr


class Announcements:
    """What anybody reads from the control topic, from its beginning."""

    def __init__(self, pouch):
        self.seen = []
        self.consumer = Consumer({"bootstrap.servers": pouch.brokers, "group.id": uuid.uuid4().hex,
                                  "auto.offset.reset": "earliest", "enable.auto.commit": False})
        self.consumer.subscribe([pouch.routes_topic])

    def wait_for(self, n):
        def look():
            message = self.consumer.poll(0.1)
            if message and not message.error():
                self.seen.append((message.key().decode(), json.loads(message.value())))
            return len(self.seen) >= n

        wait_until(look, f"announcement {n}")
        return self.seen[:n]


@pytest.fixture
def announcements(here):
    here.ok("route", "add", "first", "anywhere")
    heard = Announcements(here)
    yield heard
    heard.consumer.close()


# Routes


@pytest.mark.acceptance("B7", "B8")
def test_a_route_is_added_shown_listed_disabled_enabled_replaced_and_removed(here):
    added = document(here, "route", "add", "orders", "stock", "billing", "--id", "r-1", "--service", "shop")
    assert set(added) == ROUTE
    assert (added["publisher"], added["id"], added["targets"]) == ("orders", "r-1", ["stock", "billing"])
    assert added["enabled"] is True and added["service"] == "shop" and added["created_at"] == added["updated_at"]

    shown = document(here, "route", "show", "orders")
    assert set(shown) == ROUTE | {"service_info"} and shown["service_info"] is None
    assert {name: shown[name] for name in ROUTE} == added

    disabled = document(here, "route", "disable", "orders")
    assert disabled["enabled"] is False and disabled["version"] > added["version"]
    assert disabled["created_at"] == added["created_at"] and disabled["updated_at"] >= added["updated_at"]
    assert document(here, "route", "enable", "orders")["enabled"] is True

    replaced = document(here, "route", "add", "orders", "stock-2", "--replace")
    assert (replaced["targets"], replaced["id"], replaced["service"]) == (["stock-2"], "r-1", "shop")
    assert replaced["created_at"] == added["created_at"]

    here.ok("route", "add", "another", "target")
    listed = document(here, "route", "list")
    assert [route["publisher"] for route in listed] == ["another", "orders"] and listed[1] == replaced
    assert [json.loads(line) for line in here.ok("route", "list", "-o", "jsonl").splitlines()] == listed

    removed = document(here, "route", "remove", "orders")
    assert removed["publisher"] == "orders" and removed["removed"] is True and removed["version"] > replaced["version"]
    assert [route["publisher"] for route in document(here, "route", "list")] == ["another"]


@pytest.mark.acceptance("B7")
def test_a_route_has_an_id_of_its_own(here):
    assert document(here, "route", "add", "orders", "stock")["id"] == "route-orders"
    assert "orders" in refused(here, "route", "add", "billing", "bills", "--id", "route-orders", code=NEGATIVE)
    assert "orders" in refused(here, "route", "add", "billing", "bills", "--id", "route-orders", "--replace", code=NEGATIVE)


@pytest.mark.acceptance("B7")
def test_a_route_that_is_there_is_replaced_only_when_told_to(here):
    before = document(here, "route", "add", "orders", "stock")
    said = refused(here, "route", "add", "orders", "elsewhere", code=NEGATIVE)
    assert "--replace" in said and "pouch route show orders" in said
    assert {**document(here, "route", "show", "orders"), **before} == {**before, "service_info": None}
    assert document(here, "route", "add", "brand-new", "stock", "--replace")["enabled"] is True


@pytest.mark.acceptance("B11")
def test_adding_a_route_again_does_not_enable_it(here):
    here.ok("route", "add", "orders", "stock")
    here.ok("route", "disable", "orders")
    again = document(here, "route", "add", "orders", "stock", "--replace")
    assert again["enabled"] is False
    assert document(here, "route", "show", "orders")["enabled"] is False


def test_a_state_that_is_there_already_is_no_change(here):
    version = document(here, "route", "add", "orders", "stock")["version"]
    assert document(here, "route", "add", "orders", "stock", "--replace")["version"] == version
    done = here.run("route", "enable", "orders")
    assert done.returncode == 0 and "already" in done.stderr
    assert document(here, "route", "enable", "orders")["version"] == version


@pytest.mark.parametrize("verb", ["show", "enable", "disable", "remove"])
def test_a_route_that_is_not_there_is_a_negative_answer_with_the_next_step(alone, verb):
    said = refused(alone, "route", verb, "nobody", code=NEGATIVE)
    assert "nobody" in said and "pouch route list" in said and "pouch route add nobody TARGET" in said


BAD = [
    ["route", "add"], ["route", "add", "orders"], ["route", "add", "or ders", "stock"], ["route", "add", "orders", ""],
    ["route", "add", "orders", "sto/ck"], ["route", "add", "orders", "x" * 250], ["route", "add", "orders", "a", "a"],
    ["route", "add", "orders", *[f"t{i}" for i in range(17)]], ["route", "add", "orders", "stock", "--service", "a b"],
    ["route", "add", "orders", "stock", "--id", ""], ["route", "show"], ["route", "show", "a", "b"], ["route", "list", "a"],
    ["service", "add"], ["service", "add", "a b"], ["service", "add", "a", "--version", ""], ["service", "add", "a", "b"],
    ["service", "add", "a", "--tag", "x", "--tag", "x"], ["service", "add", "a", "--description", "two\nlines"],
    ["service", "add", "a", "--endpoint", b"\xff"], ["service", "add", "a", *(f"--tag=t{i}" for i in range(33))],
]


@pytest.mark.parametrize("words", BAD, ids=lambda words: "-".join(map(str, words))[:40])
def test_what_cannot_be_stored_is_a_usage_error_and_changes_nothing(alone, words):
    command = [alone.command()[0], *words]
    done = subprocess.run(command, capture_output=True, text=True, env=alone.env, timeout=120)
    assert done.returncode == USAGE, done.stderr
    assert f"pouch {words[0]} {words[1]} --help" in done.stderr
    assert document(alone, "route", "list") == [] == document(alone, "service", "list")


def test_tables_are_for_people(here):
    assert "pouch route add" in here.run("route", "list").stderr
    assert "pouch service add" in here.run("service", "list").stderr
    here.ok("service", "add", "shop", "--version", "2.0.0", "--tag", "retail")
    here.ok("route", "add", "orders", "stock", "billing", "--service", "shop")
    here.ok("route", "disable", "orders")
    header, line = here.ok("route", "list").splitlines()
    assert header.split() == ["PUBLISHER", "STATE", "SERVICE", "TARGETS"]
    assert line.split(maxsplit=3) == ["orders", "disabled", "shop", "stock, billing"]
    shown = here.ok("route", "show", "orders")
    for words in ("publisher  orders", "id         route-orders", "state      disabled", "targets    stock, billing",
                  "service    shop 2.0.0"):
        assert words in shown
    assert here.ok("service", "list").splitlines()[1].split() == ["shop", "2.0.0", "-", "retail"]
    assert "routes       orders" in here.ok("service", "show", "shop")


# Services


@pytest.mark.acceptance("B7", "B8", "B9")
def test_a_service_is_registered_shown_changed_and_removed(here):
    added = document(here, "service", "add", "shop", "--version", "2.1.0", "--description", "Sells things – all of them",
                     "--endpoint", "https://shop.example/api", "--tag", "retail", "--tag", "eu")
    assert set(added) == SERVICE
    assert (added["name"], added["version"], added["tags"]) == ("shop", "2.1.0", ["eu", "retail"])
    assert added["description"] == "Sells things – all of them" and added["endpoint"] == "https://shop.example/api"

    here.ok("route", "add", "orders", "stock", "--service", "shop")
    assert document(here, "route", "show", "orders")["service_info"] == added
    assert document(here, "service", "show", "shop") == {**added, "routes": ["orders"]}

    assert "--replace" in refused(here, "service", "add", "shop", "--version", "3.0.0", code=NEGATIVE)
    changed = document(here, "service", "add", "shop", "--version", "3.0.0", "--tag", "us", "--replace")
    assert changed["updated_at"] >= added["updated_at"]
    assert changed["revision"] > added["revision"]
    assert changed == {**added, "version": "3.0.0", "tags": ["us"], "updated_at": changed["updated_at"],
                       "revision": changed["revision"]}

    plain = document(here, "service", "add", "bare")
    assert (plain["description"], plain["endpoint"], plain["tags"]) == (None, None, [])
    removed = document(here, "service", "remove", "shop")
    assert removed == {"name": "shop", "removed": True, "revision": removed["revision"]}
    assert removed["revision"] > plain["revision"]
    assert document(here, "service", "list") == [plain]


@pytest.mark.parametrize("verb", ["show", "remove"])
def test_a_service_that_is_not_there_is_a_negative_answer_with_the_next_step(alone, verb):
    said = refused(alone, "service", verb, "nobody", code=NEGATIVE)
    assert "nobody" in said and "pouch service list" in said and "pouch service add nobody" in said


@pytest.mark.acceptance("B12")
def test_services_are_found_by_tag_and_by_endpoint(here):
    here.ok("service", "add", "tax", "--tag", "citizens", "--tag", "money", "--endpoint", "https://tax.example")
    here.ok("service", "add", "land", "--tag", "citizens", "--endpoint", "https://land.example")
    here.ok("service", "add", "mail")

    def found(*words):
        listed = document(here, "service", "list", *words)
        assert [json.loads(line) for line in here.ok("service", "list", *words, "-o", "jsonl").splitlines()] == listed
        return [service["name"] for service in listed]

    assert found() == ["land", "mail", "tax"]
    assert found("--tag", "citizens") == ["land", "tax"]
    assert found("--tag", "citizens", "--tag", "money") == ["tax"]
    assert found("--endpoint", "https://land.example") == ["land"]
    assert found("--tag", "money", "--endpoint", "https://land.example") == []
    assert found("--tag", "cit") == []


@pytest.mark.acceptance("B11")
def test_a_route_works_without_its_service(here):
    done = here.run("route", "add", "orders", "stock", "--service", "shop")
    assert done.returncode == 0 and "pouch service add shop" in done.stderr
    here.ok("service", "add", "shop")
    here.ok("service", "remove", "shop")
    assert document(here, "route", "show", "orders")["service_info"] is None
    assert "not registered" in here.ok("route", "show", "orders")
    assert [route["service"] for route in document(here, "route", "list")] == ["shop"]


# What centers hear


@pytest.mark.acceptance("B10")
def test_every_change_of_a_route_is_announced(here, announcements):
    versions = [document(here, "route", *words)["version"]
                for words in (["add", "orders", "stock"], ["disable", "orders"], ["enable", "orders"],
                              ["add", "orders", "stock-2", "--replace"], ["remove", "orders"])]
    assert versions == sorted(set(versions))
    states = [(True, False), (False, False), (True, False), (True, False), (False, True)]
    heard = announcements.wait_for(6)
    assert [key for key, _ in heard] == ["first"] + 5 * ["orders"]
    assert [value for _, value in heard[1:]] == [
        {"publisher": "orders", "version": version, "enabled": enabled, "removed": removed}
        for version, (enabled, removed) in zip(versions, states)]


@pytest.mark.acceptance("B10")
def test_every_change_of_a_service_is_announced(here, announcements):
    revisions = [document(here, "service", *words)["revision"]
                 for words in (["add", "shop"], ["add", "shop", "--tag", "retail", "--replace"], ["remove", "shop"])]
    assert announcements.wait_for(4)[1:] == [
        ("service:shop", {"service": "shop", "version": revision, "removed": removed})
        for revision, removed in zip(revisions, (False, False, True))]


@pytest.mark.acceptance("B10")
def test_the_control_topic_is_made_compacted_with_one_partition(here, announcements):
    admin = AdminClient({"bootstrap.servers": here.brokers})
    assert len(admin.list_topics(timeout=60).topics[here.routes_topic].partitions) == 1
    resource = ConfigResource(ConfigResource.Type.TOPIC, here.routes_topic)
    assert admin.describe_configs([resource])[resource].result(60)["cleanup.policy"].value == "compact"


def test_what_changes_nothing_is_not_announced(here, announcements):
    here.ok("route", "enable", "first")
    refused(here, "route", "add", "first", "elsewhere", code=NEGATIVE)
    refused(here, "route", "remove", "nobody", code=NEGATIVE)
    here.ok("route", "add", "last", "anywhere")
    assert [key for key, _ in announcements.wait_for(2)] == ["first", "last"]


@pytest.mark.acceptance("B10")
def test_without_a_broker_the_change_stands_and_says_when_it_is_seen(alone):
    for words in (["add", "orders", "stock"], ["disable", "orders"], ["remove", "orders"]):
        done = alone.run("route", *words)
        assert done.returncode == 0 and "within 10 s" in done.stderr, done.stderr
        assert NOWHERE in done.stderr
    assert document(alone, "route", "list") == []


# The store


@pytest.mark.acceptance("B11")
def test_changes_made_at_once_are_all_there(here):
    here.ok("route", "add", "shared", "anywhere")
    changes = [here.start("route", "add", f"p{i}", "target", "-o", "json") for i in range(6)]
    changes += [here.start("route", "add", "shared", f"t{i}", "--replace", "-o", "json") for i in range(4)]
    for change in changes:
        assert change.process.wait(120) == 0, change.stderr()
    versions = [json.loads(change.stdout())["version"] for change in changes]
    assert len(set(versions)) == len(changes)
    listed = {route["publisher"]: route for route in document(here, "route", "list")}
    assert set(listed) == {"shared", *(f"p{i}" for i in range(6))}
    assert listed["shared"]["version"] == max(versions[6:])


@pytest.mark.acceptance("B11")
def test_the_store_is_in_the_state_directory_unless_said_otherwise(alone, tmp_path):
    del alone.env["POUCH_STORE"]
    alone.env["XDG_STATE_HOME"] = str(tmp_path / "state")
    alone.ok("service", "add", "shop")
    folder = tmp_path / "state" / "pouch"
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(folder / "registry.db").st_mode) == 0o600
    assert [s["name"] for s in document(alone, "service", "list", "--store", f"sqlite://{folder}")] == ["shop"]
    assert document(alone, "service", "list", "--store", f"sqlite://{tmp_path}/another") == []


def test_a_store_that_cannot_be_used_is_named(alone, tmp_path):
    (tmp_path / "file").write_text("no folder")
    assert f"{tmp_path}/file" in refused(alone, "route", "list", "--store", f"sqlite://{tmp_path}/file", code=CONFIG)
    said = refused(alone, "service", "list", "--store", "mysql://host/db", code=CONFIG)
    assert "mysql:" in said and "sqlite:///" in said
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "registry.db").write_text("no database, and a little longer than nothing")
    done = alone.run("route", "add", "orders", "stock", "--store", f"sqlite://{tmp_path}/broken")
    assert done.returncode not in (0, USAGE) and "registry.db" in done.stderr

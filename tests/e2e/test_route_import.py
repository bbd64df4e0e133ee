"""Routes and services that are taken over from another store."""

import json
import sqlite3
import uuid

import pytest
from conftest import Pouch
from test_routes import NOWHERE, Announcements, document

NEGATIVE, DATA = 1, 65


@pytest.fixture
def theirs(tmp_path):
    """The URL of a store with routes a to c and the services x and y."""
    other, url = Pouch(NOWHERE, tmp_path), f"sqlite://{tmp_path}/theirs"
    estate = "services: {x: {}, y: {tags: [t]}}\nroutes: {a: {targets: t1}, b: {targets: [t1, t2], service: x}, c: {targets: t3, enabled: no}}"
    other.ok("route", "apply", "-f", "-", "--store", url, stdin=estate)
    return url


def with_sql(url, text):
    with sqlite3.connect(f"{url.removeprefix('sqlite://')}/registry.db") as db:
        db.executescript(text)
    db.close()


def imported(pouch, *words, code):
    done = pouch.run("route", "import", *words, "-o", "json")
    assert done.returncode == code, (done.returncode, done.stderr)
    return {row["name"]: row["result"] for row in json.loads(done.stdout)}, done.stderr


@pytest.mark.acceptance("B7", "B10")
def test_what_is_taken_over_is_announced(pouch, theirs, tmp_path):
    pouch.routes_topic = f"routes-{uuid.uuid4().hex[:12]}"
    pouch.env |= {"POUCH_STORE": f"sqlite://{tmp_path}/ours", "POUCH_CENTER_ROUTES_TOPIC": pouch.routes_topic}
    assert imported(pouch, theirs, code=0)[0] == dict.fromkeys("xyabc", "added")
    heard = Announcements(pouch)
    told = dict(heard.wait_for(5))
    heard.consumer.close()
    routes = {route["publisher"]: route for route in document(pouch, "route", "list")}
    services = {service["name"]: service for service in document(pouch, "service", "list")}
    assert told == {
        **{name: {"publisher": name, "version": r["version"], "enabled": r["enabled"], "removed": False} for name, r in routes.items()},
        **{f"service:{name}": {"service": name, "version": s["revision"], "removed": False} for name, s in services.items()}}
    assert set(told) == {"a", "b", "c", "service:x", "service:y"}


def test_what_is_there_stays_and_what_is_no_name_is_refused_before_anything_is_done(theirs, tmp_path):
    ours = Pouch(NOWHERE, tmp_path)
    ours.env["POUCH_STORE"] = f"sqlite://{tmp_path}/ours"
    ours.ok("route", "apply", "-f", "-", stdin="services: {x: {}}\nroutes: {a: {targets: elsewhere}}")
    with_sql(theirs, "UPDATE route SET publisher = 'b' || char(27) WHERE publisher = 'b'; UPDATE target SET publisher = 'b' || char(27) WHERE publisher = 'b'")
    expected = {"x": "same", "y": "added", "a": "kept", "b\x1b": "refused", "c": "added"}
    assert imported(ours, theirs, "--dry-run", code=DATA)[0] == expected
    assert [route["publisher"] for route in document(ours, "route", "list")] == ["a"]
    table = ours.run("route", "import", theirs, "--dry-run")
    assert "\x1b" not in table.stdout and "2 added, 0 replaced, 1 as they were, 1 kept as they are, 1 refused" in table.stderr
    assert imported(ours, theirs, "--replace", code=DATA)[0] == {**expected, "a": "replaced"}
    assert document(ours, "route", "show", "a")["targets"] == ["t1"]


def test_a_store_that_fails_midway_leaves_a_report_of_what_was_done(theirs, tmp_path):
    ours = Pouch(NOWHERE, tmp_path)
    ours.env["POUCH_STORE"] = url = f"sqlite://{tmp_path}/ours"
    ours.ok("route", "list")
    with_sql(url, "CREATE TRIGGER full BEFORE INSERT ON route WHEN NEW.publisher = 'b' BEGIN SELECT RAISE(FAIL, 'the disk is full'); END")
    code = ours.run("route", "add", "b", "t").returncode
    assert code not in (0, NEGATIVE)
    results, said = imported(ours, theirs, code=code)
    assert results == dict.fromkeys("xya", "added")
    assert "route b: " in said and "the disk is full" in said

"""What changes leave behind: who, when, before and after; going back; two operators at once; routes as a file says."""

import getpass
import json
import sqlite3
import subprocess

import pytest
from test_routes import Announcements, document, refused, with_routes

NEGATIVE, USAGE, CONFIG, DIFFERS = 1, 64, 78, 2


@pytest.fixture
def here(pouch, store_url):
    return with_routes(pouch, store_url)


def outline(state):
    return state and (state["targets"], state["enabled"])


# History


@pytest.mark.acceptance("B7", "B10")
def test_the_history_of_a_route_tells_who_when_before_and_after(here):
    versions = [document(here, "route", *words)["version"]
                for words in (["add", "orders", "stock"], ["disable", "orders"],
                              ["add", "orders", "stock-2", "shop", "--replace"], ["remove", "orders"])]
    here.ok("route", "add", "another", "anywhere")
    rows = document(here, "route", "history", "orders")
    assert [row["version"] for row in rows] == versions
    assert all(set(row) == {"version", "at", "kind", "name", "who", "before", "after"} for row in rows)
    assert {row["kind"] for row in rows} == {"route"} and {row["name"] for row in rows} == {"orders"}
    assert {row["who"].split("@")[0] for row in rows} == {getpass.getuser()}
    states = [None, (["stock"], True), (["stock"], False), (["stock-2", "shop"], False), None]
    assert [outline(row["before"]) for row in rows] == states[:-1]
    assert [outline(row["after"]) for row in rows] == states[1:]
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)

    assert document(here, "route", "history", "orders", "--limit", "2") == rows[2:]
    assert [json.loads(line) for line in here.ok("route", "history", "orders", "-o", "jsonl").splitlines()] == rows
    table = here.ok("route", "history", "orders").splitlines()
    assert table[0].split() == ["VERSION", "TIME", "WHO", "CHANGE", "WHAT"] and len(table) == 5
    assert "enabled true -> false" in table[2] and "targets stock -> stock-2, shop" in table[3] and "removed" in table[4]
    assert "pouch route list" in refused(here, "route", "history", "nobody", code=NEGATIVE)


def test_changes_of_all_kinds_are_listed_together(here):
    here.ok("route", "add", "orders", "stock")
    here.ok("service", "add", "shop", "--tag", "retail")
    here.ok("service", "add", "shop", "--version", "2.0.0", "--replace")
    here.ok("service", "remove", "shop")
    rows = document(here, "changes")
    assert [(row["kind"], row["name"]) for row in rows] == [("route", "orders"), *3 * [("service", "shop")]]
    assert [row["after"] and row["after"]["version"] for row in rows[1:]] == ["1.0.0", "2.0.0", None]
    assert document(here, "changes", "--kind", "service") == rows[1:] == document(here, "service", "history", "shop")
    assert document(here, "changes", "--since", "2099-01-01T00:00:00Z") == []
    assert "version 1.0.0 -> 2.0.0" in here.ok("changes").splitlines()[3]
    assert "pouch service list" in refused(here, "service", "history", "nobody", code=NEGATIVE)


@pytest.mark.acceptance("B10")
def test_what_another_program_writes_with_plain_sql_is_in_the_history(pouch, sqlite_url):
    here = with_routes(pouch, sqlite_url)
    before = document(here, "route", "add", "orders", "stock")
    with sqlite3.connect(f"{sqlite_url.removeprefix('sqlite://')}/registry.db") as db:
        db.execute("UPDATE route SET enabled = 0")
    db.close()
    after = document(here, "route", "show", "orders")
    assert after["version"] > before["version"] and after["enabled"] is False
    last = document(here, "route", "history", "orders")[-1]
    assert (last["version"], last["who"], outline(last["after"])) == (after["version"], "unknown", (["stock"], False))


# Going back


@pytest.mark.acceptance("B7", "B10")
def test_a_route_goes_back_to_what_it_was(here):
    first = document(here, "route", "add", "orders", "stock", "--service", "shop")
    here.ok("route", "disable", "orders")
    here.ok("route", "add", "orders", "elsewhere", "--replace")
    heard = Announcements(here)

    back = document(here, "route", "rollback", "orders")
    assert (back["targets"], back["enabled"], back["created_at"]) == (["stock"], False, first["created_at"])
    again = document(here, "route", "rollback", "orders", "--to", first["version"])
    assert (again["targets"], again["enabled"], again["service"]) == (["stock"], True, "shop")
    assert again["version"] > back["version"] > first["version"]
    assert document(here, "route", "rollback", "orders", "--to", first["version"])["version"] == again["version"]

    here.ok("route", "remove", "orders")
    assert document(here, "route", "rollback", "orders")["targets"] == ["stock"]
    versions = [row["version"] for row in document(here, "route", "history", "orders")]
    assert [value["version"] for key, value in heard.wait_for(len(versions)) if key == "orders"] == versions
    heard.consumer.close()


def test_a_version_that_cannot_be_gone_back_to_says_what_can(here):
    here.ok("route", "add", "orders", "stock")
    added = document(here, "route", "history", "orders")[0]["version"]
    removed = document(here, "route", "remove", "orders")["version"]
    assert "pouch route history orders" in refused(here, "route", "rollback", "orders", "--to", "999", code=NEGATIVE)
    assert "no route orders then" in refused(here, "route", "rollback", "orders", "--to", removed, code=NEGATIVE)
    assert "pouch route list" in refused(here, "route", "rollback", "nobody", code=NEGATIVE)
    here.ok("route", "add", "brand-new", "stock")
    assert "before its last change" in refused(here, "route", "rollback", "brand-new", code=NEGATIVE)
    assert document(here, "route", "rollback", "orders", "--to", added)["targets"] == ["stock"]


# Two operators


@pytest.mark.acceptance("B7")
def test_two_operators_do_not_overwrite_each_other(here):
    seen = document(here, "route", "add", "orders", "stock")["version"]
    now = document(here, "route", "add", "orders", "stock-2", "--replace", "--if-version", seen)["version"]
    for words in (["add", "orders", "mine", "--replace"], ["enable", "orders"], ["disable", "orders"], ["remove", "orders"],
                  ["add", "orders", "stock-2", "--replace"]):
        said = refused(here, "route", *words, "--if-version", seen, code=NEGATIVE)
        assert f"version {now}, not {seen}" in said and f"{getpass.getuser()}@" in said and "did that at 20" in said
        assert "pouch route history orders" in said and "--if-version" in said
    assert document(here, "route", "show", "orders")["version"] == now
    assert document(here, "route", "disable", "orders", "--if-version", now)["enabled"] is False
    here.ok("route", "remove", "orders")
    said = refused(here, "route", "add", "orders", "mine", "--replace", "--if-version", now, code=NEGATIVE)
    assert "was removed" in said and getpass.getuser() in said
    assert "--replace" in refused(here, "route", "add", "orders", "mine", "--if-version", now, code=USAGE)


def test_services_have_revisions_as_routes_have_versions(here):
    seen = document(here, "service", "add", "shop")["revision"]
    now = document(here, "service", "add", "shop", "--tag", "eu", "--replace", "--if-revision", seen)["revision"]
    assert now > seen
    for words in (["add", "shop", "--tag", "us", "--replace"], ["remove", "shop"]):
        said = refused(here, "service", *words, "--if-revision", seen, code=NEGATIVE)
        assert f"version {now}, not {seen}" in said and "pouch service history shop" in said
    assert document(here, "service", "add", "shop", "--tag", "eu", "--replace")["revision"] == now
    assert document(here, "service", "remove", "shop", "--if-revision", now)["removed"] is True


# Routes as a file says

ESTATE = """
services:
  verification: {version: 2.1.0, endpoint: "https://verify.example", tags: [citizens, checks]}
  mail:
routes:
  orders: {targets: stock}
  citizens:
    targets: [tax, land]   # asked at once
    service: verification
    id: r-7
    enabled: false
"""


def apply(pouch, text, *words, code=0):
    (pouch.folder / "routes.yaml").write_text(text)
    done = pouch.run("route", "apply", "-f", pouch.folder / "routes.yaml", *words)
    assert done.returncode == code, done.stderr
    return done


def registered(pouch):
    """All there is, without versions and times."""
    drop = {"version", "revision", "created_at", "updated_at"}
    routes = [{k: v for k, v in route.items() if k not in drop} for route in document(pouch, "route", "list")]
    services = [{k: v for k, v in s.items() if k not in drop - {"version"}} for s in document(pouch, "service", "list")]
    return routes, services


@pytest.mark.acceptance("B7", "B8", "B10")
def test_applying_a_file_makes_exactly_what_differs(here):
    here.ok("route", "add", "orders", "old-stock")
    here.ok("route", "add", "others", "stay", "--service", "mail")
    heard = Announcements(here)
    shown = apply(here, ESTATE, "--dry-run")
    assert shown.stdout.splitlines() == [
        "+ service verification: version 2.1.0; endpoint https://verify.example; tags checks, citizens",
        "+ service mail: version 1.0.0; tags none",
        "~ route orders: targets old-stock -> stock",
        "+ route citizens: id r-7; targets tax, land; service verification; enabled false"]
    assert [route["publisher"] for route in document(here, "route", "list")] == ["orders", "others"]
    assert document(here, "service", "list") == []

    made = json.loads(apply(here, ESTATE, "-o", "json").stdout)
    assert [(c["change"], c["kind"], c["name"]) for c in made["changes"]] == [
        ("add", "service", "verification"), ("add", "service", "mail"), ("change", "route", "orders"), ("add", "route", "citizens")]
    assert made["as_they_were"] == 0 and made["dry_run"] is False
    routes, services = registered(here)
    assert routes == [
        {"publisher": "citizens", "id": "r-7", "targets": ["tax", "land"], "weights": None, "service": "verification", "enabled": False},
        {"publisher": "orders", "id": "route-orders", "targets": ["stock"], "weights": None, "service": None, "enabled": True},
        {"publisher": "others", "id": "route-others", "targets": ["stay"], "weights": None, "service": "mail", "enabled": True}]
    assert [s["name"] for s in services] == ["mail", "verification"]
    versions = {c["version"] for c in made["changes"]}
    assert len(versions) == 4
    assert {value["version"] for _, value in heard.wait_for(6)} >= versions
    heard.consumer.close()

    again = apply(here, ESTATE)
    assert again.stdout == "" and "nothing differs (4" in again.stderr
    assert registered(here) == (routes, services)


def test_what_the_file_does_not_say_stays_and_what_it_empties_goes(here):
    apply(here, ESTATE)
    here.ok("route", "enable", "citizens")
    apply(here, "routes:\n  citizens:\n    targets: tax\nservices:\n  verification: {tags: []}\n")
    citizens = document(here, "route", "show", "citizens")
    assert (citizens["targets"], citizens["id"], citizens["service"], citizens["enabled"]) == (["tax"], "r-7", "verification", True)
    assert citizens["service_info"]["tags"] == [] and citizens["service_info"]["version"] == "2.1.0"
    apply(here, "routes:\n  citizens:\n    service:\n")
    assert document(here, "route", "show", "citizens")["service"] is None


def test_only_prune_removes_what_the_file_does_not_name(here):
    apply(here, ESTATE)
    small = "routes:\n  orders:\n"
    assert apply(here, small).stdout == ""
    shown = apply(here, small, "--prune", "--dry-run").stdout.splitlines()
    assert [line.split(":")[0] for line in shown] == ["- route citizens", "- service mail", "- service verification"]
    apply(here, small, "--prune")
    routes, services = registered(here)
    assert [route["publisher"] for route in routes] == ["orders"] and services == []


def test_a_file_that_names_nothing_is_no_wish_to_remove_everything(here):
    apply(here, ESTATE)
    before = registered(here)
    for empty in ("", "# nothing\n", "routes:\n", "routes: {}\nservices: {}\n"):
        assert "it names no route and no service" in apply(here, empty, "--prune", code=CONFIG).stderr
        apply(here, empty)
    assert registered(here) == before


def test_the_exit_code_tells_whether_something_differs_when_asked_to(here):
    apply(here, ESTATE, "--dry-run")
    apply(here, ESTATE, "--dry-run", "--exit-code", code=DIFFERS)
    apply(here, ESTATE)
    apply(here, ESTATE, "--dry-run", "--exit-code")
    assert "--dry-run" in apply(here, ESTATE, "--exit-code", code=USAGE).stderr
    assert "--file" in refused(here, "route", "apply", code=USAGE)


def test_a_file_comes_from_stdin_too(here):
    done = subprocess.run(here.command("route", "apply", "-f", "-", "-o", "jsonl"), input=ESTATE, capture_output=True,
                          text=True, env=here.env, timeout=120)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["name"] for line in done.stdout.splitlines()] == ["verification", "mail", "orders", "citizens"]


def test_what_is_too_large_on_stdin_is_told_as_of_a_file(here):
    large = "#" * 2_000_000
    done = here.run("route", "apply", "-f", "-", stdin=large)
    assert done.returncode == CONFIG and "stdin: larger than" in done.stderr
    assert "routes.yaml: larger than" in apply(here, large, code=CONFIG).stderr


BAD_FILES = {
    "target twice": ("routes:\n  a:\n    targets: [x, x]\n", ":2: a: "),
    "no target": ("routes:\n  good: {targets: x}\n  a:\n", ":3: a: "),
    "bad topic": ("routes:\n  a:\n    targets:\n    - x y\n", ":2: a: "),
    "bad publisher": ("routes:\n\n  a b: {targets: x}\n", ":3: a b: "),
    "unknown member": ("routes:\n  a:\n    targets: x\n    target: y\n", ":4: target of a: "),
    "no bool": ("routes:\n  a:\n    targets: x\n    enabled: maybe\n", ":4: enabled of a: "),
    "map for a list": ("routes:\n  a:\n    targets: {x: y}\n", ":3: targets of a: "),
    "list for a text": ("services:\n  a:\n    version: [1]\n", ":3: version of a: "),
    "unknown part": ("topics:\n  a:\n", ":1: topics: "),
    "scalar for a route": ("routes:\n  a: x\n", ":2: a: "),
    "list of routes": ("routes:\n- a\n", ":1: routes: "),
    "no map": ("- a\n", ":1: "),
    "twice": ("routes:\n  a: {targets: x}\n  a: {targets: y}\n", ":3"),
    "no YAML": ("routes: [\n", "routes.yaml:"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_cannot_be_is_refused_whole_with_its_line(here, case):
    text, says = BAD_FILES[case]
    said = apply(here, text, code=CONFIG).stderr
    assert "routes.yaml" in said and says in said, said
    assert document(here, "route", "list") == [] == document(here, "service", "list")


def test_a_file_that_is_not_there_is_named(here):
    assert "nowhere.yaml" in refused(here, "route", "apply", "-f", "nowhere.yaml", code=CONFIG)

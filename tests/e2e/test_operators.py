"""What operators of routes, services and keys are told when something is not as they think."""

import json
import sqlite3

import pytest
from conftest import Pouch
from test_routes import NOWHERE, document, refused

NEGATIVE, USAGE = 1, 64


@pytest.fixture
def alone(tmp_path):
    """The program with a store and without a broker."""
    program = Pouch(NOWHERE, tmp_path)
    program.env["POUCH_STORE"] = f"sqlite://{tmp_path}/store"
    return program


@pytest.mark.parametrize("kind", ["route", "service"])
def test_a_name_without_a_history_is_an_error_in_every_form(alone, kind):
    for form in ([], ["-o", "json"], ["-o", "jsonl"]):
        assert f"pouch {kind} list" in refused(alone, kind, "history", "nobody", *form, code=NEGATIVE)


def test_what_cannot_be_a_route_names_it_whatever_the_store_is(alone):
    for words, says in ((["route", "add", "p", "t", "a b"], "a route's target 'a b'"), (["route", "add", "p q", "t"], "'p q'"),
                        (["route", "add", "p", "t", "--id", "a\x1b"], "id"), (["service", "add", "s", "--tag", ""], "tag")):
        said = refused(alone, *words, "--store", "nowhere", code=USAGE)
        assert says in said and f"pouch {words[0]} {words[1]} --help" in said


def test_a_search_without_a_find_says_so(alone):
    alone.ok("service", "add", "shop", "--tag", "eu")
    for words in (["--tag", "us"], ["--tag", "eu", "--endpoint", "e"]):
        done = alone.run("service", "list", *words)
        assert (done.returncode, done.stdout) == (0, "") and "pouch service list shows all" in done.stderr


def test_the_id_of_a_route_may_be_any_text(alone):
    added = document(alone, "route", "add", "orders", "stock", "--id", "Bestellungen für 7")
    assert added["id"] == "Bestellungen für 7"


@pytest.mark.parametrize("words", [["changes"], ["route", "history", "p"], ["service", "history", "s"]], ids=" ".join)
def test_misuse_is_told_before_the_store_is_looked_for(alone, words):
    for flag, value in (("--limit", "0"), ("--since", "soon")):
        assert flag in refused(alone, *words, flag, value, "--store", "nowhere", code=USAGE)


def test_a_store_that_is_damaged_in_the_middle_is_an_error_and_no_crash(alone, tmp_path):
    assert alone.ok("route", "list", "-o", "json") == "[]\n"
    file = tmp_path / "store" / "registry.db"
    with sqlite3.connect(file) as db:
        names = [f"p{i:06}" for i in range(5000)]
        db.executemany("INSERT INTO route(publisher, id, enabled, version, created_ms, updated_ms) VALUES (?, ?, 1, 1, 1, 1)",
                       [(name, f"route-{name}") for name in names])
        db.executemany("INSERT INTO target VALUES (?, 0, 't')", [(name,) for name in names])
        [last] = db.execute("SELECT pageno FROM dbstat WHERE name = 'target' ORDER BY path DESC LIMIT 1").fetchone()
        [size] = db.execute("PRAGMA page_size").fetchone()
    db.close()
    with file.open("r+b") as damaged:
        damaged.seek((last - 1) * size)
        damaged.write(b"\xff" * size)
    for words in (["route", "list"], ["route", "show", "p1"], ["route", "import", f"sqlite://{tmp_path}/store"]):
        done = alone.run(*words)
        assert done.returncode > 0 and done.stdout == "" and "registry.db" in done.stderr, (done.returncode, done.stderr)


def test_settings_are_shown_without_passwords_and_in_any_encoding(alone, tmp_path):
    alone.env["POUCH_STORE"] = "cassandra://user:hush@host/ks?password=hush"
    for form in ("table", "json", "jsonl"):
        shown = alone.ok("config", "show", "-o", form)
        assert "hush" not in shown and "cassandra://user:***@host/ks?password=***" in shown
    alone.env["POUCH_KEY_FILE"] = f"{tmp_path}/\udcff"
    assert json.loads(alone.ok("config", "show", "-o", "json"))["key.file"]["value"] == f"{tmp_path}/\ufffd"

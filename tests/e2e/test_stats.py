"""How routes do, and the log as a stream: the same questions for every kind of store."""

import csv
import io
import json
import os
import sqlite3
import subprocess
import uuid
from pathlib import Path

import pytest
from conftest import BUILD, PATIENCE, wait_until


@pytest.fixture
def store(pouch, sqlite_url):
    """A store whose files a test may change."""
    pouch.env["POUCH_STORE"] = sqlite_url


@pytest.fixture
def routed(pouch, store_url):
    """A center with a route that works, one that is disabled, one with two targets and one that nobody uses; 5, 3 and 1 requests."""
    inbox, one, two = pouch.topic(f"inbox-{uuid.uuid4().hex[:8]}"), pouch.topic(), pouch.topic()
    pouch.env |= {"POUCH_STORE": store_url, "POUCH_CENTER_INBOX": inbox}
    for words in (["orders", one], ["closed", one], ["both", one, two], ["idle", two]):
        pouch.ok("route", "add", *words)
    pouch.ok("route", "disable", "closed")
    pouch.start("center", "--start", "earliest").wait_for("routing")
    ids = {name: [pouch.ok("send", "--publisher", name, stdin="{}").strip() for _ in range(n)]
           for name, n in (("orders", 5), ("closed", 3), ("both", 1))}
    # What a client has left in the spool is brought by the center, which looks once a minute.
    wait_until(lambda: (found := stats(pouch)) and found["complete"] and sum(s["count"] for s in found["routes"]) >= 10, "all requests counted", 3 * PATIENCE)
    return ids


def stats(pouch, *words):
    return json.loads(pouch.ok("route", "stats", *words, "-o", "json"))


def center_rows(pouch, request_id):
    return [row for row in json.loads(pouch.ok("trace", request_id, "-o", "json"))["rows"] if row["by"] == "center"]


@pytest.mark.acceptance("B16", "B28")
def test_routes_tell_how_they_do(pouch, routed):
    found = stats(pouch)
    assert found["complete"] is True and found["missing"] == 0
    by = {route["publisher"]: route for route in found["routes"]}
    assert list(by) == ["both", "closed", "idle", "orders"]
    assert [(r["count"], r["success"], r["failure"]) for r in by.values()] == [(2, 2, 0), (3, 0, 3), (0, 0, 0), (5, 5, 0)]
    assert by["orders"]["route"] == "route-orders"
    assert 0 < by["orders"]["p50_us"] <= by["orders"]["p99_us"] and 0 < by["orders"]["average_us"] <= by["orders"]["p99_us"]
    newest = max((row for request in routed["orders"] for row in center_rows(pouch, request)), key=lambda row: row["at_us"])
    assert by["orders"]["last_seen"] == newest["time"]
    assert by["idle"]["last_seen"] is None and by["idle"]["p99_us"] is None

    assert [r["publisher"] for r in stats(pouch, "orders")["routes"]] == ["orders"]
    assert [r["publisher"] for r in stats(pouch, "--id", "route-closed")["routes"]] == ["closed"]
    assert stats(pouch, "orders", "--until", "10m")["routes"][0]["count"] == 0
    assert stats(pouch, "orders", "--since", "10m")["routes"] == [by["orders"]]
    for words in (["nobody"], ["--id", "none"], ["orders", "--id", "route-closed"]):
        done = pouch.run("route", "stats", *words)
        assert done.returncode == 1 and "there is no route" in done.stderr
    assert pouch.run("route", "stats", "--since", "then").returncode == 64

    assert [json.loads(line) for line in pouch.ok("route", "stats", "-o", "jsonl").splitlines()] == list(by.values())
    table = pouch.ok("route", "stats").splitlines()
    assert len(table) == 5 and table[0].startswith("PUBLISHER ") and table[2].split()[:5] == ["closed", "route-closed", "3", "0", "3"]


@pytest.mark.acceptance("B16")
def test_what_a_removed_route_did_is_still_told(pouch, routed):
    pouch.ok("route", "remove", "orders")
    assert stats(pouch, "orders")["routes"][0]["count"] == 5
    assert [r["publisher"] for r in stats(pouch)["routes"]] == ["both", "closed", "idle", "orders"]


@pytest.mark.acceptance("A17", "B13", "B15")
def test_two_entries_of_one_moment_are_two_rows(pouch, routed):
    rows = center_rows(pouch, routed["both"][0])
    assert len(rows) == 2 and rows[0]["at_us"] == rows[1]["at_us"] and rows[0]["target"] != rows[1]["target"]
    logged = json.loads(pouch.ok("log", "--publisher", "both", "-o", "json"))["rows"]
    assert [row for row in logged if row["by"] == "center"] == rows


def printed(pouch, *words):
    """Standard output as it is, line ends included."""
    return subprocess.run(pouch.command(*words), env=pouch.env, stdout=subprocess.PIPE, check=True, timeout=120).stdout.decode()


def records(text):
    assert text.endswith("\r\n"), "RFC 4180 ends a line so"
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.acceptance("A19", "B15")
def test_rows_come_as_csv(pouch, routed):
    rows = json.loads(pouch.ok("log", "-o", "json", "--limit", "1000"))["rows"]
    listed = records(printed(pouch, "log", "-o", "csv", "--limit", "1000"))
    assert list(listed[0]) == ["time", "at_us", "by", "message_type", "request_id", "success", "took_us", "publisher", "topic",
                               "partition", "offset", "target", "route", "code", "error", "envelope"]

    def text(value):
        return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    assert listed == [{name: text(row.get(name)) for name in listed[0]} for row in rows]
    assert any(row["error"] for row in listed)
    found = stats(pouch)["routes"]
    assert records(printed(pouch, "route", "stats", "-o", "csv")) == [{name: text(value) for name, value in route.items()} for route in found]
    assert records(printed(pouch, "log", "--until", "1d", "-o", "csv")) == []
    assert pouch.run("route", "list", "-o", "csv").returncode == 64


@pytest.mark.acceptance("A19")
def test_a_text_with_commas_quotes_and_line_ends_is_one_field_of_csv(pouch, tmp_path, store):
    make_rows(pouch, tmp_path, 1)
    odd = 'a "b", c\r\nd'
    with sqlite3.connect(trace_file(tmp_path)) as db:
        db.execute("UPDATE trace SET error = ?, success = 0", [odd])
    assert [row["error"] for row in records(printed(pouch, "log", "-o", "csv"))] == [odd] * 2


def trace_file(tmp_path):
    [path] = (tmp_path / "store").glob("trace-*.db")
    return path


def make_rows(pouch, tmp_path, n):
    """A request that nobody answered, n times, in the file that its client has left."""
    pouch.ask(pouch.topic(), {}, timeout="1s")
    with sqlite3.connect(trace_file(tmp_path)) as db:
        [last, at_us] = db.execute("SELECT max(row), max(at_us) FROM trace").fetchone()
        names = [row[1] for row in db.execute("PRAGMA table_info(trace)")]
        new = {"row": f"{last} + n", "id": f"{last} + n", "at_us": f"{at_us} + n", "request_id": "randomblob(16)"}
        values = ", ".join(new.get(name, name) for name in names)
        db.execute(f"WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < {n - 1}) "
                   f"INSERT INTO trace SELECT {values} FROM trace, k WHERE row = {last}" if n > 1 else "SELECT 1")
        db.execute("UPDATE indexed SET row = (SELECT max(row) FROM trace)")
        for first in range(last + 1, last + n, 4096):
            high = min(first + 4095, last + n - 1)
            db.execute("INSERT INTO batch SELECT min(row), max(row), sum(success = 0), min(at_us), max(at_us), max(at_us) "
                       "FROM trace WHERE row BETWEEN ? AND ?", [first, high])


def lines_and_memory(pouch, *words):
    """How many lines the program prints, and the most KiB that it had in memory."""
    process = subprocess.Popen(pouch.command(*words), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=pouch.env)
    lines = sum(block.count(b"\n") for block in iter(lambda: process.stdout.read(1 << 16), b""))
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return lines, usage.ru_maxrss


@pytest.mark.acceptance("A19", "B15")
@pytest.mark.skipif("san" in Path(BUILD).name, reason="a sanitizer's memory is not the program's")
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_many_rows_are_printed_from_no_more_memory_than_few(pouch, tmp_path, store, form):
    few, many = 10_000, 200_000
    make_rows(pouch, tmp_path, many)
    header = form == "csv"
    few_lines, few_kib = lines_and_memory(pouch, "log", "-o", form, "--limit", few)
    many_lines, many_kib = lines_and_memory(pouch, "log", "-o", form, "--since", "1h")
    assert few_lines == few + header and many_lines == many + 1 + header
    assert many_kib - few_kib < 8192, "less than 45 bytes for each row more"


@pytest.mark.acceptance("B28")
def test_a_time_with_missing_rows_is_called_incomplete(pouch, tmp_path, store):
    make_rows(pouch, tmp_path, 1)
    with sqlite3.connect(trace_file(tmp_path)) as db:
        [at_us] = db.execute("SELECT max(at_us) FROM trace").fetchone()
        db.execute("INSERT INTO gap(from_us, to_us, rows) VALUES(?, ?, 7)", [at_us - 60_000_000, at_us])
    found = stats(pouch)
    assert found["complete"] is False and found["missing"] == 7
    assert "*incomplete*: 7 rows" in pouch.ok("route", "stats")
    for command in (["route", "stats"], ["log"]):
        for form in ("jsonl", "csv"):
            done = pouch.run(*command, "-o", form)
            assert done.returncode == 0 and "incomplete: 7 rows" in done.stderr
    assert stats(pouch, "--until", "10m")["complete"] is True


@pytest.mark.acceptance("A19")
def test_the_newest_rows_are_as_many_as_asked_also_within_one_microsecond(pouch, tmp_path, store):
    make_rows(pouch, tmp_path, 50)
    with sqlite3.connect(trace_file(tmp_path)) as db:
        db.execute("UPDATE trace SET at_us = (SELECT max(at_us) FROM trace)")
        db.execute("UPDATE batch SET from_us = (SELECT max(at_us) FROM trace), to_us = (SELECT max(at_us) FROM trace)")
    everything = json.loads(pouch.ok("log", "-o", "json"))["rows"]
    assert len(everything) == 51
    for limit in (1, 7, 50, 51, 60):
        assert json.loads(pouch.ok("log", "-o", "json", "--limit", str(limit)))["rows"] == everything[-limit:]

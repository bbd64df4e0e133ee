"""Routes changed by command while centers run, and centers that start when something is missing."""

import shutil
import sys
from pathlib import Path

import pytest
from conftest import ROOT, wait_until

sys.path.insert(0, str(ROOT / "tests" / "faults"))
import live_routes  # noqa: E402
from live_routes import PARTITIONS  # noqa: E402


@pytest.fixture
def estate(pouch, store_url):
    e = live_routes.Estate(pouch, store_url)
    yield e
    e.close()


@pytest.fixture
def sqlite_estate(pouch, sqlite_url):
    e = live_routes.Estate(pouch, sqlite_url)
    yield e
    e.close()


@pytest.fixture
def disable(request, store_url):
    """Disables a route without the program."""
    if store_url.startswith("sqlite"):
        return live_routes.disable_in_sqlite
    return lambda _, publisher: request.getfixturevalue("keyspace").rows(
        f"UPDATE {{}}.registry SET enabled = false WHERE part = 'registry' AND kind = 'route' AND name = '{publisher}' AND change = 0")


@pytest.mark.acceptance("B10", "B19")
def test_a_route_that_is_changed_is_in_force_on_every_center_announced_or_not(estate, disable):
    estate.start_a_center_a_partition()
    estate.becomes("orders", "no_route")
    for words, answer in ((["add", "orders", estate.target], "ok"), (["disable", "orders"], "route_disabled"),
                          (["enable", "orders"], "ok"), (["add", "orders", f"gone-{estate.inbox}", "--replace"], "target_refused"),
                          (["add", "orders", estate.target, "--replace"], "ok"), (["remove", "orders"], "no_route")):
        estate.route(*words)
        estate.becomes("orders", answer)
    estate.route("add", "orders", estate.target)
    assert live_routes.unannounced(estate, changes=1)["changes"] == 1
    assert live_routes.written_by_others(estate, disable)["changes"] == 1


@pytest.mark.acceptance("B11")
def test_a_restart_enables_nothing_and_misses_no_service(estate):
    estate.route("add", "orders", estate.target, "--service", "never-registered")
    estate.route("add", "idle", estate.target)
    estate.route("disable", "idle")
    for _ in range(2):
        [center] = estate.start_centers()
        assert estate.ask("orders") == PARTITIONS * ["ok"]
        assert estate.ask("idle") == PARTITIONS * ["route_disabled"]
        assert center.stop() == 0


@pytest.mark.acceptance("B11")
def test_a_center_starts_with_the_routes_that_were_kept_when_the_store_cannot_be_read(sqlite_estate):
    store = Path(sqlite_estate.store_url.removeprefix("sqlite://"))
    sqlite_estate.route("add", "orders", sqlite_estate.target)
    sqlite_estate.route("add", "idle", sqlite_estate.target)
    sqlite_estate.route("disable", "idle")
    [center] = sqlite_estate.start_centers()
    wait_until((store / "routes.jsonl").exists, "the kept routes")
    assert (store / "routes.jsonl").stat().st_mode & 0o777 == 0o600
    assert center.stop() == 0

    good = store / "registry.db"
    good.rename(sqlite_estate.pouch.folder / "away")
    good.write_text("no database, and a little longer than nothing")
    [center] = sqlite_estate.start_centers()
    assert "routing by the routes that were kept" in center.stderr()
    assert sqlite_estate.ask("orders") == PARTITIONS * ["ok"]
    assert sqlite_estate.ask("idle") == PARTITIONS * ["route_disabled"]

    (sqlite_estate.pouch.folder / "away").rename(good)
    sqlite_estate.route("enable", "idle")
    sqlite_estate.becomes("idle", "ok")


@pytest.mark.acceptance("B10", "B11")
def test_requests_wait_for_a_route_that_was_changed_while_the_store_was_away(sqlite_estate):
    store, other = Path(sqlite_estate.store_url.removeprefix("sqlite://")), sqlite_estate.pouch.folder / "other"
    sqlite_estate.route("add", "orders", sqlite_estate.target)
    sqlite_estate.route("add", "others", sqlite_estate.target)
    [center] = sqlite_estate.start_centers()
    wait_until((store / "routes.jsonl").exists, "the kept routes")
    assert center.stop() == 0
    other.mkdir(0o700)
    shutil.move(store / "registry.db", other / "registry.db")
    (store / "registry.db").write_text("no database, and a little longer than nothing")
    [center] = sqlite_estate.start_centers()
    assert sqlite_estate.ask("orders") == PARTITIONS * ["ok"]

    sqlite_estate.route("disable", "orders", env={"POUCH_STORE": f"sqlite://{other}"})
    wait_until(lambda: sqlite_estate.send("orders") and "requests wait" in center.stderr(), "a request that waits")
    waiting = sqlite_estate.send("orders")
    assert sqlite_estate.ask("others") == PARTITIONS * ["ok"]
    shutil.copy(other / "registry.db", store / "registry.new")
    (store / "registry.new").rename(store / "registry.db")
    assert sqlite_estate.answers(waiting) == PARTITIONS * ["route_disabled"]

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


@pytest.mark.acceptance("B10", "B19")
def test_a_route_that_is_changed_is_in_force_on_every_center_announced_or_not(estate):
    estate.start_a_center_a_partition()
    estate.becomes("orders", "no_route")
    for words, answer in ((["add", "orders", estate.target], "ok"), (["disable", "orders"], "route_disabled"),
                          (["enable", "orders"], "ok"), (["add", "orders", f"gone-{estate.inbox}", "--replace"], "target_refused"),
                          (["add", "orders", estate.target, "--replace"], "ok"), (["remove", "orders"], "no_route")):
        estate.route(*words)
        estate.becomes("orders", answer)
    estate.route("add", "orders", estate.target)
    assert live_routes.unannounced(estate, changes=1)["changes"] == 1
    if estate.store_url.startswith("sqlite"):
        assert live_routes.written_by_others(estate)["changes"] == 1


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
def test_a_center_starts_with_the_routes_that_were_kept_when_the_store_cannot_be_read(estate):
    store = Path(estate.store_url.removeprefix("sqlite://"))
    estate.route("add", "orders", estate.target)
    estate.route("add", "idle", estate.target)
    estate.route("disable", "idle")
    [center] = estate.start_centers()
    wait_until((store / "routes.jsonl").exists, "the kept routes")
    assert (store / "routes.jsonl").stat().st_mode & 0o777 == 0o600
    assert center.stop() == 0

    good = store / "registry.db"
    good.rename(estate.pouch.folder / "away")
    good.write_text("no database, and a little longer than nothing")
    [center] = estate.start_centers()
    assert "routing by the routes that were kept" in center.stderr()
    assert estate.ask("orders") == PARTITIONS * ["ok"]
    assert estate.ask("idle") == PARTITIONS * ["route_disabled"]

    (estate.pouch.folder / "away").rename(good)
    estate.route("enable", "idle")
    estate.becomes("idle", "ok")


@pytest.mark.acceptance("B10", "B11")
def test_requests_wait_for_a_route_that_was_changed_while_the_store_was_away(estate):
    store, other = Path(estate.store_url.removeprefix("sqlite://")), estate.pouch.folder / "other"
    estate.route("add", "orders", estate.target)
    estate.route("add", "others", estate.target)
    [center] = estate.start_centers()
    wait_until((store / "routes.jsonl").exists, "the kept routes")
    assert center.stop() == 0
    other.mkdir(0o700)
    shutil.move(store / "registry.db", other / "registry.db")
    (store / "registry.db").write_text("no database, and a little longer than nothing")
    [center] = estate.start_centers()
    assert estate.ask("orders") == PARTITIONS * ["ok"]

    estate.route("disable", "orders", env={"POUCH_STORE": f"sqlite://{other}"})
    wait_until(lambda: estate.send("orders") and "requests wait" in center.stderr(), "a request that waits")
    waiting = estate.send("orders")
    assert estate.ask("others") == PARTITIONS * ["ok"]
    shutil.copy(other / "registry.db", store / "registry.new")
    (store / "registry.new").rename(store / "registry.db")
    assert estate.answers(waiting) == PARTITIONS * ["route_disabled"]

"""Faults in short: cases of tests/faults/run that take seconds and that no test on the mock cluster shows, with what must hold of their figures."""

import sys
import time

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "faults"))
import promises  # noqa: E402
from cases import CASES  # noqa: E402

SHORT = {case.name: case for case in CASES}


def figures_of(name, pouch, kafka):
    case = SHORT[name]
    figures = case.measure(pouch=pouch, kafka=kafka, **{"seed": time.time_ns() % 10**9, **case.short})
    # How long it took says something of a quiet machine alone.
    assert not [what for name, what in promises.broken(figures) if name != "resumed_s"], figures
    return figures


@pytest.mark.acceptance("B20", "B22")
def test_a_rolling_restart_of_centers_and_workers_fails_no_request_and_repeats_none(pouch, kafka):
    figures = figures_of("rolling_restart", pouch, kafka)
    assert figures["calls"] > 100 and set(figures["ended"]) == {"ok"}


def test_connections_that_are_cut_anywhere_lose_and_repeat_nothing(pouch, kafka):
    assert figures_of("connections_cut", pouch, kafka)["calls"] > 100


@pytest.mark.acceptance("A16")
def test_answers_that_come_twice_or_late_or_for_nobody_end_no_other_call(pouch, kafka):
    assert figures_of("stray_answers", pouch, kafka)["made_up"] > 5


def test_a_client_that_asks_at_once_is_answered_with_a_reply_topic_new_or_old(pouch, kafka):
    figures_of("first_requests", pouch, kafka)


def test_poison_becomes_dead_letters_beside_requests_that_feel_nothing(pouch, kafka):
    figures_of("poisoned", pouch, kafka)


def test_a_center_that_may_not_write_dead_letters_holds_what_must_become_one(pouch, kafka):
    figures_of("unwritable_letters", pouch, kafka)

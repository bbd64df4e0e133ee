"""What operators of routes, services and keys are told when something is not as they think."""

import pytest
from conftest import Pouch
from test_routes import NOWHERE, refused

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


@pytest.mark.parametrize("words", [["changes"], ["route", "history", "p"], ["service", "history", "s"]], ids=" ".join)
def test_misuse_is_told_before_the_store_is_looked_for(alone, words):
    for flag, value in (("--limit", "0"), ("--since", "soon")):
        assert flag in refused(alone, *words, flag, value, "--store", "nowhere", code=USAGE)

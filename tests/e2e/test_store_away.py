"""A store that takes nothing for a while: routing goes on, and afterwards every record has its row, once."""

import sys
import uuid

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "faults"))
import full_disk  # noqa: E402


@pytest.mark.acceptance("A20", "B17", "B21")
def test_a_center_routes_and_traces_all_while_its_disk_is_full(pouch):
    why_not = full_disk.why_not()
    if why_not:
        pytest.skip(f"no file system of the test's own: {why_not}; tests/unit/store/test_disk_full.c does it with a limit")
    inbox, topic, replies = pouch.topic(), pouch.topic(), pouch.topic(f"r-{uuid.uuid4().hex}.replies", 1)
    result = full_disk.full_disk(pouch, inbox, topic, replies, rate=200, seconds=3)
    assert result["lost"] == result["wrong"] == result["untraced"] == result["rows_twice"] == 0, result
    assert result["trace_rows"] == result["records"] >= 600 and result["stopped"] == 0, result

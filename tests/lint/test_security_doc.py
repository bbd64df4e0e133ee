"""docs/security.md: each row names the tests that show it, and they are there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def rows():
    _, *parts = re.split(r"^## ", (ROOT / "docs" / "security.md").read_text(), flags=re.M)
    return {part.splitlines()[0]: part for part in parts}


def named(row):
    return re.findall(r"`(\w+)`", row.partition("\nTests:")[2])


def test_each_row_names_tests_that_are_there():
    sources = [path.read_text() for pattern in ("*.c", "*.h", "*.py") for path in (ROOT / "tests").rglob(pattern)]
    defined = set(re.findall(r"^(?:static void|def) (\w+)\(", "\n".join(sources), flags=re.M))
    assert len(rows()) > 10
    for title, row in rows().items():
        assert named(row), f"{title}: names no test"
        missing = [name for name in named(row) if name not in defined]
        assert not missing, f"{title}: no test is called {missing}"


def test_each_row_says_what_is_done_about_it():
    for title, row in rows().items():
        assert "**Defence:**" in row, title

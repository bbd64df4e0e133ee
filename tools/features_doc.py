"""Prints docs/features.md: each row of tests/acceptance.tsv with the tests that are marked with it.

A test is marked by the comment `/* acceptance: A6 A8 */` on the line above a C function, or by
@pytest.mark.acceptance("A6", "A8"). A mark that belongs to no test, or that names no row, is an
error.
"""

import ast
import csv
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"

HEAD = """# Features

Made by `scripts/gen-docs` from the marks in the tests and from
[tests/acceptance.tsv](../tests/acceptance.tsv); do not edit. A row is as good as the tests beside
it: what none shows is not there yet.

| row | feature | shown by | not there yet |
| --- | --- | --- | --- |
"""


def fail(text):
    sys.exit(f"features_doc: {text}")


def marks_in_c(path):
    """(name, rows) of each marked function."""
    text = path.read_text()
    found = re.findall(r"^/\* acceptance: ([^*]*?) \*/\n(?:static )?void (\w+)\(void \*\*", text, re.M)
    if len(found) != text.count("acceptance:"):
        fail(f"{path.relative_to(ROOT)}: a mark does not stand on the line above a test")
    for rows, name in found:
        yield name, rows.split()


def is_mark(node):
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.acceptance"


def marks_in_python(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            rows = [ast.literal_eval(row) for mark in filter(is_mark, node.decorator_list) for row in mark.args]
            if rows:
                yield node.name, rows


def marks():
    """Row -> its tests, as links, in the order of the files."""
    shown = {}
    for path in sorted([*TESTS.glob("*/**/*.c"), *TESTS.glob("*/**/*.py")]):
        where = path.relative_to(TESTS)
        for name, rows in (marks_in_c if path.suffix == ".c" else marks_in_python)(path):
            for row in rows:
                shown.setdefault(row, {}).setdefault(f"[{where}](../tests/{where})", []).append(name)
    return shown


def main():
    with (TESTS / "acceptance.tsv").open() as file:
        table = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    shown = marks()
    unknown = set(shown) - {line["row"] for line in table}
    if unknown:
        fail(f"tests are marked with rows that tests/acceptance.tsv does not have; describe them there: {', '.join(sorted(unknown))}")
    print(HEAD, end="")
    for line in table:
        files = shown.get(line["row"], {})
        tests = "<br>".join(f"{link}: {', '.join(f'`{name}`' for name in names)}" for link, names in files.items())
        missing = line["not there yet"] or ("" if tests else "all of it")
        print(f"| {line['row']} | {line['feature'].replace('|', '&#124;')} | {tests or '-'} | {missing} |")


main()

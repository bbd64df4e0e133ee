"""What CONTRIBUTING.md offers in place of `npm run` is there, and what says how to use it runs."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("POUCH_BUILD", ROOT / "build" / "release"))


def offered():
    """{name: commands} of the table."""
    rows = re.findall(r"(?m)^\| `([\w:]+)` \| (.*) \|$", (ROOT / "CONTRIBUTING.md").read_text())
    return {name: re.findall(r"`([^`]+)`", text) for name, text in rows}


def run(*words, **more):
    return subprocess.run([*map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=120, **more)


@pytest.mark.acceptance("D30")
def test_each_script_that_is_offered_is_there_and_can_be_run():
    assert list(offered()) == ["dev", "build", "start", "test", "test:integration", "test:topics"]
    scripts = {word for commands in offered().values() for command in commands for word in command.split() if word.startswith("scripts/")}
    assert scripts == {"scripts/demo", "scripts/test", "scripts/stack", "scripts/python"}
    for script in sorted(scripts):
        assert os.access(ROOT / script, os.X_OK), script
        assert run("bash", "-n", script).returncode == 0, script


@pytest.mark.acceptance("D30")
def test_what_the_scripts_are_offered_for_is_there():
    commands = " ".join(command for commands in offered().values() for command in commands)
    presets = json.loads((ROOT / "CMakePresets.json").read_text())
    for kind in ("configurePresets", "buildPresets"):
        assert set(re.findall(r"--preset (\w+)", commands)) <= {preset["name"] for preset in presets[kind]}
    parts = re.search(r"(?m)^all=\((.*)\)$", (ROOT / "scripts" / "test").read_text()).group(1).split()
    assert set(re.findall(r"scripts/test (\w+)", commands)) <= set(parts)
    for path in re.findall(r"tests/\S+", commands):
        assert (ROOT / path).exists(), path
    for words in re.findall(r"build/release/pouch (\w+(?: plan)?)", commands):
        assert run(BUILD / "pouch", *words.split(), "--help").returncode == 0, words
    assert "usage:" in run("scripts/stack", "help").stdout

"""The man pages: clean, found, and about every command, flag and setting there is."""

import os
import re
import subprocess

import pytest
from installed import output

UTF8 = dict(os.environ, LC_ALL="C.UTF-8", MANWIDTH="100")


def pages(installed):
    found = sorted((installed.prefix / "share" / "man").rglob("*.[15]"))
    assert len(found) == len(installed.commands()) + 2
    return found


def page(installed, name):
    """As a reader gets it, without the backspaces of old printers."""
    text = output(["man", "--manpath", installed.prefix / "share" / "man", name], env=dict(UTF8, MANPAGER="cat", MAN_KEEP_FORMATTING=""))
    return re.sub(r".\x08|\x1b\[[0-9;]*m", "", text)


def section(text, title):
    return re.search(rf"^{title}\n(.*?)(?=^\S|\Z)", text, re.M | re.S).group(1)


def test_the_man_pages_are_without_faults(installed):
    for path in pages(installed):
        for check in (["man", "--warnings", "--encoding=UTF-8", "--local-file", path], ["groff", "-ww", "-man", "-Tutf8", "-z", path],
                      ["mandoc", "-Tlint", "-Wwarning", path], ["lexgrog", path]):
            done = subprocess.run([str(word) for word in check], capture_output=True, text=True, env=dict(UTF8, MANPAGER="cat"))
            assert done.returncode == 0 and not done.stderr, f"{check}: {done.stdout[:500]}{done.stderr}"


def test_the_page_of_the_program_lists_every_command_and_exit_code(installed):
    text = page(installed, "pouch")
    listed = re.findall(r"^ {7}pouch-([\w-]+)\(1\)$", section(text, "COMMANDS"), re.M)
    assert listed == [command.replace(" ", "-") for command in installed.commands()]
    in_help = re.search(r"^Exit codes:(.*?)\n\n", installed.help(), re.M | re.S).group(1)
    assert re.findall(r"^ {7}(\d+) ", section(text, "EXIT STATUS"), re.M) == re.findall(r"\b(\d+)\b", in_help)


def test_each_command_has_a_page_with_all_its_flags(installed):
    for command in installed.commands():
        text = page(installed, "pouch-" + command.replace(" ", "-"))
        help_text = installed.help(*command.split())
        assert help_text.split("\n\n")[1].rstrip(".") in " ".join(section(text, "NAME").split())
        options = re.split(r"^(?:COMMON )?OPTIONS$", text, maxsplit=1, flags=re.M)[1]
        items = re.findall(r"^ {7}(-\S.*)$", options, re.M)
        shown = [(re.match(r"-\w\b", item), re.search(r"--[\w-]+", item)) for item in items]
        shown = [tuple(match and match.group(0) for match in pair) for pair in shown]
        assert sorted(shown, key=str) == sorted(installed.flags(command), key=str), command


def test_the_page_of_the_file_has_every_setting(installed):
    text = section(page(installed, "pouch.yaml"), "SETTINGS")
    shown = [line.split()[0] for line in output([installed.program, "config", "show"]).splitlines()]
    assert re.findall(r"^ {7}([a-z][\w.]*)(?: |$)", text, re.M) == shown


def test_an_example_of_a_page_can_be_copied(installed):
    assert "echo '{\"a\":10,\"b\":5}' | pouch request calculate" in page(installed, "pouch-request")
    assert "source <(pouch completion bash)" in page(installed, "pouch-completion")


def test_a_flag_of_a_page_is_found_by_its_name(installed):
    """Nothing is broken at the end of a line, and a dash is the dash that one types."""
    text = page(installed, "pouch-worker")
    assert "--handler-timeout" in text and "POUCH_HANDLER_TIMEOUT" in text and "\u2010" not in text

"""What the shells offer, asked of the shells: the installed scripts, each in its own engine."""

import os

import pytest
import shells
from installed import output

SHELLS = {"bash": shells.Bash, "zsh": shells.Zsh, "fish": shells.Fish}


@pytest.fixture(scope="module", params=SHELLS)
def shell(request, installed, tmp_path_factory):
    started = SHELLS[request.param](installed, tmp_path_factory.mktemp(request.param))
    yield started
    started.close()


def test_the_scripts_are_what_the_program_prints(installed):
    share = installed.prefix / "share"
    for name, path in {"bash": "bash-completion/completions/pouch", "zsh": "zsh/site-functions/_pouch",
                       "fish": "fish/vendor_completions.d/pouch.fish"}.items():
        assert (share / path).read_text() == output([installed.program, "completion", name])


def test_commands_are_offered_word_by_word(shell, installed):
    names = [command.split() for command in installed.commands()]
    assert shell.offers("pouch ") == {words[0] for words in names}
    for family in {words[0] for words in names if len(words) > 1}:
        assert shell.offers(f"pouch {family} ") == {words[1] for words in names if words[0] == family}


def test_every_flag_of_every_command_is_offered(shell, installed):
    for command in installed.commands():
        assert shell.offers(f"pouch {command} --") == {name for _, name in installed.flags(command) if name}, command


LINES = {
    "pouch reque": {"request"},
    "pouch topic cr": {"create"},
    "pouch --": {"--help", "--version"},
    "pouch topic create t --par": {"--partitions"},
    "pouch request send --ke": {"--key", "--key-file"},
    "pouch request t -o ": {"table", "json", "jsonl"},
    "pouch request t --output ": {"table", "json", "jsonl"},
    "pouch request t --output=": {"table", "json", "jsonl"},
    "pouch request t --output=j": {"json", "jsonl"},
    "pouch log -o ": {"table", "json", "jsonl", "csv"},
    "pouch seal --iv-bytes ": {"12", "16"},
    "pouch worker t --exec cat --start ": {"auto", "earliest", "latest"},
    "pouch worker t --log-level w": {"warn"},
    "pouch completion ": {"bash", "zsh", "fish"},
    "pouch request t --key ": set(),
    "pouch topic create --partitions ": set(),
    "pouch nonsense ": set(),
}


@pytest.mark.parametrize("line", LINES)
def test_what_may_come_next_is_offered(shell, line):
    assert shell.offers(line) == LINES[line]


@pytest.mark.parametrize("flag", ["--key-file ", "--config ", "--config="])
def test_a_flag_that_takes_a_file_offers_files(shell, tmp_path, flag):
    for name in ("ring.keys", "ring.old", "other"):
        (tmp_path / name).touch()
    offered = shell.offers(f"pouch request t {flag}{tmp_path}/ring")
    assert {os.path.basename(path) for path in offered} == {"ring.keys", "ring.old"}

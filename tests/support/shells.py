"""Shells at work: what bash, zsh and fish offer for a line, asked of their own completion engines.

bash and zsh complete only while somebody edits a line, so they run on a terminal of ours: the line
is typed, and a key is pressed that writes the candidates to a file.
"""

import os
import pty
import shutil
import subprocess
import termios
import time

PATIENCE = 60

# Meta-* puts all candidates in place of the word; Ctrl-G then writes the whole line.
BASH = r"""
bind 'set enable-bracketed-paste off'
write_line() { printf '%s\n' "$READLINE_LINE" > "$OUT.part" && mv "$OUT.part" "$OUT"; }
bind -x '"\C-g": write_line'
source "$SCRIPT"
: > "$OUT"
"""

# Each match goes through compadd, so a compadd of ours sees them all.
ZSH = r"""
fpath=("$DIRECTORY" $fpath)
autoload -Uz compinit
compinit -u -d "$OUT.dump"
write_matches() {
    local -a found matches
    compadd() {
        if [[ ${@[1,(i)(-|--)]} != *-[OAD]\ * ]]; then
            builtin compadd -O matches "$@"
            found+=("${matches[@]}")
        fi
        builtin compadd "$@"
    }
    _main_complete
    unfunction compadd
    print -rl -- "${found[@]}" > "$OUT.part" && mv "$OUT.part" "$OUT"
    compstate[insert]='' compstate[list]=''
}
zle -C write_matches complete-word write_matches
bindkey '^G' write_matches
: > "$OUT"
"""


def needed(name):
    path = shutil.which(name)
    assert path, f"{name} is missing: scripts/deps test"
    return path


class Terminal:
    """An interactive shell; setup is what it reads first, and ends by making the file $OUT."""

    def __init__(self, command, setup, folder, env):
        self.out = folder / "out"
        (folder / "setup").write_text(setup)
        self.master, slave = pty.openpty()
        os.set_blocking(self.master, False)
        # What is typed before the shell reads keys one by one must reach it as it is.
        mode = termios.tcgetattr(slave)
        mode[3] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN)
        termios.tcsetattr(slave, termios.TCSANOW, mode)
        own = {"HOME": str(folder), "PATH": os.environ["PATH"], "TERM": "xterm", "LANG": "C.UTF-8", "PS1": "> ", "OUT": str(self.out)}
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, cwd=folder,
                                        env=dict(own, **env))
        os.close(slave)
        self.screen = b""
        self.press(". ./setup\n")
        # zsh runs commands with the terminal as a line at a time, in which what is typed next could erase itself.
        self.read_until(lambda: not termios.tcgetattr(self.master)[3] & termios.ICANON, "the setup")

    def press(self, keys):
        """Types, and gives what then is in the file $OUT."""
        os.write(self.master, keys.encode())
        self.read_until(self.out.exists, repr(keys))
        text = self.out.read_text()
        self.out.unlink()
        return text

    def read_until(self, condition, what):
        end = time.monotonic() + PATIENCE
        while not condition():
            try:
                self.screen += os.read(self.master, 65536)
            except BlockingIOError:
                time.sleep(0.005)
            assert time.monotonic() < end, f"no answer to {what}: {self.screen[-2000:].decode(errors='replace')}"

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


class Bash:
    def __init__(self, installed, folder):
        script = installed.prefix / "share" / "bash-completion" / "completions" / "pouch"
        self.terminal = Terminal([needed("bash"), "--noprofile", "--norc", "-i"], BASH, folder, {"SCRIPT": str(script)})
        self.close = self.terminal.close

    def offers(self, line):
        """What may stand in place of the last word, a set. An unchanged line means nothing."""
        after = self.terminal.press(line + "\x1b*\x07\x15").rstrip("\n")
        if after.rstrip() == line.rstrip():
            return set()
        kept = line[: max(line.rfind(" "), line.rfind("=")) + 1]
        assert after.startswith(kept), after
        return set(after[len(kept) :].split())


class Zsh:
    def __init__(self, installed, folder):
        directory = installed.prefix / "share" / "zsh" / "site-functions"
        self.terminal = Terminal([needed("zsh"), "-f", "-i"], ZSH, folder, {"DIRECTORY": str(directory)})
        self.close = self.terminal.close

    def offers(self, line):
        return {word.removesuffix("=") for word in self.terminal.press(line + "\x07\x15").split()}


class Fish:
    """fish completes without a terminal. It finds the installed file by itself, once the program is on the path."""

    def __init__(self, installed, folder):
        self.command = [needed("fish"), "--command"]
        path = f"{installed.program.parent}:{os.environ['PATH']}"
        self.env = {"HOME": str(folder), "PATH": path, "LANG": "C.UTF-8", "XDG_DATA_DIRS": str(installed.prefix / "share")}

    def offers(self, line):
        quoted = line.replace("\\", "\\\\").replace("'", "\\'")
        done = subprocess.run([*self.command, f"complete -C '{quoted}'"], env=self.env, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0 and not done.stderr, done.stderr
        words = {row.split("\t")[0] for row in done.stdout.splitlines()}
        last = line.rsplit(" ", 1)[1]
        if "=" in last:
            words = {word.removeprefix(last.split("=")[0] + "=") for word in words}
        return words

    def close(self):
        pass

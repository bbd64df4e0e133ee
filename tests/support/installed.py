"""What `cmake --install` puts under a prefix."""

import os
import re
import subprocess


def output(command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


class Installed:
    def __init__(self, build, prefix):
        output(["cmake", "--install", build, "--prefix", prefix])
        self.prefix = prefix
        [pc] = prefix.rglob("libpouch.pc")
        self.libraries = pc.parent.parent
        self.env = dict(os.environ, PKG_CONFIG_PATH=str(pc.parent))
        self.program = prefix / "bin" / "pouch"

    def pkg_config(self, *words):
        return output(["pkg-config", *words, "libpouch"], env=self.env).split()

    def headers(self):
        include = self.prefix / "include"
        return sorted(str(path.relative_to(include)) for path in include.rglob("*.h"))

    def help(self, *command):
        return output([self.program, *command, "--help"])

    def commands(self):
        """Every command, "topic create", in the order of the help."""
        return re.findall(r"^  (\w+(?: \w+)?)  +\S", self.help().split("\nTry it ")[0], re.M)

    def flags(self, command):
        """Every (letter, name) that a command takes; either may be None."""
        lines = self.help(*command.split()).split("lags:\n", 1)[1]
        rows = re.findall(r"^ {2}(-\w)?,? +(--[\w-]+)?", lines, re.M)
        return [(letter or None, name or None) for letter, name in rows if letter or name]

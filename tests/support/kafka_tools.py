"""Kafka's own command-line tools, of the very Kafka that the tests' brokers run: scripts/stack keeps its jars."""

import os
import subprocess
from pathlib import Path


def jars():
    cache = Path(os.environ.get("POUCH_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pouch")
    folders = [folder for folder in cache.glob("kafka-[0-9]*") if any(folder.glob("kafka-tools-[0-9]*.jar"))]
    assert folders, f"no Kafka in {cache}: scripts/stack up kafka brings one"
    return max(folders, key=lambda folder: folder.stat().st_mtime)


def tool(name, *words):
    """What a tool prints; name is its class."""
    done = subprocess.run(["java", "-XX:TieredStopAtLevel=1", "-cp", f"{jars()}/*", name, *map(str, words)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lag_of(brokers, group):
    """{(topic, partition): (committed, end, lag)} as kafka-consumer-groups.sh tells it; None where it shows "-"."""
    out = tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--bootstrap-server", brokers, "--describe", "--group", group)
    rows = [line.split() for line in out.splitlines() if line.split()[:1] == [group]]

    def number(text):
        return None if text == "-" else int(text)

    return {(row[1], int(row[2])): tuple(map(number, row[3:6])) for row in rows}

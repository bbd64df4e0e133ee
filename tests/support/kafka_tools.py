"""Kafka's own command-line tools, of the very Kafka that the tests' brokers run: scripts/stack keeps its jars. Each call starts a JVM."""

import os
import re
import subprocess
from pathlib import Path

TOPICS, CONFIGS, ACLS = "org.apache.kafka.tools.TopicCommand", "kafka.admin.ConfigCommand", "kafka.admin.AclCommand"
GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"


def jars():
    cache = Path(os.environ.get("POUCH_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pouch")
    folders = [folder for folder in cache.glob("kafka-[0-9]*") if any(folder.glob("kafka-tools-[0-9]*.jar"))]
    assert folders, f"no Kafka in {cache}: scripts/stack up kafka brings one"
    return max(folders, key=lambda folder: folder.stat().st_mtime)


def tool(name, brokers, *words):
    """What a tool prints; name is its class."""
    done = subprocess.run(["java", "-XX:TieredStopAtLevel=1", "-cp", f"{jars()}/*", name, "--bootstrap-server", brokers, *map(str, words)],
                          capture_output=True, text=True, timeout=120)
    # Some say what is wrong and end with 0.
    assert done.returncode == 0 and not re.search("^Error|Exception", done.stdout + done.stderr, re.MULTILINE), done.stdout + done.stderr
    return done.stdout


def lag_of(brokers, group):
    """{(topic, partition): (committed, end, lag)} as kafka-consumer-groups.sh tells it; None where it shows "-"."""
    out = tool(GROUPS, brokers, "--timeout", 60000, "--describe", "--group", group)  # 5000 by itself
    rows = [line.split() for line in out.splitlines() if line.split()[:1] == [group]]

    def number(text):
        return None if text == "-" else int(text)

    return {(row[1], int(row[2])): tuple(map(number, row[3:6])) for row in rows}


def topics_of(brokers):
    """{topic: (partitions, copies, its own configs)} as kafka-topics.sh tells it, without Kafka's internal ones."""
    lines = re.findall(r"^Topic: (\S+)\tTopicId: \S+\tPartitionCount: (\d+)\tReplicationFactor: (\d+)\tConfigs: (.*)$",
                       tool(TOPICS, brokers, "--describe", "--exclude-internal"), re.MULTILINE)
    # A value may have commas, a name never has.
    return {topic: (int(partitions), int(copies), dict(re.findall(r"([a-z.]+)=(.*?)(?=,[a-z.]+=|$)", configs)))
            for topic, partitions, copies, configs in lines}


def under_replicated(brokers):
    """{(topic, partition)} as kafka-topics.sh tells them."""
    out = tool(TOPICS, brokers, "--describe", "--under-replicated-partitions")
    return {(topic, int(partition)) for topic, partition in re.findall(r"Topic: (\S+)\tPartition: (\d+)", out)}


def set_configs(brokers, topic, *removed, **values):
    """kafka-configs.sh on a topic; dots of names as double underscores."""
    words = ["--alter", "--entity-type", "topics", "--entity-name", topic]
    if values:
        words += ["--add-config", ",".join(f"{name.replace('__', '.')}={value}" for name, value in values.items())]
    if removed:
        words += ["--delete-config", ",".join(removed)]
    assert f"Completed updating config for topic {topic}." in tool(CONFIGS, brokers, *words)


def acls_of(brokers, principal):
    """{(resource, operation)} as kafka-acls.sh tells them: ("TOPIC orders", "READ")."""
    out = tool(ACLS, brokers, "--list", "--principal", f"User:{principal}")
    found = set()
    for block in out.split("Current ACLs for resource ")[1:]:
        kind, name = re.search(r"resourceType=(\w+), name=(\S+), patternType=LITERAL", block).groups()
        found |= {(f"{kind} {name}", operation) for operation in re.findall(rf"principal=User:{principal}, host=\*, operation=(\w+), permissionType=ALLOW", block)}
    return found

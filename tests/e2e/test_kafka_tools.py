"""Beside Kafka's own tools, on three brokers: what Pouch makes they show, and what they change Pouch finds."""

import json
import uuid

import kafka_tools
import pytest
from conftest import PATIENCE, wait_until
from test_catalog import DAY, OF_TENANT, PLATFORM

# What a topic is to be set to, in the words of a catalogue and of Kafka: nothing that a broker has by default.
SAID = "{retention: 3d, cleanup: compact, compression: snappy, min_insync: 1, config: {max.message.bytes: 100000}}"
EVERY = {"cleanup.policy": "compact", "compression.type": "snappy", "max.message.bytes": "100000", "min.insync.replicas": "1", "retention.ms": str(3 * DAY)}


def promised(*tenants):
    rows = PLATFORM | {f"{name}.{tenant}": row for tenant in tenants for name, row in OF_TENANT.items()}
    return {topic: (partitions, 3, {"retention.ms": str(days * DAY), "cleanup.policy": cleanup, "compression.type": "snappy", "min.insync.replicas": "2"})
            for topic, (partitions, days, cleanup) in rows.items()}


def until_ok(program, *words):
    """Again where it has asked a broker that had not heard yet of what was made, or waited for one that is busy with it."""
    def is_ok():
        print((done := program.run(*words)).stderr)
        return done.returncode == 0

    wait_until(is_ok, f"pouch {words[0]} {words[1]}", 5 * PATIENCE)


def show(program, expected, of):
    """Kafka's tool may ask a broker that hears of it later."""
    def is_shown():
        print(shown := {topic: row for topic, row in kafka_tools.topics_of(program.brokers).items() if of(topic)})
        return shown == expected

    wait_until(is_shown, f"Kafka's own tool showing {expected}", 5 * PATIENCE)


@pytest.mark.acceptance("D2", "D3", "D5", "D6", "D7", "D8")
def test_they_show_the_catalogue_as_it_was_applied(pouch3, tmp_path):
    path = tmp_path / "topics.yaml"
    path.write_text(pouch3.ok("topic", "catalog") + "tenants: [acme, globex, initech]\n")
    until_ok(pouch3, "topic", "apply", "--catalog", path)
    path.write_text(pouch3.ok("topic", "catalog"))
    until_ok(pouch3, "tenant", "create", "umbrella", "--catalog", path)
    until_ok(pouch3, "tenant", "delete", "globex", "--catalog", path, "--yes")
    until_ok(pouch3, "topic", "set", "platform.audit", "max.message.bytes=5000")
    expected = promised("acme", "initech", "umbrella")
    expected["platform.audit"][2]["max.message.bytes"] = "5000"
    show(pouch3, expected, lambda topic: not topic.startswith("drift."))  # those of the test below
    pouch3.ok("topic", "delete", *expected, "--yes")


class Drift:
    """A catalogue with names of its own."""

    def __init__(self, program, folder):
        self.program, self.path, self.user = program, folder / "topics.yaml", f"shop-{uuid.uuid4().hex[:6]}"
        self.path.write_text(f"""
tenants: [one, two]
owns: [drift.*]
defaults: {{partitions: 2, replication: 3, min_insync: 2}}
topics:
  drift.again: {{partitions: 3}}
  drift.more: {{retention: 7d}}
  drift.deleted:
  drift.grown:
  drift.removed: {SAID}
  drift.set: {SAID}
  drift.{{tenant}}.events:
access:
  - {{principal: {self.user}, role: client, topics: [drift.grown]}}
""")

    def plan(self):
        done = self.program.run("topic", "plan", "--catalog", self.path, "--exit-code", "-o", "json")
        changes = json.loads(done.stdout)["changes"]
        assert done.returncode == (2 if changes else 0), done.stderr
        return changes

    def tool(self, name, *words):
        return kafka_tools.tool(name, self.program.brokers, *words)

    def introduce(self):
        """One of each, some more than one."""
        topics, brokers = kafka_tools.TOPICS, self.program.brokers
        self.tool(topics, "--alter", "--topic", "drift.grown", "--partitions", 5)
        self.tool(topics, "--delete", "--topic", "drift\\.(again|deleted|two\\.events)")
        gone = {"drift.again", "drift.deleted", "drift.two.events"}
        wait_until(lambda: gone == {change["topic"] for change in self.plan() if change["change"] == "create"}, "the end of what was deleted")
        self.tool(topics, "--create", "--topic", "drift.again", "--partitions", 1, "--replication-factor", 2, "--config", "min.insync.replicas=2")
        self.tool(topics, "--create", "--topic", "drift.stray", "--partitions", 1)
        self.tool(topics, "--create", "--topic", "drift.three.events", "--partitions", 1)
        kafka_tools.set_configs(brokers, "drift.set", retention__ms=1000, cleanup__policy="delete", compression__type="gzip", min__insync__replicas=3, max__message__bytes=200000)
        kafka_tools.set_configs(brokers, "drift.removed", "retention.ms", "cleanup.policy", "compression.type", "min.insync.replicas", "max.message.bytes")
        # The last is the mark of replicas on their way, which is none of ours.
        kafka_tools.set_configs(brokers, "drift.more", segment__ms=700000, follower__replication__throttled__replicas="0:1")
        self.tool(kafka_tools.ACLS, "--remove", "--force", "--allow-principal", f"User:{self.user}", "--operation", "Write", "--topic", "drift.grown")
        self.tool(kafka_tools.ACLS, "--add", "--allow-principal", f"User:{self.user}", "--allow-principal", f"User:other-{self.user}", "--operation", "Delete", "--topic", "drift.grown")

    def expected(self):
        """What was introduced, as the plan is to tell it; what a broker has by default stands where a config was taken away."""
        other = {"cleanup.policy": "delete", "compression.type": "gzip", "max.message.bytes": "200000", "min.insync.replicas": "3", "retention.ms": "1000"}
        default = {"cleanup.policy": "delete", "compression.type": "producer", "max.message.bytes": "1048588", "min.insync.replicas": "2", "retention.ms": str(7 * DAY)}
        made = {"partitions": 2, "replication": 3, "config": {"min.insync.replicas": "2"}}

        def configs(topic, now):
            return [{"change": "set", "topic": topic, "config": name, "before": value, "after": EVERY[name]} for name, value in now.items()]

        def acl(right):
            return f"{right} on topic drift.grown for User:{self.user}"

        return [
            {"change": "grow", "topic": "drift.again", "before": 1, "after": 3},
            {"change": "replication", "topic": "drift.again", "before": 2, "after": 3, "held": "by_hand"},
            {"change": "create", "topic": "drift.deleted", **made},
            {"change": "shrink", "topic": "drift.grown", "before": 5, "after": 2, "held": "by_hand"},
            {"change": "reset", "topic": "drift.more", "config": "segment.ms", "before": "700000", "after": None, "held": "prune"},
            *configs("drift.removed", default), *configs("drift.set", other),
            {"change": "create", "topic": "drift.two.events", "tenant": "two", **made},
            {"change": "delete", "topic": "drift.stray", "held": "prune"},
            {"change": "delete", "topic": "drift.three.events", "tenant": "three", "held": "prune"},
            {"change": "grant", "topic": "topic drift.grown", "acl": acl("WRITE")},
            {"change": "revoke", "topic": "topic drift.grown", "acl": acl("DELETE"), "held": "prune"},
        ]


@pytest.mark.acceptance("D4", "D5", "D16")
def test_what_they_change_is_found_item_by_item_and_mended(pouch3, tmp_path):
    drift = Drift(pouch3, tmp_path)
    until_ok(pouch3, "topic", "apply", "--catalog", drift.path)
    wait_until(lambda: drift.plan() == [], "all of it being known")
    drift.introduce()
    # One and the same reading: the next one may ask a broker that knows less.
    told = wait_until(lambda: len(plan := drift.plan()) >= len(drift.expected()) and plan, "all of the drift being told")
    assert told == drift.expected()

    left = [change for change in drift.expected() if change.get("held") == "by_hand"]

    def is_mended():
        """Again where it has asked a broker that did not know all of it yet."""
        until_ok(pouch3, "topic", "apply", "--catalog", drift.path, "--prune", "--yes")
        print(now := drift.plan())
        return now == left

    wait_until(is_mended, "nothing but what no program can mend", 5 * PATIENCE)
    two = {"min.insync.replicas": "2"}
    show(pouch3, {
        "drift.again": (3, 2, two), "drift.deleted": (2, 3, two), "drift.grown": (5, 3, two), "drift.one.events": (2, 3, two), "drift.two.events": (2, 3, two),
        "drift.more": (2, 3, {**two, "retention.ms": str(7 * DAY), "follower.replication.throttled.replicas": "0:1"}), "drift.removed": (2, 3, EVERY), "drift.set": (2, 3, EVERY)}, lambda topic: topic.startswith("drift."))
    wait_until(lambda: ("TOPIC drift.grown", "WRITE") in (rights := kafka_tools.acls_of(pouch3.brokers, drift.user)) and ("TOPIC drift.grown", "DELETE") not in rights,
               "the rights that the catalogue grants")
    assert kafka_tools.acls_of(pouch3.brokers, f"other-{drift.user}") == {("TOPIC drift.grown", "DELETE")}

"""Topics as code on a real Kafka: planned, applied, drifted from, pruned; looked at through the admin client of confluent-kafka."""

import contextlib
import json
import os
import pty
import random
import re
import subprocess
import time

import pytest
from conftest import PATIENCE, Pouch, running, wait_until
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic

USAGE, UNAVAILABLE, CONFIG = 64, 69, 78
DAY = 24 * 3600 * 1000
TENANTS = [f"tenant-{n}" for n in range(20)]
# What is promised: partitions, days, cleanup.
PLATFORM = {
    "platform.events": (8, 30, "delete"), "platform.audit": (8, 365, "delete"), "platform.notifications": (4, 7, "delete"),
    "internal.dlq": (4, 30, "delete"), "internal.retry": (4, 7, "delete"),
    "internal.retry.1min": (4, 1, "delete"), "internal.retry.5min": (4, 1, "delete"), "internal.retry.30min": (4, 1, "delete"),
}
OF_TENANT = {"chat.messages": (16, 30, "delete"), "chat.events": (8, 7, "delete"), "presence": (4, 1, "compact"),
             "analytics": (8, 90, "delete"), "notifications": (4, 7, "delete")}


@pytest.fixture(scope="module")
def broker():
    """One of its own: a catalogue is about all that a cluster has."""
    with running(f"test-catalog-{os.getpid()}", "kafka") as exports:
        yield exports["KAFKA_BROKERS"]


@pytest.fixture(scope="module")
def admin(broker):
    return AdminClient({"bootstrap.servers": broker})


@pytest.fixture
def pouch(broker, tmp_path):
    program = Pouch(broker, tmp_path)
    yield program
    program.stop_all()


@pytest.fixture
def catalog(pouch, tmp_path):
    """Writes a catalogue and gives a function that plans it: changes, exit code."""
    path = tmp_path / "topics.yaml"

    def plan(text, *words):
        path.write_text(text)
        done = pouch.run("topic", "plan", "--catalog", path, "--exit-code", "-o", "json", *words)
        assert done.returncode in (0, 2), done.stderr
        changes = json.loads(done.stdout)["changes"]
        assert done.returncode == (2 if changes else 0)
        return changes

    plan.path = path
    return plan


def there(admin):
    return {name: topic for name, topic in admin.list_topics(timeout=PATIENCE).topics.items() if not name.startswith("__")}


def overrides(admin, topic):
    [future] = admin.describe_configs([ConfigResource("topic", topic)]).values()
    return {entry.name: entry.value for entry in future.result(PATIENCE).values() if entry.source == 1}


def alter(admin, topic, **operations):
    """name="value" sets, name=None takes away; dots of names as double underscores."""
    entries = [ConfigEntry(name.replace("__", "."), value, incremental_operation=AlterConfigOpType.SET if value is not None else AlterConfigOpType.DELETE)
               for name, value in operations.items()]
    for future in admin.incremental_alter_configs([ConfigResource("topic", topic, incremental_configs=entries)]).values():
        future.result(PATIENCE)


def create(admin, *topics):
    for future in admin.create_topics([NewTopic(name, partitions, 1, config=config) for name, partitions, config in topics]).values():
        future.result(PATIENCE)
    wait_until(lambda: {name for name, *_ in topics} <= set(there(admin)), "the topics being there", 5 * PATIENCE)


def delete(admin, *topics):
    for future in admin.delete_topics(list(topics), operation_timeout=PATIENCE).values():
        future.result(PATIENCE)
    wait_until(lambda: not set(topics) & set(there(admin)), "the topics' end", 5 * PATIENCE)


SMALL = """
tenants: [one, two, three]
owns: [small.*]
defaults: {partitions: 1, replication: 1, cleanup: delete, retention: 7d}
topics:
  small.audit: {retention: 365d}
  small.events:
  small.chat.{tenant}: {partitions: 2, strategy: conversation_id}
  small.presence.{tenant}: {cleanup: compact}
  small.counts.{tenant}: {partitions: 2, strategy: random}
"""


@pytest.mark.acceptance("D4", "D5", "D7")
def test_each_kind_of_drift_is_found_and_mended_item_by_item(pouch, admin, catalog):
    plan = lambda: catalog(SMALL)  # noqa: E731
    made = plan()
    assert len(made) == 11 and all(change["change"] == "create" for change in made)
    pouch.ok("topic", "apply", "--catalog", catalog.path)
    assert plan() == []
    delete(admin, "small.counts.one", "small.chat.two")
    create(admin, ("small.chat.two", 1, {"retention.ms": str(7 * DAY)}))
    for future in admin.create_partitions([NewPartitions("small.counts.two", 3)]).values():
        future.result(PATIENCE)
    alter(admin, "small.audit", retention__ms="1000")
    alter(admin, "small.presence.three", cleanup__policy=None)
    alter(admin, "small.events", max__message__bytes="123456")
    create(admin, ("small.old", 1, {}), ("small.counts.stranger", 1, {}), ("somebody.elses", 1, {}))
    drift = [
        {"change": "set", "topic": "small.audit", "config": "retention.ms", "before": "1000", "after": str(365 * DAY)},
        {"change": "grow", "topic": "small.chat.two", "tenant": "two", "before": 1, "after": 2},
        {"change": "create", "topic": "small.counts.one", "tenant": "one", "partitions": 2, "replication": 1,
         "config": {"cleanup.policy": "delete", "min.insync.replicas": "1", "retention.ms": str(7 * DAY)}},
        {"change": "shrink", "topic": "small.counts.two", "tenant": "two", "before": 3, "after": 2, "held": "by_hand"},
        {"change": "reset", "topic": "small.events", "config": "max.message.bytes", "before": "123456", "after": None, "held": "prune"},
        {"change": "set", "topic": "small.presence.three", "tenant": "three", "config": "cleanup.policy", "before": "delete", "after": "compact"},
        {"change": "delete", "topic": "small.counts.stranger", "tenant": "stranger", "held": "prune"},
        {"change": "delete", "topic": "small.old", "held": "prune"},
    ]
    wait_until(lambda: len(plan()) == len(drift), "all of the drift being told")
    assert plan() == drift
    applied = pouch.run("topic", "apply", "--catalog", catalog.path)
    assert applied.returncode == 0, applied.stderr
    assert "4 of 4 changes made" in applied.stderr and "4 differences stay" in applied.stderr
    assert "of the topics that grow, 1 have keys" in applied.stderr
    assert overrides(admin, "small.events")["max.message.bytes"] == "123456"
    assert [change.get("held") for change in plan()] == ["by_hand", "prune", "prune", "prune"]
    assert {"small.old", "small.counts.stranger"} <= set(there(admin))


@pytest.mark.acceptance("D5")
def test_what_is_too_much_goes_when_told_and_typed_and_nothing_else(pouch, admin, catalog):
    text = "owns: [much.*]\ntopics: {much.kept: {partitions: 1, replication: 1, retention: 1d}}\n"
    catalog(text)
    pouch.ok("topic", "apply", "--catalog", catalog.path)
    alter(admin, "much.kept", segment__ms="700000")
    create(admin, ("much.old", 1, {}), ("nobodys.business", 1, {}))
    wait_until(lambda: len(catalog(text)) == 2, "what is too much being told")
    refused = pouch.run("topic", "apply", "--catalog", catalog.path, "--prune")
    assert refused.returncode == USAGE and "nothing was changed; add --yes" in refused.stderr
    for answer, exit_code in (("y", 1), ("", 1), ("prune", 0)):
        assert "much.old" in there(admin) and overrides(admin, "much.kept")["segment.ms"] == "700000"
        ours, theirs = pty.openpty()
        with subprocess.Popen(pouch.command("topic", "apply", "--catalog", catalog.path, "--prune"), stdin=theirs,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=pouch.env) as program:
            os.write(ours, f"{answer}\n".encode())
            said = program.communicate(timeout=PATIENCE)[0].decode()
        os.close(ours)
        os.close(theirs)
        assert program.returncode == exit_code, said
        assert "type prune" in said
    assert "segment.ms" not in overrides(admin, "much.kept")
    assert "much.old" not in there(admin) and "nobodys.business" in there(admin)
    assert catalog(text, "--prune") == []
    catalog(text.replace("1d", "12h"))
    shorter = pouch.run("topic", "apply", "--catalog", catalog.path)
    assert shorter.returncode == 0 and "1 changes shorten how long records are kept" in shorter.stderr


@pytest.mark.acceptance("D2", "D5")
def test_what_only_looks_like_a_tenants_is_never_pruned(pouch, admin, catalog):
    catalog("topics:\n  looks.a.{tenant}: {partitions: 1, replication: 1}\n  looks.b.{tenant}:\n")
    create(admin, ("looks.a.email", 1, {}))
    [told] = wait_until(lambda: catalog(catalog.path.read_text(), "--prune"), "the topic being told")
    assert told == {"change": "delete", "topic": "looks.a.email", "tenant": "email", "held": "by_hand"}
    done = pouch.run("topic", "apply", "--catalog", catalog.path, "--prune", "--yes")
    assert done.returncode == 0 and "pouch tenant delete email" in done.stdout and "looks.a.email" in there(admin)


# What a topic may be set to, all of it harmless.
CHOICES = {"retention.ms": ["1000", "86400000"], "segment.ms": ["600000", "700000"], "max.message.bytes": ["1000", "2000000"],
           "min.cleanable.dirty.ratio": ["0.1", "0.9"], "cleanup.policy": ["delete", "compact", "compact,delete"],
           "compression.type": ["gzip", "producer"], "file.delete.delay.ms": ["1", "2"], "delete.retention.ms": ["5", "6"],
           "flush.messages": ["10", "20"], "message.timestamp.type": ["LogAppendTime", "CreateTime"]}
KEYS = {"retention.ms": lambda value: ("retention", f"{value}ms"), "cleanup.policy": lambda value: ("cleanup", value),
        "compression.type": lambda value: ("compression", value)}


def entry_of(configs):
    """As a catalogue says them."""
    members, others = {"partitions": 1, "replication": 1, "min_insync": 1}, {}
    for name, value in configs.items():
        if name in KEYS:
            key, text = KEYS[name](value)
            members[key] = text
        else:
            others[name] = value
    return members | ({"config": others} if others else {})


@pytest.mark.acceptance("D5")
def test_no_override_is_ever_lost(pouch, admin, catalog):
    seed = random.randrange(10**9)
    dice = random.Random(seed)
    pick = lambda chance: {name: dice.choice(values) for name, values in CHOICES.items() if dice.random() < chance}  # noqa: E731
    rounds = [(f"random.{n}", pick(0.5), pick(0.3)) for n in range(12)]
    create(admin, *((topic, 1, {**before, "min.insync.replicas": "1"}) for topic, before, _ in rounds))
    catalog(json.dumps({"topics": {topic: entry_of(wanted) for topic, _, wanted in rounds}}))
    pouch.ok("topic", "apply", "--catalog", catalog.path)
    for topic, before, wanted in rounds:
        expected = {**before, **wanted, "min.insync.replicas": "1"}
        now = overrides(admin, topic)
        kept = {name: value for name, value in now.items() if name in expected}
        lost = set(before) - set(now)
        assert not lost, f"seed {seed}: {topic} lost {lost}"
        assert {name: value for name, value in kept.items() if name in before or name in wanted} == {
            name: expected[name] for name in kept if name in before or name in wanted}, f"seed {seed}: {topic}"
    shown = catalog(json.dumps({"topics": {topic: entry_of(wanted) for topic, _, wanted in rounds}}))
    assert all(change["held"] == "prune" and change["change"] == "reset" for change in shown), f"seed {seed}: {shown}"


@pytest.mark.acceptance("D5")
def test_setting_one_config_keeps_the_others(pouch, admin):
    create(admin, ("set.one", 1, {"retention.ms": "1000", "segment.ms": "600000"}))
    shown = json.loads(pouch.ok("topic", "set", "set.one", "retention.ms=2000", "max.message.bytes=5000", "-o", "json"))
    assert shown == {"topic": "set.one", "changed": True}
    assert overrides(admin, "set.one") == {"retention.ms": "2000", "segment.ms": "600000", "max.message.bytes": "5000"}
    assert json.loads(pouch.ok("topic", "set", "set.one", "retention.ms=2000", "-o", "json"))["changed"] is False
    pouch.ok("topic", "set", "set.one", "segment.ms=")
    assert overrides(admin, "set.one") == {"retention.ms": "2000", "max.message.bytes": "5000"}
    for words, code in ((["retention.ms=soon"], CONFIG), (["no.such.config=1"], CONFIG), (["retention.ms"], USAGE), (["a=1", "a=2"], USAGE)):
        assert pouch.run("topic", "set", "set.one", *words).returncode == code
    assert pouch.run("topic", "set", "set.nowhere", "retention.ms=1").returncode == 1
    assert overrides(admin, "set.one") == {"retention.ms": "2000", "max.message.bytes": "5000"}


@pytest.mark.acceptance("D5")
def test_who_made_changed_and_deleted_a_topic_is_kept(pouch, admin):
    pouch.ok("topic", "create", "kept.one", "kept.two", "--partitions", 2, "--set", "retention.ms=1000")
    assert pouch.run("topic", "create", "kept.one").returncode == 1
    pouch.ok("topic", "set", "kept.one", "retention.ms=2000", "segment.ms=600000")
    pouch.ok("topic", "set", "kept.one", "retention.ms=2000")  # it is so already
    pouch.ok("topic", "set", "kept.one", "segment.ms=")
    alter(admin, "kept.two", retention__ms="3000")
    wait_until(lambda: overrides(admin, "kept.two") == {"retention.ms": "3000"}, "the change by another client")
    done = pouch.run("topic", "delete", "kept.one", "kept.none", "kept.two", "--yes")
    assert done.returncode == 1 and "kept.none" in done.stderr and not {"kept.one", "kept.two"} & set(there(admin))
    asked = {"partitions": 2, "retention.ms": "1000"}
    state = lambda **configs: {"partitions": 2, "replication": 1, **{name.replace("__", "."): value for name, value in configs.items()}}  # noqa: E731
    rows = json.loads(pouch.ok("changes", "--kind", "topic", "-o", "json"))
    assert [(row["name"], row["before"], row["after"]) for row in rows] == [
        ("kept.one", None, asked), ("kept.two", None, asked),
        ("kept.one", state(retention__ms="1000"), state(retention__ms="2000", segment__ms="600000")),
        ("kept.one", state(retention__ms="2000", segment__ms="600000"), state(retention__ms="2000")),
        ("kept.one", state(retention__ms="2000"), None), ("kept.two", state(retention__ms="3000"), None)]
    assert all("@" in row["who"] and row["at"].endswith("Z") for row in rows)
    assert "retention.ms 1000 -> 2000; segment.ms none -> 600000" in (table := pouch.ok("changes", "--kind", "topic")) and "segment.ms 600000 -> none" in table


@pytest.mark.acceptance("D5")
def test_a_store_that_is_not_there_holds_up_no_topic(pouch, admin):
    away = {"POUCH_STORE": "sqlite:///proc/nowhere"}
    for words in (["create", "away.one", "away.two"], ["set", "away.one", "retention.ms=1000"], ["delete", "away.one", "away.two", "--yes"]):
        done = pouch.run("topic", *words, env=away)
        assert done.returncode == 0 and done.stderr.count("who changed it is not written down") == 1, done.stderr
    assert not {"away.one", "away.two"} & set(there(admin))


@pytest.mark.acceptance("D31")
def test_without_a_broker_all_say_the_same_after_the_same_time(tmp_path):
    nowhere = Pouch("127.0.0.1:1", tmp_path)
    commands = [["topic", "list"], ["topic", "plan"], ["topic", "apply"], ["topic", "set", "t", "retention.ms=1"], ["topic", "orphans"], ["topic", "health"], ["tenant", "list"]]
    began = time.monotonic()
    programs = [subprocess.Popen(nowhere.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=nowhere.env) for words in commands]
    took, said = [], set()
    for program in programs:  # the first takes as long as any
        error = program.communicate(timeout=120)[1]
        took.append(time.monotonic() - began)
        assert program.returncode == UNAVAILABLE, error
        line = next(line for line in error.splitlines() if line.startswith("pouch: cannot reach the cluster: "))
        said.add(re.sub(r" \(after \d+ms in state [^)]*\)", "", line))  # how long librdkafka had tried, and how often
    assert len(said) == 1 and "127.0.0.1:1" in said.pop()
    assert took[-1] < 2 * took[0], dict(zip(map(" ".join, commands), took))


@pytest.mark.acceptance("D5", "D13")
def test_what_the_command_line_leaves_open_the_settings_say(pouch, admin):
    env = {"POUCH_TOPIC_PARTITIONS": "2", "POUCH_TOPIC_REPLICATION": "1", "POUCH_TOPIC_RETENTION": "3d"}
    pouch.ok("topic", "create", "open.all", env=env)
    pouch.ok("topic", "create", "open.none", "--partitions", "3", "--set", "retention.ms=1000", env=env)
    topics = there(admin)
    assert [len(topics[name].partitions) for name in ("open.all", "open.none")] == [2, 3]
    assert overrides(admin, "open.all") == {"retention.ms": str(3 * DAY)}
    assert overrides(admin, "open.none") == {"retention.ms": "1000"}


@pytest.mark.acceptance("D4")
def test_the_health_of_topics_is_that_of_their_partitions(pouch, admin):
    create(admin, ("well.one", 3, {}))
    shown = json.loads(pouch.ok("topic", "health", "well.one", "-o", "json"))
    assert shown == {"total": 1, "healthy": 1, "unhealthy": 0,
                     "topics": [{"name": "well.one", "healthy": True, "partitions": 3, "replication_factor": 1, "issues": []}]}
    missing = pouch.run("topic", "health", "well.none", "-o", "json")
    assert missing.returncode == 1 and json.loads(missing.stdout)["topics"][0]["issues"] == ["there is no such topic"]
    described = pouch.run("topic", "describe", "well.none", "well.one", "-o", "jsonl")
    assert described.returncode == 1 and json.loads(described.stdout)["topic"] == "well.one"


@pytest.mark.acceptance("D5")
def test_progress_is_shown_on_a_terminal(pouch, admin, catalog):
    create(admin, ("progress.grown", 1, {}))
    catalog("defaults: {partitions: 2, replication: 1}\ntopics: {progress.one: , progress.two: , progress.grown: {min_insync: }}\n")
    ours, theirs = pty.openpty()
    done = subprocess.run(pouch.command("topic", "apply", "--catalog", catalog.path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs,
                          env=pouch.env, timeout=120)
    os.close(theirs)
    written = b""
    with contextlib.suppress(OSError):  # the end of a terminal; one reading may give a part
        while more := os.read(ours, 65536):
            written += more
    os.close(ours)
    said = written.decode()
    assert done.returncode == 0, said
    shown = [said.index(f"\rpouch: {made} of {all_of_them} changes") for made, all_of_them in ((2, 3), (3, 3))]
    assert shown == sorted(shown)


@pytest.mark.acceptance("D5")
def test_a_catalogue_is_checked_without_a_cluster(tmp_path):
    nowhere = Pouch("127.0.0.1:1", tmp_path)
    built_in = json.loads(nowhere.ok("topic", "check", "-o", "json"))
    assert built_in["valid"] and built_in["issues"] == []
    assert any("presence.{tenant}" in advice for advice in built_in["recommendations"])
    path = tmp_path / "bad.yaml"
    path.write_text("topics:\n  a: {partitions: 0}\n  b: {retention: soon}\n")
    done = nowhere.run("topic", "check", path, "-o", "json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert not found["valid"] and len(found["issues"]) == 2 and f"{path}:2: partitions of a" in found["issues"][0]
    refused = nowhere.run("topic", "plan", "--catalog", path)
    assert refused.returncode == CONFIG and f"{path}:2: partitions of a" in refused.stderr


@pytest.mark.acceptance("D6")
def test_more_copies_than_brokers_are_refused_before_anything_is_made(pouch, admin, catalog):
    catalog("topics: {copies.a: {replication: 1}, copies.b: {replication: 3}}")
    done = pouch.run("topic", "apply", "--catalog", catalog.path)
    assert done.returncode == CONFIG and "--replication 1" in done.stderr
    assert not {"copies.a", "copies.b"} & set(there(admin))


@pytest.mark.acceptance("D29")
def test_a_catalogue_tells_topics_of_high_throughput_from_those_of_low_latency(pouch, admin, catalog):
    catalog("topics:\n  tuned.fast: {partitions: 16, replication: 1, compression: snappy}\n"
            "  tuned.soon: {partitions: 4, replication: 1, compression: none}\n")
    pouch.ok("topic", "apply", "--catalog", catalog.path)
    topics = there(admin)
    for name, partitions, compression in (("tuned.fast", 16, "snappy"), ("tuned.soon", 4, "uncompressed")):
        assert len(topics[name].partitions) == partitions and overrides(admin, name)["compression.type"] == compression
    properties = {"tuned.fast": ("linger.ms=10", "batch.size=32768"), "tuned.soon": ("linger.ms=0", "batch.size=1024")}
    for name, (linger, batch) in properties.items():
        pouch.ok("send", name, "-X", linger, "-X", batch, stdin='{"n":1}')


@pytest.mark.acceptance("D1", "D5", "D6", "D7", "D8")
def test_the_whole_matrix_and_twenty_tenants_are_made_and_then_the_plan_is_empty(pouch, admin, tmp_path):
    path = tmp_path / "whole.yaml"
    path.write_text(pouch.ok("topic", "catalog") + f"tenants: [{', '.join(TENANTS)}]\n")
    flags = ("--catalog", path, "--replication", "1", "-o", "json")
    applied = json.loads(pouch.ok("topic", "apply", *flags))
    assert len(applied["changes"]) == 108 and all(change["made"] and change["change"] == "create" for change in applied["changes"])
    plan = json.loads(pouch.ok("topic", "plan", "--exit-code", *flags))
    assert (plan["changes"], plan["tenants"], plan["as_they_were"]) == ([], 20, 108)
    wanted = PLATFORM | {f"{name}.{tenant}": row for tenant in TENANTS for name, row in OF_TENANT.items()}
    topics = there(admin)
    assert set(wanted) <= set(topics)
    for resource, future in admin.describe_configs([ConfigResource("topic", name) for name in wanted]).items():
        partitions, days, cleanup = wanted[resource.name]
        configs = {entry.name: entry.value for entry in future.result(PATIENCE).values()}
        assert len(topics[resource.name].partitions) == partitions
        assert (configs["retention.ms"], configs["cleanup.policy"]) == (str(days * DAY), cleanup)
        assert (configs["compression.type"], configs["min.insync.replicas"]) == ("snappy", "1")
    assert json.loads(pouch.ok("topic", "apply", *flags))["changes"] == []
    [written] = json.loads(pouch.ok("changes", "--kind", "topic", "-o", "json"))
    assert written["after"]["changes"] == 108 and written["after"]["catalog"] == str(path)
    # A broker shows topics before it has made their files, and until then nothing newer: whatever test comes next would wait for it.
    create(admin, ("matrix.after", 1, {}))

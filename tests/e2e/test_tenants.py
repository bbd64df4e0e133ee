"""Tenants on a real Kafka: begun, listed and ended, looked at through the admin client of confluent-kafka."""

import contextlib
import json
import os
import pty
import subprocess
import uuid

import independent
import pytest
from conftest import PATIENCE, Pouch, wait_until
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

USAGE, CONFIG = 64, 78
WORDS = {"messages": "chat.messages.", "events": "chat.events.", "presence": "presence.", "analytics": "analytics.", "notifications": "notifications."}
DAY = 24 * 3600 * 1000


@pytest.fixture
def admin(pouch):
    return AdminClient({"bootstrap.servers": pouch.brokers})


@pytest.fixture
def name():
    """A name that no other test's tenants have, nor begin with."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def small(pouch, tmp_path):
    """The program with a catalogue of the same patterns, of one partition each, and a few names that are nobody's."""
    path = tmp_path / "small.yaml"
    patterns = "".join(f"  {prefix}{{tenant}}: {{}}\n" for prefix in WORDS.values())
    path.write_text("defaults: {partitions: 1, replication: 1}\ntopics:\n" + patterns)
    pouch.env["POUCH_TOPIC_CATALOG"] = str(path)
    return pouch


def topics_of(tenant):
    return {prefix + tenant for prefix in WORDS.values()}


def there(admin):
    return set(admin.list_topics(timeout=PATIENCE).topics)


def configs(admin, topic):
    [future] = admin.describe_configs([ConfigResource("topic", topic)]).values()
    return {entry.name: entry.value for entry in future.result(PATIENCE).values()}


def delete_by_admin(admin, *topics):
    for future in admin.delete_topics(list(topics), operation_timeout=PATIENCE).values():
        future.result(PATIENCE)
    wait_until(lambda: not set(topics) & there(admin), "the topics' end")


def listed(pouch, tenant):
    rows = {row["tenant_id"]: row for row in json.loads(pouch.ok("tenant", "list", "-o", "json"))}
    return rows.get(tenant)


@pytest.mark.acceptance("D2")
def test_a_tenant_gets_the_topics_of_the_matrix(pouch, admin, name):
    made = json.loads(pouch.ok("tenant", "create", name, "--replication", "1", "-o", "json"))
    assert made == {"tenant_id": name, "topics": {word: prefix + name for word, prefix in WORDS.items()}, "missing": []}
    found = admin.list_topics(timeout=PATIENCE).topics
    matrix = {"messages": (16, 30), "events": (8, 7), "presence": (4, 1), "analytics": (8, 90), "notifications": (4, 7)}
    for word, (partitions, days) in matrix.items():
        topic = WORDS[word] + name
        assert len(found[topic].partitions) == partitions
        is_set = configs(admin, topic)
        assert is_set["retention.ms"] == str(days * DAY)
        assert is_set["cleanup.policy"] == ("compact" if word == "presence" else "delete")
        assert is_set["compression.type"] == "snappy"
    assert json.loads(pouch.ok("tenant", "topics", name, "-o", "json")) == made
    table = pouch.ok("tenant", "topics", name)
    assert all(topic in table for topic in topics_of(name))
    assert pouch.run("tenant", "create", name, "--replication", "1").stderr.count("nothing differs") == 1


@pytest.mark.acceptance("D2")
def test_a_tenant_that_lacks_a_topic_is_told_and_completed(small, admin, name):
    small.ok("tenant", "create", name)
    assert listed(small, name)["state"] == "complete"
    delete_by_admin(admin, f"presence.{name}")
    row = listed(small, name)
    assert row["state"] == "partial" and row["missing"] == [f"presence.{name}"] and "presence" not in row["topics"]
    line = next(line for line in small.ok("tenant", "list").splitlines() if line.startswith(name))
    assert "partial" in line and "4 of 5" in line and f"presence.{name}" in line
    planned = small.ok("tenant", "create", name, "--dry-run")
    assert f"+ presence.{name}" in planned and f"presence.{name}" not in there(admin)
    small.ok("tenant", "create", name)
    assert listed(small, name)["state"] == "complete" and topics_of(name) <= there(admin)


@pytest.mark.acceptance("D3")
def test_the_end_of_a_tenant_leaves_all_others_and_their_records(small, admin, name):
    others = [f"{name}-2", f"{name}2", f"{name[:-1]}", f"x-{name}"]
    for tenant in (name, *others):
        small.ok("tenant", "create", tenant)
    kept = set().union(*map(topics_of, others))
    full = [f"{prefix}{tenant}" for tenant in others for prefix in ("chat.messages.", "presence.")]
    for topic in full:
        independent.produce(small.brokers, topic, "kept")
    before = {topic for topic in there(admin) if name[:-1] in topic}  # other tests' come and go
    shown = small.ok("tenant", "delete", name, "--dry-run")
    assert all(f"- {topic}:" in shown for topic in topics_of(name)) and not any(f"- {topic}:" in shown for topic in kept)
    refused = small.run("tenant", "delete", name)
    assert refused.returncode == USAGE and "nothing was deleted; add --yes" in refused.stderr
    assert before <= there(admin)
    small.ok("tenant", "delete", name, "--yes")
    assert before - there(admin) == topics_of(name)
    for topic in full:
        with contextlib.closing(independent.reader(small.brokers, topic)) as reader:
            assert [record.value() for record in independent.read(reader, 1)] == [b"kept"]
    again = small.run("tenant", "delete", name, "--yes")
    assert again.returncode == 1 and f"there is no tenant {name}" in again.stderr
    assert small.run("tenant", "topics", name).returncode == 1 and listed(small, name) is None
    written = small.ok("changes", "--kind", "topic", "-o", "json")
    assert f"- chat.events.{name}: delete it with all its records" in written


def typed(pouch, words, answer):
    """The exit code of a command whose terminal says answer, and what it says itself."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(pouch.command(*words), stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=pouch.env) as program:
        os.write(ours, f"{answer}\n".encode())
        said = program.communicate(timeout=PATIENCE)[0].decode()
    os.close(ours)
    os.close(theirs)
    return program.returncode, said


@pytest.mark.acceptance("D3")
def test_a_person_types_the_name_of_the_tenant_that_goes(small, admin, name):
    small.ok("tenant", "create", name)
    for answer in ("y", "yes", name[:-1], name + "x", name.upper(), ""):
        code, said = typed(small, ["tenant", "delete", name], answer)
        assert code == 1 and "nothing was deleted" in said and f"type {name}" in said
        assert topics_of(name) <= there(admin)
    code, said = typed(small, ["tenant", "delete", name], name)
    assert code == 0, said
    assert not topics_of(name) & there(admin)


@pytest.mark.acceptance("D3", "D2")
@pytest.mark.parametrize("command", ["create", "delete", "topics"])
@pytest.mark.parametrize("hostile", ["", "a.b", "*", "{tenant}", "a" * 65, "internal.dlq"])
def test_a_name_that_is_no_tenants_goes_no_further_than_the_command_line(tmp_path, command, hostile):
    nowhere = Pouch("127.0.0.1:1", tmp_path)
    done = nowhere.run("tenant", command, *(["--yes"] if command == "delete" else []), "--", hostile)
    assert done.returncode == USAGE and "1 to 64 characters of a-z, 0-9 and '-'" in done.stderr


@pytest.mark.acceptance("D2")
def test_topics_of_a_tenant_that_there_is_not_are_found(small, admin, name):
    left = [f"chat.events.{name}", f"analytics.{name}"]
    for future in admin.create_topics([NewTopic(topic, 1, 1) for topic in left]).values():
        future.result(PATIENCE)
    row = wait_until(lambda: (row := listed(small, name)) and len(row["topics"]) == len(left) and row, "the orphan topics")
    assert row["state"] == "orphan" and set(row["topics"].values()) == set(left) and len(row["missing"]) == 3
    told = small.run("tenant", "list")
    assert "have topics without being tenants" in told.stderr
    small.ok("tenant", "delete", name, "--yes")
    assert not set(left) & there(admin)


@pytest.mark.acceptance("D2", "D3")
def test_where_the_catalogue_lists_tenants_no_other_is_begun(pouch, admin, name, tmp_path):
    path = tmp_path / "listed.yaml"
    path.write_text(f"tenants: [{name}]\ndefaults: {{partitions: 1, replication: 1}}\ntopics:\n  chat.events.{{tenant}}: {{}}\n  {name}.all: {{}}\n")
    pouch.env["POUCH_TOPIC_CATALOG"] = str(path)
    refused = pouch.run("tenant", "create", f"{name}-2")
    assert refused.returncode == CONFIG and "is none of them" in refused.stderr
    pouch.ok("tenant", "create", name)
    row = listed(pouch, name)
    assert row["listed"] and row["state"] == "complete" and f"{name}.all" not in there(admin)
    done = pouch.run("tenant", "delete", name, "--yes")
    assert done.returncode == 0 and "take it out of tenants:" in done.stderr

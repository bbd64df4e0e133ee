"""The topics of examples/order-chain, as a client that is not ours sees them."""

import os
import subprocess

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource
from conftest import POUCH, ROOT, wait_until

NAMES = {"command-center-inbox", "service-1-topic", "service-1a-topic", "service-1b-topic", "service-1c-topic", "service-2-topic"}


@pytest.fixture
def admin(pouch):
    """A broker without the topics, whose names are fixed; other tests use them too."""
    admin = AdminClient({"bootstrap.servers": pouch.brokers})

    def gone():
        there = NAMES & set(admin.list_topics(timeout=60).topics)
        if there:
            pouch.run("topic", "delete", *sorted(there), "--yes")
        return not there

    wait_until(gone, "the topics being deleted")
    yield admin
    wait_until(gone, "the topics being deleted")


def create(pouch, *flags):
    command = [ROOT / "examples" / "order-chain" / "create-topics", *flags]
    return subprocess.run(command, env=dict(pouch.env, POUCH=str(POUCH)), capture_output=True, text=True, timeout=120)


def as_made(admin):
    """Name -> partitions, copies of each, how long records are kept."""
    topics = admin.list_topics(timeout=60).topics
    resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in sorted(NAMES & set(topics))]
    configs = {resource.name: future.result(60) for resource, future in admin.describe_configs(resources).items()} if resources else {}
    return {name: (len(topics[name].partitions), {len(part.replicas) for part in topics[name].partitions.values()},
                   config["retention.ms"].value) for name, config in configs.items()}


@pytest.mark.acceptance("B25")
def test_the_topics_of_the_chain_are_made_by_one_command(pouch, admin):
    done = create(pouch)
    assert done.returncode == 0, done.stderr
    assert as_made(admin) == {name: (3, {1}, "604800000") for name in NAMES}


@pytest.mark.acceptance("B25")
def test_topics_of_the_chain_that_are_there_stay_as_they_are(pouch, admin):
    pouch.ok("topic", "create", "service-1-topic", "--partitions", "2")
    kept = as_made(admin)["service-1-topic"]
    for _ in range(2):
        done = create(pouch)
        assert done.returncode == 0, done.stderr
        assert "topic service-1-topic exists already" in done.stderr
    assert as_made(admin) == {name: (3, {1}, "604800000") for name in NAMES} | {"service-1-topic": kept}


def test_a_broker_that_is_not_there_is_told(pouch):
    done = create(pouch, "--brokers", "127.0.0.1:1")
    assert done.returncode == os.EX_UNAVAILABLE and "127.0.0.1:1" in done.stderr

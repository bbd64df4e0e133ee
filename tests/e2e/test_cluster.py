"""lib/cluster on a real Kafka: the mock cluster has no admin requests."""

import itertools
import json
import random
import subprocess
import threading
import uuid

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ConfigSource
from conftest import BUILD, wait_until


@pytest.mark.acceptance("D4", "D5")
def test_topics_are_made_described_counted_and_deleted(pouch):
    topic = f"t-{uuid.uuid4().hex}"
    done = subprocess.run([BUILD / "e2e_cluster_calls", pouch.brokers, topic], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["right"]


@pytest.mark.acceptance("D5")
def test_many_topics_are_made_grown_read_and_deleted_at_once(pouch):
    done = subprocess.run([BUILD / "e2e_topics_calls", pouch.brokers, f"many-{uuid.uuid4().hex[:8]}"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


class Changer:
    """The program that changes configs of a topic, a line at a time."""

    def __init__(self, pouch, topic):
        self.process = subprocess.Popen([BUILD / "e2e_configs_change", pouch.brokers, topic], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def change(self, **values):
        print(*(f"{name}={value}" for name, value in values.items()), file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def stop(self):
        self.process.stdin.close()
        return self.process.wait(60)


class Configs:
    """The overrides of a topic, as another client reads and writes them, one at a time."""

    def __init__(self, pouch, topic):
        self.admin, self.topic = AdminClient({"bootstrap.servers": pouch.brokers}), topic

    def read(self):
        resource = ConfigResource(ConfigResource.Type.TOPIC, self.topic)
        entries = self.admin.describe_configs([resource])[resource].result()
        return {name: entry.value for name, entry in entries.items() if entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value}

    def set(self, name, value):
        resource = ConfigResource(ConfigResource.Type.TOPIC, self.topic, incremental_configs=[
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)])
        self.admin.incremental_alter_configs([resource])[resource].result()


@pytest.fixture
def configs(pouch):
    """A topic with overrides of its own, who changes them, and who looks."""
    topic = pouch.topic(partitions=1)
    changer, looker = Changer(pouch, topic), Configs(pouch, topic)
    yield changer, looker
    assert changer.stop() == 0


@pytest.mark.acceptance("D5")
def test_a_change_of_configs_never_loses_another(configs):
    changer, looker = configs
    values = {"retention.ms": ["1000000", "-1"], "cleanup.policy": ["delete", "compact", "compact,delete"], "compression.type": ["zstd", "producer"],
              "max.message.bytes": ["1000", "2000000"], "min.cleanable.dirty.ratio": ["0.25", "0.75"], "preallocate": ["true", "false"],
              "message.timestamp.type": ["LogAppendTime", "CreateTime"], "segment.bytes": ["1048576", "1073741824"]}
    seed = random.randrange(2**32)
    print("seed", seed)  # of a failure
    rng = random.Random(seed)
    expected = {}
    for _ in range(40):
        if rng.random() < 0.3:  # somebody else's, which stays
            name = rng.choice([*values])
            expected[name] = rng.choice(values[name])
            looker.set(name, expected[name])
            wait_until(lambda: looker.read() == expected, "the change of another client")
        changes = {name: rng.choice([*values[name], ""]) for name in rng.sample([*values], rng.randint(1, 4))}
        before = dict(expected)
        expected.update(changes)
        expected = {name: value for name, value in expected.items() if value}
        assert changer.change(**changes) == ("same" if expected == before else "changed"), (before, changes)
        assert looker.read() == expected


@pytest.mark.acceptance("D5")
def test_a_change_at_the_same_time_is_told_with_what_differs(configs):
    changer, looker = configs
    stop = threading.Event()

    def race():
        for n in itertools.count():
            if stop.is_set():
                return
            looker.set("max.message.bytes", str(100000 + n))

    racer = threading.Thread(target=race)
    racer.start()
    try:
        said = wait_until(lambda: next((said for n in range(20) for said in [changer.change(**{"retention.ms": str(1000000 + n)})] if said.startswith("exists ")), None),
                          "a change that another one crossed")
    finally:
        stop.set()
        racer.join()
    assert looker.topic in said and "somebody else" in said and "max.message.bytes" in said


@pytest.mark.acceptance("D5")
def test_a_config_that_is_refused_changes_nothing(configs):
    changer, looker = configs
    assert changer.change(**{"retention.ms": "5"}) == "changed"
    assert changer.change(**{"retention.ms": "", "no.such.config": "1"}).startswith("config ")
    assert changer.change(**{"retention.ms": "soon"}).startswith("config ")
    assert looker.read() == {"retention.ms": "5"}

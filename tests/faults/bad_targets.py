"""A target that cannot be written to: what becomes of its own records, and what another publisher feels of it.

The center signs in as a user, so that a right can be taken from it; the load, the worker and whoever looks
at the results come in clear text and may do everything.
"""

import time
import uuid
from collections import Counter

import independent
import kills
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from conftest import Pouch, stack, wait_until
from load import Load, letters_of

DEAD_BROKER = 2  # for the target without a leader; the others keep all that is not its


class Scene:
    """An inbox with a route for `good`, one for `bad` and one for `other`, on three brokers."""

    def __init__(self, pouch, kafka):
        self.pouch, self.kafka = pouch, kafka
        self.admin = AdminClient({"bootstrap.servers": pouch.brokers})
        sasl = {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "ssl.ca.location": kafka["KAFKA_SSL_CA"],
                "sasl.username": kafka["KAFKA_SASL_USERNAME"], "sasl.password": kafka["KAFKA_SASL_PASSWORD"]}
        self.sasl = sasl
        flags = [word for name, value in sasl.items() for word in ("-X", f"{name}={value}")]
        self.user = Pouch(kafka["KAFKA_SASL_SSL_BROKERS"], pouch.folder, flags, pouch.key)
        self.center = None
        mark = f"{id(self):x}-{time.time_ns() // 1000000:x}"
        self.inbox, self.good, self.other, self.bad = (f"{name}-{mark}" for name in ("inbox", "good", "other", "bad"))
        self.replies = f"{mark}.replies"

    def topic(self, name, *brokers):
        """One partition, with a replica on each of these brokers; readable and writable as long as one of them lives."""
        new = NewTopic(name, 1, replica_assignment=[list(brokers)], config={"min.insync.replicas": "1"})
        self.admin.create_topics([new])[name].result(60)

    def set_up(self, spoil):
        """All that must go on while a broker is down is made while it is not."""
        missing = {"internal.dlq"} - set(self.admin.list_topics(timeout=30).topics)
        for name in (self.inbox, self.good, self.other, self.replies, *missing):
            self.topic(name, 1, 3)
        for program in (self.pouch, self.user):
            program.env.update(POUCH_STORE=f"sqlite://{self.pouch.folder / self.inbox}", POUCH_CENTER_INBOX=self.inbox)
        for publisher in ("good", "other", "bad"):
            self.pouch.ok("route", "add", publisher, getattr(self, publisher))
        self.pouch.start("bench", "worker", self.good, self.other, name="worker")
        self.pouch.ok("request", self.good, stdin="1")
        spoil(self)
        return self

    def start_center(self, number=0):
        self.center = self.user.start("center", "--start", "earliest", name=f"center-{number}").wait_for("routing")

    def stop(self):
        self.user.stop_all()
        self.pouch.stop_all()

    def stack(self, verb, *servers):
        stack(self.kafka["stack"], verb, *servers)

    def rights(self, operation, permission):
        return AclBinding(ResourceType.TOPIC, self.bad, ResourcePatternType.LITERAL, f"User:{self.kafka['KAFKA_SASL_USERNAME']}", "*",
                          operation, permission)

    def set_rights(self, *bindings):
        for result in self.admin.create_acls(list(bindings)).values():
            result.result(60)
        wait_until(self.is_refused_everywhere, "all brokers knowing that the center may not write")

    def is_refused_everywhere(self):
        """Each broker hears of a right by itself, and until then takes what the center writes."""
        brokers = self.kafka["KAFKA_SASL_SSL_BROKERS"].split(",")
        return not any(may_write(self.sasl, broker, self.bad) or takes(self.sasl, broker, self.bad) for broker in brokers)

    def leader(self):
        """-1: there is none; None: the broker that was asked has not heard of the topic yet."""
        partitions = self.admin.list_topics(self.bad, timeout=30).topics[self.bad].partitions
        return partitions[0].leader if partitions else None


def may_write(sasl, broker, topic):
    """Whether that broker lets who signs in with these settings write to the topic."""
    user = AdminClient({**sasl, "bootstrap.servers": broker})
    try:
        said = user.describe_topics(TopicCollection([topic]), include_authorized_operations=True)[topic].result(30)
    except KafkaException as e:
        return e.args[0].code() != KafkaError.TOPIC_AUTHORIZATION_FAILED
    return AclOperation.WRITE in said.authorized_operations


def takes(sasl, broker, topic):
    """Whether a record of who signs in so is taken: what brokers say of rights need not be what the leader knows."""
    errors = []
    producer = independent.producer(broker, **sasl)
    producer.produce(topic, b"a try", key=b"a try", on_delivery=lambda error, _: errors.append(error))
    producer.flush(60)
    return not errors or not errors[0] or errors[0].code() != KafkaError.TOPIC_AUTHORIZATION_FAILED


def unknown(_scene):
    """There is no such topic."""


def hidden(scene):
    """The center may not even know that there is such a topic."""
    scene.topic(scene.bad, 1, 3)
    scene.set_rights(scene.rights(AclOperation.ALL, AclPermissionType.DENY))


def unauthorised(scene):
    """The center may see the topic and not write to it."""
    scene.topic(scene.bad, 1, 3)
    scene.set_rights(scene.rights(AclOperation.DESCRIBE, AclPermissionType.ALLOW), scene.rights(AclOperation.WRITE, AclPermissionType.DENY))


def leaderless(scene):
    """The only broker that has the topic is down."""
    scene.topic(scene.bad, DEAD_BROKER)
    scene.stack("kill", f"kafka.{DEAD_BROKER}")
    wait_until(lambda: scene.leader() == -1, "the target without its leader")


def mend_unknown(scene):
    scene.topic(scene.bad, 1, 3)


def mend_rights(scene):
    everything = AclBindingFilter(ResourceType.TOPIC, scene.bad, ResourcePatternType.LITERAL, None, None, AclOperation.ANY, AclPermissionType.ANY)
    for result in scene.admin.delete_acls([everything]).values():
        result.result(60)


def mend_leader(scene):
    scene.stack("start", f"kafka.{DEAD_BROKER}")
    wait_until(lambda: scene.leader() not in (None, -1), "the target with a leader again")


# How a target is spoiled, how that is mended, and what requesters are told meanwhile.
KINDS = {
    "unknown": (unknown, mend_unknown, "target_refused"),
    "hidden": (hidden, mend_rights, "target_refused"),
    "unauthorised": (unauthorised, mend_rights, "target_refused"),
    "leaderless": (leaderless, mend_leader, "overloaded"),
}


def run_load(scene, rate, publishers, seconds):
    load = Load(scene.pouch.brokers, scene.pouch.key, scene.inbox, scene.replies, rate, publishers).start()
    kills.wait_for_first_reply(load)
    time.sleep(seconds)
    return load, load.stop()


def ends(scene, load, result):
    """What became of a load's records: answers and dead letters of `bad`, by code; what went wrong with any of them."""
    bad = [request_id for request_id in load.accepted if load.sent_at[request_id][0] == "bad"]
    letters = letters_when_all(scene, bad)
    return {
        "bad": len(bad),
        "answered": dict(Counter(load.codes.get(request_id, "nothing") for request_id in bad)),
        "letters": dict(Counter(code for request_id in bad for code in letters.get(request_id, ["none"]))),
        "others_refused": sum(request_id in load.codes for request_id in load.accepted.difference(bad)),
        "lost": result["lost"],
        "wrong": result["wrong"],
        "answered_twice": result["duplicates"],
    }


def letters_when_all(scene, ids):
    """The dead letters of the inbox, once each of these has one: its requester may be told before it is stored."""
    def look():
        letters = letters_of(scene.pouch.brokers, scene.inbox)
        return [letters] if letters.keys() >= set(ids) else None

    return wait_until(look, "a dead letter for each")[0]


def is_taken(scene):
    """Whether one more request of `bad` reaches its target."""
    request_id = str(uuid.uuid4())
    value = independent.seal(scene.pouch.key, "1", 16, request_id, worker_name="bad", replyTopic=scene.replies)
    independent.produce(scene.pouch.brokers, scene.inbox, value, key=request_id)

    def is_in_target():
        return scene.bad in scene.admin.list_topics(timeout=30).topics and any(
            record.key().decode() == request_id for record in independent.read_all(scene.pouch.brokers, scene.bad))

    wait_until(lambda: is_in_target() or request_id in letters_of(scene.pouch.brokers, scene.inbox), "the request's end")
    return is_in_target()


def percentiles(load):
    took = sorted(load.took["good"])
    return {"p50_ms": round(1000 * took[len(took) // 2], 2), "p99_ms": round(1000 * took[len(took) * 99 // 100], 2)}


def medians(rounds):
    return {name: sorted(one[name] for one in rounds)[len(rounds) // 2] for name in rounds[0]}


def ratio(rounds, others):
    """How much longer the slowest percent took than in the round next to it: the median, which a busy moment does not move."""
    return round(sorted(one["p99_ms"] / other["p99_ms"] for one, other in zip(rounds, others))[len(rounds) // 2], 2)


def total(counts):
    """Sums numbers, and tables of numbers by name."""
    if isinstance(counts[0], dict):
        return dict(sum((Counter(one) for one in counts), Counter()))
    return sum(counts)


def measure(scene, rate, rounds, seconds):
    """`good` asks at a rate: alone, with another publisher that asks as often, and with `bad` in its place; in turns.
    Each time by a center that has just started, so that it has yet to learn what its targets are like."""
    mixes = {"alone": ["good"], "beside_other": ["good", "other"], "beside_bad": ["good", "bad"]}
    felt, became = {name: [] for name in mixes}, []
    for number in range(rounds * len(mixes)):
        name = list(mixes)[number % len(mixes)]
        scene.start_center(number)
        load, result = run_load(scene, rate * len(mixes[name]), mixes[name], seconds)
        assert result["lost"] == 0, result
        felt[name].append(percentiles(load))
        if name == "beside_bad":
            became.append(ends(scene, load, result))
        assert scene.center.stop(60) == 0
    return dict({name: medians(each) for name, each in felt.items()}, p99_bad_by_other=ratio(felt["beside_bad"], felt["beside_other"]),
                ends={name: total([one[name] for one in became]) for name in became[0]})

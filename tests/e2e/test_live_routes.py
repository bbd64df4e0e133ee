"""Routes changed by command while centers run, and centers that start when something is missing."""

import json
import uuid

import independent
import pytest
from confluent_kafka.admin import AdminClient
from conftest import wait_until

PARTITIONS = 3


class Estate:
    """An inbox with centers on it, and a worker at the end of the routes. Requests go to each partition of the inbox."""

    def __init__(self, pouch):
        tag = uuid.uuid4().hex[:8]
        self.pouch, self.group = pouch, f"centers-{tag}"
        self.store = pouch.folder / "store"
        self.inbox, self.target = pouch.topic(f"inbox-{tag}", PARTITIONS), pouch.topic(f"target-{tag}", 1)
        self.replies = pouch.topic(f"r-{tag}.replies", 1)
        pouch.env |= {"POUCH_STORE": f"sqlite://{self.store}", "POUCH_CENTER_INBOX": self.inbox,
                      "POUCH_CENTER_ROUTES_TOPIC": f"routes-{tag}", "POUCH_GROUP": self.group}
        pouch.worker(self.target, "--exec", "cat", "--start", "earliest", env={"POUCH_GROUP": f"workers-{tag}"})
        self.reader = independent.reader(pouch.brokers, self.replies)

    def start_centers(self, n=1):
        centers = [self.pouch.start("center", "--start", "earliest", name=f"center-{uuid.uuid4().hex[:6]}") for _ in range(n)]
        for center in centers:
            center.wait_for("routing")
        return centers

    def shares(self):
        """How many partitions of the inbox each member of the group has."""
        admin = AdminClient({"bootstrap.servers": self.pouch.brokers})
        group = admin.describe_consumer_groups([self.group])[self.group].result(30)
        return sorted(len(member.assignment.topic_partitions) for member in group.members)

    def ask(self, publisher):
        """One request a partition; "ok" or the error's code for each."""
        waiting = set()
        for partition in range(PARTITIONS):
            request_id = str(uuid.uuid4())
            value = independent.seal(self.pouch.key, '"hello"', 16, request_id, worker_name=publisher, replyTopic=self.replies)
            independent.produce(self.pouch.brokers, self.inbox, value, key=request_id, partition=partition)
            waiting.add(request_id)
        answers = []
        while waiting:
            [record] = independent.read(self.reader, 1)
            answer = json.loads(record.value())
            if answer["request_id"] in waiting:
                waiting.remove(answer["request_id"])
                answers.append(answer["error"]["code"] if "error" in answer else "ok")
        return answers

    def becomes(self, publisher, answer):
        wait_until(lambda: self.ask(publisher) == PARTITIONS * [answer], f"{answer} from every center")

    def route(self, *words):
        self.pouch.ok("route", *words)


@pytest.fixture
def estate(pouch):
    e = Estate(pouch)
    yield e
    e.reader.close()


@pytest.mark.acceptance("B10")
def test_a_route_that_is_changed_is_in_force_on_every_center(estate):
    estate.start_centers(PARTITIONS)
    wait_until(lambda: estate.shares() == PARTITIONS * [1], "a partition for each center")
    estate.becomes("orders", "no_route")
    for words, answer in ((["add", "orders", estate.target], "ok"), (["disable", "orders"], "route_disabled"),
                          (["enable", "orders"], "ok"), (["add", "orders", f"gone-{estate.inbox}", "--replace"], "target_refused"),
                          (["add", "orders", estate.target, "--replace"], "ok"), (["remove", "orders"], "no_route")):
        estate.route(*words)
        estate.becomes("orders", answer)


@pytest.mark.acceptance("B11")
def test_a_restart_enables_nothing_and_misses_no_service(estate):
    estate.route("add", "orders", estate.target, "--service", "never-registered")
    estate.route("add", "idle", estate.target)
    estate.route("disable", "idle")
    for _ in range(2):
        [center] = estate.start_centers()
        assert estate.ask("orders") == PARTITIONS * ["ok"]
        assert estate.ask("idle") == PARTITIONS * ["route_disabled"]
        assert center.stop() == 0


@pytest.mark.acceptance("B11")
def test_a_center_starts_with_the_routes_that_were_kept_when_the_store_cannot_be_read(estate):
    estate.route("add", "orders", estate.target)
    estate.route("add", "idle", estate.target)
    estate.route("disable", "idle")
    [center] = estate.start_centers()
    wait_until((estate.store / "routes.jsonl").exists, "the kept routes")
    assert (estate.store / "routes.jsonl").stat().st_mode & 0o777 == 0o600
    assert center.stop() == 0

    good = estate.store / "registry.db"
    good.rename(estate.pouch.folder / "away")
    good.write_text("no database, and a little longer than nothing")
    [center] = estate.start_centers()
    assert "routing by the routes that were kept" in center.stderr()
    assert estate.ask("orders") == PARTITIONS * ["ok"]
    assert estate.ask("idle") == PARTITIONS * ["route_disabled"]

    (estate.pouch.folder / "away").rename(good)
    estate.route("enable", "idle")
    estate.becomes("idle", "ok")

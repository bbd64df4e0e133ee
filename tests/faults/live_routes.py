"""Routes that change while centers run: every center of a group is asked, through a partition of the inbox of its own."""

import json
import sqlite3
import statistics
import sys
import time
import uuid
from pathlib import Path

from confluent_kafka.admin import AdminClient

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "support")]
import independent  # noqa: E402
from conftest import wait_until  # noqa: E402

PARTITIONS = 3


class Estate:
    """An inbox with centers on it, and a worker at the end of the routes. Requests go to each partition of the inbox."""

    def __init__(self, pouch, store_url):
        tag = uuid.uuid4().hex[:8]
        self.pouch, self.group, self.store_url = pouch, f"centers-{tag}", store_url
        self.inbox, self.target = pouch.topic(f"inbox-{tag}", PARTITIONS), pouch.topic(f"target-{tag}", 1)
        self.replies = pouch.topic(f"r-{tag}.replies", 1)
        pouch.env |= {"POUCH_STORE": store_url, "POUCH_CENTER_INBOX": self.inbox,
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

    def start_a_center_a_partition(self):
        centers = self.start_centers(PARTITIONS)
        wait_until(lambda: self.shares() == PARTITIONS * [1], "a partition for each center")
        return centers

    def becomes(self, publisher, answer):
        """Asks until every center gives that answer; when the first round of such requests was sent."""
        def look():
            sent_at = time.monotonic()
            return self.ask(publisher) == PARTITIONS * [answer] and sent_at

        return wait_until(look, f"{answer} from every center")

    def close(self):
        self.reader.close()

    def route(self, *words, env=None):
        """The command, and when it had ended."""
        self.pouch.ok("route", *words, env=env)
        return time.monotonic()


def figures(seconds):
    return {"changes": len(seconds), "median_s": round(statistics.median(seconds), 3), "most_s": round(max(seconds), 3)}


def announced(estate, changes):
    """How long after a command has ended all centers go by it."""
    estate.route("add", "orders", estate.target)
    estate.becomes("orders", "ok")
    seconds = []
    for i in range(changes):
        verb, answer = (("disable", "route_disabled"), ("enable", "ok"))[i % 2]
        changed_at = estate.route(verb, "orders")
        seconds.append(max(0.0, estate.becomes("orders", answer) - changed_at))
    return figures(seconds)


def unannounced(estate, changes):
    """The same for what is announced where no center listens, after announced()."""
    estate.route("enable", "orders")
    estate.becomes("orders", "ok")
    seconds = []
    for i in range(changes):
        verb, answer = (("disable", "route_disabled"), ("enable", "ok"))[i % 2]
        changed_at = estate.route(verb, "orders", env={"POUCH_CENTER_ROUTES_TOPIC": f"elsewhere-{estate.group}"})
        seconds.append(estate.becomes("orders", answer) - changed_at)
    return figures(seconds)


def written_by_others(estate):
    """The same for what another program has written to the store, after announced()."""
    estate.route("enable", "orders")
    estate.becomes("orders", "ok")
    db = sqlite3.connect(f"{estate.store_url.removeprefix('sqlite://')}/registry.db", timeout=30)
    with db:
        db.execute("UPDATE route SET enabled = 0 WHERE publisher = 'orders'")
    db.close()
    changed_at = time.monotonic()
    return figures([estate.becomes("orders", "route_disabled") - changed_at])

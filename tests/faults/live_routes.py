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
from conftest import PATIENCE, wait_until  # noqa: E402

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

    def send(self, publisher):
        """One request a partition; their ids."""
        sent = set()
        for partition in range(PARTITIONS):
            request_id = str(uuid.uuid4())
            value = independent.seal(self.pouch.key, '"hello"', 16, request_id, worker_name=publisher, replyTopic=self.replies)
            independent.produce(self.pouch.brokers, self.inbox, value, key=request_id, partition=partition)
            sent.add(request_id)
        return sent

    def answers(self, sent):
        """"ok" or the error's code for each."""
        waiting, answers = set(sent), []
        while waiting:
            [record] = independent.read(self.reader, 1)
            answer = json.loads(record.value())
            if answer["request_id"] in waiting:
                waiting.remove(answer["request_id"])
                answers.append(answer["error"]["code"] if "error" in answer else "ok")
        return answers

    def ask(self, publisher):
        return self.answers(self.send(publisher))

    def start_a_center_a_partition(self):
        centers = self.start_centers(PARTITIONS)
        wait_until(lambda: self.shares() == PARTITIONS * [1], "a partition for each center")
        return centers

    def becomes(self, publisher, answer):
        """Asks until every center gives that answer; when the first round of such requests was sent."""
        def look():
            sent_at = time.monotonic()
            return self.ask(publisher) == PARTITIONS * [answer] and sent_at

        return wait_until(look, f"{answer} from every center", 3 * PATIENCE)

    def close(self):
        self.reader.close()

    def route(self, *words, env=None):
        """The command; when it began and when it had ended."""
        began_at = time.monotonic()
        self.pouch.ok("route", *words, env=env)
        return began_at, time.monotonic()


def figures(changes):
    """Of changes (began, ended, in force): an answer by the new route may come before the command has ended."""
    since_end = [max(0.0, in_force - ended) for _, ended, in_force in changes]
    since_start = [in_force - began for began, _, in_force in changes]
    return {"changes": len(changes), "median_s": round(statistics.median(since_end), 3), "most_s": round(max(since_end), 3),
            "most_since_start_s": round(max(since_start), 3)}


def turn_by_turn(estate, changes, env=None):
    """Disables and enables; how long until every center goes by it."""
    estate.becomes("orders", "ok")
    seen = []
    for i in range(changes):
        verb, answer = (("disable", "route_disabled"), ("enable", "ok"))[i % 2]
        seen.append((*estate.route(verb, "orders", env=env), estate.becomes("orders", answer)))
    estate.route("enable", "orders")
    return figures(seen)


def announced(estate, changes):
    estate.route("add", "orders", estate.target)
    return turn_by_turn(estate, changes)


def unannounced(estate, changes):
    """What is announced where no center listens. The route is there."""
    return turn_by_turn(estate, changes, env={"POUCH_CENTER_ROUTES_TOPIC": f"elsewhere-{estate.group}"})


def disable_in_sqlite(store_url, publisher):
    db = sqlite3.connect(f"{store_url.removeprefix('sqlite://')}/registry.db", timeout=30)
    with db:
        db.execute("UPDATE route SET enabled = 0 WHERE publisher = ?", [publisher])
    db.close()


def written_by_others(estate, disable=disable_in_sqlite):
    """What another program has written to the store, by disable(store_url, publisher). The route is there."""
    estate.becomes("orders", "ok")
    began_at = time.monotonic()
    disable(estate.store_url, "orders")
    return figures([(began_at, time.monotonic(), estate.becomes("orders", "route_disabled"))])

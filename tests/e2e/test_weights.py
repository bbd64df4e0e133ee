"""Routes of which one target is taken by weight, changed while centers run."""

import json
import uuid

import independent
import pytest
from conftest import wait_until

IDS, ROUNDS = 200, ({"stock": 90, "next": 10}, {"stock": 50, "next": 50}, {"stock": 100, "next": 0})


def picked(publisher, request_id, weights):
    """The target that decision 44 says, worked out without the library."""
    h, most = 0xCBF29CE484222325, (1 << 64) - 1
    for byte in publisher.encode() + request_id.bytes:
        h = ((h ^ byte) * 0x100000001B3) & most
    h = ((h ^ (h >> 30)) * 0xBF58476D1CE4E5B9) & most
    h = ((h ^ (h >> 27)) * 0x94D049BB133111EB) & most
    place = (((h ^ (h >> 31)) >> 32) * sum(weights.values())) >> 32
    for target, weight in weights.items():
        if place < weight:
            return target
        place -= weight
    raise AssertionError("there is no such place")


class Estate:
    """Two centers on one inbox, and the topics of two versions of a service."""

    def __init__(self, pouch, store_url):
        self.pouch = pouch
        tag = uuid.uuid4().hex[:8]
        self.inbox = pouch.topic(f"inbox-{tag}", 3)
        self.topics = {name: pouch.topic(f"{name}-{tag}", 1) for name in ("stock", "next")}
        pouch.env |= {"POUCH_STORE": store_url, "POUCH_CENTER_INBOX": self.inbox, "POUCH_CENTER_ROUTES_TOPIC": f"routes-{tag}",
                      "POUCH_GROUP": f"centers-{tag}"}
        self.readers = {name: independent.reader(pouch.brokers, topic) for name, topic in self.topics.items()}
        self.centers = []

    def start_centers(self):
        self.centers = [self.pouch.start("center", "--start", "earliest", name=f"center-{n}") for n in range(2)]
        for center in self.centers:
            center.wait_for("routing")

    def weigh(self, weights, *words):
        """Gives the route its weights, and waits until every center goes by them; their topics with the weights."""
        flags = [word for name, weight in weights.items() for word in ("--weight", f"{self.topics[name]}={weight}")]
        route = json.loads(self.pouch.ok("route", "add", "orders", *self.topics.values(), *flags, *words, "-o", "json"))
        assert route["weights"] == {self.topics[name]: weight for name, weight in weights.items()}
        for center in self.centers:
            wait_until(lambda center=center: f'"routes in force","version":"{route["version"]}"' in center.stderr(), "the new weights")
        return {self.topics[name]: weight for name, weight in weights.items()}

    def send(self, ids):
        producer = independent.producer(self.pouch.brokers)
        for request_id in ids:
            value = independent.seal(self.pouch.key, "1", 16, str(request_id), worker_name="orders")
            producer.produce(self.inbox, value=value, key=str(request_id))
        assert producer.flush(60) == 0

    def take(self, counts):
        """The next so many records of each topic: {request id: topic}."""
        found = {}
        for name, reader in self.readers.items():
            for record in independent.read(reader, counts[self.topics[name]]):
                assert "pouch-fanout" not in independent.headers(record)
                found[record.key().decode()] = record.topic()
        return found

    def target_in_trace(self, request_id):
        rows = json.loads(self.pouch.run("trace", request_id, "-o", "json").stdout or '{"rows": []}')["rows"]
        return [row["target"] for row in rows if row["by"] == "center"]

    def close(self):
        for reader in self.readers.values():
            reader.close()


@pytest.fixture
def estate(pouch, sqlite_url):
    e = Estate(pouch, sqlite_url)
    yield e
    e.close()


@pytest.mark.acceptance("B29")
def test_a_canary_gets_its_share_and_another_one_when_that_is_changed_live(estate):
    estate.weigh(ROUNDS[0])
    estate.start_centers()
    for n, weights in enumerate(ROUNDS):
        by_topic = estate.weigh(weights, "--replace")
        ids = [uuid.uuid5(uuid.NAMESPACE_OID, f"{n}/{i}") for i in range(IDS)]
        due = {str(request_id): picked("orders", request_id, by_topic) for request_id in ids}
        counts = {topic: list(due.values()).count(topic) for topic in by_topic}
        assert abs(counts[estate.topics["next"]] - IDS * weights["next"] / 100) < IDS / 10
        estate.send(ids)
        assert estate.take(counts) == due
        estate.send(ids[:20])  # once more, as a producer does that has heard nothing
        again = {str(request_id): due[str(request_id)] for request_id in ids[:20]}
        assert estate.take({topic: list(again.values()).count(topic) for topic in by_topic}) == again
        for request_id, topic in list(due.items())[:3]:
            wait_until(lambda request_id=request_id: len(estate.target_in_trace(request_id)) == 2, "both rows of the request")
            assert estate.target_in_trace(request_id) == [topic, topic]


@pytest.mark.acceptance("B29")
def test_weights_are_applied_listed_kept_and_rolled_back(pouch, sqlite_url, tmp_path):
    pouch.env |= {"POUCH_STORE": sqlite_url, "POUCH_CENTER_ROUTES_TOPIC": f"routes-{uuid.uuid4().hex[:8]}"}
    file = tmp_path / "routes.yaml"

    def apply(text):
        file.write_text(f"routes:\n  orders: {text}\n")
        return pouch.run("route", "apply", "-f", file, "-o", "json")

    def weights():
        return json.loads(pouch.ok("route", "show", "orders", "-o", "json"))["weights"]

    assert apply("{weights: {stock: 90, next: 10}, targets: [stock, next]}").returncode == 0
    assert weights() == {"stock": 90, "next": 10}
    assert "stock=90, next=10" in pouch.ok("route", "list")
    assert apply("{service: shop}").returncode == 0  # what a file does not say stays
    assert weights() == {"stock": 90, "next": 10}
    pouch.ok("route", "add", "orders", "next", "stock", "--replace", "--weight", "next=30")
    assert weights() == {"next": 30, "stock": 90}
    refused = pouch.run("route", "add", "orders", "stock", "third", "--replace")
    assert refused.returncode == 78 and "third has none" in refused.stderr
    refused = apply("{weights: {stock: 1}}")
    assert refused.returncode == 78 and f"{file}:2: weights of orders" in refused.stderr
    pouch.ok("route", "rollback", "orders")
    assert weights() == {"stock": 90, "next": 10}
    assert apply("{weights: }").returncode == 0
    assert weights() is None
    changes = json.loads(pouch.ok("route", "history", "orders", "-o", "json"))
    assert changes[-1]["before"]["weights"] == {"stock": 90, "next": 10} and "weights" not in changes[-1]["after"]
    assert "weights {" in pouch.ok("route", "history", "orders")

    pouch.ok("route", "rollback", "orders")
    other = {"POUCH_STORE": f"sqlite://{tmp_path}/other"}
    done = pouch.run("route", "import", sqlite_url, env=other)
    assert done.returncode == 0, done.stderr
    assert json.loads(pouch.run("route", "list", "-o", "json", env=other).stdout)[0]["weights"] == {"stock": 90, "next": 10}


@pytest.mark.parametrize(("words", "why"), [
    (["a", "b", "--weight", "a=1"], "b has none"), (["a", "b", "--weight", "a"], "as in stock=90"), (["a", "b", "--weight", "a=-1", "--weight", "b=1"], "as in stock=90"),
    (["a", "b", "--weight", "a=0", "--weight", "b=0"], "weight 0"), (["a", "b", "--weight", "a=1", "--weight", "c=1"], "c has a weight"),
    (["a", "b", "--weight", "a=1", "--weight", "b=1000001"], "1000000"), (["a", "b", "--weight", "a=1", "--weight", "b=1", "--fan-out"], "one of the two")])
def test_weights_that_make_no_sense_are_misuse(pouch, sqlite_url, words, why):
    done = pouch.run("route", "add", "orders", *words, env={"POUCH_STORE": sqlite_url})
    assert done.returncode == 64 and why in done.stderr

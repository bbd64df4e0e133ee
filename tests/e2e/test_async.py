"""Requests whose answers come later, through several gateways that share a Redis, and what these note there."""

import concurrent.futures
import json
import re
import sys
import urllib.parse
import uuid

import independent
import pytest
import redis
from confluent_kafka.admin import AdminClient
from conftest import PATIENCE, ROOT, Pouch, stack, wait_until
from gateway import Gateway

sys.path.insert(0, str(ROOT / "tests" / "faults"))
from proxy import Proxy  # noqa: E402

GATEWAYS, LARGE = 3, 1000
LATER = {"Prefer": "respond-async"}


@pytest.fixture(scope="module")
def cache():
    """A Redis of our own: what is emptied and killed here is nobody else's."""
    name = f"async-{uuid.uuid4().hex[:8]}"
    url = re.search(r"REDIS_URL=(\S+)", stack(name, "up", "redis")).group(1).strip("'\"")
    try:
        yield name, redis.Redis.from_url(url, decode_responses=True), url
    finally:
        stack(name, "down")


class Scene:
    def __init__(self, pouch, url):
        self.pouch, self.url = pouch, url
        self.echo, self.slow, self.failing, self.silent = (pouch.topic(partitions=1) for _ in range(4))
        for worker in (pouch.worker(self.echo, "--pipe", "cat", "--concurrency", "4"),
                       pouch.worker(self.slow, "--exec", "sleep 0.3; cat", "--concurrency", "32"),
                       pouch.worker(self.failing, "--exec", "echo no such order >&2; exit 1")):
            worker.wait_for("taking requests")  # or fail here: one that finds no broker in time ends
        self.gateways = [self.start(f"gateway-{i}") for i in range(GATEWAYS)]
        self.ask(0, self.echo, {"warm": "up"})
        self.answer(1, self.ask(0, self.echo, {"warm": "up"}))

    def start(self, name):
        # A killed member's partitions are read by the others as soon as the broker lets them be.
        return Gateway(self.pouch, "--redis", self.url, "--client-id", "gate", "-X", "session.timeout.ms=6000", "-X", "heartbeat.interval.ms=1000", name=name, env={"POUCH_GATEWAY_INSTANCE": name}).start()

    def later(self, i, topic, value, key=None, timeout=60000):
        headers = {**LATER, **({"Idempotency-Key": key} if key else {})}
        return self.gateways[i].post(f"/kafka/request/{topic}?timeout={timeout}", {"value": value}, headers=headers)

    def ask(self, i, topic, value, **more):
        said = self.sooner_or_later(self.later, i, topic, value, **more) if "key" in more else self.later(i, topic, value, **more)
        assert said.status_code == 202, said.text
        assert said.headers["preference-applied"] == "respond-async"
        assert said.headers["location"] == f"/v1/requests/{said.json()['requestId']}"
        return said.headers["location"]

    @staticmethod
    def sooner_or_later(call, *words, **more):
        """What is said when it can be known: 503 where Redis has let two seconds pass."""
        return wait_until(lambda: (said := call(*words, **more)).status_code != 503 and said, "another answer than 503")

    def look(self, i, location):
        return self.sooner_or_later(self.gateways[i].get, location)

    def answer(self, i, location):
        """The first answer that is final; what cannot be known yet is asked again."""
        def look():
            said = self.gateways[i].get(location, headers={"Prefer": "wait=5"})
            assert said.status_code in (200, 202, 410, 503), said.text
            return said.status_code in (200, 410) and said

        return wait_until(look, f"an answer at {location}")


@pytest.fixture(scope="module")
def scene(kafka, cache, tmp_path_factory):
    pouch = Pouch(kafka["KAFKA_BROKERS"], tmp_path_factory.mktemp("async"))
    try:
        yield Scene(pouch, cache[2])
    finally:
        pouch.stop_all()


@pytest.mark.acceptance("C23")
def test_any_gateway_has_the_answer_to_what_another_was_asked(scene, cache):
    location = scene.ask(0, scene.slow, {"n": 1})
    pending = scene.look(1, location)
    assert pending.status_code in (200, 202)
    if pending.status_code == 202:
        assert pending.headers["retry-after"] == "1" and pending.json()["status"] == "pending"
    for i in range(GATEWAYS):
        said = scene.answer(i, location).json()
        assert (said["status"], said["success"], said["response"]) == ("done", True, {"n": 1})
        assert said["requestId"] == location.rsplit("/", 1)[1]
    # What Redis has of it nobody can read.
    kept = [cache[1].get(key) for key in cache[1].scan_iter("pouch:async:gate:*") if cache[1].type(key) == "string"]
    assert kept and not any('"n": 1' in text or '"n":1' in text or "local" in text for text in kept)


def test_what_the_worker_fails_with_is_an_answer(scene):
    said = scene.answer(1, scene.ask(0, scene.failing, {"order": 7}))
    body = said.json()
    assert (said.status_code, body["status"], body["success"]) == (200, "failed", False)
    assert body["error"]["code"] == "handler_error" and "no such order" in body["error"]["message"] and body["error"]["sealed"] is True


def test_a_request_that_nobody_answers_is_gone_when_its_time_is_over(scene):
    assert scene.look(2, scene.ask(0, scene.silent, {}, timeout=300000)).status_code == 202
    said = scene.answer(2, scene.ask(0, scene.silent, {}, timeout=1000))
    assert said.status_code == 410 and said.json()["code"] == "gone"
    assert scene.look(0, f"/v1/requests/{uuid.uuid4()}").status_code == 404


def test_one_key_is_one_request_at_all_gateways(scene):
    key = uuid.uuid4().hex
    first = scene.ask(0, scene.echo, {"pay": 5}, key=key)
    assert scene.ask(1, scene.echo, {"pay": 5}, key=key) == first
    other = scene.sooner_or_later(scene.later, 2, scene.echo, {"pay": 6}, key=key)
    assert other.status_code == 422 and other.json()["code"] == "key_reused"
    # Without Prefer the answer is waited for, and is that of the same request.
    said = scene.sooner_or_later(scene.gateways[2].post, f"/kafka/request/{scene.echo}?timeout=60000", {"value": {"pay": 5}}, headers={"Idempotency-Key": key})
    assert said.status_code == 200 and said.json()["response"] == {"pay": 5}
    assert said.headers["x-request-id"] == first.rsplit("/", 1)[1]
    assert scene.later(0, scene.echo, {}, key="a b").status_code == 400


def test_one_key_used_by_many_at_once_is_one_request(scene):
    key = uuid.uuid4().hex
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        def one(n):
            return wait_until(lambda: (said := scene.later(n % GATEWAYS, scene.echo, {"once": 1}, key=key)).status_code == 202 and said, "202")

        said = [*pool.map(one, range(9))]
    assert len({answer.headers["location"] for answer in said}) == 1


@pytest.mark.acceptance("C22")
def test_a_request_under_way_is_noted_in_redis(scene, cache):
    client = cache[1]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        call = pool.submit(scene.gateways[0].post, f"/kafka/request/{scene.silent}?timeout=8000", {"value": {}})
        key, note = wait_until(lambda: next(((key, json.loads(text)) for key in client.scan_iter("kafka:pending-requests:*") if (text := client.get(key))), None),
                               "the note of a request")
        assert set(note) == {"requestId", "timestamp", "podId"}
        assert key == f"kafka:pending-requests:{note['requestId']}" and note["podId"] == "gateway-0" and note["timestamp"] > 1.7e12
        assert 0 < client.ttl(key) <= 300
        assert call.result().status_code == 408
    wait_until(lambda: not client.exists(key), "the note being gone")


@pytest.mark.acceptance("C24")
def test_health_and_metrics_are_kept_in_redis(scene, cache):
    client = cache[1]
    health = wait_until(lambda: client.get("kafka:health"), "kafka:health")
    assert 0 < client.ttl("kafka:health") <= 60
    assert json.loads(health)["healthy"] in (True, False) and {"consumer", "producer", "pendingRequests"} <= set(json.loads(health)["details"])
    key = wait_until(lambda: next(client.scan_iter("kafka:metrics:*"), None), "kafka:metrics:MS")
    assert int(key.rsplit(":", 1)[1]) % 60000 == 0 and 0 < client.ttl(key) <= 3600
    # Of those that there are too many of, the oldest go with the point of the next minute.
    client.zadd("kafka:metrics", {str(n * 60000): n * 60000 for n in range(1, 100)})
    client.delete(key)
    wait_until(lambda: client.zcard("kafka:metrics") <= 60, "the oldest going", 2 * PATIENCE)
    assert client.zscore("kafka:metrics", str(99 * 60000)) and not client.zscore("kafka:metrics", "60000")


@pytest.mark.acceptance("C15")
def test_metrics_of_the_last_hours_are_read_back(scene):
    def points():
        said = scene.gateways[1].get("/kafka/health/metrics?hours=2").json()
        return said["dataPoints"] and said

    said = wait_until(points, "a point")
    assert said["timeRange"] == "2 hours" and said["dataPoints"] == len(said["metrics"])
    point = said["metrics"][0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", point["timestamp"])
    assert set(point["sse"]) == {"totalClients", "clientsByChannel", "averageConnectionDuration"}
    assert {"consumer", "producer", "pendingRequests"} <= set(point["kafka"])
    for bad in ("0", "x", "1000"):
        assert scene.gateways[1].get(f"/kafka/health/metrics?hours={bad}").status_code == 400


@pytest.mark.acceptance("C16")
def test_the_summary_has_trends(scene):
    said = scene.gateways[2].get("/kafka/health/summary").json()
    assert {"healthy", "timestamp", "details"} <= set(said["health"])
    recent = said["recentActivity"]
    assert recent["timeRange"] == "1 hour" and recent["dataPoints"] >= 0
    assert set(recent["trends"]) == {"sseClients", "pendingRequests", "systemStability"}
    assert set(recent["trends"]["sseClients"]) == {"change", "direction"}
    assert recent["trends"]["systemStability"]["status"] in ("excellent", "good", "fair", "poor", "unknown")


@pytest.mark.acceptance("C28")
def test_what_a_worker_cannot_handle_is_a_dead_letter(scene):
    said = scene.gateways[0].post(f"/kafka/send/{scene.failing}", {"value": {"order": 9}})
    assert said.status_code == 201
    request_id = said.headers["x-request-id"]
    wait_until(lambda: request_id in scene.pouch.ok("dlq", "list", "-o", "jsonl"), "the dead letter")


def spoil(client):
    """What others may have left under our names: other types, and garbage."""
    keys = {*client.scan_iter("*"), "kafka:pending-requests", "kafka:metrics", "pouch:gateways", "kafka:health",
            "pouch:async:gate:whole", "pouch:async:gate:reading"}
    with client.pipeline(transaction=True) as change:  # gateways write these keys all the time
        for n, key in enumerate(sorted(keys)):
            change.delete(key)
            change.rpush(key, "garbage") if n % 2 else change.set(key, "\x00garbage{")
        change.execute()


@pytest.mark.acceptance("C23")
def test_requests_survive_a_killed_gateway_and_a_redis_that_is_emptied_spoiled_and_restarted(scene, cache):
    """Of all that was answered 202 nothing is lost, whatever became of Redis and of the gateway that was asked."""
    name, client, _ = cache
    locations = [scene.ask(n % GATEWAYS, scene.slow, {"n": n}) for n in range(9)]
    scene.gateways[0].kill()
    client.flushall()
    locations += [scene.ask(1 + n % 2, scene.slow, {"n": 9 + n}) for n in range(4)]
    spoil(client)
    locations += [scene.ask(1 + n % 2, scene.slow, {"n": 13 + n}) for n in range(4)]
    stack(name, "kill", "redis")
    wait_until(lambda: "Redis is away" in scene.gateways[1].get("/readyz").text, "the gateway saying that Redis is away")
    locations += [scene.ask(1 + n % 2, scene.slow, {"n": 17 + n}) for n in range(4)]
    said = scene.gateways[1].get(locations[0])
    assert said.status_code == 503 and int(said.headers["retry-after"]) >= 1
    assert scene.later(1, scene.slow, {}, key=uuid.uuid4().hex).status_code == 503
    assert scene.gateways[1].post(f"/kafka/request/{scene.echo}?timeout=60000", {"value": {"sync": 1}}).status_code == 200
    stack(name, "start", "redis")
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = [*pool.map(lambda n: scene.answer(1 + n % 2, locations[n]), range(len(locations)))]
    assert [(said.status_code, said.json()["response"]["n"]) for said in answers] == [(200, n) for n in range(len(locations))]
    scene.gateways[0].start()  # for whoever comes after this


def test_answers_that_come_faster_than_redis_takes_them_are_read_again_once(scene, cache):
    """More than may wait for Redis, while it takes nothing for a moment: reading them does not begin anew for that."""
    client, url = cache[1:]
    gate = Gateway(scene.pouch, "--redis", url, "--client-id", "large", name="large").start()
    producer = independent.producer(scene.pouch.brokers)
    for _ in range(LARGE):
        request = str(uuid.uuid4())
        text = json.dumps({"request_id": request, "success": True, "timestamp": 1, "response": "x" * 45_000})
        producer.produce("large.async-replies", independent.seal(scene.pouch.key, text, request_id=request))
        producer.poll(0)
    assert producer.flush(60) == 0

    def are_there():
        return sum(1 for _ in client.scan_iter("pouch:async:large:*", count=10_000)) >= LARGE

    def readings():
        """Begun, but for those that a Redis which was away for too long has ended, and ended with all."""
        said = gate.program.stderr()
        return said.count("reading answers again") - said.count("Redis is away"), said.count("all answers have been read again")

    wait_until(are_there, "all answers in Redis")
    before = wait_until(lambda: (n := readings())[0] <= n[1] and n, "the first reading being over")
    client.flushall()
    wait_until(lambda: readings()[0] > before[0], "reading again")
    client.client_pause(1000, all=False)
    wait_until(are_there, "all answers in Redis again")
    wait_until(lambda: readings()[1] > before[1], "the end of reading")
    assert readings()[0] <= before[0] + 1, gate.program.stderr()
    gate.program.stop()


def test_replies_that_a_gateway_without_redis_would_have_read_are_read_by_the_other(scene, cache):
    """Redis is there, but one of the two does not reach it; half of the partitions are its own until it lets them go."""
    at = urllib.parse.urlsplit(cache[2])
    with Proxy(at.hostname, at.port) as proxy:
        gates = [Gateway(scene.pouch, "--redis", url, "--client-id", "cut", name=name, env={"POUCH_GATEWAY_INSTANCE": name}).start()
                 for name, url in (("cut-well", cache[2]), ("cut-off", f"redis://127.0.0.1:{proxy.port}/0"))]

        def ask(gate):
            said = gate.post(f"/kafka/request/{scene.echo}?timeout=60000", {"value": {"n": 1}}, headers=LATER)
            return said.status_code == 202 and said.headers["location"]

        def is_done(location):
            return gates[0].get(location).json().get("status") == "done"

        admin = AdminClient({"bootstrap.servers": scene.pouch.brokers})

        def shares():
            group = admin.describe_consumer_groups(["cut.async-replies"])["cut.async-replies"].result()
            return [len(member.assignment.topic_partitions) for member in group.members]

        wait_until(lambda: shares() == [3, 3], "both reading")
        proxy.blackhole()
        locations = [wait_until(lambda: ask(gates[0]), "a request that is taken") for _ in range(16)]
        for location in locations:
            wait_until(lambda at=location: is_done(at), f"an answer at {location}")
        proxy.mend()
        for gate in gates:
            gate.program.stop()


def test_a_gateway_without_redis_has_the_answers_again_after_a_restart(scene):
    alone = Gateway(scene.pouch, "--client-id", "alone", name="alone").start()
    headers = {**LATER, "Idempotency-Key": "k"}

    def ask():
        """503 until all that was asked before has been read."""
        said = alone.post(f"/kafka/request/{scene.echo}?timeout=60000", {"value": {"n": 1}}, headers=headers)
        assert said.status_code in (202, 503), said.text
        return said.status_code == 202 and said.headers["location"]

    def answer():
        said = alone.get(location, headers={"Prefer": "wait=5"})
        assert said.status_code in (200, 202, 503), said.text
        return said.status_code == 200 and said.json()

    location = wait_until(ask, "202")
    assert wait_until(answer, "the answer")["response"] == {"n": 1}
    alone.kill()
    alone.start()
    assert wait_until(answer, "the answer after a restart")["response"] == {"n": 1}
    assert wait_until(ask, "202 after a restart") == location
    assert wait_until(lambda: alone.get("/kafka/health/summary").json()["recentActivity"]["dataPoints"], "a point of history")


def test_redis_over_tls_is_refused_with_the_reason(scene):
    done = scene.pouch.run("gateway", "--listen", "127.0.0.1:0", "--redis", "rediss://:secret@127.0.0.1:1")
    assert done.returncode == 78 and "TLS" in done.stderr and "secret" not in done.stderr

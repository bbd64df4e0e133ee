"""Live events of two gateways on real Kafka, as clients that nobody here wrote see them."""

import json
import re
import socket
import threading
import uuid

import httpx
import independent
import pytest
from confluent_kafka import Producer
from conftest import Pouch, wait_until
from gateway import Gateway
from streams import Stream

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
DEFAULTS = ["auth", "payments", "messages", "alerts", "general"]


class Scene:
    """Two gateways on a log of their own, with a topic that is mapped to a channel."""

    def __init__(self, pouch):
        self.pouch, self.streams = pouch, []
        self.log = f"events-{uuid.uuid4().hex[:8]}"
        self.orders = pouch.topic(partitions=2)
        pouch.env |= {"POUCH_GATEWAY_EVENTS_TOPIC": self.log, "POUCH_GATEWAY_EVENTS_MAP": f"{self.orders}=payments:order:An order has come"}
        self.a, self.b = (Gateway(pouch, "--client-id", "events", name=f"events-{name}").start() for name in "ab")

    def open(self, gateway, *words, **more):
        self.streams.append(Stream(gateway.url, *words, **more))
        return self.streams[-1]

    def close_streams(self):
        while self.streams:
            self.streams.pop().close()


@pytest.fixture(scope="module")
def stage(kafka, tmp_path_factory):
    pouch = Pouch(kafka["KAFKA_BROKERS"], tmp_path_factory.mktemp("events"))
    yield Scene(pouch)
    pouch.stop_all()


@pytest.fixture
def scene(stage):
    yield stage
    stage.close_streams()


HTTP = httpx.Client(verify=False, timeout=60)  # one for all: what a client costs is its certificates


def broadcast(gateway, channel, data, **more):
    said = HTTP.post(f"{gateway.url}/kafka/sse/broadcast/{channel}", json=dict(more, data=data))
    assert said.status_code == 201, said.text
    return said.json()


def number(gateway, channel, numbers):
    for n in numbers:
        broadcast(gateway, channel, n, event="n")


def texts(numbers):
    return [str(n) for n in numbers]


@pytest.mark.acceptance("C7", "C8", "C9")
@pytest.mark.parametrize("prefix", ["", "/api"])
def test_a_stream_begins_with_who_it_is_and_what_it_listens_to(scene, prefix):
    with httpx.stream("GET", f"{scene.a.url}{prefix}/kafka/events", timeout=60) as said:
        assert said.status_code == 200
        assert said.headers["content-type"] == "text/event-stream"
        assert said.headers["cache-control"] == "no-store" and said.headers["x-accel-buffering"] == "no"
    stream = scene.open(scene.a)
    client = stream.connected()
    hello = stream.named("connected")[0].json()
    assert set(hello) == {"message", "clientId", "timestamp"} and STAMP.fullmatch(hello["timestamp"])
    assert uuid.UUID(client).version == 4
    assert json.loads(stream.data("subscription_updated")[0]) == {"subscribedChannels": DEFAULTS}


@pytest.mark.acceptance("C7", "C9", "C13")
def test_a_broadcast_reaches_the_clients_of_every_gateway_once(scene):
    one, two, three = (uuid.uuid4().hex for _ in range(3))
    streams = [scene.open(gateway, f"{one},{two}") for gateway in (scene.a, scene.b) for _ in range(3)]
    other = scene.open(scene.a, three)
    for stream in [*streams, other]:
        stream.connected()
    wait_until(lambda: HTTP.get(f"{scene.a.url}/kafka/sse/channels/{one}/subscribers").json()["subscriberCount"] == 6, "one knowing the clients of the other")
    answer = broadcast(scene.a, one, {"type": "warning", "message": "two\nlines"}, event="system_alert", id="mine", retry=1500)
    assert set(answer) == {"success", "message", "channel", "subscriberCount", "timestamp"}
    assert (answer["success"], answer["channel"], answer["subscriberCount"]) == (True, one, 6)
    broadcast(scene.b, two, "plain\ntext\r\nof three", event="system_alert")
    for stream in streams:
        stream.wait(2, "system_alert")
        first, second = stream.named("system_alert")
        assert first.json() == {"type": "warning", "message": "two\nlines", "id": "mine"} and first.retry == 1500
        assert second.data == "plain\ntext\nof three"
        assert int(second.id) > int(first.id)
    assert len({tuple(event.id for event in stream.named("system_alert")) for stream in streams}) == 1
    broadcast(scene.a, three, 1, event="n")
    assert other.wait(1) == ["1"] and not other.named("system_alert")


@pytest.mark.acceptance("C7", "C32")
def test_half_of_the_clients_resume_at_the_other_gateway_and_miss_and_repeat_nothing(scene):
    channel = uuid.uuid4().hex
    streams = [scene.open(scene.a, channel) for _ in range(10)]
    for stream in streams:
        stream.connected()
    number(scene.a, channel, range(20))
    for stream in streams:
        assert stream.wait(20) == texts(range(20))
        stream.close()
    number(scene.b, channel, range(20, 40))
    again = [scene.open(scene.b if i % 2 else scene.a, channel, since=stream.last_id) for i, stream in enumerate(streams)]
    number(scene.a, channel, range(40, 50))
    for stream in again:
        assert stream.wait(30) == texts(range(20, 50))
        assert not stream.named("reset")
    first = scene.open(scene.b, channel, since="earliest")
    by_query = scene.open(scene.b, channel, query={"last_event_id": streams[0].last_id})
    header_wins = scene.open(scene.b, channel, query={"last_event_id": "earliest"}, since=streams[0].last_id)
    assert first.wait(50) == texts(range(50))
    assert by_query.wait(30) == header_wins.wait(30) == texts(range(20, 50))


@pytest.mark.acceptance("C7")
def test_a_stream_resumes_although_its_gateway_was_killed(scene):
    channel = uuid.uuid4().hex
    third = Gateway(scene.pouch, "--client-id", "events", name="events-c").start()
    stream = scene.open(third, channel)
    stream.connected()
    number(scene.a, channel, range(5))
    assert stream.wait(5) == texts(range(5))
    third.kill()
    number(scene.a, channel, range(5, 9))
    wait_until(lambda: stream.over, "the stream ending")
    assert scene.open(scene.b, channel, since=stream.last_id).wait(4) == texts(range(5, 9))


@pytest.mark.acceptance("C7")
@pytest.mark.parametrize("since", ["123456789", "nonsense"])
def test_a_position_that_is_not_on_the_log_is_told(scene, since):
    channel = uuid.uuid4().hex
    stream = scene.open(scene.a, channel, since=since)
    stream.wait(1, "reset")
    reset = stream.named("reset")[0]
    assert set(reset.json()) == {"reason", "timestamp"} and reset.id != since
    number(scene.b, channel, [1])
    assert stream.wait(1) == ["1"]


@pytest.mark.acceptance("C10", "C11", "C12")
def test_any_gateway_changes_and_lists_the_clients_of_all(scene):
    channel, more = uuid.uuid4().hex, uuid.uuid4().hex
    stream = scene.open(scene.a, channel, query={"userId": "ann"})
    client = stream.connected()

    def here(gateway):
        return [one for one in HTTP.get(gateway.url + "/kafka/sse/clients").json()["clients"] if one["id"] == client]

    for gateway in (scene.b, scene.a):
        wait_until(lambda: here(gateway), "a gateway knowing the client")
        [one] = here(gateway)
        assert set(one) == {"id", "userId", "subscriptions", "lastHeartbeat", "connectionDuration"}
        assert (one["userId"], one["subscriptions"]) == ("ann", [channel])
        said = gateway.get(f"/kafka/sse/channels/{channel}/subscribers").json()
        assert (said["channel"], said["subscriberCount"], said["subscribers"][0]["id"]) == (channel, 1, client)
        assert STAMP.fullmatch(said["timestamp"])
    said = change(scene.b, "subscribe", client, {"channels": [more]})
    assert said["success"] is True and STAMP.fullmatch(said["timestamp"])
    assert said["subscribedChannels"] == [channel, more]
    assert json.loads(stream.wait(2, "subscription_updated")[1]) == {"subscribedChannels": [channel, more]}
    number(scene.b, more, [7])
    assert stream.wait(1) == ["7"]
    assert change(scene.b, "unsubscribe", client, {"channels": [more]})["subscribedChannels"] == [channel]
    assert change(scene.b, "unsubscribe", client)["subscribedChannels"] == []
    assert change(scene.a, "subscribe", client, {"channels": [channel]})["subscribedChannels"] == [channel]
    for gateway in (scene.a, scene.b):
        for verb in ("subscribe", "unsubscribe"):
            unknown = gateway.post(f"/kafka/sse/{verb}/{uuid.uuid4()}", {"channels": ["a"]})
            assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    stream.close()
    for gateway in (scene.b, scene.a):
        wait_until(lambda: not here(gateway), "a gateway knowing that the client is gone")


def change(gateway, verb, client, channels=None):
    """What it listens to then. 503: the gateway that has it was late with its word."""
    said = wait_until(lambda: (said := gateway.post(f"/kafka/sse/{verb}/{client}", channels)).status_code != 503 and said, f"an answer to {verb}")
    assert said.status_code == 200, said.text
    return said.json()


BAD = [
    ("POST", "/kafka/sse/broadcast/alerts", {}, 400, "data is missing"),
    ("POST", "/kafka/sse/broadcast/alerts", {"data": 1, "evnt": "x"}, 400, "known members are event, data, id and retry"),
    ("POST", "/kafka/sse/broadcast/alerts", {"data": 1, "event": "a\nb"}, 400, "names of a channel and of an event"),
    ("POST", "/kafka/sse/broadcast/alerts", {"data": 1, "event": 5}, 400, "event is no string"),
    ("POST", "/kafka/sse/broadcast/alerts", {"data": 1, "retry": -1}, 400, "retry"),
    ("POST", "/kafka/sse/broadcast/a%20b", {"data": 1}, 400, "names of a channel"),
    ("POST", "/kafka/sse/broadcast/*", {"data": 1}, 400, "names of a channel"),
    ("POST", "/kafka/sse/broadcast/alerts", {"data": "x" * 60000}, 413, "49152"),
    ("POST", "/kafka/sse/subscribe/x", {}, 400, "1 to 64 names"),
    ("POST", "/kafka/sse/subscribe/x", {"channels": ["a b"]}, 400, "name that cannot be"),
    ("POST", "/kafka/sse/subscribe/x", {"channels": [1]}, 400, "array of strings"),
    ("GET", "/kafka/events?channels=a%0Ab", None, 400, "name that cannot be"),
    ("GET", "/kafka/events?channels=" + ",".join(f"c{i}" for i in range(65)), None, 400, "64 channels"),
    ("GET", "/kafka/events?userId=" + "u" * 129, None, 400, "userId"),
]


@pytest.mark.acceptance("C7", "C10", "C13", "C30")
def test_what_cannot_be_is_refused_with_what_is_wrong(scene):
    for method, path, body, status, text in BAD:
        said = HTTP.request(method, scene.a.url + path, json=body)
        assert said.status_code == status and text in said.json()["detail"], (path, body, said.text)
        assert said.json()["success"] is False and STAMP.fullmatch(said.json()["timestamp"])


@pytest.mark.acceptance("C26")
def test_records_of_a_mapped_topic_become_events_once(scene):
    streams = [scene.open(gateway, "payments") for gateway in (scene.a, scene.b)]
    for stream in streams:
        stream.connected()
    producer = Producer({"bootstrap.servers": scene.pouch.brokers})
    sent = 0

    def one_arrives():
        nonlocal sent
        producer.produce(scene.orders, json.dumps({"order": sent}), key=f"k{sent}")
        producer.flush()
        sent += 1
        return streams[0].named("order")

    wait_until(one_arrives, "a record becoming an event")  # from when the group has its partitions
    for i in range(sent, sent + 50):
        producer.produce(scene.orders, json.dumps({"order": i}), key=f"k{i}")
    producer.flush()
    last = {sent + 49 - i for i in range(50)}
    for stream in streams:
        wait_until(lambda: last <= {event.json()["value"]["order"] for event in stream.named("order")}, "all records becoming events")
        data = [event.json() for event in stream.named("order")]
        assert len({one["value"]["order"] for one in data}) == len(data)
        assert {one["message"] for one in data} == {"An order has come"} and {one["topic"] for one in data} == {scene.orders}
        assert all(one["key"] == f"k{one['value']['order']}" for one in data)
    assert streams[0].data("order") == streams[1].data("order")


@pytest.mark.acceptance("C13")
def test_what_was_answered_is_on_the_log_as_others_read_it(scene):
    name = uuid.uuid4().hex
    broadcast(scene.a, "general", {"a": [1, "ü"]}, event=name, id="7")
    [event] = [event for event in (json.loads(record.value()) for record in independent.read_all(scene.pouch.brokers, scene.log)) if event.get("event") == name]
    assert set(event) == {"channel", "event", "data", "id", "timestamp"}
    assert (event["channel"], event["data"], event["id"]) == ("general", {"a": [1, "ü"]}, "7")


def never_reads(gateway, channel):
    """A connection whose client asks for a stream and takes nothing of it."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    s.connect(("127.0.0.1", gateway.port))
    s.sendall(f"GET /kafka/events?channels={channel} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    return s


@pytest.mark.acceptance("C33")
def test_a_client_that_takes_nothing_is_dropped_and_told_of_and_others_miss_nothing(scene):
    channel = uuid.uuid4().hex
    reader = scene.open(scene.a, channel)
    reader.connected()
    pad = "x" * 40000

    def dropped():
        return float(re.search(r"^pouch_events_slow_total (\d+)", HTTP.get(scene.a.url + "/metrics").text, re.M).group(1))

    before, sent = dropped(), 0
    with never_reads(scene.a, channel):
        wait_until(lambda: HTTP.get(f"{scene.a.url}/kafka/sse/channels/{channel}/subscribers").json()["subscriberCount"] == 2, "it being there")
        while dropped() == before:
            assert sent < 2000
            for _ in range(50):
                broadcast(scene.a, channel, {"n": sent, "pad": pad}, event="n")
                sent += 1
            reader.wait(sent)  # before more comes, or it could be late as well
        assert [event.json()["n"] for event in reader.named("n")] == list(range(sent))
        scene.a.program.wait_for("was dropped")


@pytest.mark.acceptance("C32")
def test_a_stop_ends_streams_with_a_time_to_come_again(scene):
    third = Gateway(scene.pouch, "--client-id", "events", name="events-d").start()
    with httpx.stream("GET", f"{third.url}/kafka/events", timeout=60) as said:
        lines = said.iter_lines()
        while "subscription_updated" not in next(lines):
            pass
        ended = threading.Thread(target=third.program.stop)
        ended.start()
        rest = list(lines)
        ended.join()
    assert any(re.fullmatch(r"retry: \d+", line) for line in rest) and ": Service is shutting down" in rest
    assert third.program.process.returncode == 0


@pytest.mark.acceptance("C7")
def test_one_client_too_many_is_told_when_to_come_again(scene):
    small = Gateway(scene.pouch, "--client-id", "events", name="events-e", env={"POUCH_GATEWAY_STREAMS": "1"}).start()
    first = scene.open(small)
    first.connected()
    said = small.get("/kafka/events")
    assert said.status_code == 200 and re.match(r"retry: \d+\n", said.text)
    first.close()
    wait_until(lambda: small.get("/kafka/health").json()["details"]["sseClients"] == 0, "the place being free")
    scene.open(small).connected()

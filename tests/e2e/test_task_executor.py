"""What task-executor promises of tasks: the gateway asks its plain workers, and the example serves its endpoints, over real Kafka."""

import json
import re
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import independent
import pytest
from conftest import ROOT, Pouch, wait_until
from gateway import Gateway
from plain_worker import PlainWorker

EXAMPLE = ROOT / "examples" / "task-executor"
PLAIN = ("USER_LOGIN", "PURCHASE")
SEALED = "ALERT"
REPLY = {"id", "topic", "status", "endTime"}


def work(task):
    """What the plain worker makes of a task."""
    data = task.get("data", task)
    if data.get("silent"):
        return None
    if data.get("amount", 1) <= 0:
        return {"status": "error", "error": "the amount must be positive"}
    return {"result": {"userId": data.get("userId")}}


class Events(threading.Thread):
    """The events of a channel, as an EventSource would see them: httpx reads the stream."""

    def __init__(self, url, channel):
        super().__init__(daemon=True)
        self.url, self.seen, self.opened = f"{url}/kafka/events?channels={channel}", [], threading.Event()
        self.start()
        assert self.opened.wait(60), "the stream was not opened"

    def run(self):
        with httpx.stream("GET", self.url, timeout=120) as stream:
            event, data = None, []
            for line in stream.iter_lines():
                name, _, value = line.partition(":")
                if name == "event":
                    event = value.strip()
                elif name == "data":
                    data.append(value.strip())
                elif not line and data:
                    if event == "connected":
                        self.opened.set()
                    self.seen.append((event, json.loads("\n".join(data))))
                    event, data = None, []

    def of(self, name):
        return [data for event, data in [*self.seen] if event == name]

    def wait_for(self, name, n=1):
        return wait_until(lambda: len(self.of(name)) >= n and self.of(name), f"{n} events {name}")


class Scene:
    def __init__(self, pouch):
        self.pouch = pouch
        for topic in (*PLAIN, SEALED, "reply_topic"):
            pouch.run("topic", "create", topic, "--partitions", 1)
        env = {"POUCH_GATEWAY_PLAIN_TOPICS": ",".join(PLAIN)}
        self.gateways = [Gateway(pouch, name=f"gateway-{i}", env=env).start() for i in range(2)]
        self.worker = PlainWorker(pouch.brokers, [*PLAIN], work)
        pouch.worker(SEALED, "--pipe", f"{sys.executable} {EXAMPLE / 'worker.py'}", name="sealed").wait_for("taking requests")
        self.types = pouch.folder / "types.json"  # those of the example, with more time
        self.types.write_text(re.sub(r'"timeout": \d+', '"timeout": 50', (EXAMPLE / "types.json").read_text()))
        self.executors = [self.start_executor(i) for i in range(2)]
        self.http = httpx.Client(base_url=self.executors[0], timeout=60)

    def start_executor(self, i):
        """Each by a gateway of its own, with one file of what is switched off."""
        command = [sys.executable, EXAMPLE / "task_executor.py", "--listen", "127.0.0.1:0", "--gateway", self.gateways[i].url,
                   "--types", self.types, "--state", self.pouch.folder / "off.json"]
        program = self.pouch.start_other(command, f"executor-{i}").wait_for("listening on port")
        return "http://127.0.0.1:" + re.search(r"port (\d+)", program.stdout()).group(1)

    def seen(self, task_id):
        return [one for one in self.worker.seen if one[3]["id"] == task_id]


@pytest.fixture(scope="module")
def scene(kafka, tmp_path_factory):
    pouch = Pouch(kafka["KAFKA_BROKERS"], tmp_path_factory.mktemp("task-executor"))
    made = Scene(pouch)
    yield made
    made.worker.stop()
    pouch.stop_all()


def a_task(**more):
    return {"id": f"task_{uuid.uuid4().hex}", "topic": "USER_LOGIN", "startTime": time.time(), **more}


@pytest.mark.acceptance("C5", "C6")
def test_a_plain_worker_is_asked_as_task_executor_asks_it(scene):
    task = a_task()
    said = scene.gateways[0].post("/kafka/request/USER_LOGIN", {"key": "u1", "value": task, "headers": {"source": "test"}})
    assert said.status_code == 200, said.text
    assert said.json()["success"] is True
    reply = said.json()["response"]
    assert reply.keys() >= REPLY and (reply["id"], reply["topic"], reply["status"]) == (task["id"], "USER_LOGIN", "success")
    [(topic, key, headers, value)] = scene.seen(task["id"])
    assert (topic, key, value) == ("USER_LOGIN", b"u1", task)
    assert headers["x-request-id"] == task["id"].encode() and headers["source"] == b"test"


@pytest.mark.acceptance("C5")
def test_a_task_without_an_id_gets_one(scene):
    said = scene.gateways[0].post("/api/kafka/request/USER_LOGIN", {"value": {"userId": "u2"}})
    reply = said.json()["response"]
    uuid.UUID(reply["id"])
    [(_, _, headers, value)] = scene.seen(reply["id"])
    assert value == {"id": reply["id"], "userId": "u2"} and headers["x-request-id"].decode() == reply["id"]


@pytest.mark.acceptance("C6")
def test_an_error_of_a_plain_worker_is_a_problem_with_its_text(scene):
    said = scene.gateways[0].post("/kafka/request/PURCHASE", {"value": a_task(topic="PURCHASE", data={"amount": 0})})
    assert said.status_code == 502 and said.json()["code"] == "handler_error", said.text
    assert "the amount must be positive" in said.json()["message"] and said.json()["success"] is False


@pytest.mark.acceptance("C4", "C5")
def test_a_plain_worker_that_says_nothing_is_a_timeout_and_what_comes_later_changes_nothing(scene):
    gateway, task = scene.gateways[0], a_task(data={"silent": True})
    said = gateway.post("/kafka/request/USER_LOGIN?timeout=50", {"value": task})
    assert said.status_code == 408, said.text
    scene.worker.say({"id": task["id"], "topic": "USER_LOGIN", "status": "success", "endTime": time.time()})
    wait_until(lambda: re.search(r'pouch_plain_ignored_total\{reason="late"\} [1-9]', gateway.get("/metrics").text), "the late reply being counted")
    assert gateway.post("/kafka/request/USER_LOGIN", {"value": a_task()}).status_code == 200


@pytest.mark.acceptance("C5", "C23")
def test_gateways_share_the_replies_topic_and_take_only_their_own(scene):
    asked = [(gateway, a_task()) for gateway in scene.gateways * 5]
    answers = [(task, gateway.post("/kafka/request/USER_LOGIN", {"value": task})) for gateway, task in asked]
    assert all(said.json()["response"]["id"] == task["id"] for task, said in answers)


@pytest.mark.acceptance("C5")
def test_what_is_not_listed_is_sealed(scene):
    said = scene.gateways[0].post(f"/kafka/request/{SEALED}", {"value": a_task(topic=SEALED, data={"message": "plain?"})})
    assert said.status_code == 200, said.text
    assert said.json()["response"]["result"] == {"told": "plain?"}
    assert all("data" in json.loads(message.value()) and b"plain?" not in message.value() for message in independent.read_all(scene.pouch.brokers, SEALED))


@pytest.mark.acceptance("C17", "C20")
def test_a_task_is_executed_and_told(scene):
    events = Events(scene.gateways[1].url, "tasks")
    done, failed = a_task(data={"userId": "u1"}), a_task(topic="PURCHASE", data={"amount": -1})
    for task, status, event in ((done, "success", "task_completed"), (failed, "error", "task_failed")):
        said = scene.http.post("/executor/tasks/execute", json=task)
        assert said.status_code == 200, said.text
        reply = said.json()
        assert reply.keys() >= REPLY and (reply["id"], reply["topic"], reply["status"]) == (task["id"], task["topic"], status)
        wait_until(lambda: any(data["id"] == task["id"] for data in events.of(event)), event)  # noqa: B023
    assert "the amount must be positive" in reply["error"]


@pytest.mark.acceptance("C17", "C30", "C37")
@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"id":"a","topic":"USER_LOGIN"}', b'{"id":7,"topic":"USER_LOGIN","startTime":1}'])
def test_what_is_no_task_is_refused_with_what_is_wrong(scene, body):
    said = scene.http.post("/executor/tasks/execute", content=body, headers={"Content-Type": "application/json"})
    assert said.status_code == 400 and said.json().keys() == {"success", "message", "timestamp"}
    assert said.json()["success"] is False and said.json()["message"].startswith("Invalid message format")


@pytest.mark.acceptance("C17", "C37")
def test_a_body_of_another_type_is_refused_and_the_connection_goes_on(scene):
    for kind in (None, "text/plain", "application/x-www-form-urlencoded"):
        said = scene.http.post("/executor/tasks/execute", content=json.dumps(a_task()), headers={"Content-Type": kind} if kind else {})
        assert said.status_code == 415 and said.json()["success"] is False, said.text
    said = scene.http.post("/executor/tasks/execute", content=json.dumps(a_task()), headers={"Content-Type": "application/json; charset=utf-8"})
    assert (said.status_code, said.json()["status"]) == (200, "success")


@pytest.mark.acceptance("C18", "C20")
def test_a_batch_is_executed_and_summed_up(scene):
    events = Events(scene.gateways[0].url, "tasks")
    tasks = [a_task(data={"userId": f"u{i}"}) for i in range(20)] + [a_task(topic="PURCHASE", data={"amount": -1}), a_task(topic="nobody")]
    said = scene.http.post("/api/executor/tasks/batch", json={"tasks": tasks}).json()
    assert said["summary"] == {"total": 22, "successful": 20, "failed": 2} and said["timestamp"]
    assert [result["id"] for result in said["results"]] == [task["id"] for task in tasks]
    # What tests before this one have sent may come late, as far as this stream goes.
    completed = wait_until(lambda: [data for data in events.of("batch_completed") if data["summary"] == said["summary"]], "batch_completed")
    assert [data["total"] for data in events.of("batch_started") if data["batchId"] == completed[0]["batchId"]] == [22] and len(completed) == 1

    def told(name):
        return sorted(data["id"] for data in events.of(name) if data["id"] in ids)

    ids = [task["id"] for task in tasks]
    for name, of_it in (("task_completed", ids[:20]), ("task_failed", ids[20:])):
        wait_until(lambda: len(told(name)) >= len(of_it), name)  # noqa: B023
        assert told(name) == sorted(of_it)


@pytest.mark.acceptance("C19")
def test_the_tasks_of_the_seed_have_paths_of_their_own(scene):
    for path, data, topic in (("user-login", {"userId": "u1"}, "USER_LOGIN"), ("purchase", {"userId": "u1", "amount": 3}, "PURCHASE"), ("alert", {"message": "fire"}, SEALED)):
        said = scene.http.post(f"/executor/tasks/{path}", json=data).json()
        assert (said["topic"], said["status"]) == (topic, "success"), said
    assert scene.http.post("/executor/tasks/purchase", json={"userId": "u1"}).status_code == 400
    assert scene.http.post("/executor/tasks/unknown", json={}).status_code == 404
    status = scene.http.get("/executor/status").json()
    assert status["status"] == "running" and status["tasks"]["PURCHASE"]["executed"] >= 1


@pytest.mark.acceptance("C19", "C20")
def test_a_task_can_be_sent_without_waiting(scene):
    events, task = Events(scene.gateways[0].url, "tasks"), a_task(data={"silent": True})
    said = scene.http.post("/executor/tasks/send/USER_LOGIN", json={"value": task})
    assert said.status_code == 201 and said.json().keys() >= {"success", "message", "timestamp"}, said.text
    wait_until(lambda: any(data["topic"] == "USER_LOGIN" for data in events.of("task_sent")), "task_sent")
    wait_until(lambda: scene.seen(task["id"]), "the worker getting it")


@pytest.mark.acceptance("C19", "C20")
def test_the_demonstrations_show_each_thing_once_and_all_in_a_row(scene):
    http, events = scene.http, Events(scene.gateways[0].url, "demo")  # a gateway counts its own streams
    scene.pouch.run("topic", "create", "analytics", "--partitions", 1)
    status = http.get("/demo/status").json()
    assert status["kafka"]["producer"] is True and status["sseClients"] >= 1
    for name in ("user-login", "fire-and-forget", "batch-processing", "sse-broadcast"):
        said = http.post(f"/api/demo/{name}").json()
        assert said["success"] is True and said.keys() >= {"message", "timestamp"}, said
    assert events.wait_for("demo_completed")[0]["type"] == "user_login"
    assert events.wait_for("batch_completed")[0] | {"timestamp": ""} == {"batchSize": 3, "successCount": 3, "failureCount": 0, "timestamp": ""}
    assert events.wait_for("message_sent") and events.wait_for("demo_broadcast")
    assert len(independent.read_all(scene.pouch.brokers, "analytics")) >= 1
    assert http.post("/demo/run-all").json()["success"] is True
    assert events.wait_for("demo_sequence_completed")[0]["failed"] == []
    assert http.post("/demo/nothing").status_code == 404


@pytest.mark.acceptance("C21")
def test_task_types_are_told_and_executed(scene):
    http = scene.http
    types = http.get("/tasks/types").json()["types"]
    declared = [entry["type"] for entry in json.loads((EXAMPLE / "types.json").read_text())["types"]]
    assert types == declared and [entry["type"] for entry in http.get("/tasks/info").json()["tasks"]] == types
    assert http.get("/tasks/info/PURCHASE").json()["requires"] == ["userId", "amount"]
    assert http.get("/tasks/info/NOTHING").status_code == 404
    assert http.get("/tasks/health").json()["healthy"] is True
    said = http.post("/tasks/execute", json={"type": "PURCHASE", "data": {"userId": "u1", "amount": 2}}).json()
    assert (said["topic"], said["status"]) == ("PURCHASE", "success")
    batch = http.post("/tasks/execute-batch", json={"tasks": [{"type": "USER_LOGIN", "data": {"userId": "u"}}] * 3}).json()
    assert batch["summary"] == {"total": 3, "successful": 3, "failed": 0}


@pytest.mark.acceptance("C21")
def test_a_type_that_is_not_available_is_not_executed_by_any_instance(scene):
    http, other = scene.http, httpx.Client(base_url=scene.executors[1], timeout=60)
    try:
        said = http.put("/tasks/PURCHASE/availability", json={"available": False})
        assert said.status_code == 200 and said.json()["available"] is False
        assert other.get("/tasks/PURCHASE/status").json()["available"] is False
        assert "PURCHASE" not in [entry["type"] for entry in other.get("/tasks/cache/available").json()["types"]]
        assert "PURCHASE" in [entry["type"] for entry in other.get("/tasks/cache/all").json()["types"]]
        refused = other.post("/executor/tasks/purchase", json={"userId": "u1", "amount": 1}).json()
        assert refused["status"] == "error" and "not available" in refused["error"]
    finally:
        assert http.put("/tasks/PURCHASE/availability", json={"available": True}).json()["available"] is True
    assert other.post("/executor/tasks/purchase", json={"userId": "u1", "amount": 1}).json()["status"] == "success"


@pytest.mark.acceptance("C21")
def test_what_two_instances_switch_at_once_is_all_kept(scene):
    """A switch reads who is off and writes it back: without a lock the second forgets the first."""
    names = ("USER_LOGIN", "PURCHASE", "ALERT")

    def switch(i, available):
        return httpx.put(f"{scene.executors[i % 2]}/tasks/{names[i]}/availability", json={"available": available}, timeout=60).json()

    with ThreadPoolExecutor(len(names)) as pool:
        for available in (False, True) * 10:
            assert all(said["available"] is available for said in pool.map(lambda i: switch(i, available), range(len(names))))  # noqa: B023
            shown = scene.http.get("/tasks/cache/all").json()["types"]
            assert [entry["available"] for entry in shown] == [available] * len(names)

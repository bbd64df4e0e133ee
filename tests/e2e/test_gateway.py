"""The gateway over real Kafka, as an HTTP client that nobody here wrote sees it."""

import concurrent.futures
import contextlib
import datetime
import ipaddress
import json
import os
import re
import socket
import ssl
import subprocess

import httpx
import independent
import pytest
from conftest import PATIENCE, Pouch, wait_until
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from gateway import Gateway
from openapi_spec_validator import OpenAPIV31SpecValidator
from ports import free_port

LIMIT = 64 * 1024
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Scene:
    """One gateway, and workers of four kinds: one that answers, one that waits for a file, one that fails, one that never answers."""

    def __init__(self, pouch):
        self.pouch = pouch
        pouch.env["POUCH_CLIENT_NO_RESPONDERS"] = "on"
        self.go_on = pouch.folder / "go-on"
        self.go_on.touch()
        self.echo, self.waiting, self.failing, self.silent = (pouch.topic(partitions=1) for _ in range(4))
        pouch.worker(self.echo, "--pipe", "cat")
        pouch.worker(self.waiting, "--exec", f"until [ -e {self.go_on} ]; do sleep 0.05; done; cat", "--concurrency", "8")
        pouch.worker(self.failing, "--exec", "echo no such order >&2; exit 1")
        pouch.worker(self.silent, "--pipe", "cat > /dev/null", "--drain", "10ms")
        self.gateway = self.start()
        # Until its group has a member, nobody is there to answer.
        for topic, timeout, status in ((self.echo, 30000, 200), (self.waiting, 30000, 200), (self.failing, 30000, 502), (self.silent, 100, 408)):
            wait_until(lambda: self.gateway.post(f"/kafka/request/{topic}?timeout={timeout}", {"value": {}}).status_code == status, f"the worker of {topic}", 2 * PATIENCE)

    def start(self, *words, name="gateway", env=None):
        return Gateway(self.pouch, *words, name=name, env={"POUCH_GATEWAY_BODY_MAX": str(LIMIT), **(env or {})}).start()


@pytest.fixture(scope="module")
def scene(kafka, tmp_path_factory):
    pouch = Pouch(kafka["KAFKA_BROKERS"], tmp_path_factory.mktemp("gateway"))
    try:
        yield Scene(pouch)
    finally:
        pouch.stop_all()


def assert_problem(said, status, code):
    problem = said.json()
    assert (said.status_code, problem["code"]) == (status, code), said.text
    assert said.headers["content-type"] == "application/problem+json"
    assert problem["success"] is False and problem["status"] == status
    assert problem["message"] == problem["detail"] != ""
    assert STAMP.fullmatch(problem["timestamp"])
    return problem["message"]


@pytest.mark.acceptance("C3", "C29")
@pytest.mark.parametrize("prefix", ["", "/api"])
def test_a_message_is_stored_sealed_with_its_key_and_headers(scene, prefix):
    topic = scene.pouch.topic(partitions=1)
    body = {"key": "user-1", "value": {"userId": "1", "text": "Grüße"}, "headers": {"source": "test", "tag": ["a", "b"]}}
    said = scene.gateway.post(f"{prefix}/kafka/send/{topic}", body)
    assert said.status_code == 201
    answer = said.json()
    assert set(answer) == {"success", "message", "timestamp"} and answer["success"] is True and STAMP.fullmatch(answer["timestamp"])
    [record] = independent.read(independent.reader(scene.pouch.brokers, topic), 1)
    assert json.loads(independent.open_sealed(scene.pouch.key, record.value())) == body["value"]
    assert json.loads(record.value())["request_id"] == said.headers["x-request-id"]
    assert record.key() == b"user-1"
    assert [pair for pair in record.headers() if not pair[0].startswith("pouch-")] == [("source", b"test"), ("tag", b"a"), ("tag", b"b")]


@pytest.mark.acceptance("C4", "C29")
@pytest.mark.parametrize("prefix", ["", "/api"])
def test_a_request_is_answered_with_what_the_worker_replies(scene, prefix):
    value = {"id": "task_123", "n": [1, 2.5, None, "ü"], "deep": {"a": {}}}
    said = scene.gateway.post(f"{prefix}/kafka/request/{scene.echo}?timeout=30000", {"value": value})
    assert said.status_code == 200
    answer = said.json()
    assert set(answer) == {"success", "response", "timestamp"}
    assert answer["success"] is True and answer["response"] == value and STAMP.fullmatch(answer["timestamp"])
    assert re.fullmatch(r"[0-9a-f-]{36}", said.headers["x-request-id"])


@pytest.mark.acceptance("C4")
def test_who_does_not_answer_in_time_is_a_408(scene):
    said = scene.gateway.post(f"/kafka/request/{scene.silent}?timeout=300", {"value": {}})
    assert f"no answer from topic {scene.silent} within 300 ms" in assert_problem(said, 408, "timeout")


def test_a_topic_that_nobody_reads_is_told_at_once(scene):
    said = scene.gateway.post(f"/kafka/request/{scene.pouch.topic()}", {"value": {}})
    assert "nobody reads topic" in assert_problem(said, 503, "no_responders")
    assert int(said.headers["retry-after"]) > 0


def test_a_topic_that_does_not_exist_is_a_404(scene):
    for what in ("send", "request"):
        said = scene.gateway.post(f"/kafka/{what}/there-is-no-such-topic", {"value": {}})
        assert "pouch topic create" in assert_problem(said, 404, "target_refused")


@pytest.mark.acceptance("C37")
def test_the_error_of_a_worker_is_told(scene):
    said = scene.gateway.post(f"/kafka/request/{scene.failing}", {"value": {}})
    assert assert_problem(said, 502, "handler_error").strip() == "no such order"


@pytest.mark.acceptance("C30")
@pytest.mark.parametrize("body, why", [
    (b"", "the body is empty"),
    (b"{\"value\":", "at byte 9 of the body"),
    (b"{\"value\":null}", "value is no object"),
    (b"{\"value\":\"text\"}", "value is no object"),
    (b"{}", "the member value is missing"),
    (b"{\"value\":{},\"headers\":{\"pouch-hop\":\"1\"}}", "pouch-"),
])
@pytest.mark.parametrize("what", ["send", "request"])
def test_a_message_that_cannot_be_is_refused_with_why(scene, what, body, why):
    said = scene.gateway.post(f"/kafka/{what}/{scene.echo}", content=body, headers={"Content-Type": "application/json"})
    message = assert_problem(said, 400, "invalid_payload")
    assert message.startswith("Invalid message format") and why in message


def test_what_is_asked_must_be_json(scene):
    said = scene.gateway.post(f"/kafka/send/{scene.echo}", content="{\"value\":{}}", headers={"Content-Type": "text/plain"})
    assert "application/json" in assert_problem(said, 415, "unsupported_media_type")


@pytest.mark.parametrize("timeout", ["0", "300001", "soon", "-1", "1.5"])
def test_a_timeout_that_cannot_be_is_refused(scene, timeout):
    said = scene.gateway.post(f"/kafka/request/{scene.echo}?timeout={timeout}", {"value": {}})
    assert "from 1 to 300000" in assert_problem(said, 400, "invalid_payload")


@pytest.mark.acceptance("C37")
def test_what_is_not_served_is_a_problem_too(scene):
    assert_problem(scene.gateway.get("/nothing/here"), 404, "not_found")
    said = scene.gateway.get(f"/kafka/send/{scene.echo}")
    assert_problem(said, 405, "method_not_allowed")
    assert "POST" in said.headers["allow"]


def test_a_body_may_be_as_large_as_the_limit_and_no_byte_larger(scene):
    frame = len(b"{\"value\":{\"a\":\"\"}}")
    for n, status in ((LIMIT, 200), (LIMIT + 1, 413)):
        body = b"{\"value\":{\"a\":\"" + b"x" * (n - frame) + b"\"}}"
        said = httpx.post(f"{scene.gateway.url}/kafka/request/{scene.echo}", content=body, headers={"Content-Type": "application/json"}, timeout=60)
        assert said.status_code == status, said.text[:500]
    assert str(LIMIT) in assert_problem(said, 413, "content_too_large")


def test_ten_megabytes_are_refused_with_the_limit_and_others_are_served_meanwhile(scene):
    body = b"{\"value\":{\"a\":\"" + b"x" * 10_000_000 + b"\"}}"

    def ask_large():
        with httpx.Client(timeout=60) as client:
            return client.post(f"{scene.gateway.url}/kafka/request/{scene.echo}", content=body, headers={"Content-Type": "application/json"})

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        large = [pool.submit(ask_large) for _ in range(4)]
        small = [scene.gateway.post(f"/kafka/request/{scene.echo}", {"value": {"i": i}}) for i in range(10)]
        for done in large:
            assert str(LIMIT) in assert_problem(done.result(), 413, "content_too_large")
    assert [said.json()["response"] for said in small] == [{"i": i} for i in range(10)]


def test_a_payload_that_no_record_takes_is_refused_with_that_limit(scene):
    gateway = scene.start(name="large", env={"POUCH_GATEWAY_BODY_MAX": "1MiB"})
    said = gateway.post(f"/kafka/request/{scene.echo}", {"value": {"a": "x" * 700_000}})
    assert "995868 are allowed" in assert_problem(said, 413, "too_large")
    assert gateway.program.stop() == 0


@pytest.mark.acceptance("C14")
def test_it_is_healthy_when_it_is(scene):
    said = wait_until(lambda: (said := scene.gateway.get("/kafka/health")).status_code == 200 and said, "all being well")  # one ping that is late is told
    health = said.json()
    assert health["healthy"] is True and health["reasons"] == [] and STAMP.fullmatch(health["timestamp"])
    details = health["details"]
    assert details["consumer"] is True and details["producer"] is True and details["pendingRequests"] == 0
    assert scene.gateway.get("/livez").json() == {"live": True, "reasons": []}
    assert scene.gateway.get("/statusz").json()["role"] == "gateway"


@pytest.mark.acceptance("C14")
def test_it_is_not_healthy_without_a_broker(tmp_path):
    pouch = Pouch("127.0.0.1:1", tmp_path)
    pouch.env["POUCH_CLIENT_CONNECT_TIMEOUT"] = "200ms"
    gateway = Gateway(pouch)
    gateway.program = pouch.start("gateway", "--listen", "127.0.0.1:0", "--drain", "10ms")
    gateway.url = wait_until(gateway.address, "the gateway serving").group(0)
    wait_until(lambda: any("no broker answers at 127.0.0.1:1" in reason for reason in gateway.get("/kafka/health").json()["reasons"]), "the broker being missed")
    said = gateway.get("/kafka/health")
    health = said.json()
    assert said.status_code == 503 and health["healthy"] is False
    assert health["details"]["consumer"] is False and health["details"]["producer"] is False
    assert gateway.get("/readyz").status_code == 503
    assert gateway.get("/livez").status_code == 200
    said = gateway.post("/kafka/request/any", {"value": {}})
    assert_problem(said, 503, "no_broker")
    assert int(said.headers["retry-after"]) > 0
    pouch.stop_all()


@pytest.mark.acceptance("C32")
def test_what_is_asked_before_a_stop_is_answered_and_what_comes_after_is_told(scene):
    gateway = scene.start("--drain", "60s", name="drained")
    scene.go_on.unlink()
    with concurrent.futures.ThreadPoolExecutor(8) as pool, httpx.Client(base_url=gateway.url, timeout=60) as kept:
        wait_until(lambda: kept.get("/readyz").status_code == 200, "/readyz 200")
        asked = [pool.submit(gateway.post, f"/kafka/request/{scene.waiting}?timeout=60000", {"value": {"i": i}}) for i in range(8)]
        wait_until(lambda: kept.get("/statusz").json()["open_requests"] == 8, "all being under way")
        gateway.program.process.terminate()
        wait_until(lambda: kept.get("/readyz").status_code == 503, "/readyz 503")
        said = gateway.post(f"/kafka/request/{scene.echo}", {"value": {}})
        assert assert_problem(said, 503, "closed") == "Service is shutting down"
        assert said.headers["connection"] == "close" and int(said.headers["retry-after"]) > 0
        scene.go_on.touch()
        assert [done.result().json()["response"] for done in asked] == [{"i": i} for i in range(8)]
    assert gateway.program.process.wait(60) == 0


@pytest.mark.acceptance("C32")
def test_what_is_not_answered_within_the_drain_is_told_that_it_will_not_be(scene):
    gateway = scene.start("--drain", "100ms", name="hurried")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(gateway.post, f"/kafka/request/{scene.silent}", {"value": {}}) for _ in range(4)]
        wait_until(lambda: gateway.get("/statusz").json()["open_requests"] == 4, "all being under way")
        assert gateway.program.stop() == 0
        for done in asked:
            assert assert_problem(done.result(), 503, "closed") == "Service is shutting down"


@pytest.mark.acceptance("C32")
def test_a_body_that_comes_when_the_gateway_has_stopped_is_told_so(scene):
    gateway = scene.start("--drain", "10ms", name="late")
    body = b'{"value":{}}'
    head = f"POST /kafka/request/{scene.echo} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"

    def is_closed():
        try:
            socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE).close()
        except ConnectionError:
            return True

    with socket.create_connection(("127.0.0.1", gateway.port), timeout=PATIENCE) as late:
        late.sendall(head.encode())
        assert late.recv(1024).startswith(b"HTTP/1.1 100 ")
        gateway.program.process.terminate()
        wait_until(is_closed, "nobody being let in any more")
        said = b""
        with contextlib.suppress(ConnectionError):  # it may have ended by then
            late.sendall(body)
            said = b"".join(iter(lambda: late.recv(65536), b""))
    assert not said or (said.startswith(b"HTTP/1.1 503 ") and b"Service is shutting down" in said), said
    assert gateway.program.process.wait(60) == 0


@pytest.mark.acceptance("C33")
def test_a_connection_is_kept_and_what_has_ended_is_forgotten(scene):
    opened = []

    class Counting(httpx.HTTPTransport):
        def handle_request(self, request):
            answer = super().handle_request(request)
            opened.append(answer.extensions["network_stream"].get_extra_info("client_addr"))
            return answer

    with httpx.Client(transport=Counting(), base_url=scene.gateway.url, timeout=60) as client:
        for i in range(5):
            assert client.post(f"/kafka/request/{scene.echo}", json={"value": {"i": i}}).json()["response"] == {"i": i}
    assert len(set(opened)) == 1 and len(opened) == 5
    scene.gateway.post(f"/kafka/request/{scene.silent}?timeout=1", {"value": {}})
    wait_until(lambda: scene.gateway.get("/statusz").json()["open_requests"] == 0, "nothing being under way")


def certificate(folder):
    """Of 127.0.0.1, by itself: its file and that of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway")])
    now = datetime.datetime.now(datetime.UTC)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256()))
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.touch(0o600)
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return cert_file, key_file


def test_it_serves_over_tls(scene, tmp_path):
    cert, key = certificate(tmp_path)
    program = scene.pouch.start("gateway", "--listen", "127.0.0.1:0", name="tls", env={"POUCH_GATEWAY_TLS_CERT": str(cert), "POUCH_GATEWAY_TLS_KEY": str(key)})
    url = wait_until(lambda: re.search(r"https://127\.0\.0\.1:\d+", program.stderr()), "the gateway serving over TLS").group(0)
    with httpx.Client(base_url=url, verify=ssl.create_default_context(cafile=cert), timeout=60) as client:
        wait_until(lambda: client.get("/readyz").status_code == 200, "/readyz over TLS")
        assert client.post(f"/kafka/request/{scene.echo}", json={"value": {"a": 1}}).json()["response"] == {"a": 1}
    with pytest.raises(httpx.TransportError):
        httpx.get(url.replace("https", "http") + "/readyz", timeout=60)
    assert program.stop() == 0


def test_a_certificate_without_its_key_stops_the_start(scene, tmp_path):
    cert, _ = certificate(tmp_path)
    done = scene.pouch.run("gateway", "--listen", "127.0.0.1:0", env={"POUCH_GATEWAY_TLS_CERT": str(cert)})
    assert done.returncode == os.EX_CONFIG and "gateway.tls_key" in done.stderr


@pytest.mark.acceptance("C1")
def test_the_variables_of_task_executor_say_where_it_listens_and_who_it_is(scene):
    port = free_port()
    env = {"POUCH_COMPAT": "task-executor", "PORT": str(port), "HOSTNAME": "pod-7", "NODE_ENV": "production", "POUCH_GATEWAY_OPEN": "on"}
    program = scene.pouch.start("gateway", name="by-port", env=env)
    program.wait_for("serving the gateway")
    url = f"http://127.0.0.1:{port}"
    assert httpx.get(f"{url}/statusz", timeout=60).json()["instance"] == "pod-7"
    assert program.stop() == 0


def test_without_a_word_about_who_may_use_it_nobody_elsewhere_can(scene):
    done = scene.pouch.run("gateway", "--listen", "0.0.0.0:0")
    assert done.returncode == os.EX_CONFIG and "gateway.open" in done.stderr


@pytest.mark.acceptance("C35")
def test_the_description_is_valid_and_is_what_is_served(scene):
    described = scene.gateway.get("/openapi.json").json()
    OpenAPIV31SpecValidator(described).validate()
    assert {"/kafka/send/{topic}", "/kafka/request/{topic}", "/kafka/health", "/v1/requests"} <= set(described["paths"])
    assert [server["url"] for server in described["paths"]["/kafka/send/{topic}"]["servers"]] == ["/", "/api"]
    for path in ("/docs", "/api/docs"):
        page = scene.gateway.get(path)
        assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert all(path.replace("{", "{") in page.text for path in described["paths"])


def test_a_publisher_is_asked_by_its_route(scene):
    store = f"sqlite://{scene.pouch.folder}/store"
    inbox = scene.pouch.topic(partitions=1)
    scene.pouch.ok("route", "add", "orders", scene.echo, "--store", store)  # before it starts: what is added later it hears of a little later
    center = scene.pouch.start("center", "--inbox", inbox, "--store", store, "--listen", "127.0.0.1:0")
    url = wait_until(lambda: re.search(r"http://127\.0\.0\.1:\d+", center.stderr()), "the center serving").group(0)
    wait_until(lambda: httpx.get(f"{url}/readyz", timeout=60).status_code == 200, "the center being ready")
    gateway = scene.start(name="by-route", env={"POUCH_CENTER_INBOX": inbox})
    said = gateway.post("/v1/requests", {"publisher": "orders", "payload": [1, "two"]})
    assert (said.status_code, said.json().get("response")) == (200, [1, "two"]), said.text
    assert "orders-unknown" in assert_problem(gateway.post("/v1/requests", {"publisher": "orders-unknown", "payload": 1}), 404, "no_route")
    assert gateway.program.stop() == 0 and center.stop() == 0


def test_several_answers_are_gathered_and_who_is_missing_is_named(scene):
    said = scene.gateway.post("/v1/requests", {"topic": scene.echo, "payload": 5, "responders": 2, "timeout": 8000})
    answer = said.json()
    assert said.status_code == 200 and answer["answered"] == 1, said.text
    assert [(part["success"], part.get("response"), part.get("code")) for part in answer["parts"]] == [(True, 5, None), (False, None, "timeout")]
    said = scene.gateway.post("/v1/requests", {"topic": scene.echo, "payload": None, "enough": 1})
    assert said.json()["answered"] == 1


def test_a_trace_goes_on_with_the_record(scene):
    topic = scene.pouch.topic(partitions=1)
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert scene.gateway.post(f"/kafka/send/{topic}", {"value": {}}, headers={"traceparent": parent}).status_code == 201
    [record] = independent.read(independent.reader(scene.pouch.brokers, topic), 1)
    assert dict(record.headers())["traceparent"] == parent.encode()


def test_many_ask_at_once_and_each_gets_its_own_answer(scene):
    limits = httpx.Limits(max_connections=32)
    with concurrent.futures.ThreadPoolExecutor(32) as pool, httpx.Client(base_url=scene.gateway.url, limits=limits, timeout=60) as client:
        answers = pool.map(lambda i: client.post(f"/kafka/request/{scene.echo}", json={"value": {"i": i}}).json()["response"]["i"], range(300))
        assert list(answers) == list(range(300))


def test_sighup_keeps_it_serving(scene):
    gateway = scene.start(name="reloaded")
    subprocess.run(["kill", "-HUP", str(gateway.program.process.pid)], check=True)
    assert gateway.post(f"/kafka/request/{scene.echo}", {"value": {"still": True}}).json()["response"] == {"still": True}
    assert gateway.program.stop() == 0

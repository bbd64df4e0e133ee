"""Who may do what at a gateway: every endpoint against every kind of caller, over real Kafka."""

import collections
import json
import os
import re
import stat
import time

import httpx
import pytest
from conftest import Pouch, wait_until
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from gateway import Gateway
from joserfc import jwt
from joserfc.jwk import ECKey

CONFIG = 78
# What anybody may ask for: probes, descriptions, and the console's files. Everything else wants somebody.
OPEN = {"/livez", "/readyz", "/openapi.json", "/docs", "/console", "/console/", "/console/{file}", "/console/assets/{file}", "/"}
WRONG = "pouch_" + "A" * 43


class Guarded:
    """A gateway with keys: of two tenants, expired, bounded; and an issuer of tokens."""

    def __init__(self, pouch):
        self.pouch = pouch
        self.file, self.audit = pouch.folder / "access.yaml", pouch.folder / "audit.log"
        self.entries, self.keys = {}, {}
        for name, *words in (("root", "--scope", "*"), ("late", "--scope", "*", "--not-after", "2020-01-31"), ("other", "--scope", "*:other.*"),
                             ("reader", "--scope", "subscribe:news"), ("slow", "--scope", "*", "--rate", "1"), ("shop", "--scope", "*", "--origin", "https://shop.example"),
                             ("auditor", "--scope", "read.*", "--scope", "subscribe")):
            self.add(name, *words)
        private = ec.generate_private_key(ec.SECP256R1())
        (pouch.folder / "issuer.pem").write_bytes(private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        self.signer = ECKey.import_key(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        self.write()
        self.gateways = [self.serve(f"guarded-{i}") for i in range(2)]
        self.url = self.gateways[0].url
        self.addresses = (f"127.0.{i}.{k}" for i in range(1, 255) for k in range(1, 255))

    def serve(self, name):
        return Gateway(self.pouch, "--access", self.file, name=name,
                       env={"POUCH_GATEWAY_AUDIT": str(self.audit), "POUCH_GATEWAY_ORIGINS": "https://app.example"}).start()

    def add(self, name, *words):
        made = json.loads(self.pouch.ok("access", "new", name, *words, "-o", "json"))
        self.keys[name], self.entries[name] = made["key"], made["entry"]

    def write(self, text=None):
        """As an editor does: whole, in place of the one before."""
        tokens = "tokens:\n  - issuer: https://login.example\n    audience: pouch\n    algorithm: ES256\n    key: issuer.pem\n    skew: 0s\n"
        new = self.file.with_suffix(".new")
        new.write_text("keys:\n" + "".join(self.entries.values()) + tokens if text is None else text)
        new.chmod(0o600)
        new.rename(self.file)

    def token(self, scope, algorithm="ES256", **claims):
        claims = {"iss": "https://login.example", "aud": "pouch", "sub": "ann", "exp": int(time.time()) + 300, "scope": scope, **claims}
        return jwt.encode({"alg": algorithm}, {k: v for k, v in claims.items() if v is not None}, self.signer, algorithms=[algorithm])

    def client(self, url=None):
        """From an address of its own, so that what it fails counts for nobody else."""
        return httpx.Client(base_url=url or self.url, transport=httpx.HTTPTransport(verify=False, local_address=next(self.addresses)), timeout=60)

    def status(self, method, path, credential=None, url=None, **more):
        """Of the answer's head, and its text unless it is a stream that does not end."""
        headers = {**({"Authorization": f"Bearer {credential}"} if credential else {}), **more.pop("headers", {})}
        with self.client(url) as client, client.stream(method, path, headers=headers, **more) as answer:
            endless = answer.headers.get("content-type", "").startswith("text/event-stream")
            return answer.status_code, "" if endless else answer.read().decode(), answer.headers


@pytest.fixture(scope="module")
def guarded(kafka, tmp_path_factory):
    pouch = Pouch(kafka["KAFKA_BROKERS"], tmp_path_factory.mktemp("guarded"))
    pouch.env["POUCH_STORE"] = f"sqlite://{pouch.folder}/store"
    for topic in ("acme.orders", "other.orders"):
        pouch.topic(topic)
        pouch.ok("route", "add", topic.replace("orders", "tax"), topic)
    yield Guarded(pouch)
    pouch.stop_all()


def endpoints(guarded):
    """(method, path, path with its parameters filled in for acme, need) of all that is described."""
    described = guarded.gateways[0].get("/openapi.json").json()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            if method == "servers":
                continue
            filled = path
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    filled = filled.replace("{" + parameter["name"] + "}", "acme.orders")
            yield method.upper(), path, filled, operation["x-pouch-need"], operation


def actions(guarded):
    return {need["action"] for _, _, _, need, _ in endpoints(guarded)} - {"open", "known"}


@pytest.mark.acceptance("C31")
def test_every_endpoint_refuses_everybody_but_who_may(guarded):
    every, failed, seen = actions(guarded), [], 0
    for method, path, filled, need, operation in endpoints(guarded):
        seen += 1
        body = {"json": {}} if "requestBody" in operation else {}

        def expect(what, wanted, credential=None, **more):
            status, text, _ = guarded.status(method, filled, credential, **body, **more)
            if status not in wanted:
                failed.append(f"{method} {path} with {what}: {status} {text[:200]}")
            return text if 200 <= status < 300 else ""

        if need["action"] == "open":
            assert path in OPEN or path.startswith("/console"), f"{method} {path} is open to anybody"
            expect("nothing", {200, 204, 302, 303, 307, 308, 404, 503})
            continue
        everything = " ".join(sorted(every))
        expect("nothing", {401})
        expect("a key that nobody has", {401}, WRONG)
        expect("a key that has expired", {401}, guarded.keys["late"])
        expect("a token that has expired", {401}, guarded.token(everything, exp=int(time.time()) - 5))
        expect("a token for others", {401}, guarded.token(everything, aud="others"))
        expect("a page of another origin", {403}, guarded.keys["root"], headers={"Origin": "https://evil.example"})
        expect("a ticket that nobody has made", {401}, params={"ticket": "AAAA"})
        if need["action"] != "known":
            expect("all scopes but its own", {403}, guarded.token(" ".join(sorted(every - {need["action"]})) or "read.health"))
            shown = expect("another tenant's key", {403} if need["of"] != "*" else set(range(200, 500)), guarded.keys["other"])
            if "acme" in shown:
                failed.append(f"{method} {path} shows another tenant's: {shown[:300]}")
        good = {*range(100, 600)} - {401, 403, 500}
        expect("a key that may", good, guarded.keys["root"])
        expect("a token that may", good, guarded.token(everything))
    assert not failed, "\n".join(failed)
    assert seen > 10


@pytest.mark.acceptance("C31")
def test_an_auditor_sees_everything_and_changes_nothing(guarded):
    """Whose key has the scopes read.* and subscribe, which docs/gateway.md names for it. To listen is to look: tickets and subscriptions are its own."""
    wrong, refused = [], 0
    bodies = {"/v1/requests": {"topic": "acme.orders", "payload": {}, "timeout": 100}}
    for method, path, filled, need, operation in endpoints(guarded):
        looks = method == "GET" or need["action"] == "subscribe"
        status, text, _ = guarded.status(method, filled, guarded.keys["auditor"], **({"json": bodies.get(path, {})} if "requestBody" in operation else {}))
        refused += status == 403
        if looks == (status == 403):
            wrong.append(f"{method} {path} ({need['action']}): {status} {text[:200]}")
    assert not wrong, "\n".join(wrong)
    assert refused > 10


@pytest.mark.acceptance("C31")
def test_what_stands_in_a_body_is_asked_for_too(guarded):
    for body, scope in (({"publisher": "acme.tax", "payload": {}, "timeout": 100}, "ask:other.*"), ({"topic": "acme.orders", "payload": {}, "timeout": 100}, "request:other.*")):
        assert guarded.status("POST", "/v1/requests", guarded.token(scope), json=body)[0] == 403
        assert guarded.status("POST", "/v1/requests", guarded.token(scope.replace("other", "acme")), json=body)[0] in (404, 408, 503)  # nobody answers


@pytest.mark.acceptance("C31")
def test_a_ticket_opens_the_streams_of_its_key_at_any_gateway(guarded):
    status, text, _ = guarded.status("POST", "/v1/tickets", guarded.keys["reader"])
    ticket = json.loads(text)["ticket"]
    assert status == 201 and json.loads(text)["expires"] > time.time() * 1000 and guarded.keys["reader"] not in text
    for gateway in guarded.gateways:
        with httpx.stream("GET", gateway.url + "/kafka/events", params={"channels": "news", "ticket": ticket}, timeout=60) as stream:
            assert stream.status_code == 200 and "event: connected" in next(stream.iter_text())
        assert gateway.get("/kafka/events", params={"channels": "news,payments", "ticket": ticket}).status_code == 403
        assert gateway.get("/kafka/events", params={"ticket": ticket}).status_code == 403  # the default channels
        assert gateway.get("/v1/whoami", params={"ticket": ticket}).status_code == 401
        assert gateway.get("/kafka/events", params={"channels": "news", "ticket": ticket[:-4] + "AAAA"}).status_code == 401
    assert guarded.status("POST", "/v1/tickets", guarded.token("ask:x"))[0] == 403


@pytest.mark.acceptance("C31")
def test_a_stream_ends_when_its_key_is_taken_back_and_when_its_ticket_is_used_again(guarded):
    guarded.add("leaving", "--scope", "subscribe:news")
    guarded.write()
    wait_until(lambda: guarded.status("GET", "/v1/whoami", guarded.keys["leaving"])[0] == 200, "the new key being taken")
    ticket = json.loads(guarded.status("POST", "/v1/tickets", guarded.keys["leaving"])[1])["ticket"]
    events = {"channels": "news", "ticket": ticket}
    post = lambda: guarded.status("POST", "/kafka/sse/broadcast/news", guarded.keys["root"], json={"data": {}})[0]  # noqa: E731
    with httpx.stream("GET", guarded.url + "/kafka/events", params=events, timeout=60) as first:
        one = first.iter_text()
        next(one)
        with httpx.stream("GET", guarded.url + "/kafka/events", params=events, timeout=60) as second:
            two = second.iter_text()
            next(two)
            assert post() in (200, 201)
            collections.deque(one)  # it comes to its end
            del guarded.entries["leaving"]
            guarded.write()
            wait_until(lambda: guarded.status("GET", "/v1/whoami", guarded.keys["leaving"])[0] == 401, "the key being taken back")
            assert post() in (200, 201)
            collections.deque(two)


def test_topics_of_pouch_are_never_sent_to(guarded):
    for topic in ("internal.dlq", "pouch-gateway.replies", "command-center-inbox", "__consumer_offsets", "x-reply"):
        for verb in ("send", "request"):
            status, text, _ = guarded.status("POST", f"/kafka/{verb}/{topic}", guarded.keys["root"], json={"value": {}})
            assert status == 403 and "gateway.topics" in json.loads(text)["message"], (topic, status, text)


def test_a_key_is_shown_in_either_field_and_nothing_else_counts(guarded):
    root = guarded.keys["root"]
    assert guarded.status("GET", "/v1/whoami", headers={"X-API-Key": root})[0] == 200
    status, text, _ = guarded.status("GET", "/v1/whoami", root)
    assert status == 200 and json.loads(text)["name"] == "key:root" and json.loads(text)["scopes"] == ["*"]
    for headers in ({"Authorization": root}, {"Authorization": f"Basic {root}"}, {"X-API-Key": f"Bearer {root}"}, {"Cookie": f"key={root}"}, {"X-API-Key": root, "Authorization": f"Bearer {root}"}):
        status, text, answer = guarded.status("GET", "/v1/whoami", headers=headers)
        assert status == 401 and answer["www-authenticate"].startswith("Bearer"), headers
        problem = json.loads(text)
        assert problem["success"] is False and problem["message"] and problem["timestamp"] and root not in text
    assert guarded.status("GET", "/v1/whoami", params={"key": root})[0] == 401


def test_tokens_are_taken_as_their_issuer_signs_them_and_no_other_way(guarded):
    good = guarded.token("openid read.health")
    status, text, _ = guarded.status("GET", "/v1/whoami", good)
    assert status == 200 and json.loads(text)["name"] == "jwt:ann@https://login.example" and json.loads(text)["scopes"] == ["read.health"]
    head, claims, signature = good.split(".")
    none = "eyJhbGciOiJub25lIn0"  # {"alg":"none"}
    for forged in (f"{none}.{claims}.", f"{none}.{claims}.{signature}", f"{head}.{claims}.", f"{head}.{claims}", f"{head}.{claims}.{signature}AA", f"{head}.{claims}A.{signature}"):
        assert guarded.status("GET", "/v1/whoami", forged)[0] == 401, forged
    for claims in ({"exp": None}, {"aud": None}, {"iss": None}, {"sub": None}, {"nbf": int(time.time()) + 100}):
        assert guarded.status("GET", "/v1/whoami", guarded.token("read.health", **claims))[0] == 401, claims


def test_a_rate_is_told_with_when_to_come_again(guarded):
    with guarded.client() as client:
        call = lambda: client.get("/v1/whoami", headers={"X-API-Key": guarded.keys["slow"]})  # noqa: E731
        wait_until(lambda: call().status_code == 200, "a call within the rate")
        refused = wait_until(lambda: (answer := call()).status_code == 429 and answer, "a call over the rate")
    assert int(refused.headers["retry-after"]) >= 1 and refused.json()["success"] is False


def test_an_address_that_keeps_failing_is_slowed(guarded):
    """20 at once, or fewer for one that shares its place in the table with another that has failed (auth/rate.h)."""
    before = []
    for _ in range(3):
        with guarded.client() as client:
            statuses = [client.get("/v1/whoami", headers={"X-API-Key": WRONG}).status_code for _ in range(60)]
            assert set(statuses) == {401, 429}
            before.append(statuses.index(429))
            assert client.get("/v1/whoami", headers={"X-API-Key": guarded.keys["root"]}).status_code == 200
    assert max(before) >= 20


def test_pages_of_listed_origins_may_ask(guarded):
    preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    status, _, headers = guarded.status("OPTIONS", "/kafka/send/acme.orders", headers=preflight)
    assert status == 204 and headers["access-control-allow-origin"] == "https://app.example"
    assert "POST" in headers["access-control-allow-methods"] and "Authorization" in headers["access-control-allow-headers"] and "Origin" in headers["vary"]
    assert "access-control-allow-credentials" not in headers
    status, _, headers = guarded.status("OPTIONS", "/kafka/send/acme.orders", headers={**preflight, "Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in headers
    status, _, headers = guarded.status("GET", "/v1/whoami", guarded.keys["root"], headers={"Origin": "https://app.example"})
    assert status == 200 and headers["access-control-allow-origin"] == "https://app.example"
    assert guarded.status("GET", "/v1/whoami", guarded.keys["shop"], headers={"Origin": "https://app.example"})[0] == 403
    assert guarded.status("GET", "/v1/whoami", guarded.keys["shop"], headers={"Origin": "https://shop.example"})[0] == 200
    for answer in (guarded.status("GET", "/v1/whoami"), guarded.status("GET", "/v1/whoami", guarded.keys["root"])):
        assert answer[2].get("access-control-allow-origin") != "*"


def test_a_changed_file_is_taken_and_a_bad_one_is_not(guarded):
    status = lambda name: guarded.status("GET", "/v1/whoami", guarded.keys[name])[0]  # noqa: E731
    guarded.add("guest", "--scope", "read.health")
    assert status("guest") == 401
    guarded.write()
    wait_until(lambda: status("guest") == 200, "the new key being taken")
    guarded.write(guarded.file.read_text() + "keys: 5\n")
    guarded.gateways[0].program.wait_for("stays as it was")
    assert status("guest") == 200
    del guarded.entries["guest"]
    guarded.write()
    wait_until(lambda: status("guest") == 401, "the key being taken back")


def test_a_missing_file_keeps_who_was_let_in_and_is_told_of_and_an_empty_one_lets_nobody_in(guarded):
    status = lambda name: guarded.status("GET", "/v1/whoami", guarded.keys[name])[0]  # noqa: E731
    ready = lambda: httpx.get(guarded.url + "/readyz")  # noqa: E731
    stale = lambda: re.search(r"^pouch_access_stale (\d)", guarded.status("GET", "/metrics", guarded.token("read.health"))[1], re.MULTILINE).group(1)  # noqa: E731
    for spoil in (guarded.file.unlink, lambda: guarded.write("keys: 5\n")):
        spoil()
        wait_until(lambda: "the access file cannot be used" in (said := ready()).text and said.status_code == 200, "/readyz 200 telling of the file")
        assert status("root") == 200 and stale() == "1"
        guarded.write()
        wait_until(lambda: "the access file" not in ready().text, "the file being taken")
        assert stale() == "0"
    guarded.write("")
    try:
        wait_until(lambda: status("root") == 401, "the last key being taken back")
        assert httpx.get(guarded.url + "/livez").status_code == 200
    finally:
        guarded.write()
    for gateway in guarded.gateways:
        wait_until(lambda: guarded.status("GET", "/v1/whoami", guarded.keys["root"], gateway.url)[0] == 200, "the keys being back")  # noqa: B023


def test_the_audit_log_has_who_did_what_and_no_secrets(guarded):
    guarded.status("POST", "/kafka/send/acme.orders", guarded.keys["root"], json={"value": {"canary": "canary-of-audit"}})
    guarded.status("POST", "/kafka/send/acme.orders", guarded.keys["other"], json={"value": {}})
    rows = lambda: [json.loads(line) for line in guarded.audit.read_text().rpartition("\n")[0].splitlines()]  # noqa: E731
    sent = lambda who, status: [row for row in rows() if row["who"] == who and row["action"] == "send" and row.get("object") == "acme.orders" and row["status"] == status]  # noqa: E731
    wait_until(lambda: sent("key:root", "201") and sent("key:other", "403"), "the audit log")
    guarded.status("GET", "/v1/whoami", guarded.keys["late"])
    guarded.status("GET", "/v1/whoami", guarded.keys["shop"], headers={"Origin": "https://evil.example"})
    wait_until(lambda: guarded.status("GET", "/v1/whoami", guarded.keys["slow"])[0] == 429, "a call over the rate")
    named = {("key:late", "401"), ("key:shop", "403"), ("key:slow", "429")}
    wait_until(lambda: named <= {(row["who"], row["status"]) for row in rows()}, "those being named who are known and refused")
    assert all({"ts", "who", "peer", "method", "route", "action", "status"} <= row.keys() for row in rows())
    assert stat.S_IMODE(os.stat(guarded.audit).st_mode) == 0o600
    written = guarded.audit.read_text() + "".join(gateway.program.stderr() for gateway in guarded.gateways)
    for secret in (*guarded.keys.values(), "canary-of-audit", WRONG):
        assert secret not in written


def test_without_keys_only_this_host_is_served(kafka, tmp_path):
    pouch = Pouch(kafka["KAFKA_BROKERS"], tmp_path)
    try:
        for address in (":0", "0.0.0.0:0"):
            done = pouch.run("gateway", "--listen", address)
            assert done.returncode == CONFIG and "gateway.access" in done.stderr and "gateway.open" in done.stderr, done.stderr
        gateway = Gateway(pouch).start()
        rebound = f"rebound.example:{gateway.port}"
        answers = {"plain": gateway.get("/v1/whoami"), "named": gateway.get("/v1/whoami", headers={"Host": f"localhost:{gateway.port}"})}
        assert {name: answer.status_code for name, answer in answers.items()} == {"plain": 200, "named": 200}
        assert answers["plain"].json()["name"] == "local"
        for headers in ({"Host": rebound}, {"Host": rebound, "Origin": f"http://{rebound}"}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                        {"X-Forwarded-For": "192.0.2.1"}, {"Via": "1.1 proxy"}):
            assert gateway.get("/v1/whoami", headers=headers).status_code == 403, headers
            assert gateway.post("/kafka/send/acme.orders", {"value": {}}, headers=headers).status_code == 403, headers
        form = {"Content-Type": "text/plain"}
        assert gateway.post("/kafka/send/acme.orders", content='{"value":{}}', headers=form).status_code == 415
    finally:
        pouch.stop_all()


def test_an_access_file_that_others_may_read_lets_nobody_in(kafka, tmp_path):
    pouch = Pouch(kafka["KAFKA_BROKERS"], tmp_path)
    entry = json.loads(pouch.ok("access", "new", "a", "--scope", "*", "-o", "json"))["entry"]
    file = tmp_path / "access.yaml"
    file.write_text("keys:\n" + entry)
    file.chmod(0o644)
    for command in (("gateway", "--listen", "127.0.0.1:0"), ("access", "list")):
        done = pouch.run(*command, "--access", file)
        assert done.returncode == CONFIG and "chmod 600" in done.stderr, done.stderr
    file.chmod(0o600)
    listed = json.loads(pouch.ok("access", "list", "--access", file, "-o", "json"))
    assert listed["keys"] == [{"name": "a", "scopes": ["*"], "rate": 0, "streams": 100, "not_after": ""}] and listed["tokens"] == []
    assert "key" not in entry.replace("keys", "")

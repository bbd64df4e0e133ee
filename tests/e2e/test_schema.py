"""Schemas: the registry by `pouch schema`, and payloads that confluent-kafka's serializers read and write."""

import base64
import json
import os
import random
import string
import subprocess
import threading
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from conftest import PATIENCE, POUCH, clean_environment
from gateway import Gateway
from secure import other_authority
from tls_front import TlsFront

NEGATIVE, USAGE, UNAVAILABLE, LATER, CONFIG, NO_PERMISSION = 1, 64, 69, 75, 78, 77

ORDER = {"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "string"},
    {"name": "cents", "type": "long"},
    {"name": "paid", "type": "boolean", "default": False},
    {"name": "rate", "type": ["null", "double"], "default": None},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OPEN", "SHUT"]}},
    {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
        {"name": "sku", "type": "string"}, {"name": "n", "type": "int"}]}}},
    {"name": "tags", "type": {"type": "map", "values": "string"}}]}
TREE = {"type": "record", "name": "Node", "fields": [
    {"name": "value", "type": ["string", "long", "null"]}, {"name": "children", "type": {"type": "array", "items": "Node"}}]}
PERSON = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Person", "type": "object", "additionalProperties": False,
          "properties": {"name": {"type": "string", "minLength": 1}, "age": {"type": "integer", "minimum": 0}}, "required": ["name"]}


@pytest.fixture
def url(registry):
    return registry["SCHEMA_REGISTRY_URL"]


@pytest.fixture
def peer(url):
    return SchemaRegistryClient({"url": url})


@pytest.fixture
def subject(request):
    return f"{request.node.name[:40]}-{random.getrandbits(32):x}-value"


def run(url, *words, stdin=b"", **env):
    stdin = stdin.encode() if isinstance(stdin, str) else stdin
    return subprocess.run([POUCH, "schema", *map(str, words)], input=stdin, capture_output=True, timeout=5 * PATIENCE,
                          env=dict(clean_environment(), SCHEMA_REGISTRY_URL=url, **env))


def ok(url, *words, stdin=b"", **env):
    done = run(url, *words, stdin=stdin, **env)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def register(url, subject, schema, *words):
    return int(ok(url, "register", subject, *words, stdin=json.dumps(schema)))


@pytest.mark.acceptance("D19")
def test_schemas_are_registered_read_and_deleted(url, peer, subject):
    first = register(url, subject, ORDER)
    assert register(url, subject, ORDER) == first
    more = dict(ORDER, fields=[*ORDER["fields"], {"name": "note", "type": "string", "default": ""}])
    second = register(url, subject, more)
    assert second != first
    assert json.loads(peer.get_latest_version(subject).schema.schema_str) == more
    assert subject in ok(url, "list").decode().split() and subject in peer.get_subjects()
    assert json.loads(ok(url, "list", subject, "-o", "json")) == [1, 2] == peer.get_versions(subject)
    assert json.loads(ok(url, "get", subject)) == more
    assert json.loads(ok(url, "get", subject, "--version", 1)) == ORDER == json.loads(ok(url, "get", "--id", first))
    told = json.loads(ok(url, "get", subject, "-o", "json"))
    assert (told["subject"], told["version"], told["id"], told["type"]) == (subject, 2, second, "AVRO")
    ok(url, "delete", subject, "--version", 1, "--yes")
    assert peer.get_versions(subject) == [2]
    ok(url, "delete", subject, "--permanent", "--yes")
    assert subject not in peer.get_subjects()
    assert run(url, "get", subject).returncode == NEGATIVE


@pytest.mark.acceptance("D19")
def test_what_is_not_compatible_is_told_and_refused(url, peer, subject):
    register(url, subject, ORDER)
    assert ok(url, "compat", subject, "--set", "FULL_TRANSITIVE").decode() == "FULL_TRANSITIVE\n"
    assert peer.get_compatibility(subject) == "FULL_TRANSITIVE"
    for mode in ("BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "NONE"):
        ok(url, "compat", subject, "--set", mode)
        assert json.loads(ok(url, "compat", subject, "-o", "json")) == {"subject": subject, "compatibility": mode}
    ok(url, "compat", subject, "--set", "BACKWARD")
    worse = dict(ORDER, fields=[*ORDER["fields"], {"name": "must", "type": "string"}])
    better = dict(ORDER, fields=[*ORDER["fields"], {"name": "may", "type": "string", "default": ""}])
    assert run(url, "check", subject, stdin=json.dumps(better)).returncode == 0
    done = run(url, "check", subject, "-o", "json", stdin=json.dumps(worse))
    assert done.returncode == NEGATIVE and json.loads(done.stdout)["compatible"] is False
    done = run(url, "register", subject, stdin=json.dumps(worse))
    assert done.returncode == NEGATIVE and b"not compatible" in done.stderr
    assert peer.get_versions(subject) == [1]


@pytest.mark.acceptance("D19", "D14")
def test_a_new_subject_gets_the_mode_that_is_set(url, peer, subject):
    ok(url, "register", subject, stdin=json.dumps(ORDER), SCHEMA_COMPATIBILITY_MODE="FORWARD")
    assert peer.get_compatibility(subject) == "FORWARD"
    ok(url, "compat", subject, "--set", "NONE")
    ok(url, "register", subject, stdin=json.dumps(TREE), SCHEMA_COMPATIBILITY_MODE="FORWARD")
    assert peer.get_compatibility(subject) == "NONE"


def text(r):
    return "".join(r.choice(string.printable + "äß€😀\x00") for _ in range(r.randrange(12)))


def order(r):
    return {"id": text(r), "cents": r.randint(-2**63, 2**63 - 1), "paid": r.random() < .5,
            "rate": r.choice([None, r.uniform(-1e9, 1e9), 0.1]), "state": r.choice(["OPEN", "SHUT"]),
            "lines": [{"sku": text(r), "n": r.randint(-2**31, 2**31 - 1)} for _ in range(r.randrange(4))],
            "tags": {str(i): text(r) for i in range(r.randrange(3))}}


def tree(r, depth=3):
    return {"value": r.choice([text(r), r.getrandbits(40), None]),
            "children": [tree(r, depth - 1) for _ in range(r.randrange(3) if depth else 0)]}


def person(r):
    return {"name": text(r).replace("\x00", "") + "x", **({"age": r.randrange(200)} if r.random() < .5 else {})}


@pytest.mark.acceptance("D19")
@pytest.mark.parametrize("schema, make", [(ORDER, order), (TREE, tree), (PERSON, person)], ids=["order", "tree", "person"])
def test_what_one_side_encodes_the_other_decodes(url, peer, subject, schema, make):
    is_avro = schema is not PERSON
    written = json.dumps(schema)
    topic = subject.removesuffix("-value")
    where = SerializationContext(topic, MessageField.VALUE)
    kind = Schema(written, "AVRO" if is_avro else "JSON")
    assert peer.register_schema(subject, kind) == register(url, subject, schema)
    if is_avro:
        encode, decode = AvroSerializer(peer, written), AvroDeserializer(peer, written)
    else:
        encode, decode = JSONSerializer(written, peer), JSONDeserializer(written, schema_registry_client=peer)
    r = random.Random(os.environ.get("POUCH_SEED", subject))
    for _ in range(12):
        value = make(r)
        assert json.loads(ok(url, "decode", stdin=encode(value, where))) == value
        assert decode(ok(url, "encode", subject, stdin=json.dumps(value)), where) == value


@pytest.mark.acceptance("D19")
def test_a_payload_that_does_not_fit_is_told_by_its_place_alone(url, subject):
    register(url, subject, PERSON)
    done = run(url, "encode", subject, stdin='{"name": "secret", "age": -1}')
    assert (done.returncode, done.stdout) == (NEGATIVE, b"")
    assert b"/age: below its minimum" in done.stderr and b"secret" not in done.stderr
    assert run(url, "decode", stdin=b"\x01abcdef").returncode == NEGATIVE
    told = json.loads(ok(url, "encode", subject, "-o", "json", stdin='{"name": "a"}'))
    assert bytes.fromhex(told["framed"]) == b"\0" + told["id"].to_bytes(4, "big") + b'{"name": "a"}'
    assert json.loads(ok(url, "decode", "-o", "json", stdin=bytes.fromhex(told["framed"]))) == {"id": told["id"], "payload": {"name": "a"}}


PLATFORM = ("messages", "conversations", "users", "events", "notifications", "analytics", "audit")


@pytest.mark.acceptance("D19")
def test_the_subjects_of_a_platform_stand_side_by_side(url, peer):
    ids = [register(url, f"{name}-value", dict(ORDER, name=name.title())) for name in PLATFORM]
    assert len(set(ids)) == len(PLATFORM)
    assert {f"{name}-value" for name in PLATFORM} <= set(peer.get_subjects())


# ---- what goes wrong ----


@contextmanager
def stub(status, body=b"", user=None):
    """A registry that always answers so, once who asks has said who they are."""
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            known = user is None or self.headers["Authorization"] == "Basic " + base64.b64encode(user.encode()).decode()
            self.send_response(status if known else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("status, body, code, said", [
    (500, b"", UNAVAILABLE, "answers 500"),
    (200, b"<html>", UNAVAILABLE, "is not JSON"),
    (200, b'{"unasked": 1}', UNAVAILABLE, "what no schema registry does"),
    (404, b"<html>", CONFIG, "no schema registry under that path"),
    (404, b'{"error_code": 40401, "message": "no such subject"}', NEGATIVE, "schema not found"),
    (403, b"{}", NO_PERMISSION, "may not do that"),
])
@pytest.mark.acceptance("D19")
def test_what_a_registry_answers_amiss_is_told_apart(status, body, code, said):
    with stub(status, body) as host:
        done = run(f"http://{host}", "get", "orders-value", POUCH_SCHEMA_TIMEOUT="5s")
    assert done.returncode == code and said in done.stderr.decode()


def test_a_registry_that_is_not_there_or_not_named_is_told():
    done = run("http://127.0.0.1:9", "list", POUCH_SCHEMA_TIMEOUT="5s")
    assert done.returncode == UNAVAILABLE and b"no connection" in done.stderr
    assert run("", "list").returncode == CONFIG
    assert run("ftp://127.0.0.1", "list").returncode == CONFIG


def test_one_registry_of_several_is_enough(url):
    assert run(f"http://127.0.0.1:9,{url}", "list").returncode == 0


def test_a_password_is_sent_and_never_shown():
    with stub(200, b"[]", user="ann:s3cr%t/") as host:
        assert run(f"http://ann:s3cr%25t%2F@{host}", "list").returncode == 0
        for wrong in (f"http://{host}", f"http://ann:other-secret@{host}"):
            done = run(wrong, "list")
            assert done.returncode == NO_PERMISSION and b"secret" not in done.stderr + done.stdout
        shown = subprocess.run([POUCH, "config", "show"], capture_output=True, text=True,
                               env=dict(clean_environment(), SCHEMA_REGISTRY_URL=f"http://ann:other-secret@{host}"))
        assert shown.returncode == 0 and "secret" not in shown.stdout and host in shown.stdout


@pytest.mark.acceptance("D19")
def test_over_tls_the_certificate_is_to_be_trusted_and_of_the_name_that_was_asked(url, subject, tmp_path):
    with TlsFront(url, tmp_path, "ann:s3cret") as front:
        ours, there = {"POUCH_SCHEMA_CA_FILE": str(front.certificate)}, f"localhost:{front.port}{front.path}"
        ok(f"https://ann:s3cret@{there}", "register", subject, stdin=json.dumps(PERSON), **ours)
        framed = ok(f"https://ann:s3cret@{there}", "encode", subject, stdin='{"name": "a"}', **ours)
        assert json.loads(ok(f"https://ann:s3cret@{there}", "decode", stdin=framed, **ours)) == {"name": "a"}
        assert front.refused == 0
        for at, more in ((there, {}), (there, {"POUCH_SCHEMA_CA_FILE": str(other_authority(tmp_path))}), (there.replace("localhost", "127.0.0.1"), ours)):
            done = run(f"https://ann:s3cret@{at}", "list", **more)
            assert done.returncode == CONFIG and b"its certificate is not trusted" in done.stderr, (at, more, done.stderr)
            assert b"s3cret" not in done.stderr + done.stdout and front.refused == 0  # nobody was told the password
        for user in ("", "ann:wrong@", "ann@"):
            done = run(f"https://{user}{there}", "list", **ours)
            assert done.returncode == NO_PERMISSION and b"wants a user and a password" in done.stderr, (user, done.stderr)
        assert front.refused == 3
        done = run(f"https://ann:s3cret@{there}", "list", POUCH_SCHEMA_CA_FILE=f"{tmp_path}/none.pem")
        assert done.returncode == CONFIG and b"certificate" in done.stderr, done.stderr


LINE = {"type": "record", "name": "Line", "fields": [{"name": "n", "type": "int"}]}
PROTO = 'syntax = "proto3"; message Person { string name = 1; }'


@pytest.mark.acceptance("D19")
def test_kinds_of_schemas_that_are_not_supported_are_told_by_name(url, peer, subject):
    line = subject.replace("-value", "-line")
    peer.register_schema(line, Schema(json.dumps(LINE), "AVRO"))
    bill = dict(LINE, name="Bill", fields=[{"name": "line", "type": "Line"}])
    refers = Schema(json.dumps(bill), "AVRO", [SchemaReference("Line", line, 1)])
    for kind, schema, said in (("refers", refers, "references to other subjects, which are not supported"),
                               ("proto", Schema(PROTO, "PROTOBUF"), "is of type PROTOBUF; AVRO and JSON are supported")):
        own = f"{kind}-{subject}"
        id = peer.register_schema(own, schema)
        framed = b"\0" + id.to_bytes(4, "big") + b"\x02"
        for words, stdin in ((("encode", own), b"{}"), (("decode",), framed)):
            done = run(url, *words, stdin=stdin)
            assert done.returncode == CONFIG and said in done.stderr.decode(), (kind, words, done.stderr)


@pytest.mark.acceptance("D19")
@pytest.mark.parametrize("schema, said", [
    (dict(PERSON, **{"$schema": "https://json-schema.org/draft/2020-12/schema"}), "2020-12/schema' is not known here; write it in draft 7"),
    (dict(PERSON, dependentRequired={"age": ["name"]}), "'dependentRequired' is of a newer draft than 7"),
    ({"$schema": PERSON["$schema"], "allOf": [{"$ref": "#"}]}, "leads back to where it stands")], ids=["draft", "keyword", "loop"])
def test_what_a_schema_says_in_vain_is_told_when_it_is_registered_and_used(url, subject, schema, said):
    done = run(url, "register", subject, stdin=json.dumps(schema))
    assert "pouch cannot check payloads by it" in done.stderr.decode() and said in done.stderr.decode()
    assert done.returncode == 0, done.stderr
    done = run(url, "encode", subject, stdin='{"name": "a"}')
    assert done.returncode == CONFIG and said in done.stderr.decode(), done.stderr


@pytest.mark.acceptance("D31")
def test_known_troubles_are_told_with_the_next_step(pouch, url):
    topic = pouch.topic()
    done = pouch.run("topic", "create", topic)
    assert done.returncode == NEGATIVE and f"{topic} exists already" in done.stderr and "pouch topic describe" in done.stderr
    done = pouch.run("topic", "create", f"{topic}-3", "--replication", 3)
    assert done.returncode != 0 and "replica" in done.stderr and "broker" in done.stderr, done.stderr
    done = pouch.run("topic", "list", "--brokers", "127.0.0.1:9")
    assert done.returncode == UNAVAILABLE and "127.0.0.1:9" in done.stderr, done.stderr
    done = run(url, "get", f"{topic}-value")
    assert done.returncode == NEGATIVE and b"schema not found" in done.stderr and b"pouch schema list" in done.stderr


def test_a_gateway_shows_subjects_versions_and_texts_as_the_commands_do(pouch, registry):
    subject = f"orders-{uuid.uuid4().hex[:8]}-value"
    pouch.env["POUCH_SCHEMA_REGISTRY"] = registry["SCHEMA_REGISTRY_URL"]
    pouch.ok("schema", "register", subject, stdin='{"type":"string"}')
    gateway = Gateway(pouch).start()
    assert subject in gateway.get("/v1/schemas").json()["subjects"]
    assert gateway.get(f"/v1/schemas/{subject}").json()["versions"] == [1]
    told = json.loads(pouch.ok("schema", "get", subject, "-o", "json"))
    for version in ("1", "latest"):
        assert gateway.get(f"/v1/schemas/{subject}/versions/{version}").json() == told
    for path, status in ((f"/v1/schemas/{subject}/versions/9", 404), ("/v1/schemas/none", 404), (f"/v1/schemas/{subject}/versions/x", 400)):
        assert gateway.get(path).status_code == status

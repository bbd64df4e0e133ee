"""Payloads checked against the schemas of a real registry: at both ends of a request, while the registry fails, and in clear."""

import json
import uuid

import httpx
import independent
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from conftest import PATIENCE, wait_until
from listener import Listener
from small_registry import SmallRegistry
from spoiled_registry import FAULTS, SpoiledRegistry

PAYMENT = {"type": "record", "name": "Payment", "fields": [{"name": "id", "type": "string"}, {"name": "amount", "type": "long"}]}
RESULT = {"type": "object", "required": ["paid"], "properties": {"paid": {"type": "boolean"}}, "additionalProperties": False}
GOOD, BAD, BAD_REPLY = {"id": "p1", "amount": 7}, {"id": "p2", "amount": "canary-17"}, {"id": "break it", "amount": 1}
STILL_NEWEST_S = 1.5  # more than CACHE_AGAIN_MS of app/schema/cache.h, and than CACHE_HURRY_MS
# Says of the payload that it was paid, but for the one that it breaks.
PAY = """sed -e 's/.*break it.*/{"paid":"canary-18"}/' -e t -e 's/.*/{"paid":true}/'"""


def register(url, subject, kind, schema):
    answer = httpx.post(f"{url}/subjects/{subject}/versions", json={"schema": json.dumps(schema), "schemaType": kind}, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


@pytest.fixture
def typed(pouch, registry):
    """A program that knows the registry, and has dead letters of its own; a topic whose requests are Avro's and whose replies JSON Schema's."""
    url = registry["SCHEMA_REGISTRY_URL"]
    pouch.env.update(SCHEMA_REGISTRY_URL=url, POUCH_SCHEMA_TIMEOUT=f"{PATIENCE}s", POUCH_DLQ_TOPIC=pouch.topic(f"dlq-{uuid.uuid4().hex[:12]}"))
    pouch.typed_topic = pouch.topic()
    register(url, f"{pouch.typed_topic}-value", "AVRO", PAYMENT)
    register(url, f"{pouch.typed_topic}.replies-value", "JSON", RESULT)
    return pouch


def code_of(done):
    assert done.returncode != 0, done.stdout
    return json.loads(done.stdout)["error"]["code"]


def letters(pouch):
    return independent.read_all(pouch.brokers, pouch.env["POUCH_DLQ_TOPIC"])


def decided(run):
    """What a program is told that asked a registry which said within a second that nothing is newer: later than that all is unchecked."""
    return wait_until(lambda: (done := run()).returncode != 69 and done, "the registry answering in time")


BOTH = ("--schema", "auto", "--reply-schema", "auto")


@pytest.mark.acceptance("A22")
def test_a_topics_payloads_are_checked_at_both_ends(typed):
    topic = typed.typed_topic
    worker = typed.worker(topic, "--exec", PAY, *BOTH)
    done = typed.ask(topic, GOOD, *BOTH)
    assert done.returncode == 0 and json.loads(done.stdout)["payload"] == {"paid": True}, done.stderr

    # The sender's end: nothing is sent.
    end = len(independent.read_all(typed.brokers, topic))
    for command in ("request", "send"):
        done = decided(lambda: typed.run(command, topic, "--schema", "auto", stdin=json.dumps(BAD)))
        assert done.returncode == 65 and "invalid_payload" in done.stderr and "amount" in done.stderr, done.stderr
    assert len(independent.read_all(typed.brokers, topic)) == end and not letters(typed)

    # The worker's: told, sealed, and kept, with the reason in nobody's sight but the requester's.
    done = typed.ask(topic, BAD)
    error = json.loads(done.stdout)["error"]
    assert (error["code"], error["sealed"]) == ("invalid_payload", True) and "amount" in error["message"]
    wait_until(lambda: letters(typed), "the dead letter")
    [letter] = letters(typed)
    headers = independent.headers(letter)
    assert headers["pouch-dlq-code"] == "invalid_payload" and headers["pouch-dlq-reason"] == "the request is not valid"
    assert "amount" in json.loads(independent.open_sealed(typed.key, headers["pouch-dlq-words"]))["error"]
    assert "amount" not in json.dumps({name: text for name, text in headers.items() if name != "pouch-dlq-words"})

    assert "amount" in typed.ok("dlq", "show", headers["pouch-dlq-request-id"], "--payload")
    assert "amount" not in typed.ok("dlq", "show", headers["pouch-dlq-request-id"])

    # A reply that its handler should not have given.
    done = typed.ask(topic, BAD_REPLY)
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "handler_error" and "the reply is not valid" in error["message"]
    assert "canary" not in worker.stderr() + done.stderr + json.dumps(error)
    assert len(letters(typed)) == 1


@pytest.mark.acceptance("A22")
def test_a_client_refuses_a_reply_that_is_not_valid(typed):
    topic = typed.topic()
    typed.worker(topic, "--exec", "cat")
    done = decided(lambda: typed.ask(topic, BAD, "--reply-schema", f"{typed.typed_topic}.replies-value"))
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 1 and error["code"] == "invalid_payload" and "the reply is not valid" in error["message"]


def test_a_subject_that_is_not_registered_is_told_before_anything_is_done(typed):
    topic = typed.topic()
    for words in (("worker", topic, "--exec", "cat"), ("request", topic, "1"), ("send", topic, "1")):
        done = typed.run(*words, "--schema", "auto")
        assert done.returncode == 1 and f"{topic}-value" in done.stderr, (words, done.stderr)
    assert not independent.read_all(typed.brokers, topic)


def asking(pouch, number, payload=GOOD):
    return pouch.start_other(pouch.command("request", pouch.typed_topic, json.dumps(payload), "--timeout", "10m"), f"asking-{number}")


@pytest.mark.acceptance("A22")
def test_a_registry_that_fails_stops_nobody_who_has_his_schemas(typed):
    topic = typed.typed_topic
    with SpoiledRegistry(typed.env["SCHEMA_REGISTRY_URL"]) as registry:
        typed.env.update(SCHEMA_REGISTRY_URL=registry.url, POUCH_SCHEMA_TIMEOUT="5s")
        typed.worker(topic, "--exec", PAY, *BOTH)
        assert typed.ask(topic, GOOD).returncode == 0
        for fault in FAULTS:
            registry.spoil(fault)
            assert typed.ask(topic, GOOD).returncode == 0, fault
            done = typed.ask(topic, GOOD, "--schema", "auto")
            assert done.returncode == 69 and "nothing was sent" in done.stderr, (fault, done.stderr)
    assert not letters(typed)


@pytest.mark.acceptance("A22")
def test_what_cannot_be_checked_waits_and_is_not_put_away(typed):
    topic = typed.typed_topic
    with SpoiledRegistry(typed.env["SCHEMA_REGISTRY_URL"]) as registry:
        typed.env.update(SCHEMA_REGISTRY_URL=registry.url, POUCH_SCHEMA_TIMEOUT="5s")
        registry.spoil("gone")
        worker = typed.worker(topic, "--exec", PAY, *BOTH, "--listen", "127.0.0.1:0")
        assert "requests wait until their schemas are known" in worker.stderr()
        asked = [asking(typed, n) for n in range(3)]
        listener = Listener(worker)
        wait_until(lambda: listener.metrics().get(("pouch_worker_unchecked",), 0) > 0, "a request that waits")
        wait_until(lambda: "a payload cannot be checked" in json.dumps(listener.readiness()), "the worker saying that it is not ready")
        for fault in FAULTS[1:]:
            registry.spoil(fault)
            before = registry.asked
            wait_until(lambda: registry.asked > before, f"the worker asking a registry with fault {fault}")
        assert all(program.running() for program in asked)
        registry.mend()
        for program in asked:
            assert program.process.wait(PATIENCE) == 0, program.stderr()
        assert listener.metrics()[("pouch_worker_unchecked",)] == 0
    assert not letters(typed)


@pytest.mark.acceptance("A22")
def test_no_older_schema_makes_a_payload_invalid_while_the_registry_is_away(typed):
    topic, url = typed.typed_topic, typed.env["SCHEMA_REGISTRY_URL"]
    with SpoiledRegistry(url) as registry:
        typed.env.update(SCHEMA_REGISTRY_URL=registry.url, POUCH_SCHEMA_TIMEOUT="5s")
        listener = Listener(typed.worker(topic, "--exec", PAY, *BOTH, "--listen", "127.0.0.1:0"))
        assert typed.ask(topic, GOOD).returncode == 0
        registry.spoil("gone")
        newer = dict(PAYMENT, fields=[*PAYMENT["fields"], {"name": "note", "type": "string", "default": ""}])
        register(url, f"{topic}-value", "AVRO", newer)
        wait_until(lambda: registry.idle_s() > STILL_NEWEST_S, "what the registry called the newest to be doubted again")
        asked = [asking(typed, 0, dict(GOOD, note="by the newer one")), asking(typed, 1, BAD)]
        wait_until(lambda: listener.metrics().get(("pouch_worker_unchecked",), 0) > 0, "a request that waits")
        assert not letters(typed) and all(program.running() for program in asked)
        for fault in FAULTS:  # those that are well by the schema at hand are held up by nobody
            registry.spoil(fault)
            assert typed.ask(topic, GOOD).returncode == 0, fault
        assert not letters(typed) and all(program.running() for program in asked)
        registry.mend()
        assert asked[0].process.wait(PATIENCE) == 0, asked[0].stderr()
        assert asked[1].process.wait(PATIENCE) == 1 and "invalid_payload" in asked[1].stderr()
    assert len(letters(typed)) == 1


@pytest.mark.acceptance("A22")
def test_a_slow_registry_is_asked_once_for_what_several_topics_have_in_common(pouch):
    topics = [pouch.topic(), pouch.topic()]
    with SmallRegistry(takes_s=STILL_NEWEST_S) as registry:
        registry.put("payments", json.dumps(PAYMENT))
        registry.put("results", json.dumps(RESULT), type="JSON")
        pouch.env.update(SCHEMA_REGISTRY_URL=registry.url, POUCH_SCHEMA_TIMEOUT="60s")
        for topic in topics:
            pouch.worker(topic, "--exec", PAY)
        done = pouch.run("request", "--gather", *topics, "--schema", "payments", "--reply-schema", "results", "--timeout", "60s", stdin=json.dumps(GOOD))
        assert done.returncode == 0, done.stderr


EVENT = {"type": "record", "name": "Event", "fields": [{"name": "conversation_id", "type": "string"}, {"name": "text", "type": "string"}]}
CATALOGUE = "topics:\n  {plain}.{{tenant}}:\n    strategy: conversation_id\n    schema: {plain}-value\n  {other}:\n    strategy: random\n"


@pytest.fixture
def plain(typed, tmp_path):
    """Two topics of a catalogue, a tenant's of a pattern and one by name."""
    names = {"plain": f"plain-{uuid.uuid4().hex[:8]}", "other": f"other-{uuid.uuid4().hex[:8]}"}
    catalogue = tmp_path / "topics.yaml"
    catalogue.write_text(CATALOGUE.format(**names))
    typed.env["POUCH_TOPIC_CATALOG"] = str(catalogue)
    return typed.topic(f"{names['plain']}.acme"), typed.topic(names["other"]), f"{names['plain']}-value"


def deserialized(typed, topic, deserializer):
    [record] = independent.read_all(typed.brokers, topic)
    return record, deserializer(record.value(), SerializationContext(topic, MessageField.VALUE))


@pytest.mark.acceptance("D19")
def test_what_is_sent_in_clear_is_read_by_the_registrys_own_deserializers(typed, plain):
    tenants, other, subject = plain
    url = typed.env["SCHEMA_REGISTRY_URL"]
    event = {"conversation_id": "c-7", "text": "grüße"}
    avro_id = register(url, subject, "AVRO", EVENT)
    json_id = register(url, f"{other}-value", "JSON", RESULT)

    done = typed.run("send", "--plain", tenants, "-H", "user_id=u1", "-o", "json", stdin=json.dumps(event), env={"ENCRYPTION_KEY": ""})
    assert json.loads(done.stdout) == {"topic": tenants, "subject": subject, "schema_id": avro_id, "key": "c-7"}, done.stderr
    record, value = deserialized(typed, tenants, AvroDeserializer(SchemaRegistryClient({"url": url})))
    assert value == event and record.key() == b"c-7" and record.headers() == [("user_id", b"u1")]

    assert typed.ok("send", "--plain", other, "--schema", "auto", stdin='{"paid":true}') == f"{json_id}\n"
    record, value = deserialized(typed, other, JSONDeserializer(json.dumps(RESULT)))
    assert value == {"paid": True} and record.key() is None

    typed.ok("send", "--plain", other, "--schema", "auto", "--key", "k", stdin='{"paid":false}')
    assert {record.key() for record in independent.read_all(typed.brokers, other)} == {None, b"k"}


def test_only_what_is_valid_goes_in_clear_and_only_to_topics_of_the_catalogue(typed, plain):
    tenants, other, subject = plain
    register(typed.env["SCHEMA_REGISTRY_URL"], subject, "AVRO", EVENT)
    for topic, payload, words, code, said in (
            (typed.typed_topic, GOOD, ("--schema", "auto"), 77, "not in the catalogue"),
            ("internal.dlq", GOOD, ("--schema", subject), 77, "Pouch's own records"),
            ("command-center-inbox", GOOD, ("--schema", subject), 77, "Pouch's own records"),
            ("me.replies", GOOD, ("--schema", subject), 77, "Pouch's own records"),
            (tenants, {"conversation_id": "c", "text": 5}, (), 65, "invalid_payload"),
            (tenants, {"text": "x"}, (), 78, "conversation_id"),
            (other, GOOD, (), 78, "--schema"),
            (other, GOOD, ("--schema", "auto"), 1, f"{other}-value"),
            (tenants, GOOD, ("--publisher", "p"), 64, "--publisher")):
        done = decided(lambda: typed.run("send", "--plain", topic, *words, stdin=json.dumps(payload)))
        assert done.returncode == code and said in done.stderr and not done.stdout, (topic, words, done.returncode, done.stderr)
    assert not independent.read_all(typed.brokers, tenants) + independent.read_all(typed.brokers, other)


@pytest.mark.parametrize("command", ["request", "send"])
def test_a_publisher_has_no_subject_of_its_own(typed, command):
    done = typed.run(command, "--publisher", "p", "--schema", "auto", stdin="1")
    assert done.returncode == 64 and "name the subject" in done.stderr

"""Avro beside fastavro: what one of the two writes the other reads, by schemas that are made up at random."""

import copy
import datetime
import decimal
import io
import json
import os
import random
import string
import struct
import subprocess

import fastavro
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from conftest import PATIENCE, POUCH, clean_environment
from small_registry import SmallRegistry

ROUNDS, FIELDS, DEPTH_MOST = 8, 16, 4
PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
LOGICAL = {"int": ("date", "time-millis"), "long": ("timestamp-millis", "timestamp-micros", "time-micros", "local-timestamp-millis"),
           "string": ("uuid",), "bytes": ("decimal",)}


@pytest.fixture
def registry():
    with SmallRegistry() as small:
        yield small


def run(registry, *words, stdin):
    done = subprocess.run([POUCH, "schema", *words], input=stdin, capture_output=True, timeout=5 * PATIENCE,
                          env=dict(clean_environment(), SCHEMA_REGISTRY_URL=registry.url))
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def may_have_default(schema):
    """A default has the first branch of each union in it, so that not every value is one."""
    if isinstance(schema, dict) and "name" in schema:
        return schema["type"] != "record"
    if isinstance(schema, dict):
        inside = schema.get("items") or schema.get("values") or schema["type"]
        return not isinstance(inside, list) and may_have_default(inside)
    return isinstance(schema, list) or schema in PRIMITIVES  # what stands there by name may be a record


class Maker:
    """Schemas, and for each a function that gives a value of it twice: as the JSON that pouch is given, and as fastavro has it."""

    def __init__(self, r):
        self.r, self.named, self.count = r, [], 0

    def any(self, space, depth=0):
        kinds = [self.number, self.number, self.text, self.text, self.boolean, self.null]
        if depth < DEPTH_MOST:
            kinds += [self.record, self.record, self.chain, self.enum, self.fixed, self.array, self.map, self.union, self.union, self.known]
        return self.r.choice(kinds)(space, depth)

    # ---- what has no other type in it ----

    def plain(self, name, make):
        """A primitive: by its name, as an object, or under a logical type that fits it."""
        forms = [name, {"type": name}, {"type": {"type": name}, "doc": "an object around an object"}]
        forms += [{"type": name, "logicalType": logical, **({"precision": 9, "scale": 2} if logical == "decimal" else {})}
                  for logical in LOGICAL.get(name, ())]
        return self.r.choice(forms), make

    def null(self, *_):
        return self.plain("null", lambda: (None, None))

    def boolean(self, *_):
        return self.plain("boolean", lambda: (self.r.random() < .5,) * 2)

    def integer(self, bits):
        edge = self.r.choice([0, 1, 63, 64, 8191, 8192, 2**(bits - 1) - 1, 2**(bits - 2)])
        return (self.r.choice([edge, -edge, -edge - 1, self.r.randrange(-2**(bits - 1), 2**(bits - 1))]),) * 2

    def real(self, single):
        value = self.r.choice([0.0, -0.0, 1.5, self.r.uniform(-1e6, 1e6), self.r.uniform(-1, 1) * 10.0**self.r.randrange(-30, 30), float("inf"),
                               float("-inf"), self.r.randrange(1000)])
        if single:
            value = struct.unpack("<f", struct.pack("<f", value))[0]
        return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, value), float(value)

    def number(self, *_):
        name = self.r.choice(["int", "long", "float", "double"])
        bits = {"int": 32, "long": 64}.get(name)
        return self.plain(name, lambda: self.integer(bits) if bits else self.real(name == "float"))

    def letters(self):
        return "".join(self.r.choice(string.printable + "äß€😀\x00\x7f") for _ in range(self.r.choice([0, 1, 5, 70])))

    def octets(self, n):
        data = self.r.randbytes(n)
        return data.decode("latin-1"), data

    def text(self, *_):
        if self.r.random() < .5:
            return self.plain("bytes", lambda: self.octets(self.r.choice([0, 1, 9, 200])))
        return self.plain("string", lambda: (self.letters(),) * 2)

    # ---- what has a name ----

    def name(self, space):
        """A name of its own in one of the three ways to write it: its members, its full name, and the namespace in it."""
        self.count += 1
        short, other = f"T{self.count}", self.r.choice(["a", "a.b", "c_1.d2"])
        more = {"aliases": [f"Old{self.count}"], "doc": "what it is"} if self.r.random() < .3 else {}
        inherited, full = ({"name": short, **more}, f"{space}.{short}", space), f"{other}.{short}"
        return self.r.choice([inherited, ({"name": short, "namespace": other, **more}, full, other), ({"name": full, **more}, full, other)])

    def keep(self, full, space, schema, make):
        self.named.append((full, space, make))
        return schema, make

    def known(self, space, depth):
        if not self.named:
            return self.number()
        full, own, make = self.r.choice(self.named)
        return full.rpartition(".")[2] if own == space and self.r.random() < .5 else full, make

    def enum(self, space, _):
        members, full, own = self.name(space)
        symbols = [f"S{i}" for i in range(self.r.choice([1, 2, 70]))]
        return self.keep(full, own, {"type": "enum", **members, "symbols": symbols}, lambda: (self.r.choice(symbols),) * 2)

    def fixed(self, space, _):
        members, full, own = self.name(space)
        size = self.r.choice([0, 1, 12, 16])
        return self.keep(full, own, {"type": "fixed", **members, "size": size}, lambda: self.octets(size))

    def record(self, space, depth):
        members, full, own = self.name(space)
        fields, makers = [], []
        for i in range(self.r.randrange(5)):
            schema, make = self.any(own, depth + 1)
            field = {"name": f"f{i}", "type": schema, **({"order": "ignore", "aliases": [f"g{i}"]} if self.r.random() < .2 else {})}
            meant = make()[1]
            default = as_json(meant)  # where a double looks like one, or fastavro does not take it; nor does it take "Infinity"
            defaulted = self.r.random() < .4 and may_have_default(schema) and "Infinity" not in json.dumps(default)
            if defaulted and isinstance(schema, list):  # a default is of the first branch
                field["type"], default, meant = ["null", *[branch for branch in schema if branch != "null"]], None, None
                make = self.first_null(make)
            if defaulted:
                field["default"] = default
            fields.append(field)
            makers.append((f"f{i}", make, defaulted, meant))

        def value():
            told, meant = {}, {}
            for name, make, defaulted, default in makers:
                left_out = defaulted and self.r.random() < .5
                plain, meant[name] = (None, default) if left_out else make()
                if not left_out:
                    told[name] = plain
            return told, meant

        return self.keep(full, own, {"type": "record", **members, "fields": fields}, value)

    def first_null(self, make):
        return lambda: (None, None) if self.r.random() < .3 else make()

    def chain(self, space, _):
        """A record that has one of its kind in it, or none."""
        members, full, own = self.name(space)
        schema = {"type": "record", **members, "fields": [
            {"name": "n", "type": "int"}, {"name": "next", "type": ["null", full.rpartition(".")[2]], "default": None}]}

        def value(left=4):
            n = self.r.randrange(100)
            below = value(left - 1) if left and self.r.random() < .6 else (None, None)
            return {"n": n, "next": below[0]}, {"n": n, "next": below[1]}

        return self.keep(full, own, schema, value)

    # ---- what has others in it ----

    def array(self, space, depth):
        schema, make = self.any(space, depth + 1)
        return {"type": "array", "items": schema}, lambda: tuple(map(list, zip(*[make() for _ in range(self.r.choice([0, 1, 3]))]))) or ([], [])

    def map(self, space, depth):
        schema, make = self.any(space, depth + 1)

        def value():
            pairs = {self.letters().replace("\x00", ""): make() for _ in range(self.r.randrange(4))}
            return {key: pair[0] for key, pair in pairs.items()}, {key: pair[1] for key, pair in pairs.items()}

        return {"type": "map", "values": schema}, value

    def union(self, space, depth):
        """Branches that no value in JSON fits two of, for then it is the first that is written."""
        whole = self.r.choice(["int", "long"])
        makers = {"null": lambda: ("null", lambda: (None, None)), "boolean": lambda: ("boolean", lambda: (self.r.random() < .5,) * 2),
                  "number": lambda: (whole, lambda: self.integer(32 if whole == "int" else 64)),
                  "text": lambda: self.r.choice([self.enum, self.fixed, lambda *_: ("string", lambda: (self.letters(),) * 2),
                                                 lambda *_: ("bytes", lambda: self.octets(self.r.randrange(9)))])(space, depth),
                  "array": lambda: self.array(space, depth + 1), "object": lambda: self.r.choice([self.map, self.chain])(space, depth + 1)}
        chosen = [makers[name]() for name in self.r.sample(list(makers), self.r.randrange(1, 4))]
        return [schema for schema, _ in chosen], lambda: self.r.choice(chosen)[1]()


def without_logical_types(schema):
    """So that fastavro gives what stands in the bytes, as pouch does; and without objects around objects, which it does not take."""
    if isinstance(schema, dict) and isinstance(schema.get("type"), dict) and "name" not in schema:
        return without_logical_types(schema["type"])
    if isinstance(schema, dict):
        return {name: without_logical_types(member) for name, member in schema.items() if name != "logicalType"}
    return [without_logical_types(one) for one in schema] if isinstance(schema, list) else schema


def as_json(value):
    if isinstance(value, dict):
        return {name: as_json(member) for name, member in value.items()}
    if isinstance(value, list):
        return [as_json(one) for one in value]
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, value) if isinstance(value, float) else value


def read(parsed, data):
    stream = io.BytesIO(data)
    value = fastavro.schemaless_reader(stream, parsed, None)
    assert not stream.read(), "more bytes than the value has"
    return value


@pytest.mark.acceptance("D19")
@pytest.mark.parametrize("number", range(ROUNDS))
def test_random_schemas_mean_the_same_to_both(registry, number):
    seed = os.environ.get("POUCH_SEED", random.getrandbits(32))
    print(f"POUCH_SEED={seed}")
    maker = Maker(random.Random(f"{seed}-{number}"))
    chosen = [maker.array("top", 0) for _ in range(FIELDS)]
    schema = {"type": "record", "name": "top.All", "fields": [{"name": f"v{i}", "type": one} for i, (one, _) in enumerate(chosen)]}
    id = registry.put("all-value", json.dumps(schema))
    frame = b"\0" + id.to_bytes(4, "big")
    parsed = fastavro.parse_schema(without_logical_types(copy.deepcopy(schema)))
    values = [make() for _, make in chosen]
    told, meant = ({f"v{i}": pair[side] for i, pair in enumerate(values)} for side in (0, 1))

    framed = run(registry, "encode", "all-value", stdin=json.dumps(told).encode())
    assert framed.startswith(frame) and read(parsed, framed[len(frame):]) == meant

    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, parsed, meant)
    assert json.loads(run(registry, "decode", stdin=frame + stream.getvalue())) == as_json(read(parsed, stream.getvalue()))


WRITTEN = {"type": "record", "name": "shop.Item", "fields": [
    {"name": "n", "type": "int"}, {"name": "many", "type": "long"}, {"name": "part", "type": "float"}, {"name": "name", "type": "string"},
    {"name": "gone", "type": "string"}, {"name": "maybe", "type": "int"}, {"name": "raw", "type": "string"},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OPEN", "LOST", "SHUT"]}}]}
READ = {"type": "record", "name": "shop.Article", "aliases": ["shop.Item"], "fields": [
    {"name": "n", "type": "double"}, {"name": "many", "type": "float"}, {"name": "part", "type": "double"},
    {"name": "title", "type": "string", "aliases": ["name"]}, {"name": "maybe", "type": ["null", "long"]}, {"name": "raw", "type": "bytes"},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OPEN", "SHUT", "UNKNOWN"], "default": "UNKNOWN"}},
    {"name": "added", "type": {"type": "array", "items": "int"}, "default": [1, 2]}]}


@pytest.mark.acceptance("D19")
def test_a_reader_of_a_newer_schema_resolves_what_was_written_here(registry):
    """Fields that came, went and have another name, and numbers that were widened: by Avro's rules, with a reader's schema of its own."""
    registry.put("item-value", json.dumps(WRITTEN))
    item = {"n": 7, "many": 2**40, "part": 0.5, "name": "lamp", "gone": "x", "maybe": 3, "raw": "bytes", "state": "LOST"}
    framed = run(registry, "encode", "item-value", stdin=json.dumps(item).encode())
    decode = AvroDeserializer(SchemaRegistryClient({"url": registry.url}), json.dumps(READ))
    assert decode(framed, SerializationContext("item", MessageField.VALUE)) == {
        "n": 7.0, "many": float(2**40), "part": 0.5, "title": "lamp", "maybe": 3, "raw": b"bytes", "state": "UNKNOWN", "added": [1, 2]}
    # Here it is read by the schema that it was written with, also when there is a newer one.
    registry.put("item-value", json.dumps(READ))
    assert json.loads(run(registry, "decode", stdin=framed)) == item


@pytest.mark.acceptance("D19")
def test_logical_types_are_what_stands_below_them(registry):
    fields = {"day": "date", "at": "timestamp-millis", "exact": "timestamp-micros", "id": "uuid", "price": "decimal"}
    below = {"date": "int", "uuid": "string", "decimal": "bytes"}
    schema = {"type": "record", "name": "L", "fields": [
        {"name": name, "type": {"type": below.get(kind, "long"), "logicalType": kind, **({"precision": 9, "scale": 2} if kind == "decimal" else {})}}
        for name, kind in fields.items()]}
    registry.put("logical-value", json.dumps(schema))
    moment = datetime.datetime(2024, 2, 29, 12, 30, 15, 250000, datetime.UTC)
    value = {"day": datetime.date(2024, 2, 29), "at": moment, "exact": moment, "id": "8c7f2a54-3a3e-4f0a-9a57-1d8a3c1f1a11",
             "price": decimal.Decimal("-12.34")}
    plain = {"day": 19782, "at": 1709209815250, "exact": 1709209815250000, "id": value["id"], "price": "\xfb\x2e"}
    client, where = SchemaRegistryClient({"url": registry.url}), SerializationContext("logical", MessageField.VALUE)
    encode = AvroSerializer(client, json.dumps(schema), conf={"auto.register.schemas": False, "use.latest.version": True})
    assert json.loads(run(registry, "decode", stdin=encode(value, where))) == plain
    got = AvroDeserializer(client)(run(registry, "encode", "logical-value", stdin=json.dumps(plain).encode()), where)
    assert {**got, "id": str(got["id"])} == value

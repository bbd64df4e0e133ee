"""lib/cql on a real Cassandra, seen from both ends: what it writes is read, and what it reads is written, by the Python driver."""

import json
import os
import random
import subprocess
import uuid

import pytest
from cassandra.cluster import Cluster
from conftest import BUILD, PATIENCE, Program, clean_environment, stack_down, stack_up, wait_until

TABLES = [
    "CREATE TABLE kinds (k text PRIMARY KEY, t text, b blob, i int, n bigint, small smallint, tiny tinyint, yes boolean,"
    " real double, single float, id uuid, at timestamp, list list<text>, names set<text>)",
    "CREATE TABLE single (k blob PRIMARY KEY)",
    "CREATE TABLE composite (a text, b int, c uuid, PRIMARY KEY ((a, b, c)))",
    "CREATE TABLE many (p int, c int, v text, PRIMARY KEY (p, c))",
    "CREATE TABLE versions (k text PRIMARY KEY, v bigint)",
]


@pytest.fixture(scope="module")
def cassandra():
    name = f"cql-{os.getpid()}"
    yield dict(stack_up(name, "cassandra"), stack=name)
    stack_down(name)


def connect(exports, **options):
    return Cluster([exports["CASSANDRA_CONTACT_POINTS"]], port=int(exports["CASSANDRA_PORT"]), protocol_version=4,
                   connect_timeout=PATIENCE, **options)


@pytest.fixture
def keyspace(cassandra):
    """A session of the Python driver in a keyspace of its own."""
    cluster = connect(cassandra)
    session = cluster.connect()
    session.default_timeout = PATIENCE
    name = f"k{uuid.uuid4().hex[:12]}"
    session.execute(f"CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")
    session.set_keyspace(name)
    for table in TABLES:
        session.execute(table)
    yield session
    session.execute(f"DROP KEYSPACE {name}")
    cluster.shutdown()


def url(exports, words=""):
    return f"{exports['CASSANDRA_CONTACT_POINTS']}:{exports['CASSANDRA_PORT']}{words}"


def fill(session):
    session.execute("INSERT INTO kinds (k, t, i, n, small, tiny, yes, at, real, single, id, list) VALUES ('theirs', 'there',"
                    " -2147483648, 9223372036854775807, 32767, 127, false, 1600000000000, 2.5, 0.25,"
                    " 12000000-0000-4000-8000-0000000000f0, ['abc', 'de'])")
    seed = random.randrange(1 << 32)
    print("keys of seed", seed)
    draw = random.Random(seed)
    insert = session.prepare("INSERT INTO single (k) VALUES (?)")
    keys = {draw.randbytes(n) for n in range(1, 70) for _ in range(12)} | {bytes([255] * n) for n in range(1, 40)}
    pending = [session.execute_async(insert, (key,)) for key in keys]
    insert = session.prepare("INSERT INTO composite (a, b, c) VALUES (?, ?, ?)")
    composite = [("é" * draw.randrange(20), draw.randrange(-(1 << 31), 1 << 31), uuid.UUID(bytes=draw.randbytes(16))) for _ in range(300)]
    pending += [session.execute_async(insert, key) for key in composite]
    for one in pending:
        one.result()
    return len(keys), len(composite)


def test_every_call_does_on_a_real_cassandra_what_the_python_driver_sees(cassandra, keyspace):
    single, composite = fill(keyspace)
    done = subprocess.run([BUILD / "e2e_cql_calls", url(cassandra), keyspace.keyspace], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout) == {"tokens": single, "composite_tokens": composite}

    row = keyspace.execute("SELECT * FROM kinds WHERE k = 'ours'").one()
    assert (row.t, row.b, row.i, row.n, row.small, row.tiny, row.yes) == ("hé", None, -7, -(1 << 63), -300, -128, True)
    assert (row.real, row.single, str(row.id)) == (0.1, -1.5, "01020304-0506-4708-890a-0b0c0d0e0f10")
    assert row.at.timestamp() == pytest.approx(1700000000.123, abs=0.0005)
    assert (list(row.list), set(row.names)) == (["one", "", "é"], {"one", ""})
    assert keyspace.execute("SELECT * FROM kinds WHERE k = 'wide'").one() is None

    rows = list(keyspace.execute("SELECT c, v FROM many WHERE p = 0"))
    assert [row.c for row in rows] == list(range(5000)) and {row.v for row in rows} == {"single"}
    rows = list(keyspace.execute("SELECT c, v, writetime(v) AS written FROM many WHERE p = 1"))
    assert [(row.c, row.v, row.written) for row in rows] == [(c, "batch", 1234567890) for c in range(20)]

"""lib/cql on a real Cassandra, seen from both ends: what it writes is read, and what it reads is written, by the Python driver."""

import json
import random
import subprocess
import uuid

import pytest
from cassandra import DriverException, OperationTimedOut
from cassandra.cluster import Cluster, NoHostAvailable
from cassandra.policies import ConstantReconnectionPolicy
from conftest import BUILD, PATIENCE, stack, wait_until

TABLES = [
    "CREATE TABLE kinds (k text PRIMARY KEY, t text, b blob, i int, n bigint, small smallint, tiny tinyint, yes boolean,"
    " real double, single float, id uuid, at timestamp, list list<text>, names set<text>)",
    "CREATE TABLE single (k blob PRIMARY KEY)",
    "CREATE TABLE composite (a text, b int, c uuid, PRIMARY KEY ((a, b, c)))",
    "CREATE TABLE many (p int, c int, v text, PRIMARY KEY (p, c))",
    "CREATE TABLE versions (k text PRIMARY KEY, v bigint)",
]


def connect(exports, **options):
    return Cluster([exports["CASSANDRA_CONTACT_POINTS"]], port=int(exports["CASSANDRA_PORT"]), protocol_version=4,
                   connect_timeout=PATIENCE, control_connection_timeout=PATIENCE,
                   reconnection_policy=ConstantReconnectionPolicy(0.2, max_attempts=None), **options)


@pytest.fixture(scope="module")
def session(cassandra):
    """A session of the Python driver in a keyspace of these tests."""
    cluster = connect(cassandra)
    session = cluster.connect()
    session.default_timeout = PATIENCE
    name = f"k{uuid.uuid4().hex[:12]}"
    session.execute(f"CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")
    session.set_keyspace(name)
    for table in TABLES:
        session.execute(table)
    yield session
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


def test_every_call_does_on_a_real_cassandra_what_the_python_driver_sees(cassandra, session):
    single, composite = fill(session)
    done = subprocess.run([BUILD / "e2e_cql_calls", url(cassandra), session.keyspace], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout) == {"tokens": single, "composite_tokens": composite}

    row = session.execute("SELECT * FROM kinds WHERE k = 'ours'").one()
    assert (row.t, row.b, row.i, row.n, row.small, row.tiny, row.yes) == ("hé", None, -7, -(1 << 63), -300, -128, True)
    assert (row.real, row.single, str(row.id)) == (0.1, -1.5, "01020304-0506-4708-890a-0b0c0d0e0f10")
    assert row.at.timestamp() == pytest.approx(1700000000.123, abs=0.0005)
    assert (list(row.list), set(row.names)) == (["one", "", "é"], {"one", ""})
    assert session.execute("SELECT * FROM kinds WHERE k = 'wide'").one() is None

    rows = list(session.execute("SELECT c, v FROM many WHERE p = 0"))
    assert [row.c for row in rows] == list(range(5000)) and {row.v for row in rows} == {"single"}
    rows = list(session.execute("SELECT c, v, writetime(v) AS written FROM many WHERE p = 1"))
    assert [(row.c, row.v, row.written) for row in rows] == [(c, "batch", 1234567890) for c in range(20)]


def steady(exports, session, table, folder):
    """Rows written without an end, in the background; close its stdin to end it."""
    session.execute(f"CREATE TABLE {table} (p int, c int, PRIMARY KEY (p, c))")
    out = (folder / "steady.out").open("wb")
    process = subprocess.Popen([BUILD / "e2e_cql_steady", url(exports), f"{session.keyspace}.{table}"], stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT)
    return process, lambda: (folder / "steady.out").read_text()


def ends(process, said, session, table):
    """How many rows were acknowledged, and which of them are there."""
    process.stdin.close()
    assert process.wait(PATIENCE * 2) == 0, said()
    written = int(said().split("written ")[1])
    return written, {row.c for p in range(16) for row in session.execute(f"SELECT c FROM {table} WHERE p = {p}")}


@pytest.mark.parametrize("signal", ["-STOP", "-KILL"])
def test_a_server_that_is_frozen_or_killed_is_told_in_time_and_found_again(cassandra, session, tmp_path, signal):
    table = f"steady_{signal.strip('-').lower()}"
    process, said = steady(cassandra, session, table, tmp_path)
    wait_until(lambda: "writing" in said(), "rows being written")
    before = said().count("down at ")  # a server that was slow for a moment
    stack(cassandra["stack"], "kill", signal, "cassandra")
    wait_until(lambda: said().count("down at ") > before, "the failure being told")
    assert "127.0.0.1" in said()
    stack(cassandra["stack"], *(["kill", "-CONT", "cassandra"] if signal == "-STOP" else ["start", "cassandra"]))
    wait_until(lambda: "up at " in said().rpartition("down at ")[2], "rows being written again", 5 * PATIENCE)
    wait_until(lambda: answers(session), "the Python driver being let in again", 5 * PATIENCE)
    written, rows = ends(process, said, session, table)
    # Killed, this server keeps what its log had on disk, and acknowledges sooner; what came after its return is there.
    sure = int(said().rpartition("up at ")[2].split()[0]) if signal == "-KILL" else 0
    assert rows <= set(range(written)) and set(range(sure, written)) <= rows


def answers(session):
    try:
        return session.execute("SELECT key FROM system.local").one()
    except (DriverException, NoHostAvailable, OperationTimedOut):
        return None


# ---- TLS and a password ----


@pytest.fixture
def password_file(cassandra_auth, tmp_path):
    path = tmp_path / "password"
    path.write_text(cassandra_auth["CASSANDRA_AUTH_PASSWORD"] + "\n")
    path.chmod(0o600)
    return path


def call_auth(exports, parameters, host=None, seconds=PATIENCE):
    point = f"{host or exports['CASSANDRA_AUTH_CONTACT_POINTS']}:{exports['CASSANDRA_AUTH_PORT']}"
    return subprocess.run([BUILD / "e2e_cql_hello", f"cassandra://{point}/k?{parameters}", str(seconds)], capture_output=True, text=True, timeout=200)


def test_tls_and_a_password_let_us_in(cassandra_auth, password_file):
    login = f"user={cassandra_auth['CASSANDRA_AUTH_USER']}&password_file={password_file}&ca={cassandra_auth['CASSANDRA_AUTH_CA']}"
    for host in ("127.0.0.1", "localhost"):
        done = call_auth(cassandra_auth, login, host)
        assert (done.returncode, done.stdout) == (0, "5.0.5\n") and "TLS ended" not in done.stderr, done.stderr
    assert call_auth(cassandra_auth, login + "&tls_name=localhost").returncode == 0


def test_a_wrong_name_authority_password_or_protocol_is_refused_with_the_reason(cassandra_auth, password_file, tmp_path):
    ca = f"ca={cassandra_auth['CASSANDRA_AUTH_CA']}"
    user = f"user={cassandra_auth['CASSANDRA_AUTH_USER']}&password_file={password_file}"
    other_ca = tmp_path / "other.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other",
                    "-keyout", tmp_path / "other.key", "-out", other_ca], check=True, capture_output=True)
    wrong = tmp_path / "wrong"
    wrong.write_text("Guess-4711\n")
    wrong.chmod(0o600)
    cases = {
        f"{ca}&{user}&tls_name=cassandra.example": (78, "certificate"),
        f"ca={other_ca}&{user}": (78, "certificate"),
        f"tls=on&{user}": (78, "certificate"),
        f"{ca}": (77, "give user"),
        f"{ca}&user=cassandra&password_file={wrong}": (77, "refuses user and password"),
        f"{user}&connect_timeout=1s": (75, "127.0.0.1"),
        f"ca={tmp_path}/none.pem&{user}": (78, "none.pem"),
    }
    for parameters, (code, words) in cases.items():
        done = call_auth(cassandra_auth, parameters, seconds=2 if code == 75 else PATIENCE)
        assert done.returncode == code and words in done.stderr, (parameters, done.returncode, done.stderr)
        assert "Guess-4711" not in done.stderr

"""lib/cql with three nodes: one is killed, one frozen, and a writer goes on with the others.

    scripts/python -m pytest tests/faults/test_cassandra_hosts.py

Takes minutes, most of it until three nodes are up, so that scripts/test leaves it out.
"""

import os
import subprocess
import uuid

import pytest
from cassandra import ConsistencyLevel, ReadTimeout, Unavailable
from cassandra.cluster import Cluster
from conftest import BUILD, PATIENCE, running, stack, wait_until


@pytest.fixture(scope="module")
def nodes():
    with running(f"cql3-{os.getpid()}", "cassandra=3") as exports:
        yield exports


@pytest.fixture
def table(nodes):
    cluster = Cluster(["127.0.0.3"], port=int(nodes["CASSANDRA_PORT"]), protocol_version=4, connect_timeout=PATIENCE,
                      control_connection_timeout=PATIENCE)
    session = cluster.connect()
    session.default_timeout = PATIENCE
    session.default_consistency_level = ConsistencyLevel.QUORUM
    name = f"k{uuid.uuid4().hex[:12]}"
    session.execute(f"CREATE KEYSPACE {name} WITH replication = {{'class': 'NetworkTopologyStrategy', 'datacenter1': 3}}")
    session.set_keyspace(name)
    session.execute("CREATE TABLE steady (p int, c int, PRIMARY KEY (p, c))")
    yield session
    cluster.shutdown()


def newest(table):
    """A number that grows with the rows; 0 while the nodes have not found out which of them is gone."""
    try:
        return table.execute("SELECT c FROM steady WHERE p = 1 ORDER BY c DESC LIMIT 1").one().c
    except (ReadTimeout, Unavailable):
        return 0


def signal(nodes, name, server):
    stack(nodes["stack"], "kill", name, server)


def test_a_writer_goes_on_with_the_other_nodes(nodes, table, tmp_path):
    out = tmp_path / "out"
    url = f"127.0.0.1:{nodes['CASSANDRA_PORT']}?dc=datacenter1"
    writer = subprocess.Popen([BUILD / "e2e_cql_steady", url, f"{table.keyspace}.steady"], stdin=subprocess.PIPE,
                              stdout=out.open("wb"), stderr=subprocess.STDOUT)
    wait_until(lambda: "writing" in out.read_text(), "rows being written")

    def connected():
        lines = subprocess.run(["ss", "-tnp", "state", "established"], capture_output=True, text=True, check=True).stdout.splitlines()
        return sum(f"pid={writer.pid}," in line for line in lines) == 3

    wait_until(connected, "a connection to each node, found by asking the first")

    # Killed: its requests were tried elsewhere, so that none of their rows had to be written again by its owner.
    signal(nodes, "-KILL", "cassandra.1")
    wait_until(lambda: "left alone" in out.read_text(), "the loss being seen")
    row = wait_until(lambda: newest(table), "a row while the nodes are finding out")
    wait_until(lambda: newest(table) > row, "more rows")
    assert not [line for line in out.read_text().splitlines() if line.startswith("down at") and "127.0.0.1:" in line]

    # Frozen: what was under way there times out; then nothing goes there until it answers again.
    signal(nodes, "-STOP", "cassandra.2")
    wait_until(lambda: "up at" in out.read_text().partition("down at")[2], "rows without the frozen node")
    signal(nodes, "-CONT", "cassandra.2")
    wait_until(lambda: "takes requests again" in out.read_text(), "the node being back")

    writer.stdin.close()
    assert writer.wait(2 * PATIENCE) == 0, out.read_text()
    written = int(out.read_text().rpartition("written ")[2].split()[0])
    assert {row.c for p in range(16) for row in table.execute(f"SELECT c FROM steady WHERE p = {p}")} == set(range(written))

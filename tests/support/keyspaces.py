"""A keyspace of a real Cassandra that is a store, seen by the Python driver as well."""

import uuid

from cassandra import DriverException, OperationTimedOut
from cassandra.cluster import Cluster, NoHostAvailable
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.policies import ConstantReconnectionPolicy
from cassandra.query import dict_factory

PATIENCE = 60  # seconds: time enough for a server that shares two cores with other tests

PARTITIONS = {
    "registry": ["part"], "trace_by_request": ["request_id"], "trace_by_time": ["list", "minute", "shard"], "trace_minutes": ["list", "day"],
    "trace_gaps": ["day"], "route_stats": ["worker_name", "day"], "route_stats_publishers": ["day"],
}
TABLES = sorted([*PARTITIONS, "store_schema"])


def new_name():
    return f"k{uuid.uuid4().hex[:12]}"


def store_url(exports, keyspace, parameters=""):
    hosts = ",".join(f"{host}:{exports['CASSANDRA_PORT']}" for host in exports["CASSANDRA_CONTACT_POINTS"].split(","))
    return f"cassandra://{hosts}/{keyspace}?request_timeout={PATIENCE}s{parameters}"


def connect(exports, **options):
    """A session whose rows are dictionaries; session.cluster.shutdown() ends it."""
    cluster = Cluster(exports["CASSANDRA_CONTACT_POINTS"].split(","), port=int(exports["CASSANDRA_PORT"]), protocol_version=4,
                      connect_timeout=PATIENCE, control_connection_timeout=PATIENCE,
                      reconnection_policy=ConstantReconnectionPolicy(0.2, max_attempts=None), **options)
    session = cluster.connect()
    session.default_timeout = PATIENCE
    session.row_factory = dict_factory
    return session


class Keyspace:
    """The tables are made by the program: whoever makes one of these lets it open `url` first."""

    def __init__(self, exports, name, session):
        self.name, self.session = name, session
        copies = "&replication=3" if "," in exports["CASSANDRA_CONTACT_POINTS"] else ""
        self.url = store_url(exports, name, f"&splp=off{copies}")  # tests of the tables of splp use the same server

    def answers(self):
        """Whether the driver has found the server again after a test that froze or killed it."""
        return bool(self.rows_if_answered("SELECT key FROM system.local"))

    def rows_if_answered(self, query):
        """None while there is no answer."""
        try:
            return self.rows(query)
        except (DriverException, NoHostAvailable, OperationTimedOut):
            return None

    def rows(self, query):
        return list(self.session.execute(query.format(self.name)))

    def everything(self):
        """All that is in any of its tables, in one."""
        tables = [row["table_name"] for row in self.rows("SELECT table_name FROM system_schema.tables WHERE keyspace_name = '{}'")]
        assert sorted(tables) == TABLES
        values = [value for table in tables for row in self.rows(f"SELECT * FROM {{}}.{table}") for value in row.values()]
        return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)

    def clear(self):
        """As it was when it was new. Deleting partitions takes milliseconds; TRUNCATE and a new keyspace take seconds."""
        for table, key in PARTITIONS.items():
            there = [tuple(row.values()) for row in self.rows(f"SELECT DISTINCT {', '.join(key)} FROM {{}}.{table}")]
            if there:
                delete = self.session.prepare(f"DELETE FROM {self.name}.{table} WHERE {' AND '.join(f'{column} = ?' for column in key)}")
                execute_concurrent_with_args(self.session, delete, there)
        self.rows("INSERT INTO {}.registry (part, registry_version, routes) VALUES ('registry', 0, 0)")

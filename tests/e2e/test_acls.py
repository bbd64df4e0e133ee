"""Who may do what: the table in docs/security.md against a broker that allows nothing else."""

import json
import os
import re
import secrets

import pytest
from conftest import PATIENCE, ROOT, Pouch, running, wait_until
from gateway import Gateway
from secure import Secure

NEGATIVE, DRIFT, PERMISSION = 1, 2, 77
ROLES = ("client", "worker", "center", "gateway", "redeliver", "operator")
KINDS = {"topic": "TOPIC", "topics": "TOPIC", "group": "GROUP"}


def table():
    """(role, kind, name with placeholders, prefixed, right) of each right in the document."""
    for line in (ROOT / "docs" / "security.md").read_text().splitlines():
        row = [cell.strip() for cell in line.strip("|").split("|")]
        if len(row) != 4 or row[0] not in ROLES:
            continue
        role, on, rights, _ = row
        named = re.fullmatch(r"(\w+) `([^`]+)`", on)
        if named:
            kind, name = KINDS[named[1]], named[2]
        else:
            kind, name = {"all topics": ("TOPIC", "*"), "all groups": ("GROUP", "*"), "the cluster": ("BROKER", "kafka-cluster")}[on]
        prefixed = name.endswith(".*")
        for right in rights.split(", "):
            yield role, kind, name.removesuffix("*") if prefixed else name, prefixed, right


class Roles:
    """A user for each role, with topics of their own; allowed what the catalogue says."""

    def __init__(self, secure, program, mark):
        self.secure, self.program, self.mark = secure, program, mark
        self.user = {role: f"{role}-{mark}" for role in ROLES}
        self.user["redeliver"] = self.user["center"]  # whoever brings back is a center or a worker besides
        self.names = {"TOPIC": f"orders-{mark}", "INBOX": f"inbox-{mark}", "ROUTES": f"routes-{mark}", "CLIENT": f"client-{mark}",
                      "GATEWAY": f"web-{mark}"}
        self.env = {role: secure.user(name) for role, name in self.user.items() if role != "redeliver"}
        program.env |= {"POUCH_CENTER_INBOX": self.names["INBOX"], "POUCH_CENTER_ROUTES_TOPIC": self.names["ROUTES"],
                        "POUCH_RETRY_TIERS": "1s", "POUCH_RETRY_REDELIVER": "off"}
        self.catalogue = program.folder / "topics.yaml"

    def write(self, access, more=()):
        topics = [self.names["TOPIC"], self.names["INBOX"], "internal.retry.1s", *more]
        lines = ["defaults: {replication: 1, partitions: 1}", "topics:", *(f"  {topic}: {{}}" for topic in topics),
                 "  internal.dlq: {partitions: 4, retention: 30d}",  # as workers make it
                 f"  {self.names['ROUTES']}: {{cleanup: compact}}", "access:", *(f"  - {entry}" for entry in access)]
        self.catalogue.write_text("\n".join(lines) + "\n")
        return self.catalogue

    def entries(self):
        topic = self.names["TOPIC"]
        return [f"{{principal: {self.user['client']}, role: client, topics: [{topic}, {self.names['INBOX']}]}}",
                f"{{principal: {self.user['worker']}, role: worker, topics: [{topic}]}}",
                f"{{principal: {self.user['center']}, role: center, topics: [{topic}]}}",
                f"{{principal: {self.user['gateway']}, role: gateway, topics: [{topic}], client_id: {self.names['GATEWAY']}}}",
                f"{{principal: {self.user['redeliver']}, role: redeliver, topics: [{topic}]}}",
                f"{{principal: {self.user['operator']}, role: operator}}"]

    def apply(self, *words):
        return self.program.ok("topic", "apply", "--catalog", self.catalogue, *words)

    def fill(self, name):
        for placeholder, value in self.names.items():
            name = name.replace(placeholder, value)
        return name

    def expected(self):
        rows = {(self.user[role], right, kind, self.fill(name), prefixed, "*") for role, kind, name, prefixed, right in table()}
        # The client of these tests asks through the inbox as well, and who answers it answers the gateway too.
        rows.add((self.user["client"], "WRITE", "TOPIC", self.names["INBOX"], False, "*"))
        return rows | {(self.user[role], "WRITE", "TOPIC", self.names["GATEWAY"] + tail, False, "*")
                       for role in ("worker", "center") for tail in (".replies", ".async-replies")}

    def run(self, role, *words, **more):
        return self.program.run(*words, env={**self.env[role], "POUCH_CLIENT_ID": self.names["CLIENT"]} if role == "client" else self.env[role], **more)

    def start(self, role, *words):
        return self.program.start(*words, env=self.env[role])


@pytest.fixture(scope="module")
def secure(kafka_secure, tmp_path_factory):
    return Secure(kafka_secure, tmp_path_factory.mktemp("secure"))


@pytest.fixture
def redis_url():
    with running(f"test-acls-{os.getpid()}", "redis") as exports:
        yield exports["REDIS_URL"]


@pytest.fixture
def roles(secure, tmp_path):
    program = Pouch(secure.exports["KAFKA_SECURE_BROKERS"], tmp_path)
    program.env |= secure.superuser()
    yield Roles(secure, program, secrets.token_hex(3))
    program.stop_all()


@pytest.mark.acceptance("D16")
def test_the_catalogue_grants_what_the_table_says(roles):
    roles.write(roles.entries())
    assert roles.program.run("topic", "plan", "--catalog", roles.catalogue, "--exit-code").returncode == DRIFT
    roles.apply()
    assert roles.secure.acls(*roles.user.values()) == roles.expected()
    again = roles.program.run("topic", "plan", "--catalog", roles.catalogue, "--exit-code")
    assert again.returncode == 0, again.stdout + again.stderr

    # Drift, by Kafka's own means: one right gone, one too much; another's right is none of ours.
    worker, topic = roles.user["worker"], roles.names["TOPIC"]
    stranger = ("stranger-" + roles.mark, "READ", "TOPIC", topic)
    roles.secure.revoke(worker, "READ", "TOPIC", topic)
    roles.secure.grant(worker, "DELETE", "TOPIC", topic)
    roles.secure.grant(*stranger)
    changes = json.loads(roles.program.ok("topic", "plan", "--catalog", roles.catalogue, "-o", "json"))
    text = json.dumps(changes)
    assert f"READ on topic {topic} for User:{worker}" in text and f"DELETE on topic {topic} for User:{worker}" in text
    assert "stranger" not in text
    roles.apply()
    surplus = (worker, "DELETE", "TOPIC", topic, False, "*")
    assert roles.secure.acls(*roles.user.values()) == roles.expected() | {surplus}
    roles.apply("--prune", "--yes")
    assert roles.secure.acls(*roles.user.values()) == roles.expected()
    assert roles.secure.acls(stranger[0])
    assert "READ on topic" in roles.program.ok("changes", "--kind", "topic", "-o", "json")


@pytest.mark.acceptance("D16")
def test_each_role_works_with_that_and_nothing_else(roles, tmp_path):
    roles.write(roles.entries())
    roles.apply()
    topic, publisher, ready = roles.names["TOPIC"], f"p-{roles.mark}", tmp_path / "ready"
    added = roles.run("operator", "route", "add", publisher, topic)
    assert added.returncode == 0 and "announce" not in added.stderr, added.stderr
    handler = f'read -r n; [ "$n" = 75 ] && [ ! -e {ready} ] && exit 75; echo "$n"'
    programs = [roles.start("worker", "worker", topic, "--exec", handler).wait_for("topics"),
                roles.start("center", "center", "--start", "earliest").wait_for("routing")]

    direct = roles.run("client", "request", topic, "--timeout", "60s", "5")
    assert (direct.returncode, direct.stdout.strip()) == (0, "5"), direct.stderr
    routed = roles.run("client", "request", "--publisher", publisher, "--timeout", "60s", "6")
    assert (routed.returncode, routed.stdout.strip()) == (0, "6"), routed.stderr + programs[1].stderr()
    roles.secure.produce(topic, b"no envelope")
    nowhere = roles.run("client", "request", "--publisher", "nobody", "--timeout", "60s", "-o", "json", "7")
    assert json.loads(nowhere.stdout)["error"]["code"] == "no_route", nowhere.stderr

    later = roles.program.start("request", topic, "--timeout", "5m", "75", env={**roles.env["client"], "POUCH_CLIENT_ID": roles.names["CLIENT"]})
    described = ("topic", "describe", "internal.retry.1s", "-o", "json")
    wait_until(lambda: any(part["high"] for part in json.loads(roles.run("operator", *described).stdout)["partition"]), "a request in the retry topic")
    ready.touch()
    programs.append(roles.program.start("center", env={**roles.env["center"], "POUCH_RETRY_REDELIVER": "on"}))
    assert later.process.wait(5 * PATIENCE) == 0, later.stderr()

    def letters():
        done = roles.run("operator", "dlq", "list", "-o", "json")
        assert done.returncode == 0, done.stderr
        return {letter["source"]["topic"] for letter in json.loads(done.stdout)}

    wait_until(lambda: letters() >= {topic, roles.names["INBOX"]}, "the dead letters")
    plan = roles.run("operator", "topic", "plan", "--catalog", roles.catalogue, "--exit-code")
    assert plan.returncode == 0, plan.stdout + plan.stderr
    for program in programs:
        assert "ACL" not in program.stderr() and "uthorization" not in program.stderr(), program.stderr()


@pytest.mark.acceptance("D16", "C31")
def test_a_gateway_works_with_its_role_and_nothing_else(roles, redis_url):
    roles.write(roles.entries())
    roles.apply()
    topic = roles.names["TOPIC"]
    worker = roles.start("worker", "worker", topic, "--exec", "cat").wait_for("topics")
    gateway = Gateway(roles.program, "--redis", redis_url, env={**roles.env["gateway"], "POUCH_CLIENT_ID": roles.names["GATEWAY"]}).start()
    asked = gateway.post(f"/kafka/request/{topic}", {"value": {"n": 1}})
    assert (asked.status_code, asked.json().get("response")) == (200, {"n": 1}), asked.text
    later = gateway.post(f"/kafka/request/{topic}", {"value": {"n": 2}}, headers={"Prefer": "respond-async"})
    assert later.status_code == 202, later.text
    wait_until(lambda: gateway.get(later.headers["location"]).json().get("status") == "done", "the answer that comes later")
    assert gateway.post("/kafka/sse/broadcast/alerts", {"data": {"n": 3}}).status_code == 201
    assert gateway.post("/kafka/send/internal.dlq", {"value": {}}).status_code == 403
    for program in (worker, gateway.program):
        assert "ACL" not in program.stderr() and "uthorization" not in program.stderr(), program.stderr()


class Lacking:
    """A user for each right of a role, who has all rights of the role but that one."""

    def __init__(self, roles, role, where):
        self.roles, self.rows = roles, [row for row in table() if row[0] == role]
        self.users = [f"{role}-{i}-{roles.mark}" for i in range(len(self.rows))]
        self.places = [where(i) for i in range(len(self.rows))]  # placeholders, and what they are for that user
        self.env = [roles.secure.user(user) for user in self.users]

    def take_away(self):
        """Names of what each has no right on."""
        for user, places, (_, kind, name, prefixed, right) in zip(self.users, self.places, self.rows):
            for placeholder, value in places.items():
                name = name.replace(placeholder, value)
            self.roles.secure.revoke(user, right, kind, self.roles.fill(name), prefixed)
            yield right, self.roles.fill(name)


def letters_of(roles):
    done = roles.program.ok("dlq", "list", "--since", "10m", "-o", "jsonl")
    return {(letter["group"], letter["reason"]) for letter in map(json.loads, done.splitlines())}


def assert_named(program, right, name):
    """The program ended, and said what it lacks."""
    assert program.process.wait(5 * PATIENCE) == PERMISSION, program.stderr()
    said = [line for line in program.stderr().splitlines() if line.startswith("pouch:")][-1]
    assert name.rstrip(".*") in said and right in said, program.stderr()


@pytest.mark.acceptance("D16")
def test_a_right_that_is_missing_is_named(roles):
    """Of clients, workers and centers: most do not start; what shows only later is in the dead letter, or in the log."""
    mark, client, topic = roles.mark, roles.user["client"], roles.names["TOPIC"]
    clients = Lacking(roles, "client", lambda i: {"CLIENT": f"client-{i}-{mark}"})
    workers = Lacking(roles, "worker", lambda i: {"TOPIC": f"orders-{i}-{mark}", "CLIENT": client})
    centers = Lacking(roles, "center", lambda i: {"pouch-center.INBOX": f"center-{i}-{mark}", "CLIENT": client})
    topics = [places["TOPIC"] for places in workers.places]
    roles.write([f"{{principal: {client}, role: client}}",
                 # Who may write nothing at all is no producer to Kafka, whatever it wants to write.
                 *(f"{{principal: {user}, role: client, topics: [{topic}], produce: {roles.names['INBOX']}}}" for user in clients.users),
                 *(f"{{principal: {user}, role: worker, topics: [{own}]}}" for user, own in zip(workers.users, topics)),
                 *(f"{{principal: {user}, role: center, topics: [{topic}], group: {user}}}" for user in centers.users)],
                [f"{client}.replies", *topics, *(f"{own}.replies" for own in topics)])
    roles.apply()
    roles.program.ok("route", "add", f"p-{mark}", topic)
    missing = [[*lacking.take_away()] for lacking in (clients, workers, centers)]

    start = roles.program.start
    asking = [start("request", topic, "--timeout", "5m", "5", env={**env, "POUCH_CLIENT_ID": user}) for user, env in zip(clients.users, clients.env)]
    working = [start("worker", own, "--exec", "cat", "--start", "earliest", env=env) for own, env in zip(topics, workers.env)]
    routing = [start("center", "--group", user, "--start", "earliest", env=env) for user, env in zip(centers.users, centers.env)]
    unnamed, named = (roles.program.ok("seal", *words, stdin="5\n").strip() for words in ([], ["--reply-topic", f"{client}.replies"]))
    for own in topics:
        roles.secure.produce(own, unnamed, named)
    for publisher in (f"p-{mark}", "nobody"):
        roles.secure.produce(roles.names["INBOX"], roles.program.ok("seal", "--publisher", publisher, "--reply-topic", f"{client}.replies",
                                                                    stdin="5\n").strip())

    for program, (right, name) in zip(asking, missing[0]):
        if right == "DESCRIBE":  # asked, and waiting for an answer that nobody gives, since no worker is there
            program.wait_for("GROUP_AUTHORIZATION_FAILED", 5 * PATIENCE)
            assert program.running(), program.stderr()
        else:
            assert_named(program, right, name)
    for program, own, (right, name) in zip(working, topics, missing[1]):
        if name.endswith(".replies"):
            reason = f"reply undeliverable to {name}: this user lacks the ACL WRITE on it"
            wait_until(lambda o=own, r=reason: (f"{o}.workers", r) in letters_of(roles), "the dead letter of a worker", 5 * PATIENCE)
        else:
            assert_named(program, right, name)
    for program, user, (right, name) in zip(routing, centers.users, missing[2]):
        if name == topic:
            reason = f"target {topic} refuses the request: this user lacks the ACL WRITE on it"
            wait_until(lambda u=user, r=reason: (u, r) in letters_of(roles), "the dead letter of a center", 5 * PATIENCE)
        elif name == f"{client}.replies":
            program.wait_for("this user lacks the ACL WRITE on it", 5 * PATIENCE)
        elif name == roles.names["ROUTES"]:
            program.wait_for(f"cannot look up the topic {name}", 5 * PATIENCE)
        else:
            assert_named(program, right, name)


@pytest.mark.acceptance("D16")
def test_an_operator_without_a_right_is_told_which(roles):
    topic = roles.names["TOPIC"]
    operators = Lacking(roles, "operator", lambda i: {})
    roles.write([f"{{principal: {user}, role: operator}}" for user in operators.users])
    roles.apply()
    missing = [*operators.take_away()]
    grown = roles.catalogue.with_name("grown.yaml")
    grown.write_text(f"defaults: {{replication: 1}}\ntopics:\n  {topic}: {{partitions: 3}}\n")
    kept = roles.catalogue.with_name("kept.yaml")
    kept.write_text(f"defaults: {{replication: 1, partitions: 1}}\ntopics:\n  {topic}: {{retention: 3d}}\n")
    tried = {("READ", "*"): ["dlq", "list"], ("CREATE", "*"): ["topic", "create", f"new-{roles.mark}"],
             ("DELETE", "*"): ["topic", "delete", topic, "--yes"], ("ALTER", "*"): ["topic", "apply", "--catalog", grown],
             ("ALTER_CONFIGS", "*"): ["topic", "apply", "--catalog", kept],
             ("DESCRIBE", "*"): ["health", "--group", f"nobody-{roles.mark}", "--every", "1s"],
             # Without any right on the cluster Kafka shows no ACLs, and says nothing of it: they look as if they were missing.
             ("ALTER", "kafka-cluster"): ["topic", "apply", "--catalog", roles.catalogue]}
    running = {what: roles.program.start(*words, env=operators.env[missing.index(what)]) for what, words in tried.items()}
    for (right, name), program in running.items():
        code = NEGATIVE if right == "DESCRIBE" else PERMISSION  # a view that shows less is no failure
        assert program.process.wait(5 * PATIENCE) == code, f"{right} on {name}: {program.stdout()}{program.stderr()}"
        said = program.stdout() + program.stderr()
        assert (right if name == "*" else "ALTER on the cluster") in said, f"{right} on {name}: {program.stderr()}"


@pytest.mark.acceptance("D16")
def test_a_right_holds_from_its_address_alone(roles):
    topic, client = roles.names["TOPIC"], roles.user["client"]
    for host, code in (("10.11.12.13", PERMISSION), ("127.0.0.1", 0)):
        roles.write([f"{{principal: {client}, produce: [{topic}], host: {host}}}"])
        roles.apply("--prune", "--yes")
        assert {acl[-1] for acl in roles.secure.acls(client)} == {host}
        sent = roles.run("client", "send", topic, stdin="{}")
        assert sent.returncode == code, sent.stderr

"""The command line: its help, its settings, its output forms and its exit codes."""

import json
import os
import pty
import re
import subprocess
import uuid
from pathlib import Path

import independent
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource
from conftest import POUCH, ROOT, Pouch, clean_environment, wait_until

NOWHERE = "127.0.0.1:1"  # no broker listens there
USAGE, DATA, NO_BROKER, IO, CONFIG = 64, 65, 69, 74, 78

# What each command promises to take, besides the flags of all that talk to Kafka.
FLAGS = {
    "request": ["--gather", "--enough", "--responders", "--publisher", "--key", "-H", "--schema", "--reply-schema", "--timeout", "--no-responders", "--inbox", "--iv-bytes", "--reply-topic",
                "--registry", "--store"],
    "send": ["--publisher", "--key", "-H", "--schema", "--plain", "--inbox", "--iv-bytes", "--registry", "--catalog", "--store"],
    "center": ["--inbox", "--group", "--instance-id", "--start", "--store", "--drain"],
    "gateway": ["--access", "--redis", "--drain", "--timeout", "--reply-topic", "--store"],
    "worker": ["--pipe", "--exec", "--url", "--schema", "--reply-schema", "--registry", "--group", "--start", "--concurrency", "--handler-timeout", "--drain", "--store"],
    "dev": ["--topic"],
    "key new": [],
    "key list": [],
    "key add": ["--store"],
    "key activate": ["--store"],
    "key retire": ["--store"],
    "access new": ["--scope", "--rate", "--streams", "--not-after", "--origin"],
    "access list": ["--access"],
    "seal": ["--publisher", "--reply-topic", "--iv-bytes"],
    "open": [],
    "route add": ["--weight", "--fan-out", "--replace", "--if-version", "--id", "--service", "--store"],
    "route list": ["--store"],
    "route show": ["--store"],
    "route enable": ["--if-version", "--store"],
    "route disable": ["--if-version", "--store"],
    "route remove": ["--if-version", "--store"],
    "route stats": ["--id", "--since", "--until", "--store"],
    "route import": ["--replace", "--dry-run", "--store"],
    "route apply": ["--file", "--dry-run", "--exit-code", "--prune", "--store"],
    "route history": ["--since", "--limit", "--store"],
    "route rollback": ["--to", "--store"],
    "service add": ["--version", "--description", "--endpoint", "--tag", "--replace", "--if-revision", "--store"],
    "service list": ["--tag", "--endpoint", "--store"],
    "service show": ["--store"],
    "service remove": ["--if-revision", "--store"],
    "service history": ["--since", "--limit", "--store"],
    "changes": ["--kind", "--since", "--limit", "--store"],
    "schema register": ["--type", "--registry"],
    "schema get": ["--version", "--id", "--registry"],
    "schema list": ["--registry"],
    "schema check": ["--type", "--registry"],
    "schema compat": ["--set", "--registry"],
    "schema delete": ["--version", "--permanent", "--yes", "--registry"],
    "schema encode": ["--registry"],
    "schema decode": ["--registry"],
    "trace": ["--store"],
    "log": ["--publisher", "--since", "--until", "--failed", "--limit", "--follow", "--store"],
    "topic create": ["--partitions", "--replication", "--set"],
    "topic list": [],
    "topic describe": [],
    "topic delete": ["--yes"],
    "topic orphans": ["--older", "--unused", "--delete", "--yes"],
    "topic catalog": [],
    "topic check": ["--catalog"],
    "topic plan": ["--exit-code", "--prune", "--replication", "--catalog"],
    "topic apply": ["--prune", "--yes", "--replication", "--catalog", "--store"],
    "topic set": [],
    "topic health": [],
    "topic key": [],
    "topic partitions": ["--rate", "--keys", "--consumers"],
    "tenant create": ["--dry-run", "--replication", "--catalog", "--store"],
    "tenant list": ["--catalog"],
    "tenant topics": ["--catalog"],
    "tenant delete": ["--dry-run", "--yes", "--catalog", "--store"],
    "event new": ["--tenant", "--source", "--version", "--correlation", "--trace", "--metadata"],
    "event check": [],
    "dlq list": ["--reason", "--topic", "--publisher", "--tenant", "--since", "--until", "--status", "--limit", "--store"],
    "dlq stats": ["--reason", "--topic", "--publisher", "--tenant", "--since", "--until", "--status", "--limit", "--store"],
    "dlq show": ["--payload", "--raw"],
    "dlq dismiss": ["--reason", "--topic", "--publisher", "--tenant", "--since", "--until", "--dry-run", "--yes", "--store"],
    "dlq redrive": ["--reason", "--topic", "--publisher", "--tenant", "--since", "--until", "--to", "--rate", "--again", "--force", "--dry-run", "--yes", "--store"],
    "dlq purge": ["--until", "--dry-run", "--yes", "--store"],
    "health": ["--group", "--partitions", "--watch", "--every", "--lag-alert", "--listen"],
    "doctor": ["--inbox", "--reply-topic", "--store", "--drain", "--timeout"],
    "top": ["--every", "--count", "--follow"],
    "config show": [],
    "bench request": ["--publisher", "--in-flight", "--rate", "--count", "--size"],
    "bench worker": [],
    "bench chain": ["--in-flight", "--count", "--size", "--warm-up", "--store"],
    "bench route": ["--count", "--size", "--store"],
    "bench seal": ["--count", "--size"],
    "completion": [],
    "version": [],
}
COMMON = ["--brokers", "-b", "-X", "--key-file", "--client-id", "--config", "--output", "-o", "--help"]
BASIC = ["--output", "-o", "--help"]


@pytest.fixture
def alone(tmp_path):
    """The program without a broker, with a key."""
    return Pouch(NOWHERE, tmp_path)


def run(*words, stdin="", env=None, **more):
    """The program with nothing set but what the test sets."""
    return subprocess.run([POUCH, *map(str, words)], input=stdin, capture_output=True, text=True, timeout=120,
                          env=dict(clean_environment(), **(env or {})), **more)


def ran(*words, stdin="", env=None):
    done = run(*words, stdin=stdin, env=env)
    assert done.returncode == 0, f"{words}: exit {done.returncode}: {done.stderr}"
    return done.stdout


def commands_in_help():
    parts = ran("--help").split("\nTry it ")[0]
    return re.findall(r"^  (\w+(?: \w+)?)  +\S", parts, re.M)


def admin(pouch):
    return AdminClient({"bootstrap.servers": pouch.brokers})


def topic_exists(pouch, topic):
    return topic in admin(pouch).list_topics(timeout=60).topics


# Help and usage


@pytest.mark.acceptance("A26")
def test_help_lists_every_command_there_is():
    in_sources = {name for source in (ROOT / "app" / "ops").glob("*.c")
                  for name in re.findall(r'^    \.name = "([^"]+)"', source.read_text(), re.M)}
    assert sorted(commands_in_help()) == sorted(in_sources) == sorted(FLAGS)
    for word in ("--help", "-h", "help"):
        assert ran(word) == ran("--help")


@pytest.mark.parametrize("command", FLAGS)
def test_the_help_of_a_command_names_its_flags(command):
    text = ran(*command.split(), "--help")
    assert text.startswith(f"pouch {command}")
    common = BASIC if command in ("key new", "access new", "topic catalog", "topic key", "topic partitions", "event new", "event check", "top", "completion", "version") else COMMON
    for flag in FLAGS[command] + common:
        assert re.search(rf"^ +(-\w, +)?{re.escape(flag)}\b", text, re.M), f"{flag} is not in the help of {command}"


@pytest.mark.parametrize("command", FLAGS)
def test_every_flag_in_the_help_is_taken(command):
    text = ran(*command.split(), "--help")
    rows = re.findall(r"^ {2}(?:(-\w),? +)?(--[\w-]+)?(?: ([A-Za-z\[0-9][^ ]*))?  ", text.split("lags:\n", 1)[1], re.M)
    assert len(rows) >= len(BASIC) - 1
    for letter, name, argument in rows:
        for flag in filter(None, (letter, name)):
            if argument:
                done = run(*command.split(), flag)
                assert done.returncode == USAGE and "wants a value" in done.stderr, (flag, done.stderr)
            else:
                ran(*command.split(), flag, *([] if flag in ("-h", "--help") else ["--help"]))


def test_help_of_a_family_lists_its_commands():
    text = ran("topic", "--help")
    assert re.findall(r"pouch (topic \w+)", text) == [command for command in FLAGS if command.startswith("topic ")]


USAGE_ERRORS = {
    "no command": ([], "pouch COMMAND --help"),
    "unknown command": (["frobnicate"], "see pouch --help"),
    "nearly a command": (["reqest"], "no such command: reqest (did you mean request?); see pouch --help"),
    "nearly a family": (["topics", "list"], "(did you mean topic?)"),
    "nearly a command of a family": (["route", "lst"], "no such command: route lst (did you mean route list?)"),
    "unknown command of a family": (["topic", "rename"], "see pouch --help"),
    "family alone": (["topic"], "pouch topic create"),
    "flag before the command": (["--brokers", "x", "topic", "list"], "the command comes first"),
    "unknown flag": (["topic", "list", "--colour"], "see pouch topic list --help"),
    "nearly a flag": (["topic", "create", "t", "--partition=3"], "no such flag: --partition (did you mean --partitions?)"),
    "nearly a common flag": (["topic", "list", "--ouput", "json"], "(did you mean --output?)"),
    "nearly a setting's flag": (["request", "t", "1", "--timout", "1s"], "(did you mean --timeout?)"),
    "unknown letter": (["topic", "list", "-z"], "see pouch topic list --help"),
    "flag of another command": (["topic", "list", "--timeout", "1s"], "no such flag: --timeout"),
    "value missing": (["topic", "list", "--brokers"], "--brokers wants a value"),
    "value where none goes": (["topic", "delete", "t", "--yes=no"], "--yes takes no value"),
    "flag twice": (["topic", "create", "t", "--partitions", "1", "--partitions", "2"], "given twice"),
    "argument missing": (["topic", "create"], "TOPIC"),
    "one argument too many": (["topic", "list", "t"], "'t'"),
    "no destination": (["request"], "TOPIC"),
    "two payloads": (["request", "t", "1", "2"], "'2'"),
    "a subject of no topic": (["request", "--publisher", "p", "1", "--schema", "auto"], "name the subject"),
    "in clear through a center": (["send", "--plain", "--publisher", "p", "1"], "--publisher"),
    "publisher and two payloads": (["request", "--publisher", "p", "1", "2"], "'2'"),
    "a gather of no topic": (["request", "--gather", "bank", "a b"], "the arguments are topics"),
    "the input where a topic belongs": (["request", "--gather", "bank", "-"], "'-' is no topic"),
    "more answers than can come": (["request", "--gather", "--enough", "9", "bank", "tax"], "more than the 2"),
    "enough of one answer": (["request", "t", "1", "--enough", "2"], "--enough is for --gather"),
    "bad topic name": (["request", "a b", "1"], "see pouch request --help"),
    "bad topic name to create": (["topic", "create", "a/b"], "see pouch topic create --help"),
    "bad topic name to describe": (["topic", "describe", ""], "see pouch topic describe --help"),
    "bad publisher": (["seal", "--publisher", "a b"], "see pouch seal --help"),
    "bad reply topic": (["seal", "--reply-topic", "a b"], "see pouch seal --help"),
    "bad header": (["request", "t", "1", "-H", "nothing"], "NAME=VALUE"),
    "bad output form": (["version", "-o", "xml"], "'xml' is not one of table|json|jsonl"),
    "bad output form of a list": (["log", "-o", "xml"], "'xml' is not one of table|json|jsonl|csv"),
    "output form of others": (["route", "list", "-o", "csv"], "'csv' is not one of table|json|jsonl"),
    "part of a word": (["changes", "--kind", "rout"], "--kind: 'rout' is not one of route|service|key|dlq"),
    "empty word": (["changes", "--kind", ""], "route|service|key|dlq"),
    "bad number": (["topic", "create", "t", "--partitions", "three"], "number from 1 to"),
    "number out of bounds": (["topic", "create", "t", "--partitions", "0"], "number from 1 to"),
    "bad duration": (["request", "t", "1", "--timeout", "soon"], "duration"),
    "bad choice": (["request", "t", "1", "--iv-bytes", "13"], "12|16"),
    "bad topic setting": (["topic", "create", "t", "--set", "retention.ms"], "name=value"),
    "bad property": (["topic", "list", "-X", "=1"], "name=value"),
    "both loops": (["bench", "request", "t", "--in-flight", "1", "--rate", "1"], "exclude each other"),
    "no way of working": (["worker", "t"], "--pipe"),
    "two ways of working": (["worker", "t", "--exec", "cat", "--pipe", "cat"], "--pipe"),
    "bad partitions of a dev topic": (["dev", "--topic", "t:none"], "NAME:PARTITIONS"),
    "bad dev topic": (["dev", "--topic", "a b"], "topic name"),
}


@pytest.mark.parametrize("case", USAGE_ERRORS)
def test_misuse_exits_64_and_says_the_next_step(case, alone):
    words, text = USAGE_ERRORS[case]
    done = subprocess.run([POUCH, *words], input="", capture_output=True, text=True, timeout=60, env=alone.env)
    assert done.returncode == USAGE, done.stderr
    assert done.stdout == ""
    assert text in done.stderr


def test_arguments_may_follow_two_dashes(alone):
    done = alone.run("topic", "create", "--", "--partitions")
    assert done.returncode == USAGE and "'--partitions' is no topic name" not in done.stderr or "no broker" in done.stderr


def test_version_tells_the_version_of_the_project():
    project = re.search(r"project\(pouch VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    assert ran("version").startswith(f"pouch {project} (librdkafka ")
    assert ran("--version").strip() == project
    assert json.loads(ran("version", "-o", "json"))["version"] == project


# Forms of output


def documents(text, form):
    if form == "json":
        return [json.loads(text)]
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_commands_without_a_broker_print_json(alone, form):
    for words in (["version"], ["key", "new"], ["config", "show"], ["bench", "seal", "--count", "1000"]):
        found = documents(alone.ok(*words, "-o", form), form)
        assert found and all(isinstance(item, dict) for item in found), words
    envelopes = alone.ok("seal", "-o", form, stdin='{"a":1}\n[2]\n')
    sealed = json.loads(envelopes) if form == "json" else documents(envelopes, form)
    assert [set(envelope) for envelope in sealed] == [{"request_id", "data", "iv", "tag"}] * 2
    lines = "".join(json.dumps(envelope) + "\n" for envelope in sealed)
    opened = alone.ok("open", "-o", form, stdin=lines)
    assert (json.loads(opened) if form == "json" else documents(opened, form)) == [{"a": 1}, [2]]


def test_an_empty_list_is_a_whole_document(alone):
    for command in ("seal", "open"):
        assert json.loads(alone.ok(command, "-o", "json", stdin="")) == []
        assert alone.ok(command, "-o", "jsonl", stdin="") == ""


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_topics_are_printed_as_json(pouch, form):
    topics = sorted([pouch.topic(partitions=2), pouch.topic(partitions=1)])
    listed = pouch.ok("topic", "list", "-o", form)
    rows = json.loads(listed) if form == "json" else documents(listed, form)
    assert {row["topic"]: row["partitions"] for row in rows}.items() >= {(t, p["partitions"]) for t in topics for p in rows if p["topic"] == t}
    assert set(topics) <= {row["topic"] for row in rows}
    [one] = documents(pouch.ok("topic", "describe", topics[0], "-o", form), form)
    assert one["topic"] == topics[0]
    both = pouch.ok("topic", "describe", *topics, "-o", form)
    rows = json.loads(both) if form == "json" else documents(both, form)
    assert [row["topic"] for row in rows] == topics


def test_output_that_cannot_be_written_is_an_error(alone):
    for words in (["--help"], ["version"], ["version", "--help"], ["topic", "--help"], ["key", "new"], ["config", "show"],
                  ["config", "show", "-o", "json"], ["seal"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([POUCH, *words], input="1\n", stdout=full, stderr=subprocess.PIPE, text=True, env=alone.env, timeout=60)
        assert done.returncode == IO and "writing the output failed" in done.stderr, words


@pytest.mark.parametrize("command", ["seal", "open"])
def test_lines_are_no_longer_read_when_nobody_gets_them(alone, command):
    line = "1" if command == "seal" else run("seal", stdin="1\n", env=alone.env).stdout.strip()
    script = 'yes "$1" | "$2" "$3" > /dev/full'
    done = subprocess.run(["bash", "-o", "pipefail", "-c", f"{script}; exit ${{PIPESTATUS[1]}}", "bash", line, POUCH, command],
                          stderr=subprocess.PIPE, text=True, env=alone.env, timeout=60)
    assert done.returncode == IO and "No space left on device" in done.stderr


@pytest.mark.parametrize("command", ["seal", "open"])
def test_who_reads_the_output_may_stop_reading(alone, command):
    line = "1" if command == "seal" else run("seal", stdin="1\n", env=alone.env).stdout.strip()
    script = 'yes "$1" | "$2" "$3" | head -n 1; exit ${PIPESTATUS[1]}'
    done = subprocess.run(["bash", "-c", script, "bash", line, POUCH, command], capture_output=True, text=True, env=alone.env, timeout=60)
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 1)


@pytest.mark.parametrize("command", [["seal"], ["open"], ["request", "a"]])
def test_input_that_cannot_be_read_is_an_error(alone, command):
    for take_away in ('< /', '<&-'):
        done = subprocess.run(["sh", "-c", f'exec "$@" {take_away}', "sh", POUCH, *command], capture_output=True, text=True, env=alone.env, timeout=60)
        assert done.returncode == CONFIG and "reading the input failed" in done.stderr, take_away


def test_a_stream_that_is_closed_is_no_place_for_a_connection(alone):
    asked = subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", POUCH, "request", "a", "1"],
                             env=dict(alone.env, POUCH_CLIENT_CONNECT_TIMEOUT="10m", POUCH_REQUEST_TIMEOUT="10m"))
    proc = Path(f"/proc/{asked.pid}")
    wait_until(lambda: len(list((proc / "task").iterdir())) > 3, "connecting")
    streams = [os.readlink(proc / "fd" / str(fd)) for fd in range(3)]
    asked.kill()
    asked.wait()
    assert streams == ["/dev/null"] * 3


# Keys, sealing and opening


@pytest.mark.acceptance("A5")
def test_key_new_makes_64_hexadecimal_characters_each_time_others():
    keys = {ran("key", "new") for _ in range(20)}
    assert len(keys) == 20
    assert all(re.fullmatch(r"[0-9a-f]{64}\n", key) for key in keys)


PAYLOADS = ['{"a":1}', '"ü € 𝄞"', "[ 1.0, 1e400 ]", "null", '{"b":"\\u0000\\n"}', " 7 ", json.dumps({"long": "x" * 300000})]


@pytest.mark.acceptance("A3", "A6", "A7", "A8")
@pytest.mark.parametrize("iv_bytes", [12, 16])
def test_what_is_sealed_opens_elsewhere(alone, iv_bytes):
    out = alone.ok("seal", "--iv-bytes", iv_bytes, stdin="\n".join(PAYLOADS))
    envelopes = [json.loads(line) for line in out.splitlines()]
    assert [independent.open_sealed(alone.key, envelope) for envelope in envelopes] == PAYLOADS
    for name, size in (("iv", 2 * iv_bytes), ("tag", 32)):
        assert all(re.fullmatch(f"[0-9a-f]{{{size}}}", envelope[name]) for envelope in envelopes)
    assert len({envelope["iv"] for envelope in envelopes}) == len(PAYLOADS)
    assert all(uuid.UUID(envelope["request_id"]).version == 4 for envelope in envelopes)
    assert all(payload not in line for payload, line in zip(PAYLOADS, out.splitlines()) if len(payload) > 6)


@pytest.mark.acceptance("A3", "A6", "A8")
@pytest.mark.parametrize("iv_bytes", [12, 13, 16])
def test_what_was_sealed_elsewhere_opens(alone, iv_bytes):
    envelopes = [independent.seal(alone.key, payload, iv_bytes, replyTopic="x.replies") for payload in PAYLOADS]
    upper = json.loads(independent.seal(alone.key, '"upper case"', iv_bytes))
    upper.update({name: upper[name].upper() for name in ("data", "iv", "tag")})
    out = alone.ok("open", stdin="\n".join(envelopes + [json.dumps(upper)]) + "\n")
    assert out.splitlines() == PAYLOADS + ['"upper case"']


@pytest.mark.acceptance("A8")
def test_an_envelope_names_publisher_and_reply_topic(alone):
    envelope = json.loads(alone.ok("seal", "--publisher", "shop", "--reply-topic", "me.replies", stdin="1"))
    assert envelope["worker_name"] == "shop" and envelope["replyTopic"] == "me.replies"


def test_one_envelope_opens_to_one_line(alone):
    envelope = independent.seal(alone.key, '{\r\n  "a": 1,\n  "b": "x"\n}')
    out = alone.ok("open", stdin=envelope)
    assert len(out.splitlines()) == 1 and json.loads(out) == {"a": 1, "b": "x"}


def test_a_bad_line_is_told_and_the_rest_goes_on(alone):
    sealed = alone.run("seal", stdin='1\n{"open":\n\n2\nnot json\n3')
    assert sealed.returncode == DATA
    assert [independent.open_sealed(alone.key, line) for line in sealed.stdout.splitlines()] == ["1", "2", "3"]
    assert [int(n) for n in re.findall(r"line (\d+):", sealed.stderr)] == [2, 5]
    good = sealed.stdout.splitlines()
    other_key = independent.seal("0" * 64, "4")
    tampered = json.loads(good[1])
    tampered["data"] = f"{int(tampered['data'], 16) ^ 1:02x}"
    lines = [good[0], "not an envelope", json.dumps(tampered), other_key, "{}", good[2]]
    opened = alone.run("open", stdin="\n".join(lines))
    assert opened.returncode == DATA
    assert opened.stdout.splitlines() == ["1", "3"]
    assert [int(n) for n in re.findall(r"line (\d+):", opened.stderr)] == [2, 3, 4, 5]


def test_open_takes_every_key_of_the_ring_and_the_first_seals(tmp_path):
    ring, old, new = tmp_path / "ring", ran("key", "new").strip(), ran("key", "new").strip()
    ring.write_text(f"# keys\n\n2026b:{new}\n{old}\n")
    ring.chmod(0o600)
    envelope = json.loads(ran("seal", "--key-file", ring, stdin="1"))
    assert envelope["kid"] == "2026b" and independent.open_sealed(new, envelope) == "1"
    mixed = f"{independent.seal(old, '2')}\n{independent.seal(new, '3')}\n{json.dumps(envelope)}\n"
    assert ran("open", "--key-file", ring, stdin=mixed).split() == ["2", "3", "1"]


@pytest.mark.acceptance("A3")
@pytest.mark.parametrize("key", ["", "0" * 63, "0" * 65, "g" * 64, "0x" + "0" * 62])
def test_a_bad_key_is_refused_with_the_next_step(key):
    for command in (["seal"], ["open"], ["request", "t", "1"], ["send", "t", "1"], ["worker", "t", "--exec", "cat"], ["bench", "worker", "t"]):
        done = run(*command, env={"ENCRYPTION_KEY": key, "POUCH_BROKERS": NOWHERE})
        assert done.returncode == CONFIG and done.stdout == "", command
        assert ("64 hex" if key else "pouch key new") in done.stderr or "hex digit" in done.stderr, done.stderr


def test_a_key_file_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "key"
    path.write_text(ran("key", "new"))
    path.chmod(0o644)
    done = run("seal", "--key-file", path)
    assert done.returncode == CONFIG and f"chmod 600 {path}" in done.stderr


# Settings


def show(*words, env=None):
    return json.loads(ran("config", "show", "-o", "json", *words, env=env))


@pytest.mark.acceptance("A2", "A4")
def test_command_line_goes_before_own_then_known_environment_then_file(tmp_path):
    path = tmp_path / "pouch.yaml"
    path.write_text("# settings\nbrokers: file:9092\nclient:\n  id: from-file\ngroup: from-file\n")
    rows = {
        "brokers": ("--brokers", "POUCH_BROKERS", "KAFKA_BROKERS", 2),
        "client.id": ("--client-id", "POUCH_CLIENT_ID", "KAFKA_CLIENT_ID", 4),
        "group": (None, "POUCH_GROUP", "KAFKA_GROUP_ID", 5),
    }
    for name, (flag, own, known, line) in rows.items():
        env, words = {}, []
        default = show()[name]
        assert default["origin"] == "default"
        words += ["--config", path]
        assert show(*words)[name]["origin"] == f"file {path}:{line}"
        env[known] = "known:1" if name == "brokers" else "known"
        assert show(*words, env=env)[name] == {"value": env[known], "origin": f"environment {known}"}
        env[own] = "own:1" if name == "brokers" else "own"
        assert show(*words, env=env)[name] == {"value": env[own], "origin": f"environment {own}"}
        if flag:
            assert show(*words, flag, "cli", env=env)[name] == {"value": "cli", "origin": "command line"}
            assert show(flag, "cli", *words, env=env)[name] == {"value": "cli", "origin": "command line"}


def test_an_empty_variable_counts_as_unset(tmp_path):
    env = {"POUCH_BROKERS": "", "KAFKA_BROKERS": "known:1", "POUCH_CONFIG": ""}
    assert show(env=env)["brokers"] == {"value": "known:1", "origin": "environment KAFKA_BROKERS"}


def test_the_settings_file_may_come_from_the_environment(tmp_path):
    path, other = tmp_path / "a.yaml", tmp_path / "b.yaml"
    path.write_text("client.id: a\n")
    other.write_text("client.id: b\n")
    assert show(env={"POUCH_CONFIG": str(path)})["client.id"]["value"] == "a"
    assert show("--config", other, env={"POUCH_CONFIG": str(path)})["client.id"]["value"] == "b"


def test_every_setting_is_shown_in_every_form():
    names = set(re.findall(r"^\| `([a-z][a-z_.]+)` \|", (ROOT / "docs" / "configuration.md").read_text(), re.M))
    assert len(names) > 20
    assert names <= set(show())
    assert [json.loads(line)["name"] for line in ran("config", "show", "-o", "jsonl").splitlines()] == list(show())
    assert [line.split()[0] for line in ran("config", "show").splitlines()] == list(show())


BAD_FILES = {
    "unknown key": ("brokers: x:1\nbrokrs: y:1\n", ":2", "brokrs", "did you mean brokers"),
    "unknown section": ("nothing:\n  here: 1\n", ":", "nothing"),
    "bad value": ("request:\n  timeout: soon\n", ":2", "request.timeout", "duration"),
    "value out of bounds": ("\n\nworker:\n  concurrency: 0\n", ":4", "worker.concurrency", "1 to 1024"),
    "bad choice": ("start: never\n", ":1", "start", "auto|earliest|latest"),
    "given twice": ("group: a\ngroup: b\n", ":2", "group"),
    "a list where a value goes": ("client:\n  id: [a]\n", ":2", "client.id"),
    "not YAML": ("a: [1\nb: 2\n", ":"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_settings_file_is_refused_by_file_line_and_key(case, tmp_path):
    text, line, *words = BAD_FILES[case]
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    for command in (["config", "show"], ["seal"], ["topic", "list"]):
        done = run(*command, "--config", path, env={"ENCRYPTION_KEY": "0" * 64})
        assert done.returncode == CONFIG and done.stdout == ""
        assert f"{path}{line}" in done.stderr and all(word in done.stderr for word in words), done.stderr


def test_a_missing_settings_file_is_named(tmp_path):
    done = run("config", "show", "--config", tmp_path / "none.yaml")
    assert done.returncode == CONFIG and str(tmp_path / "none.yaml") in done.stderr


@pytest.mark.parametrize("command", [["config", "show"], ["seal"], ["topic", "list"], ["request", "t", "1"]])
def test_a_bad_value_in_the_environment_is_named(command):
    for variable, value in (("POUCH_CRYPTO_IV_BYTES", "13"), ("POUCH_REQUEST_TIMEOUT", "soon"), ("KAFKA_CLIENT_ID", "a b")):
        done = run(*command, env={variable: value, "ENCRYPTION_KEY": "0" * 64, "POUCH_BROKERS": NOWHERE})
        assert done.returncode == CONFIG and variable in done.stderr, done.stderr


def test_version_and_key_new_need_no_settings():
    env = {"POUCH_CONFIG": "/nowhere.yaml", "POUCH_CRYPTO_IV_BYTES": "13"}
    ran("version", env=env)
    ran("key", "new", env=env)


# Secrets

CANARY = "ca9a27f00dca9a27f00d"
SECRETS = ["sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem", "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config"]


def assert_secret(done):
    assert CANARY not in done.stdout + done.stderr, done.args


def test_config_show_masks_secrets(tmp_path):
    path = tmp_path / "secret.yaml"
    path.write_text("kafka:\n" + "".join(f"  {name}: {CANARY}\n" for name in SECRETS))
    flags = [word for name in SECRETS for word in ("-X", f"{name}={CANARY}")]
    for words in (["--config", path], flags):
        for form in ("table", "json", "jsonl"):
            done = run("config", "show", "-o", form, *words)
            assert done.returncode == 0
            assert_secret(done)
            for name in SECRETS:
                assert re.search(rf"kafka\.{re.escape(name)}\b.*\*\*\*", done.stdout), (form, name)


def test_no_key_shows_in_what_fails(tmp_path):
    near_key = (CANARY * 4)[:63] + "z"
    ring = tmp_path / "ring"
    ring.write_text(f"{near_key}\n")
    ring.chmod(0o600)
    for command in (["seal"], ["open"], ["request", "t", "1"], ["worker", "t", "--exec", "cat"], ["dev"], ["bench", "seal"]):
        for env, words in (({"ENCRYPTION_KEY": near_key}, []), ({}, ["--key-file", str(ring)])):
            done = run(*command, *words, "--log-level", "debug", env={"POUCH_BROKERS": NOWHERE, **env})
            assert done.returncode == CONFIG, (command, done.stderr)
            assert_secret(done)


def test_no_payload_and_no_good_key_shows_in_what_fails(alone):
    key = (CANARY * 4)[:64]
    env = {"ENCRYPTION_KEY": key}
    sealed = independent.seal("0" * 64, f'"{CANARY}"')
    failing = [
        (["seal"], f'{{"a":"{CANARY}"\n{CANARY}\n'),
        (["open"], f"{CANARY}\n{sealed}\n"),
        (["request", "t", "--timeout", "1s", "-X", "debug=all", "--log-level", "debug"], f'{{"a":"{CANARY}"}}'),
        (["request", "t"], f'{{"a":"{CANARY}"'),
        (["send", "t", "-X", "debug=all", "--log-level", "debug"], f'{{"a":"{CANARY}"}}'),
    ]
    for words, stdin in failing:
        done = alone.run(*words, stdin=stdin, env={**env, "POUCH_CLIENT_CONNECT_TIMEOUT": "1s"})
        assert done.returncode != 0, words
        assert_secret(done)


@pytest.mark.parametrize("name", SECRETS)
def test_no_password_shows_in_what_fails(alone, name, tmp_path):
    path = tmp_path / "list.yaml"
    path.write_text(f"kafka:\n  {name}: [{CANARY}]\n")
    property_ = ["-X", f"{name}={CANARY}"]
    sasl = ["-X", "security.protocol=SASL_SSL", "-X", "sasl.mechanism=PLAIN", "-X", "sasl.username=u", "-X", "sasl.password=p"]
    loud = ["-X", "debug=all", "--log-level", "debug"]
    for words in (["--config", path], property_ + loud, sasl + property_ + loud, [*property_, "-X", "no.such=1"]):
        done = alone.run("send", "t", "1", *words, env={"POUCH_CLIENT_CONNECT_TIMEOUT": "1s"})
        assert done.returncode != 0
        assert_secret(done)


# Exit codes

BAD_PAYLOADS = ["", "{", "{} {}", "{'a':1}", '"\udc80"', "NaN"]


@pytest.mark.parametrize("command", ["request", "send"])
def test_a_payload_that_is_not_json_exits_65(alone, command):
    for payload in BAD_PAYLOADS:
        done = subprocess.run(alone.command(command, "t"), input=payload.encode(errors="surrogateescape"), capture_output=True, env=alone.env, timeout=60)
        assert done.returncode == DATA, (payload, done.stderr)
        assert done.stdout == b"" and b"JSON" in done.stderr
    done = alone.run("request", "t", "-o", "json", stdin="{")
    answer = json.loads(done.stdout)
    assert done.returncode == DATA and answer["request_id"] is None and answer["error"]["code"] == "invalid_payload"


@pytest.mark.acceptance("A1", "A23")
def test_without_a_broker_the_exit_code_is_69(alone):
    commands = [["topic", "list"], ["topic", "create", "t"], ["topic", "describe", "t"], ["topic", "delete", "t", "--yes"],
                ["request", "t", "1"], ["send", "t", "1"], ["bench", "request", "t"]]
    programs = [alone.start(*words, name="-".join(words[:2]), env={"POUCH_CLIENT_CONNECT_TIMEOUT": "2s"}) for words in commands]
    for program in programs:
        assert program.process.wait(120) == NO_BROKER, (program.name, program.stderr())
        assert NOWHERE in program.stderr() and program.stdout() == "", program.name
        assert "waiting for a worker" not in program.stderr(), "it is the broker that is missing"


# Topics on a real broker


@pytest.mark.acceptance("A4", "A23")
def test_topics_are_created_described_and_deleted(pouch, kafka):
    one, two = (f"t-{uuid.uuid4().hex[:12]}" for _ in range(2))
    made = run("topic", "create", one, two, "--partitions", 3, "--replication", 1, "--set", "retention.ms=604800000", "--set", "cleanup.policy=delete",
               env={"KAFKA_BROKERS": kafka["KAFKA_BROKERS"]})
    assert made.returncode == 0 and made.stdout == "", made.stderr
    client = admin(pouch)
    topics = client.list_topics(timeout=60).topics
    for topic in (one, two):
        assert len(topics[topic].partitions) == 3
        assert all(len(p.replicas) == 1 for p in topics[topic].partitions.values())
        resource = ConfigResource("topic", topic)
        assert client.describe_configs([resource])[resource].result(60)["retention.ms"].value == "604800000"
    for value in (b"a", b"b"):
        independent.produce(pouch.brokers, one, value, partition=1)
    found = json.loads(pouch.ok("topic", "describe", one, "-o", "json"))
    assert (found["topic"], found["partitions"], found["replication"]) == (one, 3, 1)
    assert found["config"]["retention.ms"] == "604800000"
    assert [(p["id"], p["low"], p["high"]) for p in found["partition"]] == [(0, 0, 0), (1, 0, 2), (2, 0, 0)]
    assert all(p["leader"] >= 0 and p["replicas"] == p["in_sync"] == 1 for p in found["partition"])
    text = pouch.ok("topic", "describe", one)
    assert f"topic        {one}" in text and "retention.ms = 604800000" in text
    assert re.search(rf"^{one} +3 +1 ok$", pouch.ok("topic", "list"), re.M)
    pouch.ok("topic", "delete", one, two, "--yes")
    wait_until(lambda: not topic_exists(pouch, one) and not topic_exists(pouch, two), "the topics being gone")


@pytest.mark.acceptance("A23")
def test_a_topic_that_exists_is_left_as_it_is(pouch):
    old, new = pouch.topic(partitions=2), f"t-{uuid.uuid4().hex[:12]}"
    done = pouch.run("topic", "create", old, new, "--partitions", 5)
    assert done.returncode == 1 and f"{old} exists already" in done.stderr
    topics = admin(pouch).list_topics(timeout=60).topics
    assert len(topics[old].partitions) == 2 and len(topics[new].partitions) == 5


def test_the_broker_says_why_a_topic_cannot_be(pouch):
    topic = f"t-{uuid.uuid4().hex[:12]}"
    for words, text in ((["--replication", 3], "replication"), (["--set", "no.such=1"], "no.such"), (["--set", "retention.ms=soon"], "retention.ms")):
        done = pouch.run("topic", "create", topic, *words)
        assert done.returncode == CONFIG and text in done.stderr, done.stderr
    assert not topic_exists(pouch, topic)


def test_an_unknown_topic_is_named_with_the_next_step(pouch):
    described = pouch.run("topic", "describe", "no-such-topic")
    assert described.returncode == 1 and "pouch topic create no-such-topic" in described.stderr
    deleted = pouch.run("topic", "delete", "no-such-topic", "--yes")
    assert deleted.returncode == 1 and "pouch topic list" in deleted.stderr


def test_one_unknown_topic_does_not_hide_the_others(pouch):
    topic = pouch.topic()
    done = pouch.run("topic", "describe", "no-such-topic", topic, "-o", "json")
    assert done.returncode == 1 and [row["topic"] for row in json.loads(done.stdout)] == [topic]


def test_nothing_is_deleted_unasked(pouch):
    topic = pouch.topic()
    done = pouch.run("topic", "delete", topic)
    assert done.returncode == USAGE and "--yes" in done.stderr and topic in done.stderr
    assert topic_exists(pouch, topic)


@pytest.mark.parametrize("answer,exit_code", [("n\n", 1), ("\n", 1), ("y\n", 0)])
def test_a_person_is_asked_before_deleting(pouch, answer, exit_code):
    topic = pouch.topic()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(pouch.command("topic", "delete", topic), stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=pouch.env)
    os.close(theirs)
    os.write(ours, answer.encode())
    out, err = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == exit_code, err
    assert out == "" and f"records: {topic}" in err and "[y/N]" in err
    if exit_code:
        assert topic_exists(pouch, topic)
    else:
        wait_until(lambda: not topic_exists(pouch, topic), "the topic being gone")

"""The citizen check of examples/citizen-check on a real Kafka, by its own script: one question, four services, both ways."""

import json
import shutil
import subprocess
from types import SimpleNamespace

import pytest
from confluent_kafka.admin import AdminClient
from conftest import BUILD, POUCH, ROOT, wait_until

EXAMPLE = ROOT / "examples" / "citizen-check"
SERVICES = ("service_1", "service_1_a", "service_1_b", "service_1_c")
TOPICS = ("service-1-topic", "service-1a-topic", "service-1b-topic", "service-1c-topic")
PAPERS = json.loads((EXAMPLE / "citizen.json").read_text())


@pytest.fixture
def check(pouch, tmp_path):
    """The script beside the programs of this build, with a store of its own, on fresh topics."""
    folder = tmp_path / "citizen"
    folder.mkdir()
    for path in [EXAMPLE / "run-example", *(BUILD / "examples" / "citizen-check" / name for name in ("citizen_check", "citizen_service"))]:
        shutil.copy(path, folder)
    pouch.env.update(POUCH=str(POUCH), POUCH_STORE=f"sqlite://{tmp_path}/store", POUCH_REQUEST_TIMEOUT="60s")
    admin = AdminClient({"bootstrap.servers": pouch.brokers})

    def gone():
        there = {name for name in admin.list_topics(timeout=30).topics if name.startswith(("service-", "citizen-", "command-center-inbox"))}
        if there:
            pouch.run("topic", "delete", *sorted(there), "--yes")
        return not there

    def start(*parts):
        programs = [pouch.start_other([folder / "run-example", part], part) for part in parts]
        for part, program in zip(parts, programs):
            program.wait_for("routing" if part == "command-center" else "taking requests")
        return programs

    def ask(way, papers=PAPERS):
        return subprocess.run([folder / "run-example", "check", way], input=json.dumps(papers), env=pouch.env, capture_output=True, text=True, timeout=120)

    wait_until(gone, "the topics of another test being deleted")
    yield SimpleNamespace(pouch=pouch, start=start, ask=ask)
    pouch.stop_all()
    wait_until(gone, "the topics being deleted")


def answers(done):
    """What each said, by the name that it gave in the answer."""
    said = [json.loads(line.split(": ", 1)[1]) for line in done.stdout.splitlines()]
    return {answer["service"]: answer["passed"] for answer in said}


@pytest.mark.acceptance("B24")
def test_four_services_look_at_one_citizen_and_each_answers_once(check):
    programs = check.start("command-center", *SERVICES)
    for way, names in (("groups", SERVICES), ("topics", TOPICS)):
        done = check.ask(way)
        assert done.returncode == 0 and answers(done) == dict.fromkeys(SERVICES, True), done.stderr
        assert sorted(line.split(": ")[0] for line in done.stdout.splitlines()) == sorted(names)

    done = check.ask("groups", {**PAPERS, "taxDebt": 5})
    assert done.returncode == 1 and answers(done) == {**dict.fromkeys(SERVICES, True), "service_1_c": False}
    done = check.ask("topics", {key: value for key, value in PAPERS.items() if key != "bornIn"})
    assert done.returncode == 1 and f"{TOPICS[1]}: handler_error: the papers do not say" in done.stdout

    words = ["request", "--gather", "--responders", "4", "--publisher", "citizen-by-groups", "-o", "json"]
    parts = json.loads(check.pouch.ok(*words, stdin=json.dumps(PAPERS)))
    assert {part["from"] for part in parts} == set(SERVICES) and len({part["request_id"] for part in parts}) == 1

    assert programs[4].stop() == 0
    check.pouch.env["POUCH_REQUEST_TIMEOUT"] = "20s"
    for way, by_place in (("groups", False), ("topics", True)):
        done = check.ask(way)
        assert done.returncode == 75 and set(answers(done)) == set(SERVICES[:3]), done.stderr
        assert ("target 4 of 4" in done.stderr) == by_place

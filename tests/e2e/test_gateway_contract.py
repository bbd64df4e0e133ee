"""What /openapi.json says, held against what a gateway does, by schemathesis, which knows nothing of it."""

import json
import os
import subprocess
import sys

import pytest
from conftest import Pouch
from gateway import Gateway

EXAMPLES = os.environ.get("POUCH_CONTRACT_EXAMPLES", "2")  # of each endpoint; more take longer
# A request that is well formed may find nobody who answers in time, or another version than it names; no schema tells that. Who is
# refused without a key is shown elsewhere: here the many attempts that fail would be refused as such, with 429.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "408", "409", "412", "428", "429", "5xx"]

[checks.ignored_auth]
enabled = false
"""


@pytest.fixture(scope="module")
def gateway(kafka, tmp_path_factory):
    pouch = Pouch(kafka["KAFKA_BROKERS"], tmp_path_factory.mktemp("contract"))
    made = json.loads(pouch.ok("access", "new", "schemathesis", "--scope", "*", "-o", "json"))
    access = pouch.folder / "access.yaml"
    access.touch(mode=0o600)
    access.write_text("keys:\n" + made["entry"])
    started = Gateway(pouch, "--access", access, env={"POUCH_REQUEST_TIMEOUT": "200ms", "POUCH_CLIENT_NO_RESPONDERS": "off"}).start()
    started.key = made["key"]
    (pouch.folder / "schemathesis.toml").write_text(CONFIG)
    yield started
    pouch.stop_all()


def schemathesis(gateway, *words):
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{gateway.url}/openapi.json", "-H", f"Authorization: Bearer {gateway.key}", "--no-color", "--no-shrink",
               "--generation-deterministic", "--continue-on-failure", "--request-timeout", "30", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=gateway.pouch.folder)


@pytest.mark.acceptance("C35", "C37")
def test_every_endpoint_does_what_its_description_says(gateway):
    """An event stream has no end, so it is left out."""
    done = schemathesis(gateway, "--exclude-path", "/kafka/events", "--phases", "fuzzing", "--max-examples", EXAMPLES)
    assert done.returncode == 0, done.stdout[-8000:]
    assert gateway.get("/livez").status_code == 200

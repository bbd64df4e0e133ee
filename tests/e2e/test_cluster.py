"""lib/cluster on a real Kafka: the mock cluster has no admin requests."""

import json
import subprocess
import uuid

import pytest
from conftest import BUILD


@pytest.mark.acceptance("D4", "D5")
def test_topics_are_made_described_counted_and_deleted(pouch):
    topic = f"t-{uuid.uuid4().hex}"
    done = subprocess.run([BUILD / "e2e_cluster_calls", pouch.brokers, topic], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["right"]

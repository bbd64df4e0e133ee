"""Workers that are replaced one after the other while they are asked."""

import sys
from collections import Counter

from conftest import ROOT, wait_until

sys.path.insert(0, str(ROOT / "tests" / "faults"))
from load import Load  # noqa: E402

HANDLER = """
import json, os, sys
handled = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
for line in sys.stdin:
    request = json.loads(line)
    os.write(handled, (request["request_id"] + "\\n").encode())
    print(json.dumps({"request_id": request["request_id"], "payload": request["payload"]}), flush=True)
"""


def test_no_request_fails_and_none_is_handled_twice_while_workers_are_replaced(pouch, tmp_path):
    topic = pouch.topic(partitions=4)
    script, handled = tmp_path / "handler.py", tmp_path / "handled"
    script.write_text(HANDLER)

    def start(name):
        return pouch.start("worker", topic, "--pipe", f"{sys.executable} {script} {handled}", "--start", "earliest", name=name)

    def calls():
        return handled.read_text().split() if handled.exists() else []

    def until_more(count):
        wait_until(lambda: len(calls()) >= len(before) + count, "requests being handled")

    workers = [start("worker-0").wait_for("taking requests"), start("worker-1").wait_for("taking requests")]
    pouch.topic(f"{topic}.replies", partitions=1)
    load = Load(pouch.brokers, pouch.key, topic, f"{topic}.replies", 300).start()
    for number in range(3):
        before = calls()
        until_more(300)
        workers.append(start(f"worker-{number + 2}").wait_for("taking requests"))
        assert workers.pop(0).stop() == 0
    result = load.stop()
    for worker in workers:
        assert worker.stop() == 0
    assert (result["lost"], result["wrong"], result["duplicates"], result["errors"]) == (0, 0, 0, {}), result
    assert {request_id: times for request_id, times in Counter(calls()).items() if times > 1} == {}
    assert set(calls()) == load.accepted

"""A schema registry that fails while payloads are checked, as a function that gives figures; `tests/faults/run` prints them."""

import json
import os
import time

import conftest
import httpx
import independent
from fleet import Fleet
from promises import MEMORY, RESUMES, at_least, at_most
from spoiled_registry import FAULTS, SpoiledRegistry

ASKED = "string"  # in Avro: what faults_asker writes
LATE = ("overloaded", "expired", "timeout")  # what a backlog may end in, as after any outage


class TypedFleet(Fleet):
    """Workers that check requests and replies."""

    def words(self, kind, name):
        return *super().words(kind, name), *(("--schema", "auto", "--reply-schema", "auto") if kind == "worker" else ())

    def register(self, url):
        for topic in (self.target, f"{self.target}.replies"):
            answer = httpx.post(f"{url}/subjects/{topic}-value/versions", json={"schema": json.dumps(ASKED), "schemaType": "AVRO"}, timeout=60)
            assert answer.status_code == 200, answer.text


def refused(fleet):
    """The ids of requests that no schema allows, one of each kind of fault."""
    for _ in FAULTS:
        done = fleet.pouch.ask(fleet.target, {"not": "a string"})
        said = json.loads(done.stdout)
        assert said["error"]["code"] == "invalid_payload", said
        fleet.foreign.add(said["request_id"])
    return len(fleet.foreign)


def registry_spoiled(pouch, rate, seconds):
    """Each fault in turn: a worker that knows its schemas goes on, one that was started meanwhile waits, and nothing that is valid is put away."""
    with conftest.running(f"faults-registry-{os.getpid()}", "registry") as exports, SpoiledRegistry(exports["SCHEMA_REGISTRY_URL"]) as registry:
        fleet = TypedFleet(pouch, rate, centers=0, workers=2, env={"worker": {"SCHEMA_REGISTRY_URL": registry.url, "POUCH_SCHEMA_TIMEOUT": "1s"}})
        fleet.register(exports["SCHEMA_REGISTRY_URL"])
        fleet.start()
        answered, resumed = {}, []
        for fault in FAULTS:
            registry.spoil(fault)
            before = fleet.answered()
            fleet.of("worker")[0].replace(lambda program: program.stop())
            time.sleep(seconds)
            answered[fault] = fleet.answered() - before
            registry.mend()
            fleet.of("worker")[0].until_ready()
            began = time.monotonic()
            fleet.until_flowing(at_least=rate)
            resumed.append(round(time.monotonic() - began, 1))
        asked, invalid = registry.asked, refused(fleet)
        figures = fleet.stop()
        checked = 2 * figures["calls"]  # each request, and its reply
        others = [n for code, n in figures["ended"].items() if code not in ("ok", *LATE)]
        letters = [independent.headers(record) for record in independent.read_all(pouch.brokers, fleet.letters)]
        wrongly = [headers for headers in letters if headers.get("pouch-dlq-request-id") not in fleet.foreign]
        return {"faults": [*FAULTS], "seconds": seconds, **figures, "answered_while_spoiled": answered, "registry_asked": asked,
                "cache_hit_percent": round(100 * (1 - asked / checked), 2), "resumed_s": resumed, "invalid": invalid, "lettered_rightly": len(letters) - len(wrongly),
                "lettered": len(wrongly), "refused": sum(others), **at_most(lettered=0, rss_mib=MEMORY, resumed_s=RESUMES), **at_least(calls=1, lettered_rightly=invalid)}

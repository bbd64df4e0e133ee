"""Tasks: the types that a file declares, which of them are available, and what became of each one that was executed."""

import contextlib
import fcntl
import json
import os
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway import Refused

CHANNEL = "tasks"  # of the live events
BATCH_MAX, AT_A_TIME = 100, 16


class Wrong(Exception):
    """What was asked cannot be: a status of HTTP, and why."""

    def __init__(self, status, message):
        self.status = status
        super().__init__(message)


class Types:
    """The file of types, and beside it the file of those that were switched off, which other instances read too."""

    def __init__(self, path, state):
        self.all = {entry["type"]: entry for entry in json.loads(Path(path).read_text())["types"]}
        self.state = Path(state)

    def off(self):
        return set(json.loads(self.state.read_text())) if self.state.exists() else set()

    def find(self, name):
        if name not in self.all:
            raise Wrong(404, f"there is no task type {name}; there are {', '.join(self.all)}")
        return self.all[name]

    def of_topic(self, topic):
        return next((entry for entry in self.all.values() if entry["topic"] == topic), None)

    def show(self, name):
        entry = self.find(name)
        return {"type": name, "topic": entry["topic"], "description": entry["about"], "requires": entry["requires"],
                "timeout": entry["timeout"], "available": name not in self.off()}

    @contextlib.contextmanager
    def alone(self):
        """One at a time, of all instances: what two of them switch at once must both be kept."""
        with open(f"{self.state}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def switch(self, name, available):
        self.find(name)
        with self.alone():
            off = self.off() - {name} if available else self.off() | {name}
            part = self.state.with_suffix(f".{uuid.uuid4().hex}")
            part.write_text(json.dumps(sorted(off)))
            os.replace(part, self.state)
        return self.show(name)


class Executor:
    def __init__(self, gateway, types):
        self.gateway, self.types = gateway, types
        self.pool = ThreadPoolExecutor(AT_A_TIME)
        self.lock = threading.Lock()
        self.counts = {name: {"executed": 0, "failed": 0} for name in types.all}
        self.started = time.time()

    def tell(self, event, data, channel=CHANNEL):
        """A task is not lost for an event that cannot be told."""
        try:
            self.gateway.broadcast(channel, event, data)
        except Refused as error:
            print(f"task_executor: {event} was not told: {error}", file=sys.stderr)

    def count(self, entry, failed):
        with self.lock:
            self.counts[entry["type"]]["executed"] += 1
            self.counts[entry["type"]]["failed"] += failed

    @staticmethod
    def check(task):
        if not isinstance(task, dict):
            raise Wrong(400, "Invalid message format: a task is an object")
        for name in ("id", "topic"):
            if not isinstance(task.get(name), str) or not task[name]:
                raise Wrong(400, f"Invalid message format: {name} of a task must be a text")
        if type(task.get("startTime")) not in (int, float):
            raise Wrong(400, "Invalid message format: startTime of a task must be a number, in seconds")

    def outcome(self, task):
        """The worker's answer in the shape of the contract: one of Pouch's own need not know it."""
        entry = self.types.of_topic(task["topic"])
        contract = {"id": task["id"], "topic": task["topic"]}
        if not entry:
            return {**contract, "status": "error", "error": f"no task type has the topic {task['topic']}", "endTime": time.time()}
        if entry["type"] in self.types.off():
            return {**contract, "status": "error", "error": f"{entry['type']} is not available", "endTime": time.time()}
        try:
            answer = self.gateway.ask(task["topic"], task, entry["timeout"])
            reply = {**contract, "status": "success", "endTime": time.time()}
            reply.update(answer if isinstance(answer, dict) else {"result": answer})
            reply.update(contract)
        except Refused as error:
            reply = {**contract, "status": "error", "error": str(error), "endTime": time.time()}
        self.count(entry, reply["status"] != "success")
        return reply

    def execute(self, task):
        self.check(task)
        reply = self.outcome(task)
        self.tell("task_completed" if reply["status"] == "success" else "task_failed", reply)
        return reply

    def batch(self, tasks):
        if not isinstance(tasks, list) or not 1 <= len(tasks) <= BATCH_MAX:
            raise Wrong(400, f"Invalid message format: tasks must be an array of 1 to {BATCH_MAX}")
        for task in tasks:
            self.check(task)
        batch = str(uuid.uuid4())
        self.tell("batch_started", {"batchId": batch, "total": len(tasks), "timestamp": now()})
        results = list(self.pool.map(self.execute, tasks))
        successful = sum(result["status"] == "success" for result in results)
        summary = {"total": len(results), "successful": successful, "failed": len(results) - successful}
        self.tell("batch_completed", {"batchId": batch, "summary": summary, "timestamp": now()})
        return {"summary": summary, "results": results, "timestamp": now()}

    def make(self, name, data):
        """A task of a type, from what it is about."""
        entry = self.types.find(name)
        if not isinstance(data, dict):
            raise Wrong(400, "Invalid message format: an object says what the task is about")
        missing = [member for member in entry["requires"] if member not in data]
        if missing:
            raise Wrong(400, f"Invalid message format: {name} needs {', '.join(missing)}")
        return {"id": str(data.pop("id", None) or uuid.uuid4()), "topic": entry["topic"], "startTime": time.time(), "data": data}

    def send(self, topic, message):
        """Without waiting for an answer."""
        if not isinstance(message, dict) or "value" not in message:
            raise Wrong(400, "Invalid message format: value is missing")
        said = self.gateway.send(topic, message)
        self.tell("task_sent", {"topic": topic, "timestamp": now()})
        return said

    def status(self, name):
        with self.lock:
            counts = dict(self.counts[name]) if name in self.counts else {}
        return {**self.types.show(name), **counts, "timestamp": now()}


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{int(time.time() % 1 * 1000):03d}Z"

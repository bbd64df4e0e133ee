#!/usr/bin/env python3
"""The endpoints of task-executor, over a Pouch gateway. README.md says how to run it.

    task_executor.py [--listen 127.0.0.1:3001] [--gateway http://127.0.0.1:3000] [--types FILE] [--state FILE]

POUCH_API_KEY is the gateway's key, where it asks for one.
"""

import argparse
import json
import os
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import demo
from gateway import Gateway, Refused
from tasks import Executor, Types, Wrong, now

BODY_MAX = 1 << 20
SEQUENCE = demo.Sequence()
HERE = Path(__file__).resolve().parent


def executor_status(x, _):
    try:
        gateway = x.gateway.health()
    except Refused as error:
        gateway = {"healthy": False, "message": str(error)}
    return 200, {"status": "running" if gateway.get("healthy") else "degraded", "uptime": round(time.time() - x.started, 3),
                 "tasks": x.counts, "gateway": gateway, "timestamp": now()}


def tasks_health(x, _):
    status, said = executor_status(x, _)
    healthy = bool(said["gateway"].get("healthy"))
    return (status if healthy else 503), {"healthy": healthy, "timestamp": now()}


def switch(x, body, name):
    if type(body) is not dict or type(body.get("available")) is not bool:
        raise Wrong(400, "Invalid message format: available must be true or false")
    return 200, x.types.switch(name, body["available"])


def execute_type(x, body):
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise Wrong(400, "Invalid message format: type is missing")
    return 200, x.execute(x.make(body["type"], body.get("data", {})))


def execute_types(x, body):
    tasks = body.get("tasks") if isinstance(body, dict) else None
    if not isinstance(tasks, list) or not all(isinstance(task, dict) and isinstance(task.get("type"), str) for task in tasks):
        raise Wrong(400, "Invalid message format: tasks must be an array of objects with a type")
    return 200, x.batch([x.make(task["type"], task.get("data", {})) for task in tasks])


def shortcut(x, body, path):
    name = next((entry["type"] for entry in x.types.all.values() if entry["path"] == path), None)
    if not name:
        raise Wrong(404, f"there is no task {path}")
    return 200, x.execute(x.make(name, body))


def cached(x, _, which):
    shown = [x.types.show(name) for name in x.types.all]
    return 200, {"types": [entry for entry in shown if which == "all" or entry["available"]], "timestamp": now()}


def run_demo(x, _, name):
    if name not in demo.DEMOS:
        raise Wrong(404, f"there is no demonstration {name}; there are {', '.join(demo.DEMOS)} and run-all")
    return 200, demo.DEMOS[name](x)


ROUTES = [
    ("POST", r"/executor/tasks/execute", lambda x, body: (200, x.execute(body))),
    ("POST", r"/executor/tasks/batch", lambda x, body: (200, x.batch(body.get("tasks") if isinstance(body, dict) else None))),
    ("POST", r"/executor/tasks/send/([A-Za-z0-9._-]+)", lambda x, body, topic: (201, x.send(topic, body))),
    ("POST", r"/executor/tasks/([a-z-]+)", shortcut),
    ("GET", r"/executor/status", executor_status),
    ("POST", r"/tasks/execute", execute_type),
    ("POST", r"/tasks/execute-batch", execute_types),
    ("GET", r"/tasks/info", lambda x, _: (200, {"tasks": [x.types.show(name) for name in x.types.all], "timestamp": now()})),
    ("GET", r"/tasks/info/([^/]+)", lambda x, _, name: (200, x.types.show(name))),
    ("GET", r"/tasks/types", lambda x, _: (200, {"types": list(x.types.all), "timestamp": now()})),
    ("GET", r"/tasks/health", tasks_health),
    ("PUT", r"/tasks/([^/]+)/availability", switch),
    ("GET", r"/tasks/([^/]+)/status", lambda x, _, name: (200, x.status(name))),
    ("GET", r"/tasks/cache/(all|available)", cached),
    ("GET", r"/demo/status", lambda x, _: (200, demo.status(x))),
    ("POST", r"/demo/run-all", lambda x, _: (200, SEQUENCE.start(x))),
    ("POST", r"/demo/([a-z-]+)", run_demo),
]


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def body(self):
        said = self.headers.get("Content-Length") or "0"
        n = int(said) if re.fullmatch("[0-9]{1,9}", said) else -1
        if "Transfer-Encoding" in self.headers or not 0 <= n <= BODY_MAX:
            self.close_connection = True
            raise Wrong(413, f"a body has a Content-Length of at most {BODY_MAX} bytes")
        body = self.rfile.read(n)
        if n and self.headers.get_content_type() != "application/json":  # which a page of another site cannot send without asking
            raise Wrong(415, "a body is JSON: Content-Type: application/json")
        try:
            return json.loads(body) if n else None
        except ValueError as error:
            raise Wrong(400, f"Invalid message format: {error}") from None

    def find(self):
        path = re.sub("^/api(?=/)", "", self.path.split("?")[0])
        known = [(method, found, do) for method, pattern, do in ROUTES if (found := re.fullmatch(pattern, path))]
        for method, found, do in known:
            if method == self.command:
                return do, found.groups()
        raise Wrong(405 if known else 404, f"{self.command} {path} is not served here")

    def serve(self):
        try:
            body = self.body()
            do, arguments = self.find()
            status, said = do(self.server.executor, body, *arguments)
        except (Wrong, Refused) as error:
            status, said = error.status, {"success": False, "message": str(error), "timestamp": now()}
        self.answer(status, said)

    do_GET = do_POST = do_PUT = serve

    def answer(self, status, said):
        body = json.dumps(said).encode()
        fields = {"Content-Type": "application/json", "Content-Length": len(body), **({"Connection": "close"} if self.close_connection else {})}
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *arguments):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--listen", default="127.0.0.1:3001")
    options.add_argument("--gateway", default="http://127.0.0.1:3000")
    options.add_argument("--types", default=HERE / "types.json")
    options.add_argument("--state", default="task-executor-off.json")
    chosen = options.parse_args()
    host, _, port = chosen.listen.rpartition(":")
    server = Server((host, int(port)), Service)
    server.executor = Executor(Gateway(chosen.gateway, os.environ.get("POUCH_API_KEY")), Types(chosen.types, chosen.state))
    print(f"listening on port {server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())

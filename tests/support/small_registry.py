"""A schema registry that has what it is given, for tests of what payloads become and not of what registries do:

    with SmallRegistry() as registry:
        id = registry.put("orders-value", text)              # the newest of that subject now
        registry.put("orders-value", text, type="PROTOBUF", references=[…])
        … programs are given registry.url …

SmallRegistry(takes_s=2) takes so long for each answer.
"""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class SmallRegistry:
    def __init__(self, takes_s=0):
        self.schemas, self.subjects, self.takes_s = [], {}, takes_s
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def put(self, subject, text, type="AVRO", references=()):
        self.schemas.append({"schema": text, "schemaType": type, **({"references": list(references)} if references else {})})
        self.subjects.setdefault(subject, []).append(len(self.schemas))
        return len(self.schemas)

    def get(self, path):
        match path.split("?")[0].strip("/").split("/"):
            case ["subjects", subject, "versions", "latest"] if subject in self.subjects:
                ids = self.subjects[subject]
                return {"subject": subject, "version": len(ids), "id": ids[-1], **self.schemas[ids[-1] - 1]}
            case ["schemas", "ids", number] if int(number) <= len(self.schemas):
                return self.schemas[int(number) - 1]
        return None

    def _handler(registry):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                time.sleep(registry.takes_s)
                found = registry.get(self.path)
                said = json.dumps(found or {"error_code": 40401, "message": "nothing of that name"}).encode()
                self.send_response(200 if found else 404)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass

        return Handler

"""A schema registry that has what it is given, for tests of what payloads become and not of what registries do:

    with SmallRegistry() as registry:
        id = registry.put("orders-value", text)              # the newest of that subject now
        registry.put("orders-value", text, type="PROTOBUF", references=[…])
        … programs are given registry.url …

SmallRegistry(takes_s=2) takes so long for each answer.
"""

import json
import time

import fronts


class SmallRegistry:
    def __init__(self, takes_s=0):
        self.schemas, self.subjects, self.takes_s = [], {}, takes_s
        self.server = fronts.Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.stop()

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
        class Handler(fronts.Handler):
            def do_GET(self):
                time.sleep(registry.takes_s)
                found = registry.get(self.path)
                self.say(200 if found else 404, json.dumps(found or {"error_code": 40401, "message": "nothing of that name"}).encode())

        return Handler

#!/usr/bin/env python3
"""A service for `pouch worker --url`: a payload is posted, the reply is the body of the answer.

    python3 service.py 8080
    pouch worker square --url http://127.0.0.1:8080/square
    echo '{"n":12}' | pouch request square
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps the worker's connections open
    disable_nagle_algorithm = True

    def do_POST(self):
        payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/square":
            self.answer(404, {"error": f"nothing at {self.path}"})
        elif not isinstance(payload, dict) or not isinstance(payload.get("n"), (int, float)):
            self.answer(422, {"error": "n must be a number"})
        else:
            self.answer(200, {"result": payload["n"] ** 2})

    def answer(self, status, payload):
        body = json.dumps(payload).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *arguments):
        print(self.headers["X-Request-Id"], form % arguments, file=sys.stderr)


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service)
print(f"listening on port {server.server_address[1]}", flush=True)
server.serve_forever()

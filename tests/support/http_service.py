"""A service for the tests of HTTP calls. Prints its port; ends when its input does.

/echo           what came, as JSON: body, headers in lower case, how many requests this connection had
/status/N       answers N with a short body
/body/N         a body of N bytes
/silent         takes the request and never answers
/broken         closes the connection instead of answering
/redirect       to /echo
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self):
        super().setup()
        self.requests = 0

    def do_POST(self):
        self.requests += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kind, _, argument = self.path[1:].partition("/")
        if kind == "silent":
            threading.Event().wait()
        elif kind == "broken":
            self.close_connection = True
        elif kind == "redirect":
            self.answer(302, b"moved", Location="/echo")
        elif kind == "status":
            self.answer(int(argument), b"" if argument == "204" else f"status {argument}".encode())
        elif kind == "body":
            self.answer(200, b"x" * int(argument))
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            told = {"body": body.decode(), "headers": headers, "requests": self.requests}
            self.answer(200, json.dumps(told).encode())

    def answer(self, status, body, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()

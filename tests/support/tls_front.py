"""A front that takes TLS and a password before a server which knows neither, as a proxy in front of a schema registry does:

    with TlsFront(url, folder, user="ann:secret") as front:
        … https://ann:secret@localhost:{front.port}{path}, trusted by front.certificate …
        front.refused  # requests that came without the password
"""

import base64
import ssl
import subprocess
from urllib.parse import urlsplit

import fronts


class TlsFront:
    """Its certificate is for the name localhost alone, so that an address is another host."""

    def __init__(self, url, folder, user):
        parts = urlsplit(url)
        self.root, self.path, self.refused = f"{parts.scheme}://{parts.netloc}", parts.path, 0
        self.wanted = "Basic " + base64.b64encode(user.encode()).decode()
        self.certificate, key = folder / "front.pem", folder / "front.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2", "-out", self.certificate],
                       check=True, capture_output=True)
        self.server = fronts.Server(("127.0.0.1", 0), self._handler())
        self.port = self.server.server_port
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        # The handshake is the connection's thread's, or one client that breaks it off would end the server.
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.stop()

    def _handler(front):
        class Handler(fronts.Handler):
            def answer(self):
                body = self.body()
                self.say(*(self.passed_on(front.root, body) if self.headers["Authorization"] == front.wanted else self.refused()))

            def refused(self):
                front.refused += 1
                return 401, b'{"error_code":40101,"message":"who are you?"}'

            do_GET = do_POST = do_PUT = do_DELETE = answer

        return Handler

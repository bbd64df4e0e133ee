"""The calls of a Pouch gateway that the task executor is made of: ask a topic, send to it, broadcast an event."""

import json
import urllib.error
import urllib.request
from urllib.parse import quote


class Refused(Exception):
    """The gateway has answered with a problem, or not at all."""

    def __init__(self, status, code, message):
        self.status, self.code = status, code
        super().__init__(message)


class Gateway:
    """Any number of threads may call."""

    def __init__(self, url, key=None):
        self.url = url.rstrip("/")
        self.headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}

    def call(self, method, path, value=None, patience=10):
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(self.url + path, body, self.headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=patience) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise self.problem(error) from None
        except (OSError, ValueError) as error:
            raise Refused(503, "no_gateway", f"the gateway cannot be asked: {error}") from error

    @staticmethod
    def problem(error):
        try:
            said = json.load(error)
        except (OSError, ValueError):
            said = {}
        return Refused(error.code, said.get("code", "unknown"), said.get("message", f"the gateway answered {error.code}"))

    def ask(self, topic, value, timeout):
        """The worker's answer. Refused with the code handler_error: the worker says that it has failed."""
        return self.call("POST", f"/kafka/request/{quote(topic, safe='')}?timeout={int(timeout * 1000)}", {"value": value}, timeout + 5)["response"]

    def send(self, topic, message):
        return self.call("POST", f"/kafka/send/{quote(topic, safe='')}", message)

    def broadcast(self, channel, event, data):
        return self.call("POST", f"/kafka/sse/broadcast/{quote(channel, safe='')}", {"event": event, "data": data})

    def health(self):
        return self.call("GET", "/kafka/health")

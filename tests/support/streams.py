"""Clients of live events: httpx streams, read on threads of their own by httpx-sse."""

import contextlib
import socket
import threading

import httpx
import httpx_sse
from conftest import wait_until

ENDS = (httpx.HTTPError, httpx.StreamError, httpx_sse.SSEError, OSError)


class Stream:
    """One stream, from its beginning on; everything that has come is kept."""

    def __init__(self, url, channels=None, since=None, query=None, headers=None):
        params = dict(query or {}, **({"channels": channels} if channels else {}))
        headers = dict(headers or {}, **({"Last-Event-ID": since} if since is not None else {}))
        self.events, self.over, self.socket = [], False, None
        self.client = httpx.Client(verify=False, timeout=60)
        self.thread = threading.Thread(target=self.read, args=(url + "/kafka/events", params, headers), daemon=True)
        self.thread.start()

    def read(self, url, params, headers):
        try:
            with httpx_sse.connect_sse(self.client, "GET", url, params=params, headers=headers) as source:
                self.socket = source.response.extensions["network_stream"].get_extra_info("socket")
                for event in source.iter_sse():
                    self.events.append(event)
        except ENDS:
            pass
        self.over = True

    def named(self, name):
        return [event for event in list(self.events) if event.event == name]

    def data(self, name="n"):
        return [event.data for event in self.named(name)]

    def connected(self):
        """The id of the client, once it has one and all that comes with it."""
        wait_until(lambda: self.named("subscription_updated") or self.over, "a stream being told of its channels")
        assert self.named("connected"), self.events
        return self.named("connected")[0].json()["clientId"]

    def wait(self, count, name="n"):
        wait_until(lambda: len(self.named(name)) >= count, f"{count} events called {name}")
        return self.data(name)

    @property
    def last_id(self):
        return [event.id for event in list(self.events) if event.id][-1]

    def close(self):
        """At once, though its thread waits for what comes next."""
        with contextlib.suppress(OSError):
            if self.socket:
                self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.client.close()

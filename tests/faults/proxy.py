"""A TCP proxy that spoils the way between a client and a server.

    with Proxy("127.0.0.1", port) as proxy:
        … a client talks to proxy.port …
        proxy.delay(2)          # each byte arrives two seconds late, both ways; none is held back by the one before
        proxy.delay(0.2, 0.05)  # up to 50 ms later than that; bytes keep their order
        proxy.throttle(64000)   # bytes a second, each way of each connection
        proxy.blackhole()       # nothing passes, nobody is told; also one way alone: ways=Proxy.DOWN
        proxy.cut_after(1000)   # the next 1000 bytes pass, then both sides are reset
        proxy.hold(8)           # of Kafka: from the next request of that kind on, nothing of its connection passes to the server
        proxy.reset()           # what is connected is reset
        proxy.mend()            # all is well again, also for what is connected
        proxy.step_back()       # it takes the processor from nobody

Everything runs on a thread of its own.
"""

import asyncio
import contextlib
import os
import random
import socket
import struct
import threading
import time

CHUNK = 65536
HELD = 64 * 1024 * 1024  # bytes of one way of a connection that may be late; then its sender waits
QUEUE = 128 * 1024  # the same on a slow line
SLICE = 0.05  # seconds of a slow line that go at once


class Requests:
    """Where the requests of a Kafka client begin in what passes: each has its length before it, and its kind at its beginning."""

    HEAD = struct.Struct(">ih")

    def __init__(self):
        self.left, self.head = 0, b""  # bytes to come of the one that passes; of the next one's head, what has come

    def before(self, data, kind):
        """How much of data comes before the first one of that kind; what follows is to be given once more."""
        at = 0
        while at < len(data):
            passing = min(self.left, len(data) - at)
            self.left, at = self.left - passing, at + passing
            head = self.head + data[at:at + self.HEAD.size - len(self.head)]
            if len(head) == self.HEAD.size and self.HEAD.unpack(head)[1] == kind:
                return at
            at += len(head) - len(self.head)
            self.head = head
            if len(head) == self.HEAD.size:
                self.left, self.head = max(0, self.HEAD.unpack(head)[0] - 2), b""
        return at


class Proxy:
    UP, DOWN = 1, 2  # to the server, from it
    BOTH = UP | DOWN

    def __init__(self, host, port, listen=0):
        """listen: the port that clients are told; 0: any that is free."""
        self.target, self.listen = (host, port), listen
        self.ways, self.seconds, self.jitter, self.open, self.budget, self.rate, self.held = self.BOTH, 0.0, 0.0, True, None, None, None
        self.passed, self.cuts = {self.UP: 0, self.DOWN: 0}, 0
        self.kept = b""  # of the requests that hold() keeps back, what has come with their beginnings
        self.streams, self.tasks = set(), set()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        self.changed = self._do(self._event)
        self.server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._connected, "127.0.0.1", self.listen), self.loop).result()
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._close(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def step_back(self):
        """Runs only when nothing else wants to."""
        self._do(lambda: os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)))

    def delay(self, seconds, jitter=0.0, ways=BOTH):
        self._do(lambda: self._set(seconds=seconds, jitter=jitter, ways=ways))

    def throttle(self, rate, ways=BOTH):
        self._do(lambda: self._set(rate=rate, ways=ways))

    def blackhole(self, ways=BOTH):
        self._do(lambda: self._set(open=False, ways=ways))

    def cut_after(self, n, ways=BOTH):
        self._do(lambda: self._set(budget=n, ways=ways))

    def hold(self, kind):
        self._do(lambda: self._set(held=kind))

    def reset(self):
        self._do(self._reset)

    def mend(self):
        self._do(lambda: self._set())

    # Below, all runs on the loop's thread.

    def _do(self, fn):
        async def call():
            return fn()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result()

    @staticmethod
    def _event():
        return asyncio.Event()

    def _set(self, ways=BOTH, seconds=0.0, jitter=0.0, open=True, budget=None, rate=None, held=None):
        self.ways, self.seconds, self.jitter, self.open, self.budget, self.rate, self.held = ways, seconds, jitter, open, budget, rate, held
        self.kept = b""
        self.changed.set()
        self.changed = asyncio.Event()

    def _reset(self):
        for stream in list(self.streams):
            sock = stream.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.transport.abort()
        self.streams.clear()

    async def _close(self):
        self.server.close()
        self._reset()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def _connected(self, reader, writer):
        task = self.loop.create_task(self._serve(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, far_writer}
        self.streams |= pair
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._way(self.UP, reader, far_writer))
                ways.create_task(self._way(self.DOWN, far_reader, writer))
        except* OSError:
            pass
        finally:
            self.streams -= pair
            for stream in pair:
                stream.transport.abort()

    async def _way(self, way, reader, writer):
        """Reads ahead, so that a late byte does not make the next one later still."""
        late, held, requests = asyncio.Queue(), [0], Requests()

        async def read():
            while True:
                data = await reader.read(CHUNK) if held[0] < (QUEUE if self.rate else HELD) else None
                if data is None:
                    await asyncio.sleep(0.01)
                    continue
                held[0] += len(data)
                late.put_nowait((time.monotonic() + (self.seconds + random.uniform(0, self.jitter) if self.ways & way else 0), data))
                if not data:
                    return

        async def write():
            while True:
                due, data = await late.get()
                while (wait := due - time.monotonic()) > 0 and self.ways & way and self.seconds:
                    with_change = self.changed.wait()
                    try:
                        await asyncio.wait_for(with_change, wait)
                    except asyncio.TimeoutError:
                        break
                while not self.open and self.ways & way:
                    await self.changed.wait()
                if not data:
                    writer.write_eof()
                    return
                held[0] -= len(data)
                while data:
                    n = requests.before(data, self.held) if way == self.UP else len(data)
                    await self._pass(way, data[:n], writer)
                    data = data[n:]
                    if self.held is not None:
                        self.kept += data
                    while data and self.held is not None:
                        await self.changed.wait()

        async with asyncio.TaskGroup() as both:
            both.create_task(read())
            both.create_task(write())

    async def _pass(self, way, data, writer):
        if self.budget is not None and self.ways & way:
            data, over = data[:self.budget], len(data) > self.budget
            self.budget -= len(data)
            if over:
                writer.write(data)
                self.cuts += 1
                self._set()
                self._reset()
                return
        while data:
            rate = self.rate if self.ways & way else None
            part, data = (data[:max(1, int(rate * SLICE))], data[max(1, int(rate * SLICE)):]) if rate else (data, b"")
            self.passed[way] += len(part)
            writer.write(part)
            await writer.drain()
            if rate:
                await asyncio.sleep(len(part) / rate)


@contextlib.contextmanager
def proxied(kafka):
    """A proxy before the broker of scripts/stack, and the addresses that lead through it."""
    brokers = kafka["KAFKA_PROXIED_BROKERS"]
    host, _, port = kafka["KAFKA_BEHIND_PROXY_BROKERS"].rpartition(":")
    with Proxy(host, int(port), listen=int(brokers.rpartition(":")[2])) as proxy:
        yield proxy, brokers

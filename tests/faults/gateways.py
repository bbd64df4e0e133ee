"""Gateways under kills, as a function that gives figures: three behind one address, and a thousand clients that ask."""

import asyncio
import random
import sys
import time
import uuid
from collections import Counter
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import httpx
import redis
from conftest import PATIENCE, running, stack
from gateway import Gateway
from ports import free_ports
from promises import at_least, at_most

HERE = Path(__file__).resolve().parent
GATEWAYS = 3
HANDLER_S = 0.5  # so that requests are in flight when a gateway is killed
CONCURRENCY = 1000  # as many as there are clients: none of them is told that there is too much to do
POOL = 20  # clients that share a pool of httpx, which takes time for each of its connections at every request
CLEAR = {408, 429, 502, 503, 504}  # what a gateway, or a proxy before it, says when there is no reply


class Balancer:
    """One address before several: connections go to them in turn, and past those that are away."""

    def __init__(self, ports):
        self.ports, self.turn, self.connections = ports, 0, 0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.connected, "127.0.0.1", 0, backlog=1024)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def dial(self):
        for _ in self.ports:
            self.turn += 1
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", self.ports[self.turn % len(self.ports)])
        return None

    async def connected(self, reader, writer):
        self.connections += 1
        there = await self.dial()
        with suppress(asyncio.CancelledError):  # the end of it all
            if there:
                await asyncio.gather(self.pass_on(reader, there[1]), self.pass_on(there[0], writer))
        writer.close()

    @staticmethod
    async def pass_on(reader, writer):
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        with suppress(OSError):
            writer.close()


class Clients:
    """They ask one after the other, each what nobody else has asked, and look whether the answer is theirs."""

    def __init__(self, pools, topic):
        self.pools, self.topic, self.asking = pools, topic, True
        self.sync, self.later = Counter(), Counter()
        self.unclear, self.seconds = [], []

    def http(self):
        return random.choice(self.pools)

    async def post(self, what, **headers):
        return await self.http().post(f"/kafka/request/{self.topic}?timeout=20000", json={"value": {"n": what}}, headers=headers)

    async def ask(self):
        """Synchronously: a reply, a problem that says what happened, or a connection that ends."""
        what, begin = uuid.uuid4().hex, time.monotonic()
        try:
            answer = await self.post(what)
        except httpx.HTTPError:
            self.sync["cut"] += 1
            return
        self.seconds.append(time.monotonic() - begin)
        if answer.status_code == 200:
            self.sync["ok" if answer.json()["response"] == {"n": what} else "wrong"] += 1
            return
        self.sync[str(answer.status_code)] += 1
        if answer.status_code not in CLEAR or not answer.json().get("message"):
            self.unclear.append(answer.text[:200])

    async def until(self, give_up, call, wanted):
        """Calls until the answer has a status that is wanted; None: that has not come about."""
        while time.monotonic() < give_up:
            with suppress(httpx.HTTPError):
                answer = await call()
                if answer.status_code in wanted:
                    return answer
                self.later[f"told {answer.status_code}"] += 1
            await asyncio.sleep(0.3)
        return None

    async def ask_later(self):
        """Asynchronously: asked with a key until it is accepted, by whichever gateway, then looked for until it is there."""
        what, key = uuid.uuid4().hex, str(uuid.uuid4())
        accepted = await self.until(time.monotonic() + PATIENCE, lambda: self.post(what, **{"Prefer": "respond-async", "Idempotency-Key": key}), {200, 202})
        if not accepted:
            self.later["not accepted"] += 1
            return
        self.later["accepted"] += 1
        where = accepted.headers["location"]
        found = await self.until(time.monotonic() + PATIENCE, lambda: self.http().get(where), {200})
        self.later[self.ending_of(found, what)] += 1

    @staticmethod
    def ending_of(found, what):
        if not found:
            return "lost"
        told = found.json()
        if told["status"] == "failed":  # by a worker or a gateway that has more to do than it can
            return f"failed {told['error']['code']}" if told["error"]["code"] in ("overloaded", "expired") else "wrong"
        return "answered" if told["response"] == {"n": what} else "wrong"

    async def run(self, number):
        await asyncio.sleep(random.random())
        while self.asking:
            await (self.ask_later() if number % 4 == 0 else self.ask())
            await asyncio.sleep(2 * random.random())


async def kill_in_turn(fleet, seconds, every, others):
    """Kills a gateway each so many seconds and starts it again; others: (when, what) besides, in parts of the whole time."""
    begin, kills = time.monotonic(), 0
    while (passed := time.monotonic() - begin) < seconds:
        await asyncio.sleep(every)
        fleet[kills % len(fleet)].kill()
        await asyncio.to_thread(fleet[kills % len(fleet)].start)
        kills += 1
        while others and passed >= others[0][0] * seconds:
            await asyncio.to_thread(others.pop(0)[1])
    return kills


async def load(fleet, topic, clients, seconds, every, others):
    async with AsyncExitStack() as opened:
        front = await opened.enter_async_context(Balancer([one.port for one in fleet]))
        pools = [await opened.enter_async_context(httpx.AsyncClient(base_url=front.url, timeout=PATIENCE, verify=False))
                 for _ in range(0, clients, POOL)]
        asked = Clients(pools, topic)
        tasks = [asyncio.create_task(asked.run(number)) for number in range(clients)]
        kills = await kill_in_turn(fleet, seconds, every, others)
        asked.asking = False
        _, late = await asyncio.wait(tasks, timeout=3 * PATIENCE)
        for task in tasks:
            if task not in late and task.exception():
                raise task.exception()
        return asked, kills, len(late), front.connections


def gateways_killed(pouch, clients, seconds, every):
    """A gateway of three is killed again and again, and Redis is emptied, then started anew: what was accepted is answered all the same, and
    what was asked at once ends in a reply, or with what went wrong."""
    topic = pouch.topic()
    pouch.start("worker", topic, "--pipe", f"{sys.executable} {HERE / 'later.py'} {HANDLER_S}", "--concurrency", CONCURRENCY, name="worker").wait_for("taking requests")
    with running(f"{pouch.folder.name}-redis", "redis") as exports:
        name = exports["stack"]
        fleet = [Gateway(pouch, "--redis", exports["REDIS_URL"], port=port, name=f"gateway-{port}").start() for port in free_ports(GATEWAYS)]

        def restart_redis():
            stack(name, "kill", "redis")
            stack(name, "start", "redis")

        others = [(0.3, redis.Redis.from_url(exports["REDIS_URL"]).flushall), (0.6, restart_redis)]
        asked, kills, late, connections = asyncio.run(load(fleet, topic, clients, seconds, every, others))
    seconds = sorted(asked.seconds) or [0]
    return {"clients": clients, "kills": kills, "connections": connections, "asked_at_once": dict(asked.sync), "asked_for_later": dict(asked.later),
            "p99_s": round(seconds[len(seconds) * 99 // 100], 2), "unclear": len(asked.unclear), "which": asked.unclear[:3],
            "wrong": asked.sync["wrong"] + asked.later["wrong"], "lost": asked.later["lost"], "unended": late,
            "replies": asked.sync["ok"], "accepted": asked.later["accepted"], **at_most(unclear=0), **at_least(replies=1, accepted=1)}


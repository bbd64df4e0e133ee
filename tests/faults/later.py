"""later.py SECONDS: a handler for `pouch worker --pipe` that answers each request with its payload, so much later, any number at a time."""

import asyncio
import json
import sys


def answer(request):
    print(json.dumps({"request_id": request["request_id"], "payload": request["payload"]}), flush=True)


async def main():
    loop, lines = asyncio.get_running_loop(), asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        loop.call_later(float(sys.argv[1]), answer, json.loads(line))


asyncio.run(main())

"""handler.py FILE NAME [MILLISECONDS]: a handler for `pouch worker --pipe` that answers each request with its payload, after that
time, and writes into FILE that it ran (history.py). What it wrote outlives it, and the worker, when they are killed."""

import json
import os
import sys
import time

from history import short

file = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
name, seconds = sys.argv[2], float(sys.argv[3]) / 1000 if len(sys.argv) > 3 else 0
for line in sys.stdin:
    request = json.loads(line)
    ran = {"t": time.monotonic_ns(), "by": name, "e": "run", "id": request["request_id"], "value": short(request["payload"])}
    os.write(file, (json.dumps(ran) + "\n").encode())
    time.sleep(seconds)
    print(json.dumps({"request_id": request["request_id"], "payload": request["payload"]}), flush=True)

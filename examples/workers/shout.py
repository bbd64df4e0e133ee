"""A worker for `pouch worker TOPIC --pipe`: one JSON line in, one JSON line out, in any order."""

import json
import sys

for line in sys.stdin:
    job = json.loads(line)
    text = job["payload"].get("text")
    if isinstance(text, str):
        answer = {"request_id": job["request_id"], "payload": {"text": text.upper()}}
    else:
        answer = {"request_id": job["request_id"], "error": "shout wants a text"}
    print(json.dumps(answer), flush=True)

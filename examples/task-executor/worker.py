"""The work of the example's types, as a sealed worker: pouch worker USER_LOGIN PURCHASE ALERT --pipe 'python3 worker.py'."""

import json
import sys
import time


def work(topic, data):
    """A result, or ValueError with what is wrong."""
    if topic == "USER_LOGIN":
        return {"userId": data["userId"], "session": "open"}
    if topic == "PURCHASE":
        if type(data["amount"]) not in (int, float) or data["amount"] <= 0:
            raise ValueError("the amount must be positive")
        return {"userId": data["userId"], "charged": data["amount"]}
    if topic == "ALERT":
        return {"told": data["message"]}
    raise ValueError(f"no work is known for {topic}")


for line in sys.stdin:
    job = json.loads(line)
    try:
        task = job["payload"]
        payload = {"id": task["id"], "topic": task["topic"], "status": "success", "endTime": time.time(),
                   "result": work(job["topic"], task.get("data", {}))}
        answer = {"payload": payload}
    except (KeyError, TypeError, ValueError) as error:
        answer = {"error": str(error)}
    print(json.dumps({"request_id": job["request_id"], **answer}), flush=True)

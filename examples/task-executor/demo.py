"""The demonstrations of task-executor: one of each thing that it can do, and all of them in a row."""

import threading
import time
import uuid

from gateway import Refused
from tasks import Wrong, now

CHANNEL = "demo"
ANALYTICS = "analytics"  # the topic of what is sent without waiting
HEARD_ON = ("auth", "payments", "alerts", CHANNEL)


def said(done, message, **more):
    return {"success": done, "message": message, "timestamp": now(), **more}


def status(x):
    details = x.gateway.health()["details"]
    return {"kafka": details, "sseClients": details.get("sseClients", 0), "timestamp": now()}


def user_login(x):
    reply = x.execute(x.make("USER_LOGIN", {"id": f"demo_login_{uuid.uuid4().hex}", "userId": "demo_user_123"}))
    done = reply["status"] == "success"
    x.tell("demo_completed" if done else "demo_failed", {"type": "user_login", "taskId": reply["id"], "status": reply["status"], "timestamp": now()}, CHANNEL)
    return said(done, "a user was signed in" if done else reply["error"], result=reply)


def fire_and_forget(x):
    x.gateway.send(ANALYTICS, {"key": "demo_user_456", "value": {"userId": "demo_user_456", "event": "page_view", "page": "/dashboard"}})
    x.tell("message_sent", {"type": ANALYTICS, "timestamp": now()}, CHANNEL)
    return said(True, f"a message was sent to {ANALYTICS}; nobody answers it")


def batch_processing(x):
    tasks = [x.make("USER_LOGIN", {"userId": "user_1"}), x.make("PURCHASE", {"userId": "user_2", "amount": 99.99}),
             x.make("ALERT", {"userId": "user_3", "message": "a sign-in from a new place"})]
    x.tell("batch_started", {"batchSize": len(tasks), "taskIds": [task["id"] for task in tasks], "timestamp": now()}, CHANNEL)
    summary = x.batch(tasks)["summary"]
    x.tell("batch_completed", {"batchSize": summary["total"], "successCount": summary["successful"], "failureCount": summary["failed"], "timestamp": now()}, CHANNEL)
    return said(summary["failed"] == 0, f"{summary['successful']} of {summary['total']} tasks were done", summary=summary)


def sse_broadcast(x):
    for channel in HEARD_ON:
        x.gateway.broadcast(channel, "demo_broadcast", {"channel": channel, "message": f"Hello from {channel}", "timestamp": now()})
    return said(True, f"an event was sent on {', '.join(HEARD_ON)}")


DEMOS = {"fire-and-forget": fire_and_forget, "user-login": user_login, "sse-broadcast": sse_broadcast, "batch-processing": batch_processing}


class Sequence:
    """All of them in a row, behind the back of who asked; one row at a time."""

    def __init__(self):
        self.running = threading.Lock()

    def start(self, x):
        if not self.running.acquire(blocking=False):
            raise Wrong(409, "the demonstrations are running already")
        threading.Thread(target=self.run, args=(x,), daemon=True).start()
        return said(True, f"the demonstrations have begun; channel {CHANNEL} tells of them")

    def run(self, x):
        began = time.monotonic()
        try:
            failed = [name for name, demo in DEMOS.items() if not demo(x)["success"]]
            x.tell("demo_sequence_failed" if failed else "demo_sequence_completed",
                   {"failed": failed, "seconds": round(time.monotonic() - began, 3), "systemStatus": status(x), "timestamp": now()}, CHANNEL)
        except (Refused, Wrong) as error:
            x.tell("demo_sequence_failed", {"error": str(error), "timestamp": now()}, CHANNEL)
        finally:
            self.running.release()

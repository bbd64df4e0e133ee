#!/usr/bin/env python3
"""A worker for `pouch worker --pipe`: a request a line in, an answer a line out.

    pouch worker calculate get-user --pipe 'python3 calculator.py'
    echo '{"operation":"divide","a":10,"b":4}' | pouch request calculate
    echo '{"id":2}' | pouch request get-user
"""

import json
import operator
import sys

OPERATIONS = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
}
USERS = {1: "Ada", 2: "Grace", 3: "Barbara"}


class Refused(Exception):
    """What the requester is told."""


def calculate(payload):
    operation = OPERATIONS.get(payload.get("operation"))
    if not operation:
        raise Refused("operation is one of " + ", ".join(OPERATIONS))
    try:
        return {"result": operation(payload["a"], payload["b"])}
    except ZeroDivisionError:
        raise Refused("division by zero") from None
    except (KeyError, TypeError):
        raise Refused("a and b must be numbers") from None


def get_user(payload):
    number = payload.get("id")
    if number not in USERS:
        raise Refused("no such user")
    return {"id": number, "name": USERS[number]}


HANDLERS = {"calculate": calculate, "get-user": get_user}

for line in sys.stdin:
    request = json.loads(line)
    answer = {"request_id": request["request_id"]}
    try:
        answer["payload"] = HANDLERS[request["topic"]](request["payload"])
    except Refused as reason:
        answer["error"] = str(reason)
    # Without the flush the answers would wait in a buffer.
    print(json.dumps(answer), flush=True)

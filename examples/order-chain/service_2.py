#!/usr/bin/env python3
"""Service 2 of the order chain in Python, in place of the one in C. It never sees a key.

    pouch worker service-2-topic --pipe 'python3 service_2.py [FOLDER]'

It does what shop.h says, in the same files: orders.db and outbox/ in FOLDER (default order-chain-data).
"""

import json
import os
import re
import sqlite3
import sys
from email.message import EmailMessage
from pathlib import Path

SCHEMA = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS inventory (item TEXT PRIMARY KEY, stock INTEGER NOT NULL CHECK (stock >= 0));
    CREATE TABLE IF NOT EXISTS orders (request_id TEXT PRIMARY KEY, order_id TEXT NOT NULL, user_id TEXT NOT NULL,
        amount REAL NOT NULL, fulfilled INTEGER NOT NULL, answer TEXT NOT NULL, mailed INTEGER NOT NULL DEFAULT 0);
    INSERT OR IGNORE INTO inventory VALUES ('cup', 100), ('tea', 100);
"""
INSERT = "INSERT INTO orders (request_id, order_id, user_id, amount, fulfilled, answer) VALUES (?, ?, ?, ?, ?, ?)"
OUTCOME = "SELECT fulfilled, answer, mailed FROM orders WHERE request_id = ?"

# ?1: the items as a JSON array, in which one may stand several times.
MISSING = """SELECT value FROM json_each(?1) GROUP BY value
    HAVING count(*) > coalesce((SELECT stock FROM inventory WHERE item = value), 0) LIMIT 1"""
TAKE = """UPDATE inventory SET stock = stock - (SELECT count(*) FROM json_each(?1) WHERE value = item)
    WHERE item IN (SELECT value FROM json_each(?1))"""


def objection(order):
    """What is missing from a validated order; None: nothing."""
    if not isinstance(order, dict) or order.get("validationStatus") != "valid":
        return "an order must have been validated"
    if not all(isinstance(order.get(name), str) and re.fullmatch(r"[A-Za-z0-9._-]{1,64}", order[name]) for name in ("orderId", "userId")):
        return "orderId and userId are 1 to 64 characters of letters, digits, '.', '_' and '-'"
    if type(order.get("amount")) not in (int, float):
        return "the amount is a number"
    items = order.get("items")
    if not isinstance(items, list) or not items or not all(isinstance(item, str) for item in items):
        return "items is an array of names, and not empty"
    return None


def enter(db, request_id, order):
    """The order's row, and its items out of the stock. A refusal is stored too: a second delivery must not be told otherwise."""
    if db.execute(OUTCOME, [request_id]).fetchone():
        return
    items = json.dumps(order["items"])
    fulfilled = db.execute(MISSING, [items]).fetchone() is None
    answer = json.dumps({"orderId": order["orderId"], "status": "fulfilled", "validationStatus": order["validationStatus"]})
    db.execute(INSERT, [request_id, order["orderId"], order["userId"], order["amount"], fulfilled,
                        answer if fulfilled else "an item is out of stock"])
    if fulfilled:
        db.execute(TAKE, [items])


def send_mail(db, outbox, request_id, order):
    """Once for each fulfilled order; after a crash between the two steps again, with the same Message-ID."""
    fulfilled, _, mailed = db.execute(OUTCOME, [request_id]).fetchone()
    if not fulfilled or mailed:
        return
    mail = EmailMessage()
    mail["From"], mail["To"] = "shop@example.org", f"{order['userId']}@example.org"
    mail["Subject"], mail["Message-ID"] = f"Your order {order['orderId']}", f"<{request_id}@example.org>"
    mail.set_content(f"Your order {order['orderId']} over {order['amount']} is on its way.\n")
    part = outbox / f"{request_id}.part"
    with part.open("wb") as file:
        file.write(bytes(mail))
        file.flush()
        os.fsync(file.fileno())
    part.rename(outbox / f"{request_id}.eml")
    db.execute("UPDATE orders SET mailed = 1 WHERE request_id = ?", [request_id])


def fulfil(db, outbox, request_id, order):
    """What the worker is told: a payload or an error."""
    wrong = objection(order)
    if wrong:
        return {"error": wrong}
    for work in (lambda: enter(db, request_id, order), lambda: send_mail(db, outbox, request_id, order)):
        with db:  # all of it, or nothing
            db.execute("BEGIN IMMEDIATE")
            work()
    fulfilled, answer, _ = db.execute(OUTCOME, [request_id]).fetchone()
    return {"payload": json.loads(answer)} if fulfilled else {"error": answer}


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "order-chain-data")
    outbox = folder / "outbox"
    outbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    db = sqlite3.connect(folder / "orders.db", isolation_level=None)
    db.executescript(SCHEMA)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            outcome = fulfil(db, outbox, job["request_id"], job["payload"])
        except (sqlite3.Error, OSError) as error:
            print(f"service-2: {error}", file=sys.stderr)
            outcome = {"retry": "the order cannot be stored at the moment"}
        print(json.dumps({"request_id": job["request_id"], **outcome}), flush=True)


main()

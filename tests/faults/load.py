"""A steady load with a history, from outside: sealed by `cryptography`, sent and read by
confluent-kafka. Every request that the broker accepted is remembered, and every reply."""

import json
import sys
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

from confluent_kafka import KafkaException

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import independent  # noqa: E402


def letters_of(brokers, inbox):
    """Codes of the dead letters of an inbox, by request id."""
    found = {}
    for record in independent.read_all(brokers, "internal.dlq"):
        headers = independent.headers(record)
        if headers["pouch-dlq-source"].startswith(f"{inbox}/"):
            found.setdefault(headers.get("pouch-dlq-request-id"), []).append(headers["pouch-dlq-code"])
    return found


class Load:
    """Sends `rate` requests a second until it is stopped; reads the replies all the while."""

    def __init__(self, brokers, key, topic, reply_topic, rate, publishers=()):
        """publishers: in whose names requests go to a center, in turn; none: the topic is a worker's."""
        self.brokers, self.key, self.topic, self.reply_topic, self.rate = brokers, key, topic, reply_topic, rate
        self.publishers = publishers
        self.accepted, self.refused, self.replies, self.wrong, self.errors = set(), 0, Counter(), 0, Counter()
        self.codes = {}  # of the errors in clear, by request id
        self.sent_at, self.took, self.latest_reply = {}, {}, 0.0
        self.sending, self.reading = threading.Event(), threading.Event()
        self.reader = independent.reader(brokers, reply_topic, at=independent.OFFSET_END)
        self.threads = [threading.Thread(target=self._send, daemon=True), threading.Thread(target=self._read, daemon=True)]

    def start(self):
        self.sending.set()
        self.reading.set()
        for thread in self.threads:
            thread.start()
        return self

    def _delivered(self, request_id):
        def note(error, _message):
            if error is None:
                self.accepted.add(request_id)
            else:
                self.refused += 1

        return note

    def _send(self):
        producer = independent.producer(self.brokers)
        begin, number = time.monotonic(), 0
        while self.sending.is_set():
            due = int((time.monotonic() - begin) * self.rate)
            while number < due:
                request_id = str(uuid.uuid4())
                members = {"worker_name": self.publishers[number % len(self.publishers)]} if self.publishers else {}
                value = independent.seal(self.key, json.dumps({"id": request_id}), 16, request_id, replyTopic=self.reply_topic, **members)
                self.sent_at[request_id] = (members.get("worker_name"), time.monotonic())
                producer.produce(self.topic, value=value, key=request_id, on_delivery=self._delivered(request_id))
                number += 1
            producer.poll(0.002)
        producer.flush(60)

    def _read(self):
        while self.reading.is_set():
            try:
                message = self.reader.poll(0.2)
            except KafkaException:
                continue
            if message is None or message.error():
                continue
            self.latest_reply = time.monotonic()
            envelope = json.loads(message.value())
            request_id = envelope["request_id"]
            if request_id not in self.replies and request_id in self.sent_at:
                publisher, began = self.sent_at[request_id]
                self.took.setdefault(publisher, []).append(self.latest_reply - began)
            if "error" in envelope:
                self.codes[request_id] = envelope["error"]["code"]
                self.errors[envelope["error"]["code"]] += 1
            else:
                plain = json.loads(independent.open_sealed(self.key, envelope))
                if plain["request_id"] != request_id or (plain["success"] and plain["payload"].get("id") != request_id):
                    self.wrong += 1
            self.replies[request_id] += 1

    def stop_sending(self):
        self.sending.clear()
        self.threads[0].join()

    def missing(self):
        return [request_id for request_id in self.accepted if request_id not in self.replies]

    def stop(self, seconds=120):
        """Stops sending, waits until all that was accepted is answered, or the time is up."""
        self.stop_sending()
        end = time.monotonic() + seconds
        while self.missing() and time.monotonic() < end:
            time.sleep(0.1)
        self.reading.clear()
        self.threads[1].join()
        self.reader.close()
        return {"accepted": len(self.accepted), "refused": self.refused, "answered": len(self.accepted) - len(self.missing()),
                "lost": len(self.missing()), "wrong": self.wrong, "errors": dict(self.errors),
                "duplicates": sum(n - 1 for request_id, n in self.replies.items() if n > 1)}

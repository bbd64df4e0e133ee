"""A steady load with a history (history.py), from outside: sealed by `cryptography`, sent and read by
confluent-kafka. Every request that the broker accepted is remembered, and every reply; checker.py says at the end what is wrong."""

import json
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

from confluent_kafka import KafkaException

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import checker  # noqa: E402
import history  # noqa: E402
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
        self.accepted, self.refused, self.replies, self.errors = set(), 0, Counter(), Counter()
        self.folder = tempfile.TemporaryDirectory(prefix="pouch-load-")
        self.history = history.History(Path(self.folder.name) / "load", "load")
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
        def note(error, message):
            if error is None:
                self.accepted.add(request_id)
                self.history.note("accepted", id=request_id, at=f"{message.topic()}/{message.partition()}/{message.offset()}")
            else:
                self.refused += 1

        return note

    def _send(self):
        # What is sent again after a broker was long in answering is not to be another request.
        producer = independent.producer(self.brokers, **{"enable.idempotence": True})
        begin, number = time.monotonic(), 0
        while self.sending.is_set():
            due = int((time.monotonic() - begin) * self.rate)
            while number < due:
                request_id = str(uuid.uuid4())
                members = {"worker_name": self.publishers[number % len(self.publishers)]} if self.publishers else {}
                value = independent.seal(self.key, json.dumps({"id": request_id}), 16, request_id, replyTopic=self.reply_topic, **members)
                self.history.note("invoke", id=request_id, value=request_id)
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
            outcome = self._outcome(request_id, envelope)
            self.history.note("answer", id=request_id, **outcome)
            if request_id not in self.replies and request_id in self.sent_at:
                publisher, began = self.sent_at[request_id]
                self.took.setdefault(publisher, []).append(self.latest_reply - began)
                self.history.note("fail" if "code" in outcome else "ok", id=request_id, **outcome)
            self.replies[request_id] += 1

    def _outcome(self, request_id, envelope):
        """The id that the answer holds, which must be that of the request, or the code of its error."""
        if "error" in envelope:
            code = self.codes[request_id] = envelope["error"]["code"]
            self.errors[code] += 1
            return {"code": code}
        plain = json.loads(independent.open_sealed(self.key, envelope))
        if plain["request_id"] != request_id:
            return {"value": plain["request_id"]}
        return {"value": plain["payload"].get("id")} if plain["success"] else {"code": plain.get("code", "handler_error")}

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
        for request_id in self.sent_at.keys() - self.replies.keys():
            self.history.note("info", id=request_id, code="timeout")
        self.history.close()
        _, figures = checker.check(history.read(self.history.path))
        self.folder.cleanup()
        return {"accepted": len(self.accepted), "refused": self.refused, "answered": len(self.accepted) - len(self.missing()), "lost": figures["lost"],
                "wrong": figures["crossed"], "unended": figures["unended"], "unasked": figures["unasked"], "errors": dict(self.errors),
                "duplicates": figures["answered_again"]}

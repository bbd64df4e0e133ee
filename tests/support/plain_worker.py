"""A worker of task-executor's kind, which knows nothing of Pouch: confluent-kafka, JSON, and no seal."""

import json
import threading
import time
import uuid

from confluent_kafka import Consumer, Producer
from conftest import PATIENCE


class PlainWorker:
    """Reads topics in a group and replies on reply_topic with what `work` makes of a task: members of the reply; None: it says nothing."""

    def __init__(self, brokers, topics, work, replies="reply_topic"):
        self.work, self.replies, self.seen = work, replies, []
        self.producer = Producer({"bootstrap.servers": brokers, "linger.ms": 0})
        self.consumer = Consumer({"bootstrap.servers": brokers, "group.id": f"plain-{uuid.uuid4()}", "auto.offset.reset": "earliest",
                                  "topic.metadata.refresh.interval.ms": 1000})  # of a topic that is new it may hear later than of the others
        self.ready, self.ending = threading.Event(), threading.Event()
        self.consumer.subscribe(topics, on_assign=lambda _, given: {one.topic for one in given} == {*topics} and self.ready.set())
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        assert self.ready.wait(PATIENCE), "the plain worker has not got its partitions"

    def run(self):
        while not self.ending.is_set():
            message = self.consumer.poll(0.05)
            if message is not None and not message.error():
                self.take(message)
        self.consumer.close()
        self.producer.flush(10)

    def take(self, message):
        task = json.loads(message.value())
        self.seen.append((message.topic(), message.key(), dict(message.headers() or []), task))
        said = self.work(task)
        if said is not None:
            self.say({"id": task["id"], "topic": message.topic(), "status": "success", "endTime": time.time(), **said})

    def say(self, reply):
        self.producer.produce(self.replies, json.dumps(reply))
        self.producer.poll(0)

    def stop(self):
        self.ending.set()
        self.thread.join()
        self.producer = None  # or it would look for its broker when that is gone

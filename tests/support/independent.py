"""The wire read and written by nothing of ours: json, `cryptography` and confluent-kafka."""

import json
import os
import time
import uuid

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def seal(key_hex, plaintext, iv_bytes=16, request_id=None, **members):
    """An envelope of plaintext (str) with further members such as replyTopic."""
    iv = os.urandom(iv_bytes)
    cipher = Cipher(algorithms.AES(bytes.fromhex(key_hex)), modes.GCM(iv)).encryptor()
    data = cipher.update(plaintext.encode()) + cipher.finalize()
    envelope = {"request_id": request_id or str(uuid.uuid4()), **members, "data": data.hex(), "iv": iv.hex(), "tag": cipher.tag.hex()}
    return json.dumps(envelope)


def open_sealed(key_hex, envelope):
    """The plaintext (str); raises when it does not open."""
    if isinstance(envelope, (str, bytes)):
        envelope = json.loads(envelope)
    iv, tag = bytes.fromhex(envelope["iv"]), bytes.fromhex(envelope["tag"])
    assert len(tag) == 16
    cipher = Cipher(algorithms.AES(bytes.fromhex(key_hex)), modes.GCM(iv, tag)).decryptor()
    return (cipher.update(bytes.fromhex(envelope["data"])) + cipher.finalize()).decode()


def producer(brokers, **settings):
    return Producer({"bootstrap.servers": brokers, "linger.ms": 0, "acks": "all", **settings})


def produce(brokers, topic, value, key=None, headers=None, partition=None):
    """One record, stored."""
    errors = []
    p = producer(brokers, **{"message.max.bytes": 2000000})
    extra = {} if partition is None else {"partition": partition}
    p.produce(topic, value=value, key=key, headers=headers, on_delivery=lambda e, m: errors.append(e), **extra)
    assert p.flush(60) == 0
    assert errors == [None], errors


def reader(brokers, topic, at=OFFSET_BEGINNING, **settings):
    """Reads all partitions of a topic by hand, without a group."""
    c = Consumer({"bootstrap.servers": brokers, "group.id": f"independent-{uuid.uuid4()}", "enable.auto.commit": False,
                  "auto.offset.reset": "earliest", **settings})
    end = time.monotonic() + 60  # a broker of several hears of a new topic a little later
    while not (partitions := c.list_topics(topic, timeout=60).topics[topic].partitions):
        assert time.monotonic() < end, f"{topic} is not there"
    if at == OFFSET_END:
        at_ends = [TopicPartition(topic, p, watermarks(c, topic, p)[1]) for p in partitions]
        c.assign(at_ends)
    else:
        c.assign([TopicPartition(topic, p, at) for p in partitions])
    return c


def watermarks(consumer, topic, partition):
    """Where it begins and ends; a leader that was named a moment ago may not know the topic yet."""
    end = time.monotonic() + 60
    while True:
        try:
            return consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=60)
        except KafkaException as e:
            passing = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
            if e.args[0].code() not in passing or time.monotonic() > end:
                raise
            time.sleep(0.05)


def read(consumer, n, seconds=60):
    """The next n records; fails when they do not come."""
    out, end = [], time.monotonic() + seconds
    while len(out) < n:
        assert time.monotonic() < end, f"{len(out)} of {n} records within {seconds} s"
        message = consumer.poll(0.2)
        if message is not None and not message.error():
            out.append(message)
    return out


def read_all(brokers, topic):
    """
    Every record that the topic holds now, and perhaps some that come meanwhile. Offsets alone do not say how many there are: the markers of
    transactions take some too. While others write, an end may never be told.
    """
    c = reader(brokers, topic, **{"enable.partition.eof": True})
    out, unread = [], {part.partition: watermarks(c, topic, part.partition)[1] for part in c.assignment()}
    end = time.monotonic() + 60
    while unread:
        assert time.monotonic() < end, f"{topic} not read up to {unread} within 60 s"
        message = c.poll(0.2)
        if message is None:
            continue
        if not message.error():
            out.append(message)
            read_to = message.offset() + 1
        elif message.error().code() == KafkaError._PARTITION_EOF:
            read_to = message.offset()
        else:
            continue
        if read_to >= unread.get(message.partition(), 0):
            unread.pop(message.partition(), None)
    c.close()
    return out


def headers(message):
    """As text; what is none, such as the numbers in Spring's headers, only in part."""
    return {name: value.decode(errors="replace") if value is not None else None for name, value in message.headers() or []}

"""Answers and requests that nobody well-behaved would write, as functions that give figures; `tests/faults/run` prints them."""

import json
import threading
import time
import uuid
from collections import Counter

import independent
from bad_targets import may_write
from confluent_kafka.admin import AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient, ResourcePatternType, ResourceType
from conftest import Pouch, wait_until
from fleet import Fleet
from poison import POISON, id_in
from promises import at_least, at_most, exactly, once

WAITS = 10  # seconds; whoever stands still for less loses no answer by it


class Answerer:
    """Answers the requests of a topic as a script says: script(answerer, number, request) is called with each."""

    def __init__(self, fleet, script):
        self.fleet, self.script, self.asked = fleet, script, Counter()
        self.late, self.held = {}, None
        self.over, self.read_to = set(), {}  # calls that have ended without an answer, as clients have written them down
        self.going = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.producer = independent.producer(self.fleet.pouch.brokers)
        self.reader = independent.reader(self.fleet.pouch.brokers, self.fleet.target)
        self.going.set()
        self.thread.start()

    def run(self):
        number = 0
        while self.going.is_set():
            self.send_late()
            message = self.reader.poll(0.05)
            self.producer.poll(0)
            if message is not None and not message.error():
                request = json.loads(message.value())
                self.fleet.notes.note("run", id=request["request_id"])
                self.script(self, number, request)
                number += 1
        self.send_late(always=True)
        if self.held:
            self.send(*self.held)
        self.producer.flush(30)
        self.reader.close()

    def reply(self, request, request_id=None):
        """An envelope as a worker would write it; request_id: for whom, if it is not who asked."""
        request_id = request_id or request["request_id"]
        payload = json.loads(independent.open_sealed(self.fleet.pouch.key, request))
        plain = {"request_id": request_id, "payload": payload, "timestamp": int(time.time() * 1000), "success": True}
        return json.loads(independent.seal(self.fleet.pouch.key, json.dumps(plain), 16, request_id))

    def send(self, request, reply):
        self.producer.produce(request["replyTopic"], value=json.dumps(reply), key=reply["request_id"])

    def send_late(self, always=False):
        self.over.update(json.loads(line)["id"] for line in self.fleet.new_lines(self.read_to) if b'"e":"info"' in line)
        for request_id in [one for one in self.late if always or one in self.over]:
            self.send(*self.late.pop(request_id))

    def stop(self):
        self.going.clear()
        self.thread.join()


def well(answerer, _, request):
    answerer.send(request, answerer.reply(request))


def stray(answerer, number, request):
    """In turn: once, twice, when the call has ended, and once with an answer to a request that nobody made before it."""
    kind = ("once", "twice", "late", "unknown")[number % 4]
    answerer.asked[kind] += 1
    if kind == "late":
        answerer.late[request["request_id"]] = request, answerer.reply(request)
        return
    if kind == "unknown":
        made_up = str(uuid.uuid4())
        answerer.fleet.foreign.add(made_up)
        answerer.send(request, answerer.reply(request, made_up))
    for _ in range(2 if kind == "twice" else 1):
        well(answerer, number, request)


def swapped(answerer, number, request):
    """Of every three requests the last two get each other's ciphertext; one that is left over at the end gets its own."""
    kind = "once" if number % 3 == 0 else "swapped"
    answerer.asked[kind] += 1
    if kind == "once":
        well(answerer, number, request)
    elif number % 3 == 1:
        answerer.held = request, answerer.reply(request)
    else:
        (other, others_reply), answerer.held = answerer.held, None
        reply = answerer.reply(request)
        for asked, mine, theirs in ((request, reply, others_reply), (other, others_reply, reply)):
            answerer.send(asked, mine | {name: theirs[name] for name in ("data", "iv", "tag")})


class Scripted(Fleet):
    """A fleet whose only worker is not ours."""

    def __init__(self, pouch, rate, script):
        super().__init__(pouch, rate, centers=0, workers=0, clients=2, timeout=WAITS)
        self.answerer = Answerer(self, script)

    def run(self, seconds):
        self.start(beside=self.answerer.start)
        self.run_for(seconds)
        self.stop_clients()
        self.answerer.stop()
        return {**self.stop(), "asked_for": dict(self.answerer.asked)}


def stray_answers(pouch, rate, seconds):
    """The first answer counts. Late ones and those to nobody end no call."""
    figures = Scripted(pouch, rate, stray).run(seconds)
    late = figures["asked_for"]["late"]
    return {**figures, "seconds": seconds, "made_up": figures["asked_for"]["unknown"], "timeouts": figures["ended"].get("timeout", 0),
            **exactly(timeouts=late, not_ok=late)}


def swapped_answers(pouch, rate, seconds):
    """Neither of two requests takes the other's answer."""
    figures = Scripted(pouch, rate, swapped).run(seconds)
    tricked = figures["asked_for"]["swapped"]
    return {**figures, "seconds": seconds, **at_most(not_ok=tricked), **at_least(not_ok=tricked - 2)}


def poisoned(pouch, rate, times):
    """Poison in the inbox of centers and in the topic of workers, beside requests."""
    fleet = Fleet(pouch, rate).start()
    fleet.foreign.update(filter(None, map(id_in, POISON.values())))
    fleet.run_for(2)
    for topic in (fleet.inbox, fleet.target):
        for _ in range(times):
            for partition, value in enumerate(POISON.values()):
                independent.produce(pouch.brokers, topic, value, partition=partition % 3)
    put = 2 * times * len(POISON)

    def letters():
        return len(independent.read_all(pouch.brokers, fleet.letters))

    wait_until(lambda: letters() >= put, "a dead letter for each")
    fleet.run_for(2)
    return {"poison": put, **fleet.stop(), "letters": letters(), **exactly(letters=put), **at_most(not_ok=0, run_again=0, routed_again=0)}


def cyclic_route(pouch, rate, times):
    """A publisher's route leads into the inbox that it came from."""
    fleet = Fleet(pouch, rate, workers=1).start()
    pouch.ok("route", "add", "round", fleet.inbox)
    began = time.monotonic()
    codes = Counter(fleet.ask(number, "round")[0] for number in range(times))
    took = time.monotonic() - began
    return {"times": times, "answered": dict(codes), "seconds_each": round(took / times, 3), **fleet.stop(),
            "rounds_ended": codes["hop_limit"], **exactly(rounds_ended=times, lettered=times, not_ok=times)}


def unwritable_letters(pouch, kafka, rate, seconds):
    """The centers may not write dead letters for a while: what must become one waits, and so does its partition; nothing is lost."""
    user = kafka["KAFKA_SASL_USERNAME"]
    sasl = {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "ssl.ca.location": kafka["KAFKA_SSL_CA"],
            "sasl.username": user, "sasl.password": kafka["KAFKA_SASL_PASSWORD"]}
    flags = [word for name, value in sasl.items() for word in ("-X", f"{name}={value}")]
    members = Pouch(kafka["KAFKA_SASL_SSL_BROKERS"], pouch.folder, flags, pouch.key)
    admin = AdminClient({"bootstrap.servers": pouch.brokers})
    fleet = Fleet(pouch, rate, members_by=members, centers=1, workers=1, timeout=seconds + 30).start()

    def rights(permission):
        return AclBinding(ResourceType.TOPIC, fleet.letters, ResourcePatternType.LITERAL, f"User:{user}", "*", AclOperation.WRITE, permission)

    for result in admin.create_acls([rights(AclPermissionType.DENY)]).values():
        result.result(60)
    wait_until(lambda: not may_write(sasl, kafka["KAFKA_SASL_SSL_BROKERS"], fleet.letters), "the broker knowing that the center may not write")
    center = fleet.of("center")[0].listener
    began = time.monotonic()
    request_id = str(uuid.uuid4())
    fleet.notes.note("invoke", by="outsider", id=request_id, value="1")
    fleet.notes.note("killed", who="outsider")
    independent.produce(pouch.brokers, fleet.inbox, independent.seal(pouch.key, "1", 16, request_id, worker_name="nobody"), partition=0)
    wait_until(lambda: center.metrics()[("pouch_center_blocked_partitions",)] == 1, "the partition being held")
    alarm = time.monotonic() - began
    center.until_ready(503)
    fleet.run_for(seconds)
    waiting = len(independent.read_all(pouch.brokers, fleet.letters))
    everything = AclBindingFilter(ResourceType.TOPIC, fleet.letters, ResourcePatternType.LITERAL, None, None, AclOperation.ANY, AclPermissionType.ANY)
    for result in admin.delete_acls([everything]).values():
        result.result(60)
    fleet.mark("mended")
    wait_until(lambda: center.metrics()[("pouch_center_blocked_partitions",)] == 0, "the partition going on")
    return {"seconds": seconds, "alarm_s": round(alarm, 2), "letters_while_held": waiting, **fleet.stop(),
            **at_most(letters_while_held=0), **exactly(lettered=1)}

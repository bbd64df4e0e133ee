"""An estate under load: centers, workers and clients on topics of their own, each of which writes down what it sees; and what
Kafka holds of it all when it is over, read by nothing of ours."""

import json
import sys
import threading
import time
import uuid
from pathlib import Path

import checker
import history
import independent
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME
from conftest import BUILD, PATIENCE, wait_until
from history import History
from listener import Listener

HERE = Path(__file__).resolve().parent
MIB = 1024 * 1024
PUBLISHER = "fleet"
# A second of commits, and what a center or worker may have in flight (docs/architecture.md): what one kill may do twice.
IN_FLIGHT = 10000
LONG = 2400  # samples of memory, two a second: of programs that ran for less than 20 minutes a slope says nothing


class Memory:
    """Resident memory and descriptors of programs, looked at while they run."""

    def __init__(self):
        self.samples, self.programs = {}, {}  # by name: (seconds, bytes, descriptors); pid
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def watch(self, name, pid):
        self.programs[name] = pid

    def look(self):
        while not self.ending.wait(0.5):
            for name, pid in [*self.programs.items()]:
                try:
                    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                    held = (time.monotonic(), pages * 4096, len([*Path(f"/proc/{pid}/fd").iterdir()]))
                    self.samples.setdefault(name, []).append(held)
                except OSError:
                    continue  # it has ended

    def stop(self):
        self.ending.set()
        self.thread.join()

    def peaks_mib(self):
        """Of each kind of program, the most that one of them had."""
        peaks = {}
        for name, samples in self.samples.items():
            kind = name.split("-")[0]
            peaks[kind] = max(peaks.get(kind, 0), *(size // MIB for _, size, _ in samples))
        return peaks

    def slopes(self):
        """KiB and descriptors an hour of those that ran for long, in the second half of their time."""
        late = {name: samples[len(samples) // 2:] for name, samples in self.samples.items() if len(samples) >= LONG}
        if not late:
            return {}
        return {"kib_an_hour": {name: round(3600 * slope([(t, size / 1024) for t, size, _ in each])) for name, each in late.items()},
                "fds_an_hour": {name: round(3600 * slope([(t, fds) for t, _, fds in each]), 1) for name, each in late.items()}}


def slope(points):
    """Of the line through them that fits best."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / (sum((x - mean_x) ** 2 for x, _ in points) or 1)


class Member:
    """A center or a worker. What takes its place when it ends has another name."""

    def __init__(self, fleet, kind):
        self.fleet, self.kind = fleet, kind
        self.start()

    def start(self):
        self.name = f"{self.kind}-{self.fleet.number()}"
        self.program = self.fleet.members_by.start(*self.fleet.words(self.kind, self.name), "--listen", "127.0.0.1:0", name=self.name,
                                              env=self.fleet.env_of[self.kind])
        self.fleet.memory.watch(self.name, self.program.process.pid)
        self.listener = Listener(self.program)

    def replace(self, how):
        """Ends it as how(program) does, and starts another; the exit code."""
        code = how(self.program)
        self.start()
        return code

    def until_ready(self):
        self.listener.until_ready()
        return self


class Client:
    def __init__(self, fleet, client_id):
        self.fleet, self.client_id = fleet, client_id
        self.start()

    def start(self):
        fleet = self.fleet
        self.name = f"client-{fleet.number()}"
        command = [BUILD / "faults_asker", self.name, fleet.destination, fleet.rate / fleet.clients_wanted, int(fleet.timeout * 1000)]
        self.program = fleet.clients_by.start_other(command, self.name, dict(fleet.env_of["client"], POUCH_CLIENT_ID=self.client_id))
        fleet.memory.watch(self.name, self.program.process.pid)
        fleet.histories.append(self.program.out)

    def kill(self):
        self.program.kill()
        self.fleet.notes.note("killed", who=self.name)


class Fleet:
    def __init__(self, pouch, rate, centers=2, workers=2, clients=2, via=None, members_by=None, timeout=30, handler_ms=0, env=None):
        """via: addresses of brokers that all programs use, if they are others than those of the tests. members_by: a Pouch for centers
        and workers. env: more variables, by kind. Without a center the clients ask the worker's topic."""
        self.pouch, self.rate, self.timeout, self.handler_ms = pouch, rate, timeout, handler_ms
        self.clients_by = pouch.through(via) if via else pouch
        self.members_by = members_by or self.clients_by
        self.env_of = {kind: (env or {}).get(kind, {}) for kind in ("center", "worker", "client")}
        self.tag, self.numbers = uuid.uuid4().hex[:10], 0
        self.wanted, self.clients_wanted = {"center": centers, "worker": workers}, clients
        self.inbox, self.target, self.letters = (f"{word}-{self.tag}" for word in ("inbox", "target", "dlq"))
        self.destination = PUBLISHER if centers else f"topic:{self.target}"
        self.folder = pouch.folder / self.tag
        self.folder.mkdir()
        self.notes = History(self.folder / "notes", "test")
        self.histories, self.memory, self.read_to, self.oks = [self.notes.path], Memory(), {}, 0
        self.members, self.clients, self.reply_topics, self.codes = [], [], set(), []
        self.foreign = set()  # ids that tests made up

    def number(self):
        self.numbers += 1
        return self.numbers

    def words(self, kind, name):
        if kind == "center":
            return "center", "--start", "earliest"
        ran = self.folder / name
        ran.touch()
        self.histories.append(ran)
        return "worker", self.target, "--start", "earliest", "--pipe", f"env -u LD_PRELOAD {sys.executable} {HERE / 'handler.py'} {ran} {name} {self.handler_ms}"

    def start(self, beside=None, answers=True):
        """beside(): what is to run before the first request; the topics are there. answers: whether to wait for the first one."""
        for topic in (self.inbox, self.letters):
            self.pouch.topic(topic)
        self.pouch.ok("topic", "create", self.target, "--partitions", 3, "--set", "message.timestamp.type=LogAppendTime")
        for side in {self.pouch, self.clients_by, self.members_by}:
            side.env.update(POUCH_CENTER_INBOX=self.inbox, POUCH_DLQ_TOPIC=self.letters, POUCH_CENTER_ROUTES_TOPIC=f"routes-{self.tag}",
                            POUCH_STORE=f"sqlite://{self.folder / 'store'}")
        self.pouch.ok("route", "add", PUBLISHER, self.target)
        self.memory.start()
        if beside:
            beside()
        self.members = [Member(self, kind) for kind, wanted in self.wanted.items() for _ in range(wanted)]
        for member in self.members:
            member.until_ready()
        self.reply_topics = {f"{self.tag}-{n}.replies" for n in range(self.clients_wanted)}
        self.clients = [Client(self, f"{self.tag}-{n}") for n in range(self.clients_wanted)]
        if answers:
            self.until_flowing()
        return self

    def of(self, kind):
        return [member for member in self.members if member.kind == kind]

    def add(self, kind):
        self.members.append(Member(self, kind))
        return self.members[-1]

    def remove(self, member):
        self.members.remove(member)
        self.codes.append(member.program.stop())

    # What is happening.

    def new_lines(self, read_to):
        """What clients have written down since the last time; read_to: how far that was, by file."""
        for client in [*self.clients]:
            path = client.program.out
            with path.open("rb") as file:
                file.seek(read_to.get(path, 0))
                new = file.read()
            whole = new[:new.rfind(b"\n") + 1]
            read_to[path] = read_to.get(path, 0) + len(whole)
            yield from whole.splitlines()

    def answered(self):
        """How many calls have ended with an answer so far."""
        self.oks += sum(b'"e":"ok"' in line for line in self.new_lines(self.read_to))
        return self.oks

    def until_flowing(self, seconds=PATIENCE, at_least=1):
        """Until so many more answers have come."""
        before = self.answered()
        wait_until(lambda: self.answered() >= before + at_least, "answers flowing", seconds)

    def run_for(self, seconds):
        """Lets it work for that long; answers flow at the end of it."""
        time.sleep(seconds)
        self.until_flowing()

    def ask(self, payload, publisher=PUBLISHER):
        """A request more, by the program: what became of it, and what it said. One that was refused before it was sent has no id."""
        began = time.monotonic_ns()
        done = self.pouch.run("request", "--publisher", publisher, "--client-id", f"{self.tag}-cli", "--timeout", f"{self.timeout}s", "-o", "json", "-",
                              stdin=json.dumps(payload), timeout=self.timeout + PATIENCE)
        said = json.loads(done.stdout)
        code = "ok" if done.returncode == 0 else said["error"]["code"]
        if said.get("request_id"):
            self.reply_topics.add(f"{self.tag}-cli.replies")
            value = history.short(payload)
            self.notes.note("invoke", began, id=said["request_id"], value=value)
            if code == "ok":
                self.notes.note("ok", id=said["request_id"], value=history.short(said["payload"]))
            else:
                self.notes.note("info" if code in ("timeout", "closed") else "fail", id=said["request_id"], code=code)
        return code, done.stdout + done.stderr

    def mark(self, what):
        self.notes.note("mark", what=what)

    # What it was.

    def stop_clients(self):
        """Each waits for its calls first; none takes longer than they may."""
        for client in self.clients:
            client.program.process.terminate()
        return [client.program.stop(self.timeout + PATIENCE) for client in self.clients]

    def stop(self, patience=PATIENCE):
        """Ends it, and gives the figures. Whatever was accepted has that long to be answered."""
        codes = self.codes + self.stop_clients()
        end = time.monotonic() + patience
        while (wrong := self.check()[0])["lost"] and time.monotonic() < end:
            time.sleep(0.5)
        rss = self.memory.peaks_mib()
        slopes = self.memory.slopes()
        self.memory.stop()
        codes += [member.program.stop(PATIENCE) for member in self.members]
        wrong, figures = self.check()
        self.tell(wrong)
        return {"rate": self.rate, **figures, "rss_mib": rss, **slopes, "stopped": codes}

    def check(self):
        """By what the programs wrote, and what Kafka holds now."""
        path = self.folder / "kafka"
        path.unlink(missing_ok=True)
        held = History(path, "kafka")
        for event, what in self.held():
            if what["id"] not in self.foreign:
                held.note(event, **what)
        held.close()
        self.notes.file.flush()
        return checker.check(history.read(path, *self.histories))

    def held(self):
        """The events that Kafka's topics tell."""
        brokers = self.pouch.brokers
        places = [(self.inbox, "accepted"), (self.target, "routed")] if self.wanted["center"] else [(self.target, "accepted")]
        for topic, event in places:
            for record in independent.read_all(brokers, topic):
                if request_id := request_id_of(record):
                    yield event, {"id": request_id, "at": place(record)} | stored(record)
        for topic in self.reply_topics:
            for record in independent.read_all(brokers, topic):
                yield "answer", {"at": place(record), **self.outcome(json.loads(record.value()))}
        for record in independent.read_all(brokers, self.letters):
            headers = independent.headers(record)
            yield "letter", {"id": headers.get("pouch-dlq-request-id"), "code": headers["pouch-dlq-code"]}

    def outcome(self, envelope):
        request_id = envelope["request_id"]
        if "error" in envelope:
            return {"id": request_id, "code": envelope["error"]["code"]}
        plain = json.loads(independent.open_sealed(self.pouch.key, envelope))
        if plain["request_id"] != request_id:  # nobody may take it
            return {"id": request_id, "code": "mismatch"}
        return {"id": request_id, "value": history.short(plain["payload"])} if plain["success"] else {"id": request_id, "code": plain.get("code", "handler_error")}

    def tell(self, wrong):
        """What happened to the first requests that a promise was broken for."""
        named = {request_id: name for name in checker.NEVER for request_id in sorted(map(str, wrong[name]))[:3]}
        for event in history.read(self.folder / "kafka", *self.histories) if named else ():
            if event.get("id") in named:
                print(f"{named[event['id']]}: {json.dumps(event)}", file=sys.stderr)


def request_id_of(record):
    """None: it is no envelope."""
    try:
        return json.loads(record.value())["request_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def stored(record):
    """When its topic took it, where the broker wrote that down."""
    kind, ms = record.timestamp()
    return {"stored": ms * 10**6 + time.monotonic_ns() - time.time_ns()} if kind == TIMESTAMP_LOG_APPEND_TIME else {}


def place(record):
    return f"{record.topic()}/{record.partition()}/{record.offset()}"

"""pouch top: what it says of processes at work, on a terminal and off it."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

import pytest
from conftest import PATIENCE, wait_until
from listener import Listener

LISTEN = ("--listen", "127.0.0.1:0")


def address(listener):
    return listener.url.removeprefix("http://")


@pytest.fixture
def estate(pouch):
    """A center and a worker behind it, and a request through both."""
    pouch.env["POUCH_STORE"] = f"sqlite://{pouch.folder}/store"
    inbox, target = pouch.topic(), pouch.topic()
    pouch.ok("route", "add", "billing", target)
    center = Listener(pouch.start("center", "--inbox", inbox, *LISTEN))
    worker = Listener(pouch.start("worker", target, "--pipe", "cat", *LISTEN))
    center.until_ready()
    worker.until_ready()
    pouch.inbox, pouch.target = inbox, target
    assert ask(pouch).returncode == 0
    wait_until(lambda: center.status()["publishers"], "the publisher in the center's status")
    until_counted(center, worker)
    return pouch, center, worker


def until_counted(center, worker):
    """A process counts what it did after it has told it, and looks at its lag now and then."""
    def is_counted(listener, outcome):
        said = listener.status()
        return said["outcomes"][outcome] == 1 and said["in_flight"]["requests"] == 0 and not any(at["lag"] for at in said["partitions"])

    wait_until(lambda: is_counted(center, "routed") and is_counted(worker, "replied"), "the request being counted")


def ask(pouch, publisher="billing"):
    return pouch.run("request", "--publisher", publisher, "--inbox", pouch.inbox, "--timeout", "60s", stdin='{"canary":1}')


def views(pouch, *words):
    return [json.loads(line) for line in pouch.ok("top", *words, "-o", "jsonl").splitlines()]


def view_where(pouch, condition, *words):
    """A view of processes that all had the time to answer, as far as they are there."""
    def look():
        done = pouch.run("top", *words, "-o", "json")
        view = json.loads(done.stdout or "null")
        return view and condition(view["processes"]) and (done.returncode, view)

    code, view = wait_until(look, "answers of the processes")
    assert code == 0
    return view


@pytest.mark.acceptance("B28")
def test_a_view_tells_what_each_process_publisher_and_target_did(estate):
    pouch, center, worker = estate
    assert ask(pouch, "nobody").returncode == 1
    wait_until(lambda: center.status()["outcomes"]["no_route"] == 1, "the count")
    until_counted(center, worker)
    view = view_where(pouch, lambda processes: not any("error" in process for process in processes), address(center), worker.url, "--every", "200ms")
    first, second = view["processes"]
    assert (first["role"], first["phase"], first["ready"]) == ("center", "working", True)
    assert (second["process"], second["role"]) == (worker.url, "worker")
    assert first["outcomes"]["routed"]["total"] == 1 and first["outcomes"]["no_route"]["total"] == 1
    assert second["outcomes"]["replied"]["total"] == 1
    assert first["rate"] == 0 and first["failed_rate"] == 0 and first["times"]["p50_us"] is None
    assert first["in_flight"] == 0 and second["lag"] == 0 and second["partitions"] == 3
    [publisher], [target] = view["publishers"], view["targets"]
    assert (publisher["publisher"], publisher["routed"], publisher["failed"]) == ("billing", 1, 0)
    assert (target["target"], target["routed"], target["stalled"]) == (pouch.target, 1, False)
    assert "canary" not in json.dumps(view)


def test_rates_and_times_are_those_between_two_readings(estate):
    pouch, center, worker = estate
    top = pouch.start("top", address(center), address(worker), "--every", "500ms", "--follow", "-o", "jsonl")

    def views_where(condition):
        """Those so far, after one more request."""
        ask(pouch)
        return [view for view in map(json.loads, top.lines()) if condition(view)]

    view = wait_until(lambda: views_where(lambda view: all(process.get("rate") for process in view["processes"])),
                      "a view with requests in both processes")[0]
    for process in view["processes"]:
        assert process["times"]["count"] >= 1
        assert 0 < process["times"]["p50_us"] <= process["times"]["p99_us"] < PATIENCE * 1e6
        came = process["rate"] * process["seconds"]
        assert came == pytest.approx(round(came)) and round(came) >= 1
        assert 0 < process["seconds"] <= view["seconds"]
    wait_until(lambda: views_where(lambda view: any(publisher["rate"] for publisher in view["publishers"])), "the publisher's rate")
    wait_until(lambda: views_where(lambda view: any(target["rate"] for target in view["targets"])), "the target's rate")
    assert top.stop() == 0


def test_a_process_that_is_gone_is_told_and_the_rest_goes_on(estate):
    pouch, center, worker = estate
    where = address(worker)
    assert worker.program.stop() == 0
    view = view_where(pouch, lambda processes: "error" not in processes[0], address(center), where, "--every", "100ms")
    assert view["processes"][0]["role"] == "center"
    assert "is the service running?" in view["processes"][1]["error"]

    def drawn():
        text = pouch.run("top", address(center), where, "--every", "100ms").stdout
        return re.search(r"^billing", text, re.M) and text

    table = wait_until(drawn, "a table of what the center did")
    assert re.search(rf"^{re.escape(where)} +.*is the service running", table, re.M)
    assert re.search(r"^billing +0\.0", table, re.M) and "PUBLISHER" in table


def test_so_many_views_are_printed_as_asked_for(estate):
    pouch, center, _ = estate
    assert len(views(pouch, address(center), "--every", "100ms", "--count", "3")) == 3
    for words in (["--follow", "-o", "json"], ["--follow", "--count", "2"], ["--count", "2", "-o", "json"], ["--every", "1ms"]):
        done = pouch.run("top", address(center), *words)
        assert done.returncode == 64 and done.stdout == "", words


def test_what_is_no_address_is_a_clear_error(pouch):
    done = pouch.run("top", "9464")
    assert done.returncode == 64 and "--listen" in done.stderr
    done = pouch.run("top", *[f"127.0.0.1:{port}" for port in range(1, 66)])
    assert done.returncode == 64 and "64 that fit" in done.stderr


def test_a_view_of_nothing_is_printed_and_fails(pouch):
    done = pouch.run("top", "127.0.0.1:1", "-o", "json", "--every", "100ms")
    assert done.returncode == 69 and "none of the processes" in done.stderr
    assert json.loads(done.stdout)["processes"][0]["error"]


class Terminal:
    """pouch top on a terminal of its own."""

    def __init__(self, pouch, *words, rows=24, columns=80):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.process = subprocess.Popen(pouch.command("top", *words), env=dict(pouch.env, TERM="xterm", NO_COLOR="1"), stdin=slave,
                                        stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.text = ""

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        while select.select([self.master], [], [], 0.05)[0]:
            try:
                self.text += os.read(self.master, 65536).decode()
            except OSError:
                return self.text
        return self.text

    def until(self, pattern):
        """What was drawn since the last time matches."""
        wait_until(lambda: re.search(pattern, self.read()), f"'{pattern}' on the screen")
        self.text = ""

    def press(self, keys):
        os.write(self.master, keys.encode())

    def end(self):
        wait_until(lambda: self.read() is not None and self.process.poll() is not None, "the end of pouch top")
        os.close(self.master)
        return self.process.returncode


def test_the_screen_shows_it_and_hears_keys(estate):
    pouch, center, worker = estate
    screen = Terminal(pouch, address(center), address(worker), "--every", "200ms")
    screen.until("billing")
    screen.press("s")
    screen.until("failures")
    screen.press("p")
    screen.until("PAUSED")
    screen.resize(10, 60)
    screen.process.send_signal(signal.SIGWINCH)
    screen.until("PROCESS")
    screen.press("\x1b[B\x1b[B\x1b[6~ ")
    screen.press("q")
    assert screen.end() == 0


def test_the_screen_is_left_as_it_was_when_it_is_stopped(estate):
    pouch, center, _ = estate
    screen = Terminal(pouch, address(center))
    screen.until("PUBLISHER")
    before = termios.tcgetattr(screen.master)
    screen.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "\x1b[?1049l" in screen.read() or screen.process.poll() is not None, "the other screen being left")
    assert screen.process.wait(PATIENCE) == 0
    assert before[3] & termios.ICANON == 0 and termios.tcgetattr(screen.master)[3] & termios.ICANON
    os.close(screen.master)


def test_a_terminal_that_cannot_be_drawn_on_is_a_clear_error(estate):
    pouch, center, _ = estate
    pouch.env["TERM"] = "no-such-terminal"
    master, slave = pty.openpty()
    done = subprocess.run(pouch.command("top", address(center)), env=pouch.env, stdin=slave, stdout=slave, stderr=subprocess.PIPE,
                          text=True, timeout=PATIENCE)
    os.close(slave)
    os.close(master)
    assert done.returncode == 78 and "no-such-terminal" in done.stderr

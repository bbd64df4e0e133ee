"""What systemd hears from a center and a worker that it starts: here a socket of ours in its place."""

import socket
import time

import pytest
from conftest import PATIENCE


class Manager:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.env = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "4000000"}  # what is not read fills the socket, and the rest is lost

    def await_(self, line):
        """Reads until that line was told."""
        end = time.monotonic() + PATIENCE
        while True:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            if line in self.socket.recv(4096).decode().splitlines():
                return


@pytest.fixture
def manager(tmp_path):
    m = Manager(tmp_path / "notify")
    yield m
    m.socket.close()


@pytest.mark.acceptance("C34")
@pytest.mark.parametrize("role", ["center", "worker", "gateway"])
def test_a_service_manager_hears_that_it_is_ready_lives_and_stops(pouch, sqlite_url, manager, role):
    topic = pouch.topic()
    words = {"center": ["center", "--inbox", topic], "worker": ["worker", topic, "--exec", "cat"],
             "gateway": ["gateway", "--listen", "127.0.0.1:0"]}[role]
    program = pouch.start(*words, env={"POUCH_STORE": sqlite_url, **manager.env})
    manager.await_("READY=1")
    manager.await_("STATUS=ready")
    manager.await_("WATCHDOG=1")
    program.process.terminate()
    manager.await_("STOPPING=1")
    assert program.process.wait(PATIENCE) == 0

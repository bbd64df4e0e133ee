"""Ports for servers that have to be told theirs."""

import random
import socket
from pathlib import Path


HELD = []  # the UDP ports of those numbers, as long as this process lives: tests do not take one another's


def hold(port):
    held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        held.bind(("127.0.0.1", port))
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        held.close()
        raise
    HELD.append(held)


def free_port():
    """One below those that the kernel gives to connections and to port 0: one of these may be gone before the server has it."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10000, min(first, 20000))  # scripts/stack takes them from 20000 on
        try:
            hold(port)
        except OSError:
            continue
        return port


def free_ports(n):
    ports = set()
    while len(ports) < n:
        ports.add(free_port())
    return [*ports]

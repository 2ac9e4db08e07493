"""Ports for servers that may be ended and come back to them."""

import random
import socket
from contextlib import suppress
from itertools import cycle

__all__ = ["free_ports"]

HOST = "127.0.0.1"
PORTS = range(10_000, 32_000)  # below what Linux (from 32768) and macOS (from 49152) hand out themselves

# Each test process in an order of its own: another's server that is down for a moment is hardly ever run into.
_walk = cycle(random.SystemRandom().sample(PORTS, len(PORTS)))


def free_ports(number: int) -> list[int]:
    """Ports nobody listens on, nor gets from the system by asking for any: a server may come back to its own."""
    ports: list[int] = []
    while len(ports) < number:
        port = next(_walk)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            ports.append(port)
    return ports

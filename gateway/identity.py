"""Random names: of gateways, sessions and messages. Standard library only."""

import itertools
import os
import secrets
import socket
import time
from collections.abc import Callable

from gateway.model import GatewayId, MsgId, Uid

__all__ = ["message_ids", "new_gateway_id", "new_secret", "new_uid"]


def new_gateway_id() -> GatewayId:
    """One incarnation of this process: host, process and 48 random bits; no spaces, never used again."""
    host = "".join(char if char.isalnum() or char == "-" else "-" for char in socket.gethostname())[:32]
    return GatewayId(f"{host}-{os.getpid()}-{secrets.token_hex(6)}")


def new_uid() -> Uid:
    """128 random bits."""
    return Uid(secrets.token_urlsafe(16).encode())


def new_secret() -> str:
    """256 random bits, url-safe."""
    return secrets.token_urlsafe(32)


def message_ids(clock_s: Callable[[], float] = time.time) -> Callable[[], MsgId]:
    """A maker of msgids: ms since 1970 in hex, then what no other maker and no other call has.

    The time is a hint where in a log to look for the message; nothing orders by it.
    """
    maker = f"-{secrets.token_urlsafe(9).replace('-', '_')}-".encode()
    counter = itertools.count()

    def new_msgid() -> MsgId:
        return MsgId(b"%x%b%x" % (int(clock_s() * 1000), maker, next(counter)))

    return new_msgid

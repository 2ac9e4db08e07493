"""Several gateways over one Valkey, which to a client are one server: peers are handed out to them by turns."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from gateway.passwords import hash_password
from tests.harness.gateway_process import GatewayProcess, gateways
from tests.harness.irc_peer import IrcPeer
from tests.harness.private_server import PrivateServer

__all__ = ["CHEAP", "ONE_AND_TWO", "OPERATOR_PASSWORD", "Connect", "Network"]

Connect = Callable[..., Coroutine[Any, Any, IrcPeer]]
OPERATOR_PASSWORD = "let the tests in"
ONE_AND_TWO = [pytest.param(1, id="one gateway"), pytest.param(2, id="two gateways", marks=pytest.mark.slow)]
"""The numbers of gateways that tests of the wire are run over."""
CHEAP = {"argon2_kib": 1024, "scram_iterations": 4096}  # hashing as fast as may be


class Network:
    """One or more gateway processes; `connect` takes the next one."""

    def __init__(self, gateways: list[GatewayProcess], store: PrivateServer) -> None:
        self.gateways = gateways
        self.store = store
        self._turn = cycle(gateways)

    async def connect(self, nick: str, **options: Any) -> IrcPeer:
        """A peer on the next gateway; options as of `IrcPeer.connect`."""
        gateway = next(self._turn)
        return await IrcPeer.connect(gateway.host, gateway.port, nick, **options)

    @classmethod
    @contextmanager
    def running(cls, directory: Path, number: int, **settings: str | int) -> Iterator["Network"]:
        """Start `number` gateways with these settings; stop them at the end."""
        names = [f"gateway{index}" for index in range(number)]
        with (
            PrivateServer.running(directory / "store") as store,
            gateways(directory, store.url, names, **settings) as started,
        ):
            yield cls(started, store)

    @classmethod
    @contextmanager
    def with_operator(cls, directory: Path, number: int) -> Iterator["Network"]:
        """The same without limits, with cheap hashes, and `OPER root` takes `OPERATOR_PASSWORD`."""
        opers = directory / "opers.toml"
        opers.write_text(f'root = "{hash_password(OPERATOR_PASSWORD)}"\n')
        with cls.running(directory, number, opers=str(opers), limits="off", **CHEAP) as network:
            yield network

"""The listener and all its connections: limits, keepalive, drain."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from gateway.commands import multiline
from gateway.commands.departure import detach
from gateway.commands.services import Services
from gateway.errors import StoreError
from gateway.model import Uid
from gateway.net.connection import Connection
from gateway.net.listening import Listener, listen
from gateway.session.session import Session, State

__all__ = ["Limits", "Server"]

SWEEP_S = 1.0
CLOSE_TIMEOUT_S = 5.0  # a peer has to take the last lines
NO_PING_BEFORE_S = 30.0  # some clients count our first PING as an error while they register
DRAIN_STEP_S = 0.05
DRAIN_REASON = "Gateway shutting down"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a connection may cost."""

    max_connections: int
    sendq_bytes: int
    ping_interval_s: float
    ping_timeout_s: float
    registration_timeout_s: float
    proxy_from: tuple[IPv4Network | IPv6Network, ...]
    websocket_origins: frozenset[str] | None = None  # of web pages that may connect; None: all


@dataclass(slots=True)
class Counters:
    """What the listener has seen."""

    connections: int = 0
    slow_closed: int = 0


class Server:
    """Accepts IRC clients for one gateway."""

    def __init__(self, services: Services, limits: Limits, new_uid: Callable[[], Uid]) -> None:
        self.services = services
        self.name = services.network.server_name
        self.new_uid = new_uid
        self.now_s = services.now_s
        self.sendq_bytes = limits.sendq_bytes
        self.counters = Counters()
        self.connections: dict[Connection, None] = {}  # a set takes up to three times the memory
        self._limits = limits
        self._listeners: list[Listener] = []
        self._tasks: asyncio.TaskGroup
        self._marked = 0, 0  # operators and invisible users
        self._further = 0  # attachments of sessions that are here already
        self._count_due = False
        services.count_here = self.figures

    async def run(self, started: asyncio.Event) -> None:
        """Own the commands that wait, and look after silent peers, until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                started.set()
                while True:
                    await asyncio.sleep(SWEEP_S)
                    self._sweep()
        finally:
            for listener in self._listeners:
                listener.end()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run what a command left to do."""
        self._tasks.create_task(work)

    async def bind(
        self,
        host: str,
        port: int,
        *,
        reuse_port: bool = False,
        context: ssl.SSLContext | None = None,
        websocket: bool = False,
    ) -> int:
        """Take a port, with a context for TLS, and return its number; `accept` opens it.

        Raises:
            OSError: it cannot be had.
        """
        new: Callable[[], Connection] = partial(Connection, self)
        if websocket:
            # It takes 0.1 s to import, which gateways without the port need not spend.
            from gateway.net.websocket import WebSocketConnection  # noqa: PLC0415

            new = partial(WebSocketConnection, self, self._limits.websocket_origins)
        listener = await listen(new, host, port, reuse_port=reuse_port, context=context)
        self._listeners.append(listener)
        return listener.port

    async def accept(self) -> None:
        """Let clients in; `run` must have started."""
        for listener in self._listeners:
            await listener.accept()

    def add(self, connection: Connection) -> bool:
        """Count a new connection; False: there are too many."""
        self.counters.connections += 1
        if len(self.connections) >= self._limits.max_connections:
            return False
        self.connections[connection] = None
        self._count()
        return True

    def admit(self, connection: Connection) -> None:
        """Ask whether its address may have one more connection; it goes on meanwhile."""
        host, network = connection.session.host, self.services.network
        speaks_for_others = network.webirc is not None and network.webirc.fits(host)
        if network.limits and not speaks_for_others and not self.services.allowances.exempts(host):
            self.spawn(self._admit(connection))

    async def _admit(self, connection: Connection) -> None:
        if wait_s := await self.services.allowances.wait_to_connect(connection.session.host):
            connection.close(f"Too many connections from your address, wait {wait_s + 1:.0f} s")

    def remove(self, connection: Connection) -> None:
        """The connection is gone."""
        self.connections.pop(connection, None)
        self._count()

    def is_proxy(self, host: str) -> bool:
        """Whether connections from there begin with a PROXY header."""
        if not self._limits.proxy_from or host == "localhost":
            return False
        address = ip_address(host)
        return any(address in network for network in self._limits.proxy_from)

    @property
    def keeps_sessions(self) -> bool:
        """Whether a session that loses its connection is kept at all."""
        return self.services.grace_s > 0

    def store_up(self) -> bool:
        """Whether Redis can be reached, as far as is known."""
        return self.services.history.up

    def figures(self, recount: bool = True) -> tuple[int, int, int, int]:
        """Users, connections not registered, operators, invisible users. If not asked for, the last two are as they
        were, and so is how many attachments share a session: whoever comes or goes must not cost a walk over all."""
        sessions = self.services.sessions
        if recount:
            # Of the connections that share a session one counts, whichever gateways they are on.
            users = {session.uid: session for session in sessions.values() if session.leads}
            self._further = len(sessions) - len(users)
            operators = sum(session.operator for session in users.values())
            self._marked = operators, sum("i" in session.modes for session in users.values())
        # A session outlives its connection for the moment its departure takes.
        return len(sessions) - self._further, max(0, len(self.connections) - len(sessions)), *self._marked

    def _count(self) -> None:
        """Let LUSERS know, once for all connections that come or go in this turn of the loop."""
        if not self._count_due:
            self._count_due = True
            asyncio.get_running_loop().call_soon(self._count_now)

    def _count_now(self) -> None:
        self._count_due = False
        self.services.count_users()

    def queued_bytes(self) -> int:
        """What waits in all send queues."""
        return sum(connection.queued_bytes for connection in self.connections)

    def _sweep(self) -> None:
        now_s, limits = self.now_s(), self._limits
        for connection in list(self.connections):
            if connection.closing_at_s:
                if now_s - connection.closing_at_s > CLOSE_TIMEOUT_S:
                    connection.abort()
                continue
            self._confirm(connection)
            if connection.session.draft is not None:
                multiline.expire(self.services, connection.session)
            silent_s = now_s - connection.heard_at_s
            if connection.session.state is not State.READY:
                if now_s - connection.began_at_s > limits.registration_timeout_s:
                    connection.close("Registration timeout")
            elif silent_s < limits.ping_interval_s or now_s - connection.began_at_s < NO_PING_BEFORE_S:
                continue
            elif connection.asked_at_s <= connection.heard_at_s:
                connection.ask(now_s)
            elif now_s - connection.asked_at_s > limits.ping_timeout_s:
                connection.close(f"Ping timeout: {silent_s:.0f} seconds", goes_on=True)

    def _confirm(self, connection: Connection) -> None:
        """Whoever came back and has said something since has its new token: the former one is good no more."""
        session = connection.session
        if session.returned_at_s is not None and connection.heard_at_s > session.returned_at_s:
            session.returned_at_s = None
            self.spawn(self._confirm_token(session))

    async def _confirm_token(self, session: Session) -> None:
        with contextlib.suppress(StoreError):  # it goes with the next resumption at the latest
            await self.services.holding.confirm(session.attachment, session.epoch)

    def stop_listening(self) -> None:
        """Take no new connections."""
        for listener in self._listeners:
            listener.close()

    async def drain(self, reason: str, deadline_s: float, rate_per_s: float) -> None:
        """Tell the peers and let them go at a rate, which is raised where half of the deadline would not do; wait until
        all sessions have left their rooms, or are kept for who comes back elsewhere, or the deadline has passed."""
        self.stop_listening()
        notice = f":{self.name} NOTICE * :This gateway is shutting down ({reason}); connect again\r\n".encode()
        try:
            async with asyncio.timeout(deadline_s):
                await self._let_all_go(notice, max(rate_per_s, 2 * len(self.connections) / max(deadline_s, 1e-3)))
                # They end in their own time; asking now and then is simpler than an event in each.
                while self.connections or not self.deserted():  # noqa: ASYNC110
                    await asyncio.sleep(DRAIN_STEP_S)
        except TimeoutError:
            _log.warning("drain_incomplete", extra={"connections": len(self.connections)})
            for connection in list(self.connections):
                connection.abort()

    def deserted(self) -> bool:
        """Whether all sessions are gone, and Redis knows."""
        return not (self.services.sessions or self.services.leaving) and self.services.engine.settled

    async def _let_all_go(self, notice: bytes, rate_per_s: float) -> None:
        due = 0.0
        for connection in list(self.connections):
            while due >= 1:
                await asyncio.sleep(DRAIN_STEP_S)
                due -= rate_per_s * DRAIN_STEP_S
            due += 1
            self.spawn(self._bid_farewell(connection, notice))

    async def _bid_farewell(self, connection: Connection, notice: bytes) -> None:
        session = connection.session
        session.write(notice)
        session.quit_reason = DRAIN_REASON
        if session.ready and session.provable and self.keeps_sessions and self.store_up():
            await detach(self.services, session)  # before the peer hears of it: it comes back at once
        connection.close(DRAIN_REASON, goes_on=True)

    def abandon(self) -> None:
        """Close every connection and write nothing: others have taken this gateway for dead, and its sessions over."""
        self.stop_listening()
        for connection in list(self.connections):
            connection.session.state = State.DETACHED
            connection.close("Gateway lost", goes_on=True)

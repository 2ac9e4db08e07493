"""A gateway's inside within the test's process: real server, sockets, rooms and Redis; the clock is the test's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from gateway.commands.allowances import Allowances, SharedLimits
from gateway.commands.graces import Graces
from gateway.commands.renaming import reintroduce
from gateway.commands.services import Network, Services
from gateway.commands.watching import Watches
from gateway.identity import message_ids, new_gateway_id, new_secret, new_uid
from gateway.net.server import Limits, Server
from gateway.passwords import Cost, PasswordVerifier
from gateway.rooms.engine import Engine
from gateway.session.render import render
from gateway.store.accounts import Accounts
from gateway.store.aliases import Aliases
from gateway.store.conversations import Conversations
from gateway.store.directory import Directory
from gateway.store.holding import Holding
from gateway.store.keys import conversation_log, inbox_log, room_log
from gateway.store.lanes import Lanes, lanes_to
from gateway.store.leases import Leases
from gateway.store.logs import Logs
from gateway.store.markers import Markers
from gateway.store.oversight import Oversight
from gateway.store.presence import Presence
from gateway.store.rates import Rates
from gateway.store.sessions import Sessions
from tests.harness.lanes import opened

__all__ = ["PING_INTERVAL_S", "GatewayInside"]

PING_INTERVAL_S, PING_TIMEOUT_S, REGISTRATION_TIMEOUT_S = 90.0, 30.0, 30.0
_LIMITS = Limits(
    max_connections=100,
    sendq_bytes=1_048_576,
    ping_interval_s=PING_INTERVAL_S,
    ping_timeout_s=PING_TIMEOUT_S,
    registration_timeout_s=REGISTRATION_TIMEOUT_S,
    proxy_from=(),
)
_NETWORK = Network(
    server_name="inside.test",
    name="Inside",
    description="a gateway within a test",
    motd=(),
    created="now",
    version="0",
    password="",
    opers={},
    limits=False,
)


class GatewayInside:
    """Serves on a loopback port; `now_s` is what its connections take for the time."""

    host = "127.0.0.1"

    def __init__(self, lanes: Lanes, passwords: PasswordVerifier, sendq_bytes: int) -> None:
        self.now_s = 1000.0
        self.port = 0
        gateway = new_gateway_id()
        logs = Logs(lanes, gateway)
        engine = Engine(
            logs,
            render,
            log_of_room=room_log,
            log_of_inbox=inbox_log,
            recent_lines=50,
            on_fenced=lambda: None,
            gateway=gateway,
            server_name=_NETWORK.server_name,
        )
        logs.on_announcement = engine.announced
        logs.on_subscribed, logs.on_unsubscribed = engine.subscribed, engine.unsubscribed
        lanes.on_read_end = engine.read_ended
        lanes.on_commands_up = engine.commands_up
        lanes.on_subscriptions_lost, lanes.on_subscriptions_up = engine.subscriptions_lost, engine.subscriptions_up
        presence = Presence(lanes)
        logs.on_nick = presence.pushed
        self.services = Services(
            network=_NETWORK,
            gateway=gateway,
            engine=engine,
            history=logs,
            directory=Directory(lanes, gateway),
            aliases=Aliases(lanes),
            presence=presence,
            watches=Watches(presence, _NETWORK.server_name),
            records=Sessions(lanes, gateway),
            holding=Holding(lanes, gateway),
            conversations=Conversations(lanes),
            markers=Markers(lanes),
            oversight=Oversight(lanes),
            log_of_room=room_log,
            log_of_inbox=inbox_log,
            log_of_conversation=conversation_log,
            new_msgid=message_ids(),
            new_secret=new_secret,
            now_s=lambda: self.now_s,
            clock_s=lambda: 1_700_000_000.0 + self.now_s,
            check_password=passwords.verify,
            accounts=Accounts(lanes),
            passwords=passwords,
            allowances=Allowances(Rates(lanes), SharedLimits(), lambda: self.now_s),
            graces=Graces(engine, lambda: self.now_s),
            request_drain=lambda reason: None,
            count_command=lambda name: None,
            grace_s=60.0,
        )
        engine.reintroduce = partial(reintroduce, self.services)
        self.server = Server(self.services, replace(_LIMITS, sendq_bytes=sendq_bytes), new_uid)
        self.leases = Leases(lanes, gateway, self.server.figures)

    @classmethod
    @asynccontextmanager
    async def running(cls, redis_url: str, *, sendq_bytes: int = _LIMITS.sendq_bytes) -> AsyncIterator["GatewayInside"]:
        """Start it; at the end its clients are closed and its lease is given back."""
        lanes, passwords = lanes_to(redis_url), PasswordVerifier(cost=Cost(1024, 4096))
        inside = cls(lanes, passwords, sendq_bytes)
        async with opened(lanes):
            await inside.leases.begin()
            engine_up, server_up = asyncio.Event(), asyncio.Event()
            running = [
                asyncio.create_task(inside.services.engine.run(engine_up)),
                asyncio.create_task(inside.server.run(server_up)),
                asyncio.create_task(inside.services.watches.run()),
            ]
            await engine_up.wait()
            await server_up.wait()
            try:
                inside.port = await inside.server.bind(inside.host, 0)
                await inside.server.accept()
                yield inside
                await inside.server.drain("the test is over", 5.0, 1000.0)
                await inside.leases.end()
            finally:
                for task in running:
                    task.cancel()
                await asyncio.wait(running)
                passwords.close()

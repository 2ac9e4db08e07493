"""The composition root: builds store, rooms and server, runs them, and takes them down in reverse."""

import asyncio
import contextlib
import gc
import logging
import multiprocessing
import signal
import time
from functools import partial
from ssl import SSLContext

from gateway.commands.allowances import Allowances
from gateway.commands.graces import Graces
from gateway.commands.reasserting import Reassertion
from gateway.commands.renaming import reintroduce
from gateway.commands.services import Services
from gateway.commands.watching import Watches
from gateway.config import Config, using_certificate
from gateway.errors import StoreError
from gateway.exits import ExitCode
from gateway.identity import message_ids, new_gateway_id, new_secret, new_uid
from gateway.net.certificates import Certificates
from gateway.net.listening import taking
from gateway.net.server import Server
from gateway.passwords import Cost, PasswordVerifier
from gateway.policy import connection_limits, mail, network, shared_limits
from gateway.rooms.engine import Engine
from gateway.rooms.progress import Progress
from gateway.rooms.repair import SETTLE_S
from gateway.session.render import render
from gateway.store.accounts import Accounts
from gateway.store.aliases import Aliases
from gateway.store.conversations import Conversations
from gateway.store.directory import Directory
from gateway.store.embedded import EmbeddedStore
from gateway.store.holding import Holding
from gateway.store.janitor import Janitor
from gateway.store.keys import conversation_log, inbox_log, room_log
from gateway.store.lanes import lanes_to, reach
from gateway.store.leases import Leases
from gateway.store.logs import Logs
from gateway.store.markers import Markers
from gateway.store.oversight import Oversight
from gateway.store.presence import Presence
from gateway.store.rates import Rates
from gateway.store.sessions import Sessions
from gateway.telemetry.counters import Counters, make_registry
from gateway.telemetry.health import Health
from gateway.telemetry.listener import HttpListener
from gateway.upkeep import Upkeep

__all__ = ["Gateway"]

GC_THRESHOLD = 20_000  # new objects between collections: a busy turn of the loop makes thousands, all short-lived
LINGER_S = 3.0  # beyond the time a drain has, for replicas to get what was written
LINGER_STEP_S = 0.05
MAX_LOGINS_WAITING = 400  # some 10 s of work: the clients of a lost gateway all log in at once
_log = logging.getLogger(__name__)


class Gateway:
    """One gateway process."""

    def __init__(self, config: Config, redis_url: str, store: EmbeddedStore | None = None) -> None:
        """`store` is the server behind the URL where it was started for this process alone."""
        self.id = new_gateway_id()
        self._config = config
        self._store = store
        self._lanes = lanes_to(redis_url, config.durability)
        logs = Logs(self._lanes, self.id, max_entries=config.history_entries)
        self._directory = Directory(self._lanes, self.id)
        self._oversight = Oversight(self._lanes)
        self._passwords = PasswordVerifier()
        cost = Cost(config.argon2_kib, config.scram_iterations)
        self._account_passwords = PasswordVerifier(max_waiting=MAX_LOGINS_WAITING, cost=cost)
        self._stop = asyncio.Event()
        self._stop_reason = ""
        self._exit_code = ExitCode.OK
        self._engine = Engine(
            logs,
            render,
            log_of_room=room_log,
            log_of_inbox=inbox_log,
            recent_lines=config.history_lines,
            on_fenced=self._fenced,
            gateway=self.id,
            server_name=config.server_name,
        )
        logs.on_announcement = self._engine.announced
        logs.on_subscribed = self._engine.subscribed
        logs.on_unsubscribed = self._engine.unsubscribed
        self._lanes.on_read_end = self._engine.read_ended
        self._lanes.on_subscriptions_lost = self._engine.subscriptions_lost
        self._lanes.on_subscriptions_up = self._subscriptions_up
        presence = Presence(self._lanes)
        logs.on_nick = presence.pushed
        self._watches = Watches(presence, config.server_name)
        self._services = Services(
            network=network(config),
            gateway=self.id,
            engine=self._engine,
            history=logs,
            directory=self._directory,
            aliases=Aliases(self._lanes),
            presence=presence,
            watches=self._watches,
            oversight=self._oversight,
            records=Sessions(self._lanes, self.id),
            holding=Holding(self._lanes, self.id),
            conversations=Conversations(self._lanes),
            markers=Markers(self._lanes),
            log_of_room=room_log,
            log_of_inbox=inbox_log,
            log_of_conversation=conversation_log,
            new_msgid=message_ids(),
            new_secret=new_secret,
            now_s=time.monotonic,
            clock_s=time.time,
            check_password=self._passwords.verify,
            accounts=Accounts(self._lanes),
            passwords=self._account_passwords,
            mail=mail(config),
            allowances=Allowances(Rates(self._lanes), shared_limits(config), time.monotonic),
            graces=Graces(self._engine, time.monotonic),
            request_drain=self.stop,
            count_command=lambda name: None,
            grace_s=config.grace_s,
        )
        self._engine.reintroduce = partial(reintroduce, self._services)
        self._counters = Counters()
        self._lanes.observe = self._counters.redis_latency.observe
        self._health = Health()
        self._services.count_command = self._counters.count_command
        self._server = Server(self._services, connection_limits(config), new_uid)
        self._upkeep = Upkeep(
            self._services,
            self._server,
            self._lanes,
            self._directory,
            self._oversight,
            self._counters,
            self._health,
            store,
        )
        self._leases = Leases(
            self._lanes,
            self.id,
            self._server.figures,
            grace_s=config.grace_s,
            progress=Progress(self._engine.followers),
        )
        self._leases.on_data_lost = self._data_lost
        self._leases.on_drain_asked = lambda: self.stop("DRAIN")
        self._lanes.may_write = self._leases.held
        self._reassertion = Reassertion(self._services)
        self._services.graces.on_forgotten = self._reassertion.request
        self._janitor = Janitor(self._lanes, self.id)
        self._lanes.on_commands_up = self._commands_up

    def stop(self, reason: str) -> None:
        """Drain and end; the second call changes nothing."""
        if not self._stop.is_set():
            self._stop_reason = reason
            self._stop.set()

    def _commands_up(self) -> None:
        self._engine.commands_up()
        self._reassertion.request()

    def _subscriptions_up(self) -> None:
        self._engine.subscriptions_up()
        self._watches.subscriptions_up()

    def _data_lost(self) -> None:
        self._services.forgotten_until_s = time.monotonic() + SETTLE_S
        self._engine.compare_all()
        self._reassertion.request()

    def _fenced(self) -> None:
        _log.error("gateway_fenced", extra={"gateway": self.id})
        self._exit_code = ExitCode.BURIED
        self.stop("other gateways took this one for dead")

    async def run(self, *, reuse_port: bool) -> int:
        """Serve until stopped; returns the exit code.

        Raises:
            StoreError: Redis could not be reached in time.
            PortError: a port cannot be had.
            ConfigError: the certificate cannot be used any more.
        """
        self._let_itself_be_stopped()
        http: HttpListener | None = None
        try:
            if not await self._reach():
                _log.info("stopped_before_it_began", extra={"reason": self._stop_reason})
                return self._exit_code
            ports = await self._bind(reuse_port=reuse_port)
            http = self._serve_http()
            async with asyncio.TaskGroup() as tasks:
                await self._start(tasks, ports, http.port)
                await self._stop.wait()
                self._health.draining = True
                _log.info("draining", extra={"reason": self._stop_reason})
                await self._let_clients_go()
                for task in self._background:
                    task.cancel()
        finally:
            if http is not None:
                http.close()
            self._passwords.close()
            self._account_passwords.close()
        return self._exit_code

    def _let_itself_be_stopped(self) -> None:
        """First of all: the kernel keeps signals that nobody handles from the first process of a container."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop, signal.Signals(number).name)
        if (parent := multiprocessing.parent_process()) is not None:
            loop.add_reader(parent.sentinel, self.stop, "the process that started it is gone")

    async def _reach(self) -> bool:
        """Whether it began before it was told to stop."""
        beginning = asyncio.create_task(reach(self._lanes, self._config.redis_wait_s, self._begin), name="beginning")
        stopping = asyncio.create_task(self._stop.wait(), name="wish to stop")
        try:
            await asyncio.wait((beginning, stopping), return_when=asyncio.FIRST_COMPLETED)
            if beginning.done():
                await beginning
            return beginning.done()
        finally:
            for task in (beginning, stopping):
                task.cancel()
            await asyncio.gather(beginning, stopping, return_exceptions=True)

    async def _begin(self) -> None:
        await self._leases.begin()
        await self._oversight.refresh()
        if self._store is not None:
            # Nobody else can have reached it yet, so whoever beat in it before is dead.
            await self._leases.bury_all_others()

    async def _bind(self, *, reuse_port: bool) -> dict[str, int]:
        """Take all ports for IRC; their numbers, by what a client does there."""
        config, bind = self._config, partial(self._take_port, reuse_port=reuse_port)
        ports = {"listening": await bind("--port", config.port)}
        context = None
        if config.tls_cert is not None and config.tls_key is not None:
            with using_certificate(config.tls_cert, config.tls_key):
                certificates = Certificates(config.tls_cert, config.tls_key)
                context = certificates.context
                asks = config.client_certificates and config.tls_port is not None
                tls_context = certificates.asking if asks else context
            # Only with certificates: without them a terminal that is closed ends the gateway, as it should.
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, certificates.reload)
            if config.tls_port is not None:
                ports["listens for TLS"] = await bind("--tls-port", config.tls_port, context=tls_context)
        if config.websocket_port is not None:
            # A browser that is asked for a certificate opens a dialog.
            number = await bind("--websocket-port", config.websocket_port, context=context, websocket=True)
            ports["listens for WebSockets"] = number
        return ports

    async def _take_port(
        self, flag: str, port: int, *, reuse_port: bool, context: SSLContext | None = None, websocket: bool = False
    ) -> int:
        host = self._config.host
        with taking(flag, host, port):
            return await self._server.bind(host, port, reuse_port=reuse_port, context=context, websocket=websocket)

    def _serve_http(self) -> HttpListener:
        host, port = self._config.http_host, self._config.http_port
        with taking("--http-port", host, port):
            return HttpListener.start(host, port, self._health, make_registry(self._counters, self.id))

    async def _start(self, tasks: asyncio.TaskGroup, ports: dict[str, int], http_port: int) -> None:
        engine_up, server_up = asyncio.Event(), asyncio.Event()
        self._background = [
            tasks.create_task(self._lanes.run(), name="lanes"),
            tasks.create_task(self._engine.run(engine_up), name="engine"),
            tasks.create_task(self._server.run(server_up), name="server"),
            tasks.create_task(self._leases.run(self._fenced), name="lease"),
            tasks.create_task(self._watches.run(), name="watched nicks"),
            tasks.create_task(self._reassertion.run(), name="reassertion"),
            tasks.create_task(self._janitor.run(self._engine.room_logs), name="janitor"),
            tasks.create_task(self._upkeep.run(), name="upkeep"),
        ]
        await engine_up.wait()
        await server_up.wait()
        await self._server.accept()
        # What is alive now stays: a full collection need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD, 20, 50)
        _log.info("listening", extra={"gateway": self.id, "host": self._config.host, "port": ports["listening"]})
        ready = [f"hubbub gateway {what} on {self._config.host}:{port}" for what, port in ports.items()]
        ready.insert(1, f"hubbub gateway answers HTTP on {self._config.http_host}:{http_port}")
        for line in ready:
            print(line, flush=True)  # noqa: T201 - scripts wait for these lines

    async def _let_clients_go(self) -> None:
        if self._exit_code == ExitCode.BURIED:
            self._server.abandon()
            return
        until_s = time.monotonic() + self._config.drain_s + LINGER_S
        reconnects = self._lanes.reconnects
        await self._server.drain(self._stop_reason, self._config.drain_s, self._config.drain_rate)
        await self._leave_nothing_behind(until_s)
        # A Redis that is another now may have lost how the sessions here ended: they are left to a reaper, as are those
        # of a gateway that dies.
        await self._say_goodbye(steady=self._lanes.reconnects == reconnects)

    async def _leave_nothing_behind(self, until_s: float) -> None:
        """Stay until a replica has all that was acknowledged here: until then nobody but us could write it again."""
        while self._engine.wrote_lately:
            with contextlib.suppress(StoreError):
                await self._lanes.reach_replicas()
                if self._engine.written:
                    return
            if time.monotonic() > until_s:
                _log.warning("not_replicated", extra={"gateway": self.id})
                return
            await asyncio.sleep(LINGER_STEP_S)

    async def _say_goodbye(self, *, steady: bool) -> None:
        try:
            async with asyncio.timeout(2.0):
                await self._upkeep.publish_sizes()
                if steady and self._server.deserted():
                    await self._leases.end()
        except (StoreError, TimeoutError):
            _log.warning("lease_left_behind", extra={"gateway": self.id})

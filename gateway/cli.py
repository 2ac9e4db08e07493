"""chat-gateway: flags and environment in, exit codes out. The only place that reads the process's environment."""

import asyncio
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable

from gateway.app import Gateway
from gateway.config import Config, ConfigError, read_config
from gateway.errors import StoreError
from gateway.exits import ExitCode, failed
from gateway.net.listening import PortError
from gateway.passwords import main_hash_password
from gateway.store.embedded import EmbeddedStore, StoreStartError
from gateway.telemetry.logs import set_up_logging
from gateway.workers import run_workers

__all__ = ["main"]

STORE_START_S = 10.0


new_event_loop: Callable[[], asyncio.AbstractEventLoop]
try:
    from uvloop import new_event_loop
except ImportError:  # the same code runs on the standard library's loop
    from asyncio import new_event_loop
_log = logging.getLogger(__name__)


def main() -> None:
    """The command `chat-gateway`."""
    match sys.argv[1:]:
        case ["hash-password", *argv]:
            sys.exit(main_hash_password(argv))
        case ["drain", *argv]:
            sys.exit(_code(lambda: _drain(argv)))
        case argv:
            sys.exit(_code(lambda: _run(read_config(argv, os.environ))))


def _code(command: Callable[[], int]) -> int:
    """The exit code of a command, which says why where it fails."""
    try:
        return command()
    except ConfigError as exc:
        return failed(exc, ExitCode.CONFIG)
    except (StoreError, StoreStartError, PortError) as exc:
        return failed(exc, ExitCode.UNAVAILABLE)


def _drain(argv: list[str]) -> int:
    from gateway.draining import main_drain  # noqa: PLC0415 - a gateway starts without it

    return main_drain(argv, os.environ)


def _run(config: Config) -> int:
    set_up_logging(config.log_level)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end_at_once)  # until the gateway, or who starts several, has its own
    if config.ignored:
        _log.warning("unknown_settings_ignored", extra={"names": ",".join(config.ignored)})
    _allow_many_files()
    if config.redis_url is not None:
        return _serve(config, config.redis_url, None)
    store = EmbeddedStore.start(config.state_dir, STORE_START_S)
    try:
        _log.info("private_store", extra={"data": str(store.data_dir), "note": "for this host alone"})
        return _serve(config, store.url, store)
    finally:
        store.stop()


def _end_at_once(number: int, frame: object) -> None:
    sys.exit(ExitCode.OK)


def _serve(config: Config, redis_url: str, store: EmbeddedStore | None) -> int:
    if config.workers > 1:
        return run_workers(config, redis_url, _worker, store)
    return _run_gateway(config, redis_url, store, reuse_port=False)


def _worker(config: Config, redis_url: str) -> None:
    """One of several processes that share the port; starts in a new interpreter."""
    set_up_logging(config.log_level)
    sys.exit(_code(lambda: _run_gateway(config, redis_url, None, reuse_port=True)))


def _run_gateway(config: Config, redis_url: str, store: EmbeddedStore | None, *, reuse_port: bool) -> int:
    async def gateway() -> int:  # it is made where its loop runs
        return await Gateway(config, redis_url, store).run(reuse_port=reuse_port)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(gateway())


def _allow_many_files() -> None:
    # Every connection is a file; the soft limit is made for shells.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

"""chat-gateway: flags and environment in, exit codes out. The only place that reads the process's environment.

Exit codes, from sysexits.h: 0 drained, 2 usage, 68 no such gateway (of `drain`), 69 Redis or a port cannot be had, 75
buried by the other gateways, 78 a setting has a value that cannot be.
"""

import asyncio
import logging
import os
import resource
import sys
from collections.abc import Callable

from gateway.app import EX_UNAVAILABLE, Gateway
from gateway.config import Config, ConfigError, read_config
from gateway.errors import StoreError
from gateway.passwords import main_hash_password
from gateway.store.embedded import EmbeddedStore, StoreStartError
from gateway.telemetry.logs import set_up_logging
from gateway.workers import run_workers

__all__ = ["main"]

EX_CONFIG = 78
STORE_START_S = 10.0


new_event_loop: Callable[[], asyncio.AbstractEventLoop]
try:
    from uvloop import new_event_loop
except ImportError:  # the same code runs on the standard library's loop
    from asyncio import new_event_loop
_log = logging.getLogger(__name__)


def main() -> None:
    """The command `chat-gateway`."""
    argv = sys.argv[1:]
    if argv[:1] == ["hash-password"]:
        sys.exit(main_hash_password(argv[1:]))
    if argv[:1] == ["drain"]:
        sys.exit(_drain(argv[1:]))
    try:
        config = read_config(argv, os.environ)
    except ConfigError as exc:
        sys.exit(_say(exc, EX_CONFIG))
    set_up_logging(config.log_level)
    if config.ignored:
        _log.warning("unknown_settings_ignored", extra={"names": ",".join(config.ignored)})
    _allow_many_files()
    sys.exit(_run(config))


def _drain(argv: list[str]) -> int:
    from gateway.draining import main_drain  # noqa: PLC0415 - a gateway starts without it

    try:
        return main_drain(argv, os.environ)
    except ConfigError as exc:
        return _say(exc, EX_CONFIG)
    except StoreError as exc:
        return _say(exc, EX_UNAVAILABLE)


def _run(config: Config) -> int:
    if config.redis_url is not None:
        return _serve(config, config.redis_url, None)
    try:
        store = EmbeddedStore.start(config.state_dir, STORE_START_S)
    except StoreStartError as exc:
        return _say(exc, EX_UNAVAILABLE)
    _log.info("private_store", extra={"data": str(store.data_dir), "note": "for this host alone"})
    try:
        return _serve(config, store.url, store)
    finally:
        store.stop()


def _serve(config: Config, redis_url: str, store: EmbeddedStore | None) -> int:
    try:
        if config.workers > 1:
            return run_workers(config, redis_url, _worker, store)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(_gateway(config, redis_url, store, reuse_port=False))
    except StoreError as exc:
        return _say(exc, EX_UNAVAILABLE)
    except OSError as exc:
        return _say(f"cannot listen on {config.host} port {config.port}: {exc.strerror or exc}", EX_UNAVAILABLE)


async def _gateway(config: Config, redis_url: str, store: EmbeddedStore | None, *, reuse_port: bool) -> int:
    return await Gateway(config, redis_url, store).run(reuse_port=reuse_port)


def _worker(config: Config, redis_url: str) -> None:
    """One of several processes that share the port; starts in a new interpreter."""
    set_up_logging(config.log_level)
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            sys.exit(runner.run(_gateway(config, redis_url, None, reuse_port=True)))
    except (StoreError, OSError) as exc:
        sys.exit(_say(exc, EX_UNAVAILABLE))


def _say(problem: object, code: int) -> int:
    print(f"chat-gateway: {problem}", file=sys.stderr)  # noqa: T201 - a command's error line
    return code


def _allow_many_files() -> None:
    # Every connection is a file; the soft limit is made for shells.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

"""`chat-gateway drain`: ask gateways from outside to drain. They see it with their next beat, within two seconds."""

import asyncio
from collections.abc import Mapping, Sequence

import configargparse

from gateway import settings
from gateway.config import ENV_PREFIX, ConfigError
from gateway.errors import StoreError
from gateway.exits import ExitCode, failed
from gateway.model import GatewayId
from gateway.store.directory import Directory
from gateway.store.lanes import lanes_to

__all__ = ["main_drain"]

CONNECT_S = 10.0


def main_drain(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Ask and return the exit code: 0 asked, 68 there is no such gateway.

    Raises:
        ConfigError: the URL cannot be.
        StoreError: Redis could not be reached.
        SystemExit: with 2 for flags that do not fit.
    """
    parser = configargparse.ArgumentParser(
        prog="chat-gateway drain",
        description="Ask gateways to drain: clients are told, their sessions kept, and the gateways end.",
        allow_abbrev=False,
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--gateway", metavar="ID", help="the gateway, as VERSION and the log name it")
    which.add_argument("--all", action="store_true", help="every gateway")
    variable = f"{ENV_PREFIX}REDIS_URL"
    parser.add_argument("--redis-url", metavar="URL", env_var=variable, required=True, help="Redis the gateways share")
    options = parser.parse_args(list(argv), env_vars=dict(environ))
    try:
        url = settings.redis_url(options.redis_url)
    except ValueError as exc:
        raise ConfigError(f"--redis-url: {exc}") from None
    return asyncio.run(_ask(url, GatewayId(options.gateway) if options.gateway else None))


async def _ask(url: str, wanted: GatewayId | None) -> int:
    lanes = lanes_to(url)
    await lanes.open(CONNECT_S)
    try:
        async with asyncio.timeout(CONNECT_S):
            directory = Directory(lanes, GatewayId("drain"))
            names = await directory.gateways() if wanted is None else [wanted]
            asked = [name for name in names if await directory.ask_to_drain(name)]
    except TimeoutError as exc:
        raise StoreError(f"Redis did not answer within {CONNECT_S:g} s") from exc
    finally:
        lanes.close()
    for name in asked:
        print(f"{name} was asked to drain")  # noqa: T201 - the command's answer
    if wanted is not None and not asked:
        return failed(f"there is no gateway {wanted!r}", ExitCode.NO_SUCH_GATEWAY)
    return ExitCode.OK

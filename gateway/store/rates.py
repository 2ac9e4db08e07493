"""Rates that all gateways share: GCRA buckets in Redis, each one key. Source: the header of `rate.lua`."""

from gateway.people import Rate
from gateway.store import keys
from gateway.store.lane import ignore
from gateway.store.lanes import Lanes
from gateway.store.scripts import sha

__all__ = ["Rates"]

US_PER_MINUTE = 60_000_000


class Rates:
    """All buckets, seen from one gateway."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    async def take(self, kind: str, who: str, rate: Rate, want: int, need: int = 1) -> tuple[int, float]:
        """Take up to `want` tokens, none if fewer than `need` can be had. Raises `StoreError`.

        Returns:
            Tokens taken, and for none the seconds until there are enough.
        """
        taken, wait_us, _ = await self._lanes.commands.call(
            "EVALSHA", sha("rate"), 1, keys.rate(kind, who), _us_per_token(rate), rate.burst, want, need
        )
        return int(taken), int(wait_us) / 1e6

    def give_back(self, kind: str, who: str, rate: Rate, tokens: int) -> None:
        """Put tokens back that were not needed; lost with the connection, they come back by themselves."""
        self._lanes.commands.request(
            ignore,
            "EVALSHA", sha("rate"), 1, keys.rate(kind, who), _us_per_token(rate), rate.burst, -tokens, 0,
        )  # fmt: skip


def _us_per_token(rate: Rate) -> int:
    return int(US_PER_MINUTE / rate.per_minute)

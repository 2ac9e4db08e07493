"""What operators decide for the whole network: bans, and notices to users. Every gateway asks twice a second."""

import json
from collections.abc import Mapping
from typing import Any

from gateway.events import Entry
from gateway.model import MsgId, Position, Uid
from gateway.people import NetworkBan
from gateway.spoken import Said
from gateway.store import keys
from gateway.store.lanes import Lanes
from gateway.store.scripts import sha

__all__ = ["LOOK_EVERY_S", "MAX_BANS", "Oversight"]

LOOK_EVERY_S = 0.5  # a ban acts everywhere within a second
MAX_BANS = 1000
MAX_NOTICES = 100  # kept for gateways that have not looked yet; more in half a second and the oldest are lost


class Oversight:
    """Implements `commands.ports.network.Oversight`."""

    def __init__(self, lanes: Lanes) -> None:
        self.bans: Mapping[str, NetworkBan] = {}
        self._lanes = lanes
        self._version = b""
        self._last_notice = b""  # empty: what is there was said before this gateway began

    async def refresh(self) -> bool:
        """Ask for the bans; whether they changed. Raises `StoreError`."""
        version, *pairs = await self._lanes.commands.call(
            "EVALSHA", sha("network_bans"), 3, *keys.NETWORK_BANS, self._version
        )
        if version == self._version:
            return False
        self._version = version
        bans = (_decode(mask, value) for mask, value in zip(pairs[::2], pairs[1::2], strict=True))
        self.bans = {ban.mask: ban for ban in bans}
        return True

    async def set_ban(self, mask: str, minutes: int, by: str, reason: str) -> bool:
        """Ban for so long (0: until it is lifted); an older ban of the mask is replaced. False: there are too many.

        Raises `StoreError`.
        """
        why = json.dumps({"by": by, "reason": reason}, ensure_ascii=False)
        return await self._write(mask, "set", minutes, why)

    async def lift_ban(self, mask: str) -> bool:
        """End a ban; False: there is none. Raises `StoreError`."""
        return await self._write(mask, "lift", 0, "")

    async def _write(self, mask: str, what: str, minutes: int, why: str) -> bool:
        return bool(
            await self._lanes.commands.call(
                "EVALSHA", sha("network_ban"), 3, *keys.NETWORK_BANS, mask, what, minutes, why, MAX_BANS
            )
        )

    async def notify(self, mode: str, line: str) -> None:
        """Send a line, without CR LF, to all users with a mode, once. Raises `StoreError`."""
        await self._lanes.commands.call("XADD", keys.NOTICES, "MAXLEN", MAX_NOTICES, "*", "e", f"{mode} {line}")

    async def notices(self) -> list[tuple[str, Entry]]:
        """What was sent since the last call, with the mode of its receivers. Raises `StoreError`."""
        lane = self._lanes.commands
        if not self._last_notice:
            newest = await lane.call("XREVRANGE", keys.NOTICES, "+", "-", "COUNT", 1)
            self._last_notice = newest[0][0] if newest else b"0-0"
            return []
        found = []
        for position, fields in await lane.call("XRANGE", keys.NOTICES, b"(" + self._last_notice, "+"):
            mode, _, line = fields[1].partition(b" ")
            self._last_notice = position
            said = Said(Uid(b""), MsgId(b""), b"", b"", line)
            found.append((mode.decode(), Entry(Position(position), said)))
        return found


def _decode(mask: Any, value: Any) -> NetworkBan:
    set_ms, until_ms, why = value.decode().split(" ", 2)
    fields: dict[str, str] = json.loads(why)
    return NetworkBan(mask.decode(), fields["by"], fields["reason"], int(set_ms), int(until_ms))

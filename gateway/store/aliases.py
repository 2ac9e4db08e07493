"""Names that lead to a room whose first name is another, in Redis: each is a key in the slot of the name.

A room's log is in the slot of its first name, so an alias and the rename in the log are two steps. The alias is claimed
first, for seconds; a gateway that ends in between leaves a claim that ends by itself. An alias whose room does not have
the name any more is freed by whoever finds it.
"""

from gateway.errors import StoreError
from gateway.rooms.lists import named
from gateway.store import keys
from gateway.store.lanes import Lanes, must_hold_lease
from gateway.store.scripts import sha
from gateway.wire.names import RoomKey, casefold

__all__ = ["CLAIMED_S", "Aliases"]

CLAIMED_S = 15  # for the rename to follow; after an outage it may follow later, and then is checked by `keep`
KEPT_S = 31 * 86_400  # since a gateway that has the room open said so last; longer than an empty room is kept
ATTEMPTS = 3  # at a name that leads nowhere, while others try as well
_CLAIM = "?"


class Aliases:
    """All of them, seen from one gateway. Every method raises `StoreError`."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    async def claim(self, name: RoomKey, room: RoomKey) -> bool:
        """Have a name for a room that is about to get it; False: there is a room of that name, or another has it."""
        must_hold_lease(self._lanes)
        return await self._take(name, room, "1", CLAIMED_S)

    async def keep(self, name: RoomKey, room: RoomKey) -> bool:
        """The same for a room that has the name, or had it: Redis may have lost the alias meanwhile."""
        return await self._take(name, room, "", KEPT_S)

    async def _take(self, name: RoomKey, room: RoomKey, claimed: str, kept_s: int) -> bool:
        at = keys.log_keys(keys.room_log(name))
        replaces = ""
        for _ in range(ATTEMPTS):
            code, *held = await self._lanes.commands.call(
                "EVALSHA", sha("alias_claim"), 3, at.alias, at.state, at.members, room, claimed, kept_s, replaces
            )
            if code != 2:
                return bool(code == 0)
            replaces = held[0].decode()
            if replaces.startswith(_CLAIM) or await self._has(replaces, name):
                return False
        return False

    async def release(self, name: RoomKey, room: RoomKey) -> None:
        """A room does not get the name that was claimed for it."""
        await self._free(name, _CLAIM + room)

    async def find(self, name: RoomKey) -> RoomKey | None:
        """The room that answers to a name that is not its first; None: there is none.

        Raises:
            StoreError: also while a room is getting the name.
        """
        held = await self._lanes.commands.call("GET", keys.log_keys(keys.room_log(name)).alias)
        if held is None:
            return None
        alias = held.decode()
        room = RoomKey(alias.removeprefix(_CLAIM))
        if await self._has(room, name):
            return room
        if alias.startswith(_CLAIM):
            raise StoreError("a room is getting that name")
        await self._free(name, alias)
        return None

    async def _has(self, room: str, name: RoomKey) -> bool:
        at = keys.log_keys(keys.room_log(RoomKey(room)))
        called, had = await self._lanes.commands.call(
            "EVALSHA", sha("alias_check"), 4, at.state, at.members, at.lists, at.alias, named(name)
        )
        return casefold(called.decode()) == name or bool(had)

    async def _free(self, name: RoomKey, alias: str) -> None:
        await self._lanes.commands.call(
            "EVALSHA", sha("alias_free"), 1, keys.log_keys(keys.room_log(name)).alias, alias
        )

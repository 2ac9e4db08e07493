"""How far people have read, in Redis. Source: IRCv3 read-marker."""

from gateway.model import Uid
from gateway.store import keys
from gateway.store.lanes import Lanes
from gateway.store.scripts import sha

__all__ = ["MAX_TARGETS", "Markers"]

MAX_TARGETS = 1000  # of one person; of one more the one read longest ago is forgotten
MAX_SESSIONS = 50  # of one person that are told of changes
KEPT_S = 365 * 86_400  # after the last change
GUEST_KEPT_S = 7 * 86_400


class Markers:
    """All markers, seen from one gateway. Every method raises `StoreError`."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    async def get(self, who: str, target: str, uid: Uid | None) -> int | None:
        """Up to when somebody has read a target, in ms since 1970; the session `uid` is told of changes from now on."""
        return (await self._call(who, target, b"", uid))[0]

    async def set(self, who: str, target: str, at_ms: int, uid: Uid | None) -> tuple[int, list[Uid]]:
        """Note that somebody has read a target up to then. Returns what counts, and the sessions to be told of it;
        none where nothing has changed."""
        found, uids = await self._call(who, target, b"%d" % at_ms, uid)
        return found or 0, uids

    async def _call(self, who: str, target: str, at_ms: bytes, uid: Uid | None) -> tuple[int | None, list[Uid]]:
        markers, sessions = keys.read_markers(who)
        kept_s = KEPT_S if who.startswith("a:") else GUEST_KEPT_S
        found, _, *uids = await self._lanes.commands.call(
            "EVALSHA", sha("read_marker"), 2, markers, sessions,
            target, at_ms, MAX_TARGETS, MAX_SESSIONS, uid or b"", kept_s,
        )  # fmt: skip
        return int(float(found)) if found else None, [Uid(one) for one in uids]

    async def leave(self, who: str, uid: Uid) -> None:
        """A session is not to be told any more."""
        await self._lanes.commands.call("ZREM", keys.read_markers(who)[1], uid)

    async def forget(self, who: str) -> None:
        """Somebody is no more."""
        for key in keys.read_markers(who):
            await self._lanes.commands.call("DEL", key)

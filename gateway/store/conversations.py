"""With whom each person has talked, and when last: an index, in no slot together with what was said."""

from gateway.commands.ports.history import Peer
from gateway.model import Uid
from gateway.store import keys
from gateway.store.lane import ignore
from gateway.store.lanes import Lanes
from gateway.store.scripts import sha

__all__ = ["MAX_INBOXES", "MAX_PEERS", "Conversations"]

MAX_PEERS = 500  # of one person; one more ends the one not talked with for longest
MAX_INBOXES = 20  # sessions of one person: more than it has at once, with those that came before


class Conversations:
    """The index, seen from one gateway."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    def note(self, who: str, by: Uid, peer: Peer, kept_s: int) -> None:
        """They talked, `who` in the session `by`; lost with the connection, it is noted when they talk next."""
        self._lanes.commands.request(
            ignore,
            "EVALSHA", sha("conversation_note"), 3, *keys.conversation_peers(who),
            peer.identity, peer.nick, peer.at_ms, MAX_PEERS, kept_s, by, MAX_INBOXES,
        )  # fmt: skip

    async def peers(self, who: str) -> list[Peer]:
        """Whom somebody talked with, the last one first. Raises `StoreError`."""
        times, nicks, _ = keys.conversation_peers(who)
        reply = await self._lanes.commands.call("EVALSHA", sha("conversation_peers"), 2, times, nicks)
        parts = [part.decode() for part in reply]
        rows = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
        return [Peer(identity, nick, int(at_ms)) for identity, nick, at_ms in rows]

    async def inboxes(self, who: str) -> list[Uid]:
        """The sessions in which somebody talked lately, whatever their nicks are now. Raises `StoreError`."""
        _, _, inboxes = keys.conversation_peers(who)
        return [Uid(uid) for uid in await self._lanes.commands.call("ZRANGE", inboxes, 0, -1)]

    async def forget(self, who: str) -> None:
        """Somebody is no more. Raises `StoreError`."""
        for key in keys.conversation_peers(who):
            await self._lanes.commands.call("DEL", key)

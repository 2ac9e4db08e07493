"""A long answer goes out in parts: others are served in between, and no peer is closed for what it asked."""

import asyncio
from collections.abc import Callable

from gateway.session.reply import Reply
from gateway.session.session import Session, State

__all__ = ["PACE_BYTES", "breathe", "finish", "until_read"]

# That wait for a peer before it gets more of a long answer. With twice as many behind them and the longest batch of
# several lines, some 18 KiB, they are less than what may wait for anybody.
PACE_BYTES = 8192
PACE_S = 0.02
_THERE = (State.WELCOMING, State.READY)


async def breathe(reply: Reply) -> None:
    """Between two parts of an answer: send what there is of it; all of a labelled one goes out at its end."""
    if not reply.label:
        reply.finish()
        reply.under_way = True
    await until_read(reply.session)


async def finish(reply: Reply, write: Callable[[bytes], None] | None = None) -> None:
    """Send an answer; a long one in parts, in between which other lines may come.

    Args:
        write: in place of the session's, where that holds other lines back meanwhile.
    """
    session, pieces = reply.session, reply.pieces(PACE_BYTES)
    for piece in pieces:
        if len(pieces) > 1:
            reply.under_way = True
            await until_read(session)
        (write or session.write)(piece)  # asked for each time: who is gone meanwhile gets nothing


async def until_read(session: Session) -> None:
    """Let others be served, and wait until little waits for the peer, or it is gone."""
    await asyncio.sleep(0)
    # The transport tells nobody when its buffer is short again, and the wait is rare.
    while session.unsent > PACE_BYTES and session.state in _THERE:  # noqa: ASYNC110
        await asyncio.sleep(PACE_S)

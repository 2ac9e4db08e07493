"""What tests over the wire do again and again: ask, join, change modes, and wait until everybody has seen it."""

from gateway.wire.message import Message
from tests.harness.irc_peer import IrcPeer

__all__ = ["ALL", "answers", "change", "commands", "join", "settle"]

ALL = ("message-tags", "server-time", "echo-message", "labeled-response", "batch")


async def answers(peer: IrcPeer, *lines: str | bytes) -> list[Message]:
    """Everything the peer gets up to the point where these lines have been handled."""
    await peer.send(*lines)
    return await peer.barrier()


async def commands(peer: IrcPeer, *lines: str | bytes) -> list[str]:
    """The commands and numerics of the same."""
    return [message.command for message in await answers(peer, *lines)]


async def join(room: str, *peers: IrcPeer) -> None:
    """Bring peers into a room, one after the other, each seeing those after it."""
    for peer in peers:
        await peer.send(f"JOIN {room}")
        await peer.expect("366")
    for peer in peers:
        await peer.barrier()


async def change(by: IrcPeer, line: str, *others: IrcPeer) -> Message:
    """Change modes of a room, and wait until all have seen it."""
    await by.send(f"MODE {line}")
    seen = [await peer.expect("MODE") for peer in (by, *others)]
    assert len({message.params for message in seen}) == 1
    return seen[0]


async def settle(*peers: IrcPeer) -> list[list[Message]]:
    """What all have got when everything said so far has been done everywhere."""
    for peer in peers:
        await peer.barrier()
    return [await peer.barrier() for peer in peers]

"""Asking for history, and reading the batch that answers."""

from gateway.wire.message import Message
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect
from tests.harness.sasl_client import log_in
from tests.harness.steps import ALL

__all__ = ["HISTORY", "PASSWORD", "PLAYBACK", "account_of", "ask", "batch", "texts"]

HISTORY = (*ALL, "draft/chathistory", "draft/message-redaction")
PLAYBACK = (*HISTORY, "draft/event-playback")
PASSWORD = "sesame-street"


async def batch(peer: IrcPeer, line: str) -> tuple[Message, list[Message]]:
    """The start of the one batch that answers, and what is in it; everything inside is checked to be so marked."""
    await peer.send(line)
    start = await peer.expect("BATCH")
    reference = start.params[0].removeprefix("+")
    inside: list[Message] = []
    while (message := await peer.read()).command != "BATCH":
        assert message.tags["batch"] == reference
        inside.append(message)
    assert message.params == (f"-{reference}",)
    return start, inside


async def ask(peer: IrcPeer, request: str) -> list[Message]:
    """The lines of one chathistory batch, whose parameter is the target."""
    start, inside = await batch(peer, f"CHATHISTORY {request}")
    assert start.params[1:] == ("chathistory", request.split(" ")[1])
    return inside


async def texts(peer: IrcPeer, request: str) -> list[str]:
    """The last parameters of these."""
    return [message.params[-1] for message in await ask(peer, request)]


async def account_of(dial: Connect, nick: str, *, caps: tuple[str, ...] = HISTORY, again: bool = False) -> IrcPeer:
    """A peer that is logged in to the account of its nick, which is made unless it is there `again`."""
    peer = await dial(f"{nick}-" if again else nick, caps=caps)
    if again:
        await log_in(peer, nick, PASSWORD)
        await peer.send(f"NICK {nick}")
        await peer.expect("NICK")
        peer.nick = nick
    else:
        await peer.send(f"REGISTER * * {PASSWORD}")
        await peer.expect(lambda m: m.command == "REGISTER" and m.params[0] == "SUCCESS")
    return peer

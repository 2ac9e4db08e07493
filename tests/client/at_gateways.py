"""What tests with real gateways share: how a client finds them, and who else looks at the room."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer

__all__ = ["ann_at", "said_in", "witness"]


def ann_at(*gateways: GatewayProcess) -> list[str]:
    """Arguments for ann, who tries the gateways in that order."""
    servers = [argument for gateway in gateways for argument in ("--server", f"{gateway.host}:{gateway.port}")]
    return ["--room", "tea", "--nick", "ann", *servers]


@asynccontextmanager
async def witness(gateway: GatewayProcess) -> AsyncIterator[IrcPeer]:
    """bob, in #tea, who sees everything."""
    async with await IrcPeer.connect(gateway.host, gateway.port, "bob") as bob:
        await bob.send("JOIN #tea")
        await bob.expect("366")
        yield bob


async def said_in(gateway: GatewayProcess, room: str, nick: str) -> list[str]:
    """What a newcomer is shown of the room."""
    async with await IrcPeer.connect(gateway.host, gateway.port, nick, caps=("draft/chathistory", "batch")) as peer:
        await peer.send(f"JOIN #{room}", f"CHATHISTORY LATEST #{room} * 100")
        await peer.expect("BATCH")
        return [message.params[1] for message in await peer.barrier() if message.command == "PRIVMSG"]

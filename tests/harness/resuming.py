"""Peers with `hubbub.chat/resume`: they have a token, and come back with it."""

from typing import NamedTuple

from gateway.model import Uid
from gateway.store.keys import nick_claim, user_record
from gateway.wire.message import Message
from gateway.wire.names import NickKey
from tests.harness.gateway_process import GatewayProcess
from tests.harness.irc_peer import IrcPeer
from tests.harness.private_server import PrivateServer

__all__ = ["RESUME", "TAGGED", "Back", "come_back", "connect", "is_detached", "offer", "token_of"]

RESUME = "hubbub.chat/resume"
TAGGED = ("message-tags", "server-time", "batch", "echo-message", "standard-replies")


class Back(NamedTuple):
    """A peer that is back, and what it was told on the way, RESUME DONE included."""

    peer: IrcPeer
    told: list[Message]
    token: str

    def lines(self, command: str) -> list[list[str]]:
        """The parameters of the messages with that command, in order."""
        return [list(message.params) for message in self.told if message.command == command]


async def token_of(peer: IrcPeer) -> str:
    """The token the peer is told next."""
    said = await peer.expect(lambda m: m.command == "RESUME" and m.params[0] == "TOKEN")
    return said.params[1]


async def connect(gateway: GatewayProcess, nick: str, *caps: str) -> tuple[IrcPeer, str]:
    """A registered peer and its token."""
    peer = await IrcPeer.connect(gateway.host, gateway.port, nick, caps=(RESUME, *(caps or TAGGED)))
    return peer, await token_of(peer)


async def offer(
    gateway: GatewayProcess,
    token: str,
    *,
    nick: str = "again",
    caps: tuple[str, ...] = TAGGED,
    source: str | None = None,
) -> IrcPeer:
    """A peer that has registered with a token, all in one write; what it was answered is still to be read."""
    peer = await IrcPeer.connect(gateway.host, gateway.port, nick, register=False, source=source)
    await peer.send(
        "CAP LS 302", f"CAP REQ :{' '.join((RESUME, *caps))}", f"NICK {nick}", f"USER {nick} 0 * :{nick}",
        f"RESUME {token}", "CAP END",
    )  # fmt: skip
    return peer


async def come_back(
    gateway: GatewayProcess,
    token: str,
    *,
    msgid: str = "",
    nick: str = "again",
    caps: tuple[str, ...] = TAGGED,
    source: str | None = None,
) -> Back:
    """Resume and wait until that is done."""
    peer = await offer(gateway, f"{token} {msgid}".rstrip(), nick=nick, caps=caps, source=source)
    told, new = [], ""
    while True:
        told.append(message := await peer.read("RESUME DONE"))
        assert message.command != "FAIL", message
        if message.command == "RESUME" and message.params[0] == "TOKEN":
            new = message.params[1]
        if message.command == "RESUME" and message.params[0] == "DONE":
            return Back(peer, told, new)


def is_detached(server: PrivateServer, nick: str) -> bool:
    """Whether Redis has a session of that nick that waits for its client."""
    with server.client() as client:
        uid = client.get(nick_claim(NickKey(nick)))
        return uid is not None and client.hget(user_record(Uid(uid)), "state") == b"detached"

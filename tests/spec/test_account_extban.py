"""Bans by account. Source: https://ircv3.net/specs/extensions/account-extban and
https://modern.ircdocs.horse/#extban-parameter
"""

from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect

PASSWORD = "correct-horse"


async def tokens(peer: IrcPeer) -> dict[str, str]:
    """ISUPPORT as VERSION repeats it."""
    await peer.send("VERSION")
    words = [word for message in await peer.barrier() if message.command == "005" for word in message.params[1:-1]]
    return {name: value for name, _, value in (word.partition("=") for word in words)}


async def test_it_is_advertised(dial: Connect, nick: str) -> None:
    """A server with ACCOUNTEXTBAN MUST have EXTBAN too, which lists the types after its prefix, and the names in
    ACCOUNTEXTBAN are types of it."""
    told = await tokens(await dial(nick))
    prefix, types = told["EXTBAN"].split(",")
    assert prefix == ""
    assert set(told["ACCOUNTEXTBAN"].split(",")) <= set(types)


async def test_the_account_is_banned_whatever_its_nick(dial: Connect, nick: str, room: str) -> None:
    """Servers MUST support matching exact account names; case does not matter, as for nicks."""
    operator, banned = await dial(nick), await dial(f"{nick}2", caps=["sasl"])
    await operator.send(f"JOIN {room}")
    await operator.expect("366")
    letter = (await tokens(operator))["ACCOUNTEXTBAN"].split(",")[0]
    await banned.send(f"REGISTER acc{nick} * {PASSWORD}")
    await banned.expect("REGISTER")
    await operator.send(f"MODE {room} +b {letter}:ACC{nick}")
    await operator.expect("MODE")
    await banned.send(f"NICK {nick}3", f"JOIN {room}")
    await banned.expect("474")
    await banned.send("ACCOUNT LOGOUT", f"JOIN {room}")
    await banned.expect("366")
    await operator.send(f"MODE {room} +b")
    assert (await operator.expect("367")).params[2] == f"{letter}:ACC{nick}"

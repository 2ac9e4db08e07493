"""account-notify, account-tag, extended-join, account-extban: who is logged in to which account.

Source: https://ircv3.net/specs/extensions/account-notify, /account-tag, /extended-join, /account-extban
"""

import pytest

from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect
from tests.harness.sasl_client import log_in
from tests.harness.steps import answers, change, commands, join

PASSWORD = "sesame-street"


@pytest.fixture
async def owner(dial: Connect, nick: str) -> IrcPeer:
    """Somebody logged in to an account named as its nick."""
    peer = await dial(nick)
    await peer.send(f"REGISTER * * {PASSWORD}")
    await peer.expect("900")
    return peer


async def test_account_notify(owner: IrcPeer, dial: Connect, nick: str, room: str) -> None:
    """Who shares a room, and oneself, gets ACCOUNT on a login, a change and a logout, if it negotiated that; once,
    however many rooms are shared; who shares none hears nothing."""
    late = await dial(f"{nick}l", caps=["account-notify"])
    watcher, plain = await dial(f"{nick}w", caps=["account-notify"]), await dial(f"{nick}p")
    stranger = await dial(f"{nick}s", caps=["account-notify"])
    for name in (room, f"{room}b"):
        await join(name, late, watcher, plain)
    await log_in(late, nick, PASSWORD)
    await answers(late, "ACCOUNT LOGOUT")
    heard = await watcher.collect("ACCOUNT", 2)
    assert [m.params for m in heard] == [(nick,), ("*",)]
    assert {m.source for m in heard} == {f"{nick}l!~{nick}l@127.0.0.1"}
    for peer in (watcher, plain, stranger):
        assert "ACCOUNT" not in await commands(peer)


async def test_account_tag(owner: IrcPeer, dial: Connect, nick: str, room: str) -> None:
    """What somebody logged in says or does carries the account, to who negotiated account-tag; nothing else carries
    one."""
    tagged, plain = await dial(f"{nick}t", caps=["account-tag"]), await dial(f"{nick}p")
    await join(room, tagged, plain)
    lines = [f"JOIN {room}", f"PRIVMSG {room} :x", f"PRIVMSG {nick}t :x", f"NOTICE {nick}t :x", f"PART {room}"]
    await owner.send(*lines)
    await owner.expect("PART")
    heard = await tagged.collect(lambda m: m.source.startswith(f"{nick}!"), 5)
    assert {m.command: m.tags.get("account") for m in heard} == dict.fromkeys(
        ("JOIN", "PRIVMSG", "NOTICE", "PART"), nick
    )
    assert not any(m.tags for m in await plain.barrier())
    await plain.send(f"PRIVMSG {room} :from a guest")
    assert "account" not in (await tagged.expect("PRIVMSG")).tags


async def test_account_tag_of_an_invitation(owner: IrcPeer, dial: Connect, nick: str, room: str) -> None:
    """INVITE carries it too."""
    tagged = await dial(f"{nick}t", caps=["account-tag"])
    await join(room, owner)
    await owner.send(f"INVITE {nick}t {room}")
    invite = await tagged.expect("INVITE")
    assert (invite.params, invite.tags["account"]) == ((f"{nick}t", room), nick)


async def test_extended_join(owner: IrcPeer, dial: Connect, nick: str, room: str) -> None:
    """JOIN has account and real name, to who negotiated it; a star is no account; the own JOIN is no exception."""
    extended, plain = await dial(f"{nick}e", caps=["extended-join"]), await dial(f"{nick}p")
    assert (await answers(extended, f"JOIN {room}"))[0].params == (room, "*", f"{nick}e")
    await join(room, plain)
    assert (await extended.expect("JOIN")).params == (room, "*", f"{nick}p")
    await join(room, owner)
    assert (await extended.expect("JOIN")).params == (room, nick, nick)
    assert (await plain.expect("JOIN")).params == (room,)


async def test_account_extban(owner: IrcPeer, dial: Connect, nick: str, room: str) -> None:
    """`a:account` bans, excepts and invites who is logged in to it, and not who is only called so."""
    ann = await dial(f"{nick}a")
    await join(room, ann)
    await change(ann, f"{room} +b a:{nick.upper()}")
    assert await commands(owner, f"JOIN {room}") == ["474"]
    await change(ann, f"{room} -b a:{nick}")
    await change(ann, f"{room} +be *!*@* a:{nick}")
    assert await commands(owner, f"JOIN {room}", f"PART {room}") == ["JOIN", "353", "366", "PART"]
    await change(ann, f"{room} -be+iI *!*@* a:{nick} a:{nick}")
    assert await commands(owner, f"JOIN {room}", f"PART {room}") == ["JOIN", "353", "366", "PART"]
    guest = await dial(f"{nick}g")
    assert await commands(guest, f"JOIN {room}") == ["473"]
    await change(ann, f"{room} -i+b a:{nick}g")
    assert await commands(guest, f"JOIN {room}") == ["JOIN", "353", "366"]


async def test_the_account_in_whois_and_whox(owner: IrcPeer, dial: Connect, nick: str) -> None:
    """330 names nick and account; the field `a` is the account, `0` for none (WHOX)."""
    ann = await dial(f"{nick}a")
    (line,) = [m for m in await answers(ann, f"WHOIS {nick}") if m.command == "330"]
    assert line.params[:3] == (f"{nick}a", nick, nick)
    assert len(line.params) == 4
    for name, account in ((nick, nick), (f"{nick}a", "0")):
        assert (await answers(ann, f"WHO {name} %na"))[0].params[1:] == (name, account)

"""AWAY, away-notify and pre-away.

Source: https://ircv3.net/specs/extensions/away-notify, https://ircv3.net/specs/extensions/pre-away,
https://modern.ircdocs.horse/#away-message.
"""

from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect, Network
from tests.harness.steps import join

NOTIFY = ("away-notify",)


async def aways(peer: IrcPeer) -> list[tuple[str, ...]]:
    """Nick and parameters of the AWAY lines that came."""
    return [(m.source.partition("!")[0], *m.params) for m in await peer.barrier() if m.command == "AWAY"]


async def test_away_is_confirmed_and_told_to_who_writes(dial: Connect, nick: str) -> None:
    """306 and 305; 301 to who sends a PRIVMSG, in WHOIS; `G` in WHO and `-` in USERHOST ("AWAY message")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await ann.send("AWAY :gone to lunch")
    assert (await ann.expect("306")).params[0] == nick
    await bob.send(
        f"PRIVMSG {nick} :there?", f"NOTICE {nick} :there?", f"WHOIS {nick}", f"WHO {nick}", f"USERHOST {nick}"
    )
    told = await bob.barrier()
    assert [m.params for m in told if m.command == "301"] == [(f"{nick}b", nick, "gone to lunch")] * 2
    assert [m.params[6] for m in told if m.command == "352"] == ["G"]
    assert [m.params[1].partition("=")[2][0] for m in told if m.command == "302"] == ["-"]
    await ann.send("AWAY")
    await ann.expect("305")
    await bob.send(f"PRIVMSG {nick} :there?", f"WHO {nick}")
    told = await bob.barrier()
    assert [m.command for m in told if m.command == "301"] == []
    assert [m.params[6] for m in told if m.command == "352"] == ["H"]


async def test_an_empty_text_is_none(dial: Connect, nick: str) -> None:
    """`AWAY :` is the same as AWAY; a text is cut at AWAYLEN ("AWAYLEN parameter")."""
    ann = await dial(nick)
    await ann.send("AWAY :x", "AWAY :", f"AWAY :{'x' * 300}", f"WHOIS {nick}")
    told = await ann.barrier()
    assert [m.command for m in told if m.command in {"305", "306"}] == ["306", "305", "306"]
    assert [len(m.params[2]) for m in told if m.command == "301"] == [200]


async def test_who_shares_a_room_is_told_once(dial: Connect, nick: str, room: str) -> None:
    """Of each change, once for all shared rooms, with the capability; not the one it is about ("sets, changes or
    removes their away state")."""
    ann, bob, cat = await dial(nick, caps=NOTIFY), await dial(f"{nick}b", caps=NOTIFY), await dial(f"{nick}c")
    stranger = await dial(f"{nick}d", caps=NOTIFY)
    for name in (room, f"{room}-2"):
        await join(name, ann, bob, cat)
    await ann.send("AWAY :one", "AWAY :two", "AWAY :two", "AWAY", "AWAY")
    assert await aways(ann) == []
    assert await aways(bob) == [(nick, "one"), (nick, "two"), (nick,)]
    assert await aways(cat) == await aways(stranger) == []


async def test_who_joins_and_is_away_is_shown_so(dial: Connect, nick: str, room: str) -> None:
    """ "as well as when a user joins and has an away message set"; nothing for who is here."""
    ann, bob, cat = await dial(nick), await dial(f"{nick}b", caps=NOTIFY), await dial(f"{nick}c")
    await join(room, bob)
    await ann.send("AWAY :busy")
    await join(room, ann, cat)
    assert await aways(bob) == [(nick, "busy")]
    await bob.send(f"WHO {room}")
    assert [(m.params[5], m.params[6]) for m in await bob.barrier() if m.command == "352"] == [
        (f"{nick}b", "H@"), (nick, "G"), (f"{nick}c", "H")
    ]  # fmt: skip


async def test_who_invites_somebody_away_is_told(dial: Connect, nick: str, room: str) -> None:
    """301 after 341 ("INVITE message")."""
    ann, bob = await dial(nick), await dial(f"{nick}b")
    await join(room, ann)
    await bob.send("AWAY :busy")
    await bob.expect("306")
    await ann.send(f"INVITE {nick}b {room}")
    assert [m.command for m in await ann.barrier()] == ["341", "301"]


async def test_away_before_registration(network: Network, dial: Connect, nick: str) -> None:
    """With pre-away the command is taken before CAP END, and holds after the welcome ("servers MUST accept the AWAY
    command before connection registration has completed"); without it: 451."""
    bob = await dial(f"{nick}b")
    for caps, answer, away in (("draft/pre-away", "306", ["*"]), ("", "451", [])):
        who = nick + "p" * len(caps[:1])
        gateway = network.gateways[0]
        async with await IrcPeer.connect(gateway.host, gateway.port, who, register=False) as ann:
            await ann.send("CAP LS 302", *([f"CAP REQ :{caps}"] if caps else []), f"NICK {who}", "AWAY *")
            await ann.expect(answer)
            await ann.send(f"USER {who} 0 * :Ann", "CAP END")
            await ann.expect("001")
            await bob.send(f"WHOIS {who}")
            assert [m.params[2] for m in await bob.barrier() if m.command == "301"] == away

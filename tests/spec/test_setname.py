"""SETNAME. Source: https://ircv3.net/specs/extensions/setname."""

from tests.harness.network import Connect
from tests.harness.steps import join


async def test_a_new_name_is_told_to_rooms_and_its_owner(dial: Connect, nick: str, room: str) -> None:
    """ "to all clients in common channels, as well as to the client from which it originated", with the capability
    only; it is the name that WHOIS, WHO and a later JOIN have."""
    ann, bob, cat = (
        await dial(nick, caps=("setname",)),
        await dial(f"{nick}b", caps=("setname",)),
        await dial(f"{nick}c"),
    )
    for name in (room, f"{room}-2"):
        await join(name, ann, bob, cat)
    await ann.send("SETNAME :Ann the First")
    assert [(m.command, m.params) for m in await ann.barrier()] == [("SETNAME", ("Ann the First",))]
    told = await bob.barrier()
    assert [(m.command, m.source.partition("!")[0], m.params) for m in told] == [("SETNAME", nick, ("Ann the First",))]
    assert await cat.barrier() == []
    await cat.send(f"WHOIS {nick}", f"WHO {room}")
    told = await cat.barrier()
    assert [m.params[5] for m in told if m.command == "311"] == ["Ann the First"]
    assert next(m.params[7] for m in told if m.command == "352") == "0 Ann the First"


async def test_a_client_without_it_may_change_its_name_silently(dial: Connect, nick: str) -> None:
    """ "If a client sends a SETNAME command without having negotiated the capability, the server SHOULD handle it
    silently"."""
    ann = await dial(nick)
    await ann.send("SETNAME :Other", f"WHOIS {nick}")
    told = await ann.barrier()
    assert [m.command for m in told if m.command == "SETNAME"] == []
    assert [m.params[5] for m in told if m.command == "311"] == ["Other"]


async def test_names_that_cannot_be(dial: Connect, nick: str) -> None:
    """`FAIL SETNAME INVALID_REALNAME` for what is empty or longer than NAMELEN ("Errors"); 461 without a name."""
    ann = await dial(nick, caps=("setname", "standard-replies"))
    await ann.send("SETNAME :", "SETNAME : ", f"SETNAME :{'x' * 129}", "SETNAME", f"SETNAME :{'x' * 128}")
    told = await ann.barrier()
    assert [m.command for m in told] == ["FAIL", "FAIL", "FAIL", "461", "SETNAME"]
    assert {m.params[:2] for m in told[:3]} == {("SETNAME", "INVALID_REALNAME")}

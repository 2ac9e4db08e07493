"""invite-notify. Source: https://ircv3.net/specs/extensions/invite-notify."""

from tests.harness.network import Connect
from tests.harness.steps import join


async def test_operators_hear_of_invitations(dial: Connect, nick: str, room: str) -> None:
    """`:inviter INVITE target #room`, for who has the capability and is operator ("a server may choose to only send the
    message to clients having channel op"); who invites and who is invited get theirs as ever."""
    notify = ("invite-notify",)
    ann, bob = await dial(nick, caps=notify), await dial(f"{nick}b", caps=notify)
    cat, dan, eve = await dial(f"{nick}c", caps=notify), await dial(f"{nick}d"), await dial(f"{nick}e", caps=notify)
    await join(room, ann, bob, cat, dan)
    await ann.send(f"MODE {room} +oo {nick}b {nick}d")
    await ann.barrier()
    for peer in (bob, cat, dan):
        await peer.expect("MODE")
    await ann.send(f"INVITE {nick}e {room}")
    assert [m.command for m in await ann.barrier()] == ["341"]
    told = await bob.expect("INVITE")
    assert (told.source.partition("!")[0], told.params) == (nick, (f"{nick}e", room))
    assert (await eve.expect("INVITE")).params == (f"{nick}e", room)
    assert await eve.barrier() == await cat.barrier() == await dan.barrier() == []

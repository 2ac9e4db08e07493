"""What was taken back stays gone, whatever Redis loses and whoever writes it again."""

from collections.abc import AsyncIterator

import pytest

from gateway.events import Event
from gateway.model import LogKey, MsgId, Position, Uid
from gateway.rooms.outbox import Batch, Outbox
from gateway.rooms.ports import Change
from gateway.rooms.redaction import MAX_REMEMBERED, Redactions
from gateway.spoken import Redacted
from tests.harness.deadlines import eventually
from tests.harness.events import said
from tests.harness.inbox_reader import InboxReader
from tests.harness.memory_network import LOG, Gateway, Network, network

SECRET = MsgId(b"secret")


@pytest.fixture
async def net() -> AsyncIterator[Network]:
    """Two gateways with a member each."""
    async with network("ann", "bob") as net:
        yield net


def redact(gateway: Gateway, position: Position) -> None:
    """Its member takes the secret back."""
    who = gateway.member
    event = Redacted(who.uid, MsgId(b"redact"), who.source, SECRET, position, "")
    gateway.change(Change(event=event, permissions=None, uid=who.uid, need="in", removed=(position,)))


def place(net: Network) -> Position:
    """Where the secret is."""
    return next(entry.position for entry in net.redis.log(LOG).entries if entry.event.msgid == SECRET)


async def gone(net: Network) -> None:
    """Wait until it is in the log no more, and see that it comes to nobody any more."""

    async def is_gone() -> bool | None:
        entries = net.redis.log(LOG).entries
        redacted = any(isinstance(entry.event, Redacted) for entry in entries)
        return (redacted and not any(entry.event.msgid == SECRET for entry in entries)) or None

    await eventually(is_gone, what="it is gone")
    await net.settled()
    await eventually(is_gone, what="it is still gone")
    for gateway in net.gateways:
        assert gateway.heard.count("secret") == 1
        assert not any(entry.event.msgid == SECRET for entry in gateway.room.recent)


@pytest.mark.parametrize("author", [0, 1])
@pytest.mark.parametrize("lost", ["both", "the redaction", "nothing"])
async def test_a_failover_does_not_bring_it_back(net: Network, author: int, lost: str) -> None:
    """Its author's gateway, which would write it again, knows that it was taken back."""
    if lost == "both":
        net.replicate()
    net.gateways[author].say("secret")
    await net.quiet()
    if lost == "the redaction":
        net.replicate()
    redact(net.gateways[1 - author], place(net))
    await net.quiet()
    if lost == "nothing":
        net.replicate()
    await net.fail_over()
    await gone(net)


@pytest.mark.parametrize("author", [0, 1])
async def test_not_even_before_its_gateway_has_heard_of_it(net: Network, author: int) -> None:
    """It writes it once more, and whoever sees both has it taken away again."""
    net.replicate()
    ann, bob = net.gateways[author], net.gateways[1 - author]
    ann.say("secret")
    await net.quiet()
    ann.store.deaf = True
    redact(bob, place(net))

    async def redacted() -> bool | None:
        return any(isinstance(entry.event, Redacted) for entry in net.redis.log(LOG).entries) or None

    await eventually(redacted, what="it is redacted")
    net.lose()
    ann.store.deaf = False
    await net.fail_over()
    await gone(net)


async def test_who_missed_the_redaction_reads_it(net: Network) -> None:
    """The last entry a gateway knew is not there any more: that is no trimmed log, and nobody is told that lines may
    be missing."""
    ann, bob = net.gateways
    ann.say("first")
    ann.say("secret")
    await net.quiet()
    snapshots = bob.engine.counts.snapshots
    bob.store.deaf = True
    redact(ann, place(net))
    ann.say("after")

    async def said_all() -> bool | None:
        return net.texts()[-1:] == [b"after"] or None

    await eventually(said_all, what="it is in the log")
    bob.store.deaf = False
    bob.reconnect()
    await net.quiet()
    assert bob.heard == ["first", "secret", "after"]
    assert bob.seen == []
    assert bob.engine.counts.snapshots == snapshots


async def test_a_newcomer_is_not_shown_it(net: Network) -> None:
    """The lines for who joins later are without it, here and on a gateway that opens the room afterwards."""
    ann, bob = net.gateways
    for text in ("first", "secret"):
        ann.say(text)
        await net.quiet()
    redact(bob, place(net))
    await net.quiet()
    assert [entry.event.msgid for entry in ann.room.recent] == [b"first"]


def test_a_batch_goes_out_again_without_it() -> None:
    """Under its number, with the keys of the others."""
    outbox, log = Outbox(lambda: 0.0), LogKey("r:#a")
    outbox.keep(log, 1, Batch([said("ann", "one"), said("ann", "secret")], []))
    outbox.keep(log, 2, Batch([said("ann", "secret")], []))
    outbox.withdraw(log, SECRET)
    outbox.withdraw(LogKey("r:#other"), SECRET)
    assert outbox.take_back(log, 0) == [Batch([said("ann", "one")], []), Batch([], [])]


def test_no_more_is_remembered_than_fits() -> None:
    """The oldest go."""
    redactions, somewhere = Redactions(), Position(b"1-1")
    assert not redactions
    for number in range(MAX_REMEMBERED + 1):
        redactions.note(MsgId(b"%d" % number), somewhere)
    assert (MsgId(b"0") in redactions, MsgId(b"1") in redactions, len(redactions)) == (False, True, MAX_REMEMBERED)


async def test_in_an_inbox_it_is_not_delivered_again(net: Network) -> None:
    """A failover may put it behind its redaction."""
    ann, _ = net.gateways
    uid, log = Uid(b"u-cat"), LogKey("i:u-cat")
    who = ann.member
    reader = InboxReader(uid)
    await ann.engine.inboxes.open(reader)
    redacted = Redacted(who.uid, MsgId(b"redact"), who.source, SECRET, Position(b"1-1"), "", "cat")
    events: list[Event] = [redacted, said("bob", "secret"), said("bob", "next")]
    for number, event in enumerate(events, 1):
        net.redis.room_msg(log, ann.id, number, None, [event])

    async def delivered() -> bool | None:
        return b"next" in reader.msgids or None

    await eventually(delivered, what="it is delivered")
    assert reader.msgids == [b"redact", b"next"]

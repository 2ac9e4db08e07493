"""What is written is read back, whatever the wire lets through; what a newer gateway wrote takes its place."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.events import Entry, Event, Foreign, Joined, Reaped
from gateway.model import GatewayId, Member, Position, Uid
from gateway.store.codec import (
    decode_member,
    decode_members,
    decode_snapshot,
    encode_member,
    pairs,
)
from gateway.store.entries import decode_announcement, decode_event, encode_event
from tests.harness import events as strategies
from tests.harness.events import member, said

positions = st.integers(1, 2**40).map(lambda ms: Position(b"%d-%d" % (ms, ms % 3)))


@given(strategies.members)
def test_members_round_trip(who: Member) -> None:
    """Spaces at any place of a realname, Unicode, odd users and hosts."""
    assert decode_member(who.uid, encode_member(who)) == who


def test_a_realname_cannot_pass_for_a_gateway() -> None:
    """The gateway stands last, where `room_tx.lua` replaces it, after all the words a client chose."""
    sly = member("eve", gateway="g1")._replace(realname="ends with g2")
    assert encode_member(sly).endswith(b" g1")
    assert decode_member(sly.uid, encode_member(sly)) == sly


@given(strategies.events)
def test_events_round_trip(event: Event) -> None:
    """Every kind a gateway writes."""
    encoded = encode_event(event)
    assert decode_event(encoded) == event
    # An announcement is cut at line breaks.
    assert b"\n" not in encoded
    assert b"\0" not in encoded


@given(positions, st.lists(st.tuples(positions, strategies.events), min_size=1, max_size=5))
def test_announcements_round_trip(prev: Position, entries: list[tuple[Position, Event]]) -> None:
    """As the scripts join them: the position before, then one `position event` per line."""
    payload = b"\n".join([prev, *(position + b" " + encode_event(event) for position, event in entries)])
    assert decode_announcement(payload) == (prev, [Entry(*entry) for entry in entries])


def test_a_reaping_is_read_as_the_script_writes_it() -> None:
    """`R gateway uid,uid source source reason`; `-` where no gateway died."""
    both = Reaped(GatewayId("g1"), (Uid(b"a"), Uid(b"b")), "Gone  away", sources=("ann!a@h", "bob!b@h"))
    assert decode_event(b"R g1 a,b ann!a@h bob!b@h Gone  away") == both
    assert decode_event(b"R - a ann!a@h ") == Reaped(GatewayId(""), (Uid(b"a"),), "", sources=("ann!a@h",))
    with pytest.raises(TypeError):
        encode_event(Reaped(GatewayId("g1"), ()))


@pytest.mark.parametrize("value", [b"K uid msgid", b"X", b"", b"Mx", b"JJ {}", b'k {"uid":"u"}'])
def test_a_kind_of_a_newer_gateway_is_foreign(value: bytes) -> None:
    """It takes its place in the log and changes nothing."""
    assert decode_event(value) == Foreign()


@given(
    st.binary() | st.tuples(st.sampled_from(b"DGMJPNTOR"), st.binary()).map(lambda kind: bytes([kind[0], 32]) + kind[1])
)
@example(b'P {"uid":"u","msgid":"m","by":"KICK","reason":""}')
@example(b'J {"uid":"u","msgid":"m"}')
@example(b"M uid msgid")
def test_no_entry_of_a_log_can_stop_a_gateway(value: bytes) -> None:
    """A body that cannot be read, in a known kind, is foreign too: a log is read again and again, by all gateways."""
    decode_event(value)


@given(strategies.members, st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_snapshots_are_read_in_both_protocols(who: Member, topic: str) -> None:
    """RESP3 answers with maps, RESP2 with flat lists."""
    state = {b"last": b"5-0", b"permissions": b"4-0", b"g:g1": b"7", b"name": b"#Tea", b"modes": b"nt"}
    state |= {b"topic": topic.encode(), b"topic_by": b"ann", b"topic_at": b"9", b"created": b"3", b"new": b"field"}
    members = {bytes(who.uid): encode_member(who)}
    state |= {b"key": b"pw", b"limit": b"7"}
    lists = {b"b *!*@evil": b"9 ann!a@h", b"b m:x!*@*": b"8 bob!b@h", b"i u-cat": b"7 ann!a@h"}
    flat = [[part for pair in hash_.items() for part in pair] for hash_ in (state, members, lists)]
    snapshot = decode_snapshot(state, decode_members(members.items()), lists, GatewayId("g1"), "#tea")
    assert snapshot == decode_snapshot(
        flat[0], decode_members(pairs(flat[1]).items()), flat[2], GatewayId("g1"), "#tea"
    )
    assert (snapshot.produced, snapshot.topic.text, snapshot.members) == (7, topic, {who.uid: who})
    assert (snapshot.key, snapshot.limit, snapshot.invited) == ("pw", 7, {b"u-cat": ("ann!a@h", 7)})
    assert [*snapshot.lists.items()] == [("b", {"m:x!*@*": ("bob!b@h", 8), "*!*@evil": ("ann!a@h", 9)})]
    assert list(snapshot.lists["b"]) == ["m:x!*@*", "*!*@evil"]
    assert decode_snapshot(state | {b"g:g1": b"X"}, {}, {}, GatewayId("g1"), "").produced == 0


def test_what_is_said_keeps_its_finished_line() -> None:
    """Delivering it needs no encoding: the line is in the entry byte by byte."""
    event = said("ann", "a  b :c ")
    assert encode_event(event).endswith(event.line)
    assert decode_event(encode_event(event)) == event


def test_bodies_are_json_a_person_can_read() -> None:
    """State events are rare, and readable in `redis-cli`."""
    body = encode_event(Joined(Uid(b"u"), said("ann", "m").msgid, member("ünn")))[2:]
    assert json.loads(body)["member"].split(" ")[1] == "ünn"
    assert "ünn" in body.decode()

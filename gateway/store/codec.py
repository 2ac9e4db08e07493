"""Redis values ⇄ the model: members, a room's hashes, and the replies of scripts, in the shape of either protocol.

A member is `modes nick user host account away realname gateway`, gateway last because `room_tx.lua` replaces it there;
what it says of its absence is escaped as the value of a tag is, behind a `+`.
"""

from collections.abc import Iterable
from typing import Any

from gateway.events import Restored
from gateway.model import (
    ORIGIN,
    Answer,
    GatewayId,
    Head,
    Known,
    Member,
    MsgId,
    Outcome,
    Position,
    Snapshot,
    Topic,
    Uid,
)
from gateway.rooms.lists import from_entries
from gateway.rooms.ports import Change
from gateway.wire.tags import escape, unescape

__all__ = [
    "decode_answer",
    "decode_head",
    "decode_keyed_answer",
    "decode_member",
    "decode_members",
    "decode_snapshot",
    "encode_effects",
    "encode_member",
    "encode_restored",
    "pairs",
]


def encode_member(member: Member) -> bytes:
    """The value of a member in a room's member hash."""
    return (
        f"{member.modes or '-'} {member.nick} {member.user} {member.host} {member.account or '-'} "
        f"{'+' + escape(member.away) if member.away else '-'} {member.realname} {member.gateway or '-'}"
    ).encode()


def decode_member(uid: Uid, value: bytes) -> Member:
    """Undo `encode_member`."""
    modes, nick, user, host, account, away, rest = value.decode().split(" ", 6)
    realname, _, gateway = rest.rpartition(" ")
    return Member(
        uid, nick, user, host, "" if account == "-" else account, realname,
        GatewayId("" if gateway == "-" else gateway), modes.strip("-"), "" if away == "-" else unescape(away[1:]),
    )  # fmt: skip


def decode_answer(reply: Any) -> Answer:
    """The reply of `room_msg.lua` and `room_tx.lua`."""
    outcome = Outcome(reply[0])
    if outcome is Outcome.HOLE:
        return Answer(outcome, seen=int(reply[1]))
    return Answer(outcome, tuple(reply[1:]))


def encode_effects(change: Change) -> list[str | bytes]:
    """What `room_tx.lua` does to the room's hashes beside the member: its triples."""
    triples: list[tuple[str, str | bytes, str]] = [
        *(("s", name, value) for name, value in change.state),
        *(("t", name, "") for name in change.stamps),
        *(("m", uid, modes or "-") for uid, modes in change.modes),
        *(("l", name, by) for name, by in change.listed),
        *(("x", name, "") for name in change.unlisted),
        *(("d", position, "") for position in change.removed),
    ]
    return [part for triple in triples for part in triple]


def encode_restored(event: Restored) -> list[str]:
    """What `room_restore.lua` writes into the room's hashes: its triples."""
    state = {"name": event.name, "created": str(event.created_ms), "modes": event.modes}
    optional = {"founder": event.founder, "key": event.key, "limit": str(event.limit or ""), "history": event.history}
    state |= {name: value for name, value in optional.items() if value}
    if event.topic.text:
        state |= {"topic": event.topic.text, "topic_by": event.topic.by, "topic_at": str(event.topic.at_ms)}
    triples = [("s", name, value) for name, value in state.items()]
    triples += [("l", name, f"{at_ms} {by}") for name, by, at_ms in event.listed]
    return [part for triple in triples for part in triple]


def decode_keyed_answer(reply: Any) -> Answer:
    """The reply of `room_msg.lua` to a batch with keys in it."""
    answer = decode_answer(reply)
    if answer.outcome is Outcome.DUPLICATE:
        results, positions = answer.positions[1:], answer.positions[:1]
    elif answer.outcome is Outcome.DONE:
        results = answer.positions
        positions = tuple(
            Position(result.split(b" ")[1]) if result[:1] in (b"=", b"!") else result for result in results
        )
    else:
        return answer
    known = []
    for index, result in enumerate(results):
        if result[:1] in (b"=", b"!"):
            mark, position, msgid = result.split(b" ")
            known.append((index, Known(Position(position), MsgId(msgid), mark == b"=")))
    return Answer(answer.outcome, positions, known=tuple(known))


def decode_head(reply: Any) -> Head:
    """The reply of HMGET for the fields `last` and a gateway's counter."""
    last, produced = reply
    return Head(Position(last or ORIGIN), 0 if produced in {None, b"X"} else int(produced))


def decode_members(pairs: Iterable[tuple[bytes, bytes]]) -> dict[Uid, Member]:
    """Members of a room's hash."""
    return {Uid(uid): decode_member(Uid(uid), value) for uid, value in pairs}


def decode_snapshot(
    state_reply: Any,
    members: dict[Uid, Member],
    lists_reply: Any,
    gateway: GatewayId,
    fallback_name: str,
    *,
    aliased: bool = False,
) -> Snapshot:
    """The replies of HGETALL for a room's state and lists, and its members, read in one transaction.

    `fallback_name` is the room's name where it does not exist yet.
    """
    state: dict[bytes, bytes] = pairs(state_reply)
    text = state.get(b"topic", b"").decode()
    topic = Topic(text, state.get(b"topic_by", b"").decode(), int(state.get(b"topic_at", b"0"))) if text else Topic()
    produced = state.get(b"g:" + gateway.encode(), b"0")
    lists, invited, former = from_entries(_decode_listed(*pair) for pair in pairs(lists_reply).items())
    return Snapshot(
        name=state.get(b"name", fallback_name.encode()).decode(),
        last=Position(state.get(b"last", ORIGIN)),
        permissions=Position(state.get(b"permissions", ORIGIN)),
        restored=Position(state.get(b"restored", ORIGIN).split(b" ")[-1]),
        produced=0 if produced == b"X" else int(produced),
        created_ms=int(state.get(b"created", b"0")),
        founder=state.get(b"founder", b"").decode(),
        topic=topic,
        modes=state.get(b"modes", b"").decode(),
        key=state.get(b"key", b"").decode(),
        limit=int(state.get(b"limit", b"") or 0),
        history=state.get(b"history", b"").decode(),
        lists=lists,
        invited=invited,
        former=former,
        members=members,
        aliased=aliased,
    )


def _decode_listed(name: bytes, value: bytes) -> tuple[str, str, int]:
    ms, _, by = value.decode().partition(" ")
    return name.decode(), by, int(ms)


def pairs(reply: Any) -> dict[bytes, bytes]:
    """The reply of HGETALL: RESP3 has a map for it, RESP2 a flat list."""
    if isinstance(reply, dict):
        return reply
    return dict(zip(reply[::2], reply[1::2], strict=True))

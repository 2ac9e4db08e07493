"""Redis values ⇄ the model: the one place where replies of any shape are narrowed.

An event in the log is `KIND BODY`. What is said keeps its finished line, so that delivering it needs no encoding:
`M uid msgid account tags line` (`-` for an empty field); `S modes` and the same is for a part of the members; `Q modes`
has several lines, each further one after a CR and a `+` if it goes on where the one before ended, else a blank; `D
position` and one of these is a direct message. Everything else is rare and has a JSON body.
A member is `modes nick user host account away realname gateway`, gateway last because `room_tx.lua` replaces it there;
what it says of its absence is escaped as the value of a tag is, behind a `+`.
"""

import json
from collections.abc import Iterable
from functools import partial
from typing import Any

from gateway.events import (
    MEMBER_FIELDS,
    AccountSet,
    AwaySet,
    Changed,
    Direct,
    Entry,
    Event,
    Foreign,
    HostSet,
    Invited,
    Joined,
    Kicked,
    Left,
    LeftBy,
    LinkChanged,
    MemberChange,
    ModeChange,
    ModesSet,
    NameSet,
    Reaped,
    Rebound,
    Redacted,
    Renamed,
    Restored,
    Said,
    SaidLines,
    SaidTo,
    TopicSet,
)
from gateway.model import (
    ORIGIN,
    Answer,
    FurtherId,
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
    "decode_announcement",
    "decode_answer",
    "decode_entries",
    "decode_event",
    "decode_head",
    "decode_keyed_answer",
    "decode_member",
    "decode_members",
    "decode_snapshot",
    "encode_effects",
    "encode_event",
    "encode_member",
    "encode_restored",
    "pairs",
]

# The constructors of the hot path: half the cost of calling the classes by name.
_entry = partial(tuple.__new__, Entry)
_said = partial(tuple.__new__, Said)
_KIND_OF_CHANGE: dict[type[MemberChange], bytes] = {
    AccountSet: b"L", AwaySet: b"W", HostSet: b"H", NameSet: b"F", Renamed: b"N"
}  # fmt: skip
_CHANGE_OF_KIND = {kind: change for change, kind in _KIND_OF_CHANGE.items()}
_STATE_KINDS = frozenset(
    (b"J", b"P", b"G", b"K", b"N", b"L", b"W", b"F", b"H", b"T", b"O", b"I", b"A", b"B", b"C", b"E")
)


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


def encode_event(event: Event) -> bytes:
    """One event as the log keeps it: no line break, no NUL.

    Raises:
        TypeError: for `Reaped` and `LinkChanged`, which only `room_reap.lua` and `room_link.lua` write.
    """
    if isinstance(event, Said):
        uid, msgid, account, tags, line = event
        return b"M %b %b %b %b %b" % (uid, msgid, account or b"-", tags or b"-", line)
    if isinstance(event, MemberChange):
        field = MEMBER_FIELDS[type(event)]
        former = {"source": event.source} if isinstance(event, Renamed) else {}
        return _body(_KIND_OF_CHANGE[type(event)], event.uid, event.msgid, **{field: event[2]}, **former)
    match event:
        case SaidTo() | SaidLines():
            return _encode_said(event)
        case Direct(_, _, said, at):
            return b"D %b %b" % (at, encode_event(said))
    return _encode_state(event)


def _encode_state(event: Event) -> bytes:
    match event:
        case Redacted(uid, msgid, source, redacted, position, reason, to):
            return _body(
                b"G", uid, msgid, source=source, redacted=redacted.decode(), position=position.decode(), reason=reason,
                to=to,
            )  # fmt: skip
        case Joined(uid, msgid, member, names, anew, blank):
            opening = {"opening": int(anew) + int(blank)} if anew else {}
            return _body(b"J", uid, msgid, member=encode_member(member).decode(), names=names, **opening)
        case Kicked(uid, msgid, source, target, reason, nick):
            return _body(b"K", uid, msgid, source=source, target=target.decode(), reason=reason, nick=nick)
        case Invited(uid, msgid, source, target, nick):
            return _body(b"I", uid, msgid, source=source, target=target.decode(), nick=nick)
        case Left(uid, msgid, by, reason, last, source):
            return _body(b"E" if last else b"P", uid, msgid, by=by.value, reason=reason, source=source)
        case TopicSet(uid, msgid, source, text):
            return _body(b"T", uid, msgid, source=source, text=text)
        case ModesSet(uid, msgid, source, changes):
            return _body(b"O", uid, msgid, source=source, changes=changes)
        case Restored(msgid, name, created_ms, topic, modes, founder, key, limit, listed, history=history):
            return _body(
                b"A", Uid(b""), msgid, name=name, created=created_ms, topic=topic, modes=modes, founder=founder,
                key=key, limit=limit, listed=listed, history=history,
            )  # fmt: skip
        case Rebound(uid, msgid, gateway, epoch, further):
            which = {"further": further.decode()} if further else {}
            return _body(b"B", uid, msgid, gateway=gateway, epoch=epoch, **which)
        case Changed(uid, msgid):
            return _body(b"C", uid, msgid)
    raise TypeError(type(event).__name__)


def _encode_said(event: SaidTo | SaidLines) -> bytes:
    """What a plain `M` does not say."""
    kind, lines = b"S", event.line
    if isinstance(event, SaidLines):
        kind = b"Q"
        lines = b"".join((lines, *(b"\r%b%b" % (b"+" if goes_on else b" ", text) for goes_on, text in event.more)))
    fields = event.to.encode(), event.uid, event.msgid, event.account, event.tags
    return b" ".join((kind, *(field or b"-" for field in fields), lines))


def decode_event(value: bytes) -> Event:
    """Undo `encode_event`; what only a newer version can read is `Foreign`. Raises nothing: a log is read by all
    gateways again and again, and one entry must not stop them."""
    try:
        if value.startswith(b"M "):
            return _decode_said(value)
        if value.startswith(b"S "):
            _, to, said = value.split(b" ", 2)
            return SaidTo(*_decode_said(b"M " + said), to.decode())
        if value.startswith(b"D "):
            _, at, rest = value.split(b" ", 2)
            inner = decode_event(rest)
            return (
                Direct(inner.uid, inner.msgid, inner, Position(at))
                if isinstance(inner, Said | SaidLines)
                else Foreign()
            )
        if value.startswith(b"Q "):
            _, to, said = value.split(b" ", 2)
            uid, msgid, account, tags, lines = _decode_said(b"M " + said)
            line, *more = lines.split(b"\r")
            texts = tuple((text[:1] == b"+", text[1:]) for text in more)
            return SaidLines(uid, msgid, account, tags, line, texts, to.decode().strip("-"))
        return _decode_state(value)
    except (ValueError, LookupError, TypeError, AttributeError):  # what JSON may hold in place of what we expect
        return Foreign()


def _decode_said(value: bytes) -> Said:
    _, uid, msgid, account, tags, line = value.split(b" ", 5)
    return _said((uid, msgid, b"" if account == b"-" else account, b"" if tags == b"-" else tags, line))


def _decode_state(value: bytes) -> Event:
    kind, _, body = value.partition(b" ")
    if kind == b"R":
        gateway, joined, rest = body.split(b" ", 2)
        name, uids = GatewayId(gateway.decode().removeprefix("-")), tuple(Uid(uid) for uid in joined.split(b","))
        *sources, reason = rest.decode().split(" ", len(uids))
        return Reaped(name, uids, reason, sources=tuple(sources))
    if kind not in _STATE_KINDS:
        return Foreign()
    fields: dict[str, Any] = json.loads(body)
    if "uids" in fields:
        return LinkChanged(tuple(Uid(uid.encode()) for uid in fields["uids"]), GatewayId(fields["gateway"]))
    uid, msgid = Uid(fields["uid"].encode()), MsgId(fields["msgid"].encode())
    if (change := _CHANGE_OF_KIND.get(kind)) is not None:
        made = change(uid, msgid, fields[MEMBER_FIELDS[change]])
        return made._replace(source=fields["source"]) if isinstance(made, Renamed) else made
    match kind:
        case b"J":
            member, opening = decode_member(uid, fields["member"].encode()), fields.get("opening", 0)
            return Joined(uid, msgid, member, fields["names"], opening > 0, opening > 1)
        case b"P" | b"E":
            return Left(uid, msgid, LeftBy(fields["by"]), fields["reason"], kind == b"E", fields["source"])
        case b"G":
            return _decode_redacted(uid, msgid, fields)
        case b"T":
            return TopicSet(uid, msgid, fields["source"], fields["text"])
        case b"B" | b"C":
            return _decode_rebound(uid, msgid, fields) if kind == b"B" else Changed(uid, msgid)
        case b"K":
            return Kicked(
                uid, msgid, fields["source"], Uid(fields["target"].encode()), fields["reason"], fields["nick"]
            )
        case b"I":
            return Invited(uid, msgid, fields["source"], Uid(fields["target"].encode()), fields["nick"])
        case b"A":
            return _decode_restored(msgid, fields)
    return ModesSet(uid, msgid, fields["source"], tuple(ModeChange(*change) for change in fields["changes"]))


def _decode_rebound(uid: Uid, msgid: MsgId, fields: dict[str, Any]) -> Rebound:
    further = FurtherId(fields["further"].encode()) if "further" in fields else None
    return Rebound(uid, msgid, GatewayId(fields["gateway"]), int(fields["epoch"]), further)


def _decode_redacted(uid: Uid, msgid: MsgId, fields: dict[str, Any]) -> Redacted:
    redacted, position = MsgId(fields["redacted"].encode()), Position(fields["position"].encode())
    return Redacted(uid, msgid, fields["source"], redacted, position, fields["reason"], fields["to"])


def _decode_restored(msgid: MsgId, fields: dict[str, Any]) -> Restored:
    text, by, at_ms = fields["topic"]
    listed = tuple((str(name), str(who), int(ms)) for name, who, ms in fields["listed"])
    return Restored(
        msgid, str(fields["name"]), int(fields["created"]), Topic(str(text), str(by), int(at_ms)),
        str(fields["modes"]), str(fields["founder"]), str(fields["key"]), int(fields["limit"]), listed,
        history=str(fields["history"]),
    )  # fmt: skip


def _body(kind: bytes, uid: Uid, msgid: MsgId, **fields: object) -> bytes:
    body = {"uid": uid.decode(), "msgid": msgid.decode(), **fields}
    return kind + b" " + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def decode_announcement(payload: bytes) -> tuple[Position, list[Entry]]:
    """An announcement: the position before its first event, then `position event` a line."""
    prev, *lines = payload.split(b"\n")
    entries = []
    for line in lines:
        position, event = line.split(b" ", 1)
        entries.append(_entry((position, decode_event(event))))
    return Position(prev), entries


def decode_entries(reply: Any) -> list[Entry]:
    """The reply of XRANGE or XREVRANGE, in its order."""
    return [Entry(Position(position), decode_event(fields[1])) for position, fields in reply]


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
    state_reply: Any, members: dict[Uid, Member], lists_reply: Any, gateway: GatewayId, fallback_name: str
) -> Snapshot:
    """The replies of HGETALL for a room's state and lists, and its members, read in one transaction.

    `fallback_name` is the room's name where it does not exist yet.
    """
    state: dict[bytes, bytes] = pairs(state_reply)
    text = state.get(b"topic", b"").decode()
    topic = Topic(text, state.get(b"topic_by", b"").decode(), int(state.get(b"topic_at", b"0"))) if text else Topic()
    produced = state.get(b"g:" + gateway.encode(), b"0")
    lists, invited = from_entries(_decode_listed(*pair) for pair in pairs(lists_reply).items())
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
        members=members,
    )


def _decode_listed(name: bytes, value: bytes) -> tuple[str, str, int]:
    ms, _, by = value.decode().partition(" ")
    return name.decode(), by, int(ms)


def pairs(reply: Any) -> dict[bytes, bytes]:
    """The reply of HGETALL: RESP3 has a map for it, RESP2 a flat list."""
    if isinstance(reply, dict):
        return reply
    return dict(zip(reply[::2], reply[1::2], strict=True))

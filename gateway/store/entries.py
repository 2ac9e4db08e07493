"""Entries of a log ⇄ events.

An event in the log is `KIND BODY`. What is said keeps its finished line, so that delivering it needs no encoding:
`M uid msgid account tags line` (`-` for an empty field); `S modes` and the same is for a part of the members; `Q modes`
has several lines, each further one after a CR and a `+` if it goes on where the one before ended, else a blank; `D
position` and one of these is a direct message. Everything else is rare and has a JSON body.
"""

import json
from functools import partial
from typing import Any

from gateway.events import (
    MEMBER_FIELDS,
    AccountSet,
    AwaySet,
    Changed,
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
    Renamed,
    Restored,
    RoomRenamed,
    TopicSet,
)
from gateway.model import FurtherId, GatewayId, MsgId, Position, Topic, Uid
from gateway.spoken import Direct, Redacted, Said, SaidLines, SaidTo
from gateway.store.codec import decode_member, encode_member

__all__ = ["decode_announcement", "decode_entries", "decode_event", "encode_event"]

# The constructors of the hot path: half the cost of calling the classes by name.
_entry = partial(tuple.__new__, Entry)
_said = partial(tuple.__new__, Said)
_KIND_OF_CHANGE: dict[type[MemberChange], bytes] = {
    AccountSet: b"L", AwaySet: b"W", HostSet: b"H", NameSet: b"F", Renamed: b"N"
}  # fmt: skip
_CHANGE_OF_KIND = {kind: change for change, kind in _KIND_OF_CHANGE.items()}
_STATE_KINDS = frozenset(
    (b"J", b"P", b"G", b"K", b"N", b"L", b"W", b"F", b"H", b"T", b"O", b"I", b"A", b"B", b"C", b"E", b"V")
)


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
        case RoomRenamed(uid, msgid, source, before, name, reason, forgotten):
            gone = {"forgotten": forgotten} if forgotten else {}
            return _body(b"V", uid, msgid, source=source, before=before, name=name, reason=reason, **gone)
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
        case b"G" | b"V":
            return _decode_redacted(uid, msgid, fields) if kind == b"G" else _decode_renamed(uid, msgid, fields)
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


def _decode_renamed(uid: Uid, msgid: MsgId, fields: dict[str, Any]) -> RoomRenamed:
    before, name, gone = fields["before"], fields["name"], fields.get("forgotten", "")
    return RoomRenamed(uid, msgid, fields["source"], before, name, fields["reason"], gone)


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

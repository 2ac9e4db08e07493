"""Events as lines, encoded once per class of receiver. Pure. Source: IRCv3 server-time, message-ids, account-tag."""

from functools import lru_cache

from gateway.events import (
    AccountSet,
    AwaySet,
    Entry,
    Event,
    HostSet,
    Invited,
    Joined,
    Kicked,
    Left,
    LeftBy,
    LinkChanged,
    ModeChange,
    ModesSet,
    NameSet,
    Rebound,
    Renamed,
    RoomRenamed,
    Split,
    Splitting,
    TopicSet,
)
from gateway.model import Member, MsgId, time_ms
from gateway.people import LINK_LOST
from gateway.session.capabilities import (
    ACCOUNT_NOTIFY,
    ACCOUNT_TAG,
    AWAY_NOTIFY,
    CHGHOST,
    EXTENDED_JOIN,
    INVITE_NOTIFY,
    MULTILINE,
    REDACTION,
    RENAME,
    SERVER_TIME,
    SETNAME,
    TAGS,
)
from gateway.spoken import Direct, Redacted, Said, SaidLines, SaidTo
from gateway.wire.tags import escape, format_time

__all__ = ["in_batch", "render", "with_label"]

_SAID = (Said, SaidTo)


SPLIT = b"netsplit"  # the reference; no two are open at once, since the lines are written in one piece
LINES = b"lines"  # the same of a message of several lines
SPLIT_SIDES = (
    b"hubbub.chat gateway.hubbub.chat"  # all gateways have one server name, and their own are nobody's business
)


def render(entry: Entry, about: Member | None, room: str, render_class: int) -> bytes:
    """One event as one line (a message of several lines as more) for receivers of a class; empty where they do not get
    it (`rooms.ports.Render`)."""
    event = entry.event
    if isinstance(event, _SAID):
        if not render_class and b" TAGMSG " not in event.line:
            return event.line + b"\r\n"
        return _said(entry, event, render_class)
    if isinstance(event, SaidLines):
        return _lines(entry, event, render_class)
    if isinstance(event, Direct):
        # Its time is the one that history tells.
        return render(Entry(event.at, event.said), about, room, render_class)
    if isinstance(event, Split):
        return _split(entry, event, about, room, render_class)
    line = _state_line(event, about, room, render_class)
    if not line:
        return b""
    # A KICK is about the one it was done to, whose account has no business on it.
    account = about.account.encode() if about is not None and not isinstance(event, Kicked) else b""
    tags = _tags(entry, b"", account, render_class)
    if isinstance(event, Joined) and event.member.is_away and render_class & AWAY_NOTIFY:
        # IRCv3 away-notify: also "when a user joins and has an away message set".
        return b"%b%b\r\n%b%b\r\n" % (tags, line.encode(), tags, _away(event.member).encode())
    return tags + line.encode() + b"\r\n"


def _said(entry: Entry, event: Said | SaidTo, render_class: int) -> bytes:
    # A TAGMSG is nothing without its tags ("The TAGMSG tag-only message").
    if not render_class & TAGS and b" TAGMSG " in event.line[: event.line.find(b" :", 1)]:
        return b""
    return _tags(entry, event.tags, event.account, render_class) + event.line + b"\r\n"


def _lines(entry: Entry, event: SaidLines, render_class: int) -> bytes:
    """A batch, or for who does not know these the lines by themselves, without blank ones. Source: IRCv3 multiline,
    "Batch types", "Fallback"; only the first has the msgid ("Message ids"), all have the other tags: what they say of
    the message, that it answers another one say, holds for each of its lines."""
    head, _, first = event.line.partition(b" :")
    tags = _tags(entry, event.tags, event.account, render_class)
    if not render_class & MULTILINE:
        plain = [text for _, text in ((False, first), *event.more) if text]
        unnamed = entry._replace(event=event._replace(msgid=MsgId(b"")))
        more_tags = _tags(unnamed, event.tags, event.account, render_class)
        return b"".join(b"%b%b :%b\r\n" % (more_tags if at else tags, head, text) for at, text in enumerate(plain))
    source, _, target = head.split(b" ")
    parts = [b"%b%b BATCH +%b draft/multiline %b\r\n" % (tags, source, LINES, target)]
    for goes_on, text in ((False, first), *event.more):
        concat = b";draft/multiline-concat" if goes_on else b""
        parts.append(b"@batch=%b%b %b :%b\r\n" % (LINES, concat, head, text))
    return b"".join((*parts, b"BATCH -%b\r\n" % LINES))


def _split(entry: Entry, event: Split, about: Member | None, room: str, render_class: int) -> bytes:
    """Source: IRCv3 batch types, "netsplit"; its parameters name the two sides."""
    if event.line is Splitting.BEGINS:
        return b"BATCH +%b netsplit %b\r\n" % (SPLIT, SPLIT_SIDES)
    if event.left is None:
        return b"BATCH -%b\r\n" % SPLIT
    return in_batch(render(entry._replace(event=event.left), about, room, render_class), SPLIT.decode())


def _tags(entry: Entry, client_tags: bytes, account: bytes, render_class: int) -> bytes:
    if not render_class:
        return b""
    tags = []
    if render_class & SERVER_TIME:
        tags.append(b"time=" + _time(time_ms(entry.position)))
    if render_class & TAGS:
        if entry.event.msgid:
            tags.append(b"msgid=" + entry.event.msgid)
        if client_tags:
            tags.append(client_tags)
    if render_class & ACCOUNT_TAG and account:
        tags.append(b"account=" + account)
    return b"@" + b";".join(tags) + b" " if tags else b""


@lru_cache(maxsize=256)
def _time(at_ms: int) -> bytes:
    return format_time(at_ms).encode()


def _state_line(event: Event, about: Member | None, room: str, render_class: int) -> str:
    match event:
        case Joined(_, _, member):
            extended = f" {member.account or '*'} :{member.realname}" if render_class & EXTENDED_JOIN else ""
            return f":{member.source} JOIN {room}{extended}"
        case Redacted(_, _, source, redacted, _, reason, to) if render_class & REDACTION:
            line = f":{source} REDACT {to or room} {redacted.decode()}"
            return f"{line} :{reason}" if reason else line
        case TopicSet(_, _, source, text):
            return f":{source} TOPIC {room} :{text}"
        case ModesSet(_, _, source, changes):
            return f":{source} MODE {room} {_modes(changes)}"
        case Invited(_, _, source, _, nick) if render_class & INVITE_NOTIFY:
            return f":{source} INVITE {nick} {room}"
        case RoomRenamed(_, _, source, before, name, reason) if render_class & RENAME:
            return f":{source} RENAME {before} {name} :{reason}"
    return _line_about(event, about, room, render_class) if about is not None else ""


def _line_about(event: Event, about: Member, room: str, render_class: int) -> str:
    match event:
        case Left(_, _, by, reason):
            if by is LeftBy.QUIT:
                return f":{about.source} QUIT :{reason}"
            return f":{about.source} PART {room} :{reason}" if reason else f":{about.source} PART {room}"
        case Kicked(_, _, source, _, reason):
            return f":{source} KICK {room} {about.nick} :{reason}"
        case Renamed(_, _, nick):
            return f":{about.source} NICK {nick}"
        case LinkChanged(gateway=gateway) | Rebound(gateway=gateway):
            # Who came back before anybody was told was not away.
            changed = bool(gateway) != bool(about.gateway) and render_class & AWAY_NOTIFY
            return _away(about._replace(gateway=gateway)) if changed else ""
    return _detail(event, about, render_class)


def _detail(event: Event, about: Member, render_class: int) -> str:
    """What only clients are told who asked for it by a capability."""
    match event:
        case AccountSet(_, _, account) if render_class & ACCOUNT_NOTIFY:
            return f":{about.source} ACCOUNT {account or '*'}"
        case AwaySet(_, _, text) if render_class & AWAY_NOTIFY:
            return _away(about._replace(away=text))
        case NameSet(_, _, realname) if render_class & SETNAME:
            return f":{about.source} SETNAME :{realname}"
        case HostSet(_, _, host) if render_class & CHGHOST:
            return f":{about.source} CHGHOST {about.user} {host}"
    return ""


def _away(member: Member) -> str:
    text = member.away if member.gateway else LINK_LOST
    return f":{member.source} AWAY :{text}" if text else f":{member.source} AWAY"


def _modes(changes: tuple[ModeChange, ...]) -> str:
    letters, values, sign = "", [], ""
    for change_sign, letter, value, _ in changes:
        letters += letter if change_sign == sign else change_sign + letter
        sign = change_sign
        values += [value] if value else []
    return " ".join([letters, *values])


def with_label(line: bytes, label: str) -> bytes:
    """A finished line with the `label` tag in front. Source: IRCv3 labeled-response."""
    return _with_tag(line, b"label=" + escape(label).encode())


def in_batch(line: bytes, reference: str) -> bytes:
    """A finished line as part of a batch, or several of which those in a batch of their own stay there. Source: IRCv3
    batch."""
    tag = b"batch=" + reference.encode()
    if line.count(b"\n") == 1:
        return _with_tag(line, tag)
    lines = line.splitlines(keepends=True)
    return b"".join(each if each.startswith(b"@batch=") else _with_tag(each, tag) for each in lines)


def _with_tag(line: bytes, tag: bytes) -> bytes:
    return b"@" + tag + b";" + line[1:] if line.startswith(b"@") else b"@" + tag + b" " + line

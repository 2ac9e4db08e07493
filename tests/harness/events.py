"""Members and events for tests: plain ones by name, and any that the wire lets through, by hypothesis."""

import string

from hypothesis import strategies as st

from gateway.events import (
    AccountSet,
    AwaySet,
    Changed,
    Event,
    HostSet,
    Joined,
    Kicked,
    Left,
    LeftBy,
    ModeChange,
    ModesSet,
    NameSet,
    Rebound,
    Renamed,
    Restored,
    RoomRenamed,
    TopicSet,
)
from gateway.model import ORIGIN, FurtherId, GatewayId, Member, MsgId, Position, Topic, Uid
from gateway.rooms.ports import Change
from gateway.spoken import Direct, Redacted, Said, SaidLines

__all__ = ["events", "join", "leave", "member", "members", "promote", "rebind", "said", "set_topic", "uid_of"]


def uid_of(name: str) -> Uid:
    """The uid of the member `member(name)`."""
    return Uid(f"u-{name}".encode())


def member(name: str, *, gateway: str = "g1", modes: str = "") -> Member:
    """A member called `name`."""
    return Member(uid_of(name), name, f"~{name}", "host", "", f"{name} of the tests", GatewayId(gateway), modes)


def said(name: str, text: str) -> Said:
    """Something `member(name)` said; its msgid is the text."""
    line = f":{member(name).source} PRIVMSG #room :{text}".encode()
    return Said(uid_of(name), MsgId(text.replace(" ", "_").encode()), b"", b"", line)


def join(who: Member, *, permissions: Position | None = ORIGIN, msgid: str = "") -> Change:
    """`who` joins; a member with modes changes the permissions, as the founder does."""
    event = Joined(who.uid, MsgId((msgid or f"join-{who.nick}").encode()), who)
    return Change(
        event=event,
        permissions=permissions,
        uid=who.uid,
        need="out",
        member=who,
        state=(("name", "#room"), ("modes", "nt")) if who.modes else (),
        stamps=("created",) if who.modes else (),
    )


def leave(who: Member, by: LeftBy = LeftBy.PART, *, msgid: str = "") -> Change:
    """`who` leaves, whatever the permissions are."""
    event = Left(who.uid, MsgId((msgid or f"leave-{who.nick}").encode()), by, "bye")
    return Change(event=event, permissions=None, uid=who.uid, need="in", leaves=True)


def set_topic(who: Member, text: str, *, permissions: Position | None = None) -> Change:
    """`who` sets the topic."""
    event = TopicSet(who.uid, MsgId(b"topic"), who.source, text)
    fields = (("topic", text), ("topic_by", who.source))
    return Change(event=event, permissions=permissions, uid=who.uid, need="in", state=fields, stamps=("topic_at",))


def promote(who: Member, *, permissions: Position | None = None) -> Change:
    """`who` becomes operator: an event that changes the permissions."""
    event = ModesSet(who.uid, MsgId(b"mode"), who.source, (ModeChange("+", "o", who.nick, who.uid.decode()),))
    return Change(
        event=event,
        permissions=permissions,
        uid=who.uid,
        need="in",
        modes=((who.uid, "o"),),
    )


def rebind(who: Member, gateway: GatewayId, *, epoch: int = 1) -> Change:
    """`who` has come back on another gateway."""
    event = Rebound(who.uid, MsgId(b"rebind"), gateway, epoch)
    return Change(event=event, permissions=None, uid=who.uid, need="in", moves_to=gateway)


_word = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=12)
_accounts = _word.filter(lambda account: account != "-") | st.just("")  # "-" stands for none
_uids = _word.map(str.encode).map(Uid)
_msgids = _word.map(str.encode).map(MsgId)
_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=40)
_spaceless = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0 "), min_size=1, max_size=12)

members: st.SearchStrategy[Member] = st.builds(
    Member,
    uid=_uids,
    nick=_word,
    user=_spaceless,
    host=_spaceless,
    account=_accounts,
    realname=_text.filter(bool),
    gateway=(_word | st.just("")).filter(lambda gateway: gateway != "-").map(GatewayId),
    away=_text,
    modes=st.sampled_from(["", "o", "v", "ov"]),
)

_changes = st.builds(
    ModeChange, sign=st.sampled_from("+-"), letter=st.sampled_from("ovntbk"), value=_word, uid=st.just("") | _word
)
_lines = _text.map(lambda text: b":n!u@h PRIVMSG #room :" + text.encode())
_tags = _spaceless.map(lambda text: b"+tag=" + text.encode()) | st.just(b"")


def _direct(what: Said) -> Direct:
    return Direct(what.uid, what.msgid, what, Position(b"1700000000123-4"))


_kinds: list[st.SearchStrategy[Event]] = [
    st.builds(Said, uid=_uids, msgid=_msgids, account=_accounts.map(str.encode), tags=_tags, line=_lines),
    st.builds(
        SaidLines,
        uid=_uids,
        msgid=_msgids,
        account=_accounts.map(str.encode),
        tags=_tags,
        line=_lines,
        more=st.lists(st.tuples(st.booleans(), _text.map(str.encode)), min_size=1).map(tuple),
        to=st.sampled_from(["", "o", "ov"]),
    ),
    st.builds(lambda who, text: _direct(said(who, text or "x")), _word, _word),
    st.builds(
        Redacted,
        uid=_uids,
        msgid=_msgids,
        source=_spaceless,
        redacted=_msgids,
        position=st.just(Position(b"17-3")),
        reason=_text,
        to=_word | st.just(""),
    ),
    st.builds(Kicked, uid=_uids, msgid=_msgids, source=_spaceless, target=_uids, reason=_text, nick=_word),
    st.builds(lambda who, msgid: Joined(who.uid, msgid, who), members, _msgids),
    st.builds(Left, uid=_uids, msgid=_msgids, by=st.sampled_from(LeftBy), reason=_text, source=_spaceless),
    st.builds(Renamed, uid=_uids, msgid=_msgids, nick=_word, source=_spaceless),
    st.builds(AwaySet, uid=_uids, msgid=_msgids, text=_text),
    st.builds(NameSet, uid=_uids, msgid=_msgids, realname=_text),
    st.builds(HostSet, uid=_uids, msgid=_msgids, host=_spaceless),
    st.builds(AccountSet, uid=_uids, msgid=_msgids, account=_word | st.just("")),
    st.builds(
        RoomRenamed,
        uid=_uids,
        msgid=_msgids,
        source=_spaceless,
        before=_spaceless,
        name=_spaceless,
        reason=_text,
        forgotten=_word | st.just(""),
    ),
    st.builds(TopicSet, uid=_uids, msgid=_msgids, source=_spaceless, text=_text),
    st.builds(
        Restored,
        msgid=_msgids,
        name=_spaceless,
        created_ms=st.integers(1, 2**45),
        topic=st.builds(Topic, text=_text, by=_spaceless, at_ms=st.integers(0, 2**45)),
        modes=st.sampled_from(["", "nt"]),
        uid=st.just(Uid(b"")),
        history=st.sampled_from(["", "500:7d"]),
    ),
    st.builds(
        Rebound,
        uid=_uids,
        msgid=_msgids,
        gateway=_word.map(GatewayId),
        epoch=st.integers(0, 2**31),
        further=st.none() | _uids.map(FurtherId),
    ),
    st.builds(Changed, uid=_uids, msgid=_msgids),
    st.builds(ModesSet, uid=_uids, msgid=_msgids, source=_spaceless, changes=st.lists(_changes).map(tuple)),
]
events: st.SearchStrategy[Event] = st.one_of(_kinds)
"""Every kind that a gateway writes."""

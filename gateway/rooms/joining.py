"""Coming into a room: whether somebody may, and what it changes. Pure.

A room ends with its last member; its log, topic and modes stay in Redis for a day. Who comes then founds it again: as
operator, and with the modes of a new room. In an open one the talk goes on where it was. What was said behind `+i`,
`+k` or `+s` was not meant for whoever comes first, so it ends with the room. A room that belongs to an account does not
end: it waits for its founder, who is its operator whenever it joins, and keeps its modes and lists for everybody else.
A room that ended has no former names, and is called as it is founded.
"""

from gateway.events import Invited, Joined
from gateway.model import Member, MsgId
from gateway.rooms.ports import Change
from gateway.rooms.replica import DEFAULT_MODES, MAX_INVITED, Replica
from gateway.wire import numerics as n
from gateway.wire.names import casefold

__all__ = ["inviting", "join_refusal", "joining"]

_CLOSED = frozenset("is")  # a room with one of these, or with a key, is not for everybody


def join_refusal(replica: Replica, who: Member, key: str) -> str:
    """The numeric that says why somebody may not join now; empty: it may.

    An invitation overrides every one of them ("INVITE message": +i, and as servers do +k, +l and +b).
    """
    if who.uid in replica.invited or _founds(replica, who):
        return ""
    if replica.is_banned(who, mutes=False):
        return n.ERR_BANNEDFROMCHAN
    if "i" in replica.modes and not replica.is_excepted(who):
        return n.ERR_INVITEONLYCHAN
    if replica.key and key != replica.key:
        return n.ERR_BADCHANNELKEY
    if replica.limit and len(replica.members) >= replica.limit:
        return n.ERR_CHANNELISFULL
    return ""


def _founds(replica: Replica, who: Member) -> bool:
    """Whether somebody is operator by joining."""
    if replica.founder:
        return who.account == replica.founder
    return not replica.members


def joining(replica: Replica, who: Member, msgid: MsgId, name: str = "") -> tuple[Joined, Change]:
    """The event and the change of somebody who may join; `name` is what they call the room, should they found it
    again."""
    founds, is_new = _founds(replica, who), not replica.created_ms
    anew = not (replica.members or replica.founder or is_new)
    blank = anew and (bool(replica.key) or not _CLOSED.isdisjoint(replica.modes))
    member = who._replace(modes="o") if founds else who
    names = replica.name if is_new else name if anew and casefold(name) != casefold(replica.name) else ""
    event = Joined(who.uid, msgid, member, names, anew, blank)
    state: dict[str, str] = {}
    if is_new:
        state = {"name": replica.name, "modes": DEFAULT_MODES}
    elif anew:
        state = {"modes": DEFAULT_MODES, "key": "", "limit": "", "history": ""} | ({"topic": ""} if blank else {})
        state |= {"name": names} if names else {}
    if founds and who.account and not replica.founder:
        state["founder"] = who.account
    invited = who.uid in replica.invited
    return event, Change(
        event=event,
        permissions=replica.permissions,
        uid=who.uid,
        need="out",
        member=member,
        capacity=0 if founds or invited else replica.limit,
        anew=anew,
        blank=blank,
        state=tuple(state.items()),
        stamps=("created",) if is_new or blank else (),
        unlisted=(f"i {who.uid.decode()}",) if invited else (),
    )


def inviting(replica: Replica, event: Invited) -> Change:
    """The change of an invitation by a member who may invite."""
    full = event.target not in replica.invited and len(replica.invited) >= MAX_INVITED
    return Change(
        event=event,
        permissions=replica.permissions,
        uid=event.uid,
        need="in",
        listed=((f"i {event.target.decode()}", event.source),),
        unlisted=(f"i {replica.oldest_invited().decode()}",) if full else (),
    )

"""A room's state, made by applying its log after a snapshot. Pure: same entries, same state, on every gateway."""

from typing import Any

from gateway.events import (
    MEMBER_FIELDS,
    Entry,
    Event,
    Invited,
    Joined,
    Kicked,
    Left,
    LinkChanged,
    MemberChange,
    ModeChange,
    ModesSet,
    Reaped,
    Rebound,
    Restored,
    RoomRenamed,
    TopicSet,
)
from gateway.model import GatewayId, Listed, Member, MsgId, Position, Snapshot, Topic, Uid, time_ms
from gateway.rooms import lists
from gateway.spoken import Said
from gateway.wire.masks import mask_applies
from gateway.wire.names import RoomKey, casefold

__all__ = ["DEFAULT_MODES", "MAX_INVITED", "Replica", "changes_permissions"]

DEFAULT_MODES = "nt"  # no messages from outside; topic for operators
MAX_INVITED = 100  # invitations of one room; one more ends the oldest
_RESTRICTIVE = frozenset("Cm")


def changes_permissions(event: Event) -> bool:
    """Whether what was decided before the event has to be decided again.

    It depends on the event alone, never on a replica: Redis and all gateways have to agree, also while some of them
    do not know who is in.
    """
    match event:
        case Joined(member=member):
            return "o" in member.modes
        case Left(last=last):
            return last
        case Kicked() | ModesSet() | Invited() | Reaped() | Restored() | RoomRenamed():
            return True
        case _:
            return False


class Replica:
    """Answers NAMES, WHO, TOPIC and MODE without asking anybody.

    Attributes:
        restricted: not everybody in the room may say everything: `is_silenced` has to be asked. False means that all
            members may, so that the way of an ordinary message asks nothing else.
    """

    __slots__ = ("_silenced", "created_ms", "former", "founder", "history", "invited", "key", "last", "limit", "lists",
                 "members", "modes", "name", "permissions", "restored_at", "restricted", "topic")  # fmt: skip

    def __init__(self, name: str) -> None:
        self.reset(Snapshot(name=name))

    def reset(self, snapshot: Snapshot) -> None:
        """Start again from what Redis has."""
        self.name = snapshot.name
        self.last = snapshot.last
        self.permissions = snapshot.permissions
        self.restored_at = snapshot.restored
        self.created_ms = snapshot.created_ms
        self.founder = snapshot.founder
        self.topic = snapshot.topic
        self.modes = snapshot.modes
        self.key = snapshot.key
        self.limit = snapshot.limit
        self.history = snapshot.history
        self.lists = snapshot.lists
        self.invited = snapshot.invited
        self.former = snapshot.former
        self.members = snapshot.members
        self._forget_rights()

    def copy(self) -> "Replica":
        """Another one, as this is now."""
        copied = Replica(self.name)
        for name in self.__slots__:
            value = getattr(self, name)
            setattr(copied, name, dict(value) if isinstance(value, dict) else value)
        copied.lists = {letter: dict(masks) for letter, masks in self.lists.items()}
        return copied

    def apply(self, entry: Entry) -> tuple[Member, ...]:
        """Make the entry part of the state.

        Returns:
            The members it is about as they were before it (for `Joined`: as they are now; for `Kicked` and what
            operators do: the one it was done to, or who did it; for `LinkChanged`: those for whom it changes
            something); none for what is said.
        """
        position, event = entry
        self.last = position
        if event.__class__ is Said:
            return ()
        if changes_permissions(event):
            self.permissions = position
        if isinstance(event, MemberChange | Rebound | LinkChanged):
            return self._rewrite(event)
        match event:
            case Joined():
                return self._join(position, event)
            case Left(uid) | Kicked(target=uid):
                return self._leave(uid)
            case TopicSet(uid, _, source, text):
                self.topic = Topic(text, source, time_ms(position)) if text else Topic()
            case RoomRenamed(uid):
                self._rename(position, event)
            case ModesSet(uid):
                self._set_modes(event, Listed(event.source, time_ms(position)))
            case Invited(uid, _, source, target):
                self._invite(target, Listed(source, time_ms(position)))
            case Restored():
                self._restore(position, event)
                return ()
            case Reaped(_, uids):
                self._silenced.clear()
                return tuple(self.members.pop(uid) for uid in uids if uid in self.members)
            case _:
                return ()
        member = self.members.get(uid)
        return (member,) if member else ()

    def find(self, nick: str) -> Member | None:
        """The member of that nick."""
        wanted = casefold(nick)
        return next((member for member in self.members.values() if casefold(member.nick) == wanted), None)

    def is_silenced(self, who: Member) -> bool:
        """Whether modes and lists keep somebody, a member or not, from speaking.

        What was found for a member holds until the permissions or its nick change, so masks are not compared again
        for each message.
        """
        silenced = self._silenced.get(who.uid)
        if silenced is None:
            member = self.members.get(who.uid)
            silenced = not (member is not None and member.modes) and ("m" in self.modes or self.is_banned(who))
            if member is not None:
                self._silenced[who.uid] = silenced
        return silenced

    def is_banned(self, who: Member, *, mutes: bool = True) -> bool:
        """Whether a ban fits and no exception does; `mutes` False leaves out those that only forbid to speak."""
        return self._listed("b", who, mutes=mutes) and not self._listed("e", who)

    def is_excepted(self, who: Member) -> bool:
        """Whether somebody needs no invitation: `+I`, or one was made."""
        return who.uid in self.invited or self._listed("I", who)

    def named(self, event: ModesSet) -> ModesSet:
        """The event with the nicks that its members have now."""
        changes = tuple(
            change._replace(value=member.nick)
            if change.uid and (member := self.members.get(Uid(change.uid.encode()))) is not None
            else change
            for change in event.changes
        )
        return event._replace(changes=changes)

    def oldest_invited(self) -> Uid:
        """Whose invitation ends when there is one too many."""
        return min(self.invited, key=lambda uid: (self.invited[uid].at_ms, uid))

    def _listed(self, letter: str, who: Member, *, mutes: bool = True) -> bool:
        masks = self.lists.get(letter)
        if not masks:
            return False
        source = who.source
        return any(mask_applies(mask, source, who.account, mutes=mutes) for mask in masks)

    def restored(self, msgid: MsgId) -> Restored:
        """What is known here of the room, but for its members."""
        return Restored(
            msgid, self.name, self.created_ms, self.topic, self.modes, self.founder, self.key, self.limit,
            lists.entries((self.lists, self.invited, self.former)), history=self.history,
        )  # fmt: skip

    def _restore(self, position: Position, event: Restored) -> None:
        self.restored_at = position
        self.name, self.created_ms, self.founder = event.name, event.created_ms, event.founder
        self.topic, self.modes, self.key, self.limit = event.topic, event.modes, event.key, event.limit
        self.lists, self.invited, self.former = lists.from_entries(event.listed)
        self.history = event.history
        self._forget_rights()

    def _join(self, position: Position, event: Joined) -> tuple[Member, ...]:
        member = event.member
        # Two gateways may have opened a room that was not there yet under two spellings: the founder's holds.
        self.name = event.names or self.name
        if "o" in member.modes:
            self.founder = self.founder or member.account
        if event.blank or not self.created_ms:
            self.created_ms = time_ms(position)
            self.modes = DEFAULT_MODES
        if event.anew:
            self.modes, self.key, self.limit, self.lists, self.invited = DEFAULT_MODES, "", 0, {}, {}
            self.history, self.former = "", {}
            self._forget_rights()
        if event.blank:
            self.topic = Topic()
        self.invited.pop(event.uid, None)
        self._silenced.pop(event.uid, None)
        self.members[event.uid] = member
        return (member,)

    def _relink(self, uids: tuple[Uid, ...], gateway: GatewayId) -> tuple[Member, ...]:
        changed = tuple(
            member for uid in uids if (member := self.members.get(uid)) and bool(member.gateway) != bool(gateway)
        )
        for member in changed:
            self.members[member.uid] = member._replace(gateway=gateway)
        return changed

    def _rewrite(self, event: MemberChange | Rebound | LinkChanged) -> tuple[Member, ...]:
        if isinstance(event, LinkChanged):
            return self._relink(event.uids, event.gateway)
        member = self.members.get(event.uid)
        if member is None:
            return ()
        if isinstance(event, Rebound):
            self.members[event.uid] = member._replace(gateway=event.gateway)
        else:
            self.members[event.uid] = _with(member, event)
        self._silenced.pop(event.uid, None)  # a mask may name what has changed
        return (member,)

    def _leave(self, uid: Uid) -> tuple[Member, ...]:
        gone = self.members.pop(uid, None)
        self._silenced.pop(uid, None)
        return (gone,) if gone else ()

    def _set_modes(self, event: ModesSet, listed: Listed) -> None:
        for change in event.changes:
            self._set_mode(change, listed)
        self._forget_rights()

    def _set_mode(self, change: ModeChange, listed: Listed) -> None:
        sign, letter, value, uid_text = change
        if letter in "ov":
            uid = Uid(uid_text.encode())
            if member := self.members.get(uid):
                self.members[uid] = member._replace(modes=_changed(member.modes, sign, letter))
        elif letter in "beI":
            masks = self.lists.setdefault(letter, {})
            if sign == "+":
                masks[value] = listed
            else:
                masks.pop(value, None)
            if not masks:
                del self.lists[letter]
        elif letter == "k":
            self.key = value if sign == "+" else ""
        elif letter == "l":
            self.limit = int(value) if sign == "+" else 0
        elif letter == "H":
            self.history = value if sign == "+" else ""
        else:
            self.modes = _changed(self.modes, sign, letter)

    def _rename(self, position: Position, event: RoomRenamed) -> None:
        old, new = casefold(event.before), casefold(event.name)
        former = {name: listed for name, listed in self.former.items() if name not in {new, event.forgotten}}
        if old not in {new, event.forgotten}:
            former[RoomKey(old)] = Listed(event.before, time_ms(position))
        self.name, self.former = event.name, former

    def _invite(self, target: Uid, listed: Listed) -> None:
        if target not in self.invited and len(self.invited) >= MAX_INVITED:
            del self.invited[self.oldest_invited()]
        self.invited[target] = listed

    def _forget_rights(self) -> None:
        self._silenced: dict[Uid, bool] = {}
        self.restricted = bool(self.lists.get("b")) or not _RESTRICTIVE.isdisjoint(self.modes)


def _with(member: Member, event: MemberChange) -> Member:
    change: dict[str, Any] = {MEMBER_FIELDS[type(event)]: event[2]}
    return member._replace(**change)


def _changed(modes: str, sign: str, letter: str) -> str:
    kept = set(modes) - {letter} | ({letter} if sign == "+" else set())
    return "".join(sorted(kept))

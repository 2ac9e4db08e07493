"""A room's state, made by applying its log after a snapshot. Pure: same entries, same state, on every gateway."""

from gateway.model import (
    AccountSet,
    Entry,
    Joined,
    Left,
    Member,
    ModesSet,
    Position,
    Reaped,
    Renamed,
    Said,
    Snapshot,
    Topic,
    TopicSet,
    Uid,
    time_ms,
)

__all__ = ["DEFAULT_MODES", "Replica"]

DEFAULT_MODES = "nt"  # no messages from outside; topic for operators


class Replica:
    """Answers NAMES, WHO, TOPIC and MODE without asking anybody."""

    __slots__ = ("created_ms", "founder", "last", "members", "modes", "name", "permissions", "topic")

    def __init__(self, name: str) -> None:
        self.reset(Snapshot(name=name))

    def reset(self, snapshot: Snapshot) -> None:
        """Start again from what Redis has."""
        self.name = snapshot.name
        self.last = snapshot.last
        self.permissions = snapshot.permissions
        self.created_ms = snapshot.created_ms
        self.founder = snapshot.founder
        self.topic = snapshot.topic
        self.modes = snapshot.modes
        self.members = snapshot.members

    def apply(self, entry: Entry) -> tuple[Member, ...]:
        """Make the entry part of the state.

        Returns:
            The members it is about as they were before it (for `Joined`: as they are now); none for what is said.
        """
        position, event = entry
        self.last = position
        if event.__class__ is Said:
            return ()
        match event:
            case Joined(uid, _, joined, names):
                # Two gateways may have opened a room that was not there yet under two spellings: the founder's holds.
                self.name = names or self.name
                return self._join(position, uid, joined)
            case Left(uid):
                gone = self.members.pop(uid, None)
                return (gone,) if gone else ()
            case Renamed(uid, _, nick):
                member = self.members.get(uid)
                if member is None:
                    return ()
                self.members[uid] = member._replace(nick=nick)
                return (member,)
            case AccountSet(uid, _, account):
                member = self.members.get(uid)
                if member is None:
                    return ()
                self.members[uid] = member._replace(account=account)
                return (member,)
            case TopicSet(uid, _, source, text):
                self.topic = Topic(text, source, time_ms(position)) if text else Topic()
                member = self.members.get(uid)
                return (member,) if member else ()
            case ModesSet():
                return self._set_modes(position, event)
            case Reaped(_, uids):
                self.permissions = position
                return tuple(self.members.pop(uid) for uid in uids if uid in self.members)
        return ()

    def _join(self, position: Position, uid: Uid, member: Member) -> tuple[Member, ...]:
        if "o" in member.modes:
            self.permissions = position
            self.founder = self.founder or member.account
        if not self.created_ms:
            self.created_ms = time_ms(position)
            self.modes = DEFAULT_MODES
        self.members[uid] = member
        return (member,)

    def _set_modes(self, position: Position, event: ModesSet) -> tuple[Member, ...]:
        self.permissions = position
        for sign, letter, value in event.changes:
            if letter in "ov":
                uid = Uid(value.encode())
                if member := self.members.get(uid):
                    kept = set(member.modes) - {letter} | ({letter} if sign == "+" else set())
                    self.members[uid] = member._replace(modes="".join(sorted(kept)))
            else:
                kept = set(self.modes) - {letter} | ({letter} if sign == "+" else set())
                self.modes = "".join(sorted(kept))
        member = self.members.get(event.uid)
        return (member,) if member else ()

"""Who may do what in a room, decided on its replica. Pure; everything here is decided again when permissions change.

Source: https://modern.ircdocs.horse/#channel-modes.
"""

from gateway.model import Member, Uid
from gateway.rooms.replica import Replica

__all__ = ["is_operator", "is_visible", "may_speak"]

_ACTION = b"\x01ACTION "


def is_operator(replica: Replica, uid: Uid) -> bool:
    """Whether a member has `o`."""
    member = replica.members.get(uid)
    return member is not None and "o" in member.modes


def is_visible(replica: Replica, uid: Uid) -> bool:
    """Whether somebody may know that the room is there (`+s`)."""
    return bool(replica.members) and ("s" not in replica.modes or uid in replica.members)


def may_speak(replica: Replica, who: Member, line: bytes) -> bool:
    """Whether somebody, a member or not, may say `line` (source and command included)."""
    if who.uid not in replica.members and ("n" in replica.modes or not replica.members):
        return False
    if not replica.restricted:
        return True
    return not ("C" in replica.modes and _is_ctcp(line)) and not replica.is_silenced(who)


def _is_ctcp(line: bytes) -> bool:
    """CTCP other than ACTION (`+C`)."""
    text = line.partition(b" :")[2]
    return text.startswith(b"\x01") and not text.startswith(_ACTION)

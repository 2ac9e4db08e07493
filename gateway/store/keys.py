"""Every key and channel name. Version and hash tag in each, so that one room, one user is one slot.

Source: Redis Cluster specification, "Hash tags".
"""

from typing import NamedTuple

from gateway.model import AttachmentId, GatewayId, LogKey, Uid
from gateway.wire.names import NickKey, RoomKey

__all__ = [
    "ACCOUNTS_SECRET",
    "BURIED",
    "DATA_NAME",
    "DELETED_ACCOUNTS",
    "DRAINS",
    "FIGURES",
    "GRACES",
    "HEARTBEATS",
    "LOST",
    "MARK",
    "MOST_USERS",
    "REAPED",
    "ROOM_SIZES",
    "WHOWAS",
    "LogKeys",
    "account",
    "attachment_record",
    "attachments",
    "certificate_owner",
    "cluster_mark",
    "conversation_log",
    "conversation_peers",
    "gateway_logs",
    "gateway_positions",
    "gateway_users",
    "inbox_log",
    "is_log_channel",
    "is_room",
    "log_keys",
    "log_of_channel",
    "nick_claim",
    "nick_of",
    "nick_owner",
    "rate",
    "read_markers",
    "renaming",
    "room_log",
    "session_positions",
    "session_rooms",
    "session_watches",
    "unverified_account",
    "user_record",
]

_VERSION = "c1"  # a layout that old gateways cannot read gets another, and the two do not meet
_LOG_CHANNELS = tuple(f"{_VERSION}:{{{kind}:" for kind in "rid")  # of rooms, inboxes, conversations
_UNSAFE = str.maketrans({"%": "%25", "{": "%7B", "}": "%7D"})  # a brace in a name would move the hash tag

HEARTBEATS = f"{_VERSION}:{{gateways}}:heartbeats"  # zset: gateway -> ms of its last beat, by the clock of Redis
BURIED = f"{_VERSION}:{{gateways}}:buried"  # hash: dead gateway -> "reaper|ms"
REAPED = f"{_VERSION}:{{gateways}}:reaped"  # zset: gateway that was buried and reaped -> ms, kept for a day
DATA_NAME = f"{_VERSION}:{{gateways}}:data"  # string: made with the first beat; another one: all was lost
FIGURES = f"{_VERSION}:{{gateways}}:figures"  # hash: gateway -> "users unregistered operators invisible"
MOST_USERS = f"{_VERSION}:{{gateways}}:most-users"  # string: the most users there ever were at once
DRAINS = f"{_VERSION}:{{gateways}}:drains"  # set: gateways somebody asked to drain
GRACES = f"{_VERSION}:{{sessions}}:graces"  # zset: detached attachment -> ms when its grace ends
LOST = f"{_VERSION}:{{sessions}}:lost"  # zset: uid of one that nobody was told about yet -> ms when it is shown as away
WHOWAS = tuple(f"{_VERSION}:{{whowas}}:{name}" for name in ("entries", "ages"))
"""Hash: nick -> who had it last; zset: nick -> ms when one of them gave it up. See `whowas_note.lua`."""
NETWORK_BANS = tuple(f"{_VERSION}:{{network}}:{name}" for name in ("bans", "ban-ends", "ban-version"))
"""Hash: mask -> "set-ms end-ms json"; zset: mask -> ms when it ends; how often they changed."""
NOTICES = f"{_VERSION}:{{network}}:notices"  # stream: "mode line" for all users with that mode
ROOM_SIZES = f"{_VERSION}:{{rooms}}:sizes"  # zset: room key -> members, for LIST
MARK = f"{_VERSION}:{{mark}}"  # string: written before each WAIT
ACCOUNTS_SECRET = f"{_VERSION}:{{accounts}}:secret"  # string: makes the salts shown for accounts that do not exist
DELETED_ACCOUNTS = f"{_VERSION}:{{accounts}}:deleted"  # zset: account key -> ms of its deletion, kept for minutes


class LogKeys(NamedTuple):
    """The keys of one log, all in one slot. Those that not everything said needs are made when asked for: a gateway
    keeps these for each open room."""

    state: str  # hash: last, born, permissions, name, created, topic..., and per gateway the number of its last batch
    log: str  # stream: the events
    channel: str  # shard channel of the announcements; in a cluster each master has its own (`store.cluster`)

    @property
    def members(self) -> str:
        """Hash: uid -> member."""
        return f"{self.channel}:members"

    @property
    def lists(self) -> str:
        """Hash: "b mask", "e mask", "I mask", "i uid" -> "ms who"."""
        return f"{self.channel}:lists"

    @property
    def sent(self) -> str:
        """Hash: key of a client's -> "owner msgid position" of what was said under it."""
        return f"{self.channel}:sent"

    @property
    def sent_before(self) -> str:
        """The same, the generation before; see `room_msg.lua`."""
        return f"{self.channel}:sent-before"

    @property
    def alias(self) -> str:
        """String: the room that answers to this name, which is not its first; `?` in front while it gets it."""
        return f"{self.channel}:alias"


def room_log(room: RoomKey) -> LogKey:
    """The log of a room."""
    return LogKey(f"r:{room}")


def inbox_log(uid: Uid) -> LogKey:
    """The log of a user's direct messages."""
    return LogKey(f"i:{uid.decode()}")


def conversation_log(one: str, other: str) -> LogKey:
    """The log of what two people said to each other; each is `a:` and an account, or `u:` and a uid."""
    return LogKey("d:" + " ".join(sorted((one, other))))


def is_room(log: LogKey) -> bool:
    """Whether a log is a room's, and not an inbox or a conversation."""
    return log.startswith("r:")


def log_keys(log: LogKey) -> LogKeys:
    """The keys of a log."""
    tag = f"{_VERSION}:{{{log.translate(_UNSAFE)}}}"
    return LogKeys(f"{tag}:state", f"{tag}:log", tag)


def log_of_channel(channel: str) -> LogKey:
    """The log whose announcements a channel carries; undoes `log_keys(log).channel`."""
    name = channel[len(_VERSION) + 2 : -1]
    return LogKey(name.replace("%7B", "{").replace("%7D", "}").replace("%25", "%"))


def is_log_channel(name: str) -> bool:
    """Whether a name is the channel of a log, and neither a key nor the channel of a nick."""
    return name.startswith(_LOG_CHANNELS) and name.endswith("}")


def nick_claim(nick: NickKey) -> str:
    """String: the uid that holds a nick; also the shard channel of who watches it."""
    return f"{_VERSION}:{{n:{nick.translate(_UNSAFE)}}}"


def nick_of(log: LogKey) -> NickKey | None:
    """The nick whose channel `log_of_channel` found; None where it was a log's."""
    return NickKey(log[2:]) if log.startswith("n:") else None


def nick_owner(nick: NickKey) -> str:
    """String: the account a nick is reserved for; behind a `?` one that is not verified yet, and so keeps nobody from
    using the nick. In the slot of its claim."""
    return f"{nick_claim(nick)}:owner"


def account(name: NickKey) -> str:
    """Hash: an account; one that was deleted keeps its key, so that nobody else gets what was its."""
    return f"{_VERSION}:{{a:{name.translate(_UNSAFE)}}}"


def unverified_account(name: NickKey) -> str:
    """Hash: an account that waits for the code that was mailed to its owner; in the slot of the account."""
    return f"{account(name)}:unverified"


def certificate_owner(fingerprint: str) -> str:
    """String: the account a client's certificate logs in to."""
    return f"{_VERSION}:{{f:{fingerprint}}}"


def conversation_peers(who: str) -> tuple[str, str, str]:
    """Zset: whom somebody talked with -> ms of the last time; hash: whom -> nick; zset: uid of their own session that
    talked -> ms of the last time."""
    tag = f"{_VERSION}:{{h:{who.translate(_UNSAFE)}}}"
    return f"{tag}:times", f"{tag}:nicks", f"{tag}:inboxes"


def read_markers(who: str) -> tuple[str, str]:
    """Zset: casefolded target -> ms up to which somebody has read it; zset: uid of a session to be told -> ms."""
    tag = f"{_VERSION}:{{m:{who.translate(_UNSAFE)}}}"
    return f"{tag}:read", f"{tag}:sessions"


def rate(kind: str, who: str) -> str:
    """String: until when somebody has used up a rate, in ms since 1970 by the clock of Redis."""
    return f"{_VERSION}:{{q:{kind}:{who.translate(_UNSAFE)}}}"


def user_record(uid: Uid) -> str:
    """Hash: who a session is and which gateway holds it."""
    return f"{_VERSION}:{{u:{uid.decode()}}}"


def attachment_record(attachment: AttachmentId) -> str:
    """Hash: which gateway holds an attachment, its token and its epoch; of the first one: the session's record."""
    uid, _, further = attachment.decode().partition("~")
    return f"{_VERSION}:{{u:{uid}}}" + (f":~{further}" if further else "")


def attachments(uid: Uid) -> str:
    """Hash of a session that was ever shared: attachment -> "state ms away"; `session_attach.lua` has the states."""
    return f"{_VERSION}:{{u:{uid.decode()}}}:attached"


def renaming(uid: Uid) -> str:
    """String: one of a shared session's attachments changes the nick now; it has a short life."""
    return f"{_VERSION}:{{u:{uid.decode()}}}:renaming"


def session_rooms(uid: Uid) -> str:
    """Set: every room a session may be in; written before it joins, and removed after it left."""
    return f"{_VERSION}:{{u:{uid.decode()}}}:rooms"


def session_positions(attachment: AttachmentId) -> str:
    """Hash: log -> the last position the client of a detached attachment had; what follows it was missed."""
    return f"{attachment_record(attachment)}:positions"


def session_watches(attachment: AttachmentId) -> str:
    """Set: the nicks on an attachment's MONITOR list, as its client wrote them."""
    return f"{attachment_record(attachment)}:watches"


def gateway_users(gateway: GatewayId) -> str:
    """Set: every attachment a gateway may hold; written before the session exists."""
    return f"{_VERSION}:{{g:{gateway}}}:users"


def gateway_positions(gateway: GatewayId) -> str:
    """Hash: log -> position a gateway had delivered at its last beat; for the sessions it dies with."""
    return f"{_VERSION}:{{g:{gateway}}}:positions"


def gateway_logs(gateway: GatewayId) -> str:
    """Set: every log a gateway may have members in; written before the first join."""
    return f"{_VERSION}:{{g:{gateway}}}:logs"


def cluster_mark(number: int) -> str:
    """String: as `MARK`; each master has some of these in its slots."""
    return f"{_VERSION}:{{mark{number}}}"

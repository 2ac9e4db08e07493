"""A session's record ⇄ the model."""

from typing import Any

from gateway.model import GatewayId, Uid
from gateway.people import LINK_LOST, User
from gateway.store.codec import pairs

__all__ = ["decode_user", "encode_user", "shown_away"]


def encode_user(user: User) -> list[str]:
    """Fields and values of a session's record, in turn; not its epoch, which only `session_*.lua` write."""
    fields = {
        "nick": user.nick,
        "user": user.user,
        "host": user.host,
        "realname": user.realname,
        "account": user.account,
        "away": user.away,
        "signed_on_s": str(user.signed_on_s),
        "gateway": user.gateway,
        "operator": "1" if user.operator else "",
        "modes": user.modes,
        "secure": "1" if user.secure else "",
        "certificate": user.certificate,
        "active_s": str(user.active_s),
    }
    return [part for pair in fields.items() for part in pair]


def decode_user(uid: Uid, reply: Any, *, as_shown: bool = True) -> User | None:
    """A record; None when there is none, or its session is not registered yet, or over.

    As it is shown to others, who has lost its connection is away, whatever it said before.
    """
    text = {key.decode(): value.decode() for key, value in pairs(reply).items()}
    if "nick" not in text:
        return None
    return User(
        uid,
        text["nick"],
        text["user"],
        text["host"],
        text["realname"],
        text["account"],
        shown_away(text.get("state"), text["away"]) if as_shown else text["away"],
        int(text["signed_on_s"]),
        GatewayId(text["gateway"]),
        bool(text["operator"]),
        text.get("modes", ""),
        int(text["epoch"]),
        bool(text.get("secure")),
        text.get("certificate", ""),
        int(text.get("active_s", "0")),
    )


def shown_away(state: str | None, away: str | None) -> str:
    """What others are told of a session's absence; empty: it is here."""
    return LINK_LOST if state in {"detached", "reaping"} else away or ""

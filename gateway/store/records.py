"""A session's record ⇄ the model."""

from typing import Any

from gateway.model import GatewayId, Uid
from gateway.people import LINK_LOST, User
from gateway.store.codec import pairs

__all__ = ["decode_user", "encode_user", "shown_away"]


def encode_user(user: User) -> list[str]:
    """Fields and values that all attachments of a session have in common, in turn."""
    fields = {
        "nick": user.nick,
        "user": user.user,
        "host": user.host,
        "realname": user.realname,
        "account": user.account,
        "signed_on_s": str(user.signed_on_s),
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
        shown_away(text.get("state"), text.get("away"), text.get("live")) if as_shown else text.get("away", ""),
        int(text["signed_on_s"]),
        GatewayId(text.get("gateway", "")),
        bool(text["operator"]),
        text.get("modes", ""),
        int(text.get("epoch", 0)),
        bool(text.get("secure")),
        text.get("certificate", ""),
        int(text.get("active_s", "0")),
    )


def shown_away(state: str | None, away: str | None, live: str | None = None) -> str:
    """What others are told of a session's absence; empty: it is here.

    Args:
        state: of the session's first attachment.
        away: what `session_presence.lua` has decided.
        live: how many attachments of a session that was ever shared have a connection.
    """
    lost = state in {"detached", "reaping"} if live is None else live == "0"
    return LINK_LOST if lost else away or ""

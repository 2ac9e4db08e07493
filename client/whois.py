"""The answers to WHOIS in words. Pure. Source: RFC 2812 section 5.1; https://modern.ircdocs.horse/#rplwhoisuser-311."""

from collections.abc import Sequence
from datetime import UTC, datetime

from client.wording import span
from gateway.wire import numerics

__all__ = ["WHOIS", "whois"]

WHOIS = frozenset(
    {
        numerics.RPL_WHOISUSER,
        numerics.RPL_WHOISSERVER,
        numerics.RPL_WHOISIDLE,
        numerics.RPL_WHOISCHANNELS,
        numerics.RPL_WHOISACCOUNT,
        numerics.RPL_AWAY,
    }
)
MAX_DIGITS = 12  # of a number of seconds; more is no time


def whois(code: str, params: Sequence[str]) -> str:
    """One reply, without the nick of whom it is for, as a sentence; empty where it says nothing."""
    match code, params:
        case numerics.RPL_WHOISUSER, [nick, user, host, _, realname]:
            return f"{nick} is {user}@{host}: {realname}"
        case numerics.RPL_WHOISCHANNELS, [nick, *_, rooms]:
            return f"{nick} is in {rooms.strip()}"
        case numerics.RPL_WHOISSERVER, [nick, server, *about]:
            return f"{nick} is on {server}" + (f" ({about[-1]})" if about and about[-1] else "")
        case numerics.RPL_AWAY, [nick, text, *_]:
            return f"{nick} is away: {text}"
        case numerics.RPL_WHOISACCOUNT, [nick, account, *_]:
            return f"{nick} is logged in as {account}"
        case numerics.RPL_WHOISIDLE, [nick, idle, *rest]:
            facts = [fact for fact in (_idle(idle), _since(rest)) if fact]
            return f"{nick} " + ", ".join(facts) if facts else ""
    return " ".join(params)


def _idle(seconds: str) -> str:
    if not _is_number(seconds):
        return ""
    idle_s = int(seconds)
    return f"has said nothing for {span(idle_s)}" if idle_s else ""  # 0 is what servers say that do not know


def _since(rest: Sequence[str]) -> str:
    if len(rest) < 2 or not _is_number(rest[0]):
        return ""
    try:
        return f"is connected since {datetime.fromtimestamp(int(rest[0]), UTC).astimezone():%F %H:%M}"
    except (OverflowError, ValueError, OSError):
        return ""


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS

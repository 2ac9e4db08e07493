"""WHO with chosen fields. Pure. Source: https://ircv3.net/specs/extensions/whox."""

from typing import NamedTuple

__all__ = ["WhoxQuery", "whox_query"]

FIELDS = "tcuihsnfdlaor"  # in the order of the answer, whatever that of the question
MAX_TOKEN = 3  # digits


class WhoxQuery(NamedTuple):
    """What was asked for."""

    fields: str
    token: str

    def answer(self, values: dict[str, str]) -> list[str]:
        """The parameters of a 354, from the values of all fields but the token."""
        return [self.token if field == "t" else values[field] for field in FIELDS if field in self.fields]


def whox_query(param: str) -> WhoxQuery | None:
    """Read `%fields[,token]`, the last parameter of WHO; None where it is something else.

    Fields that do not exist are left out.
    """
    if not param.startswith("%"):
        return None
    fields, _, token = param[1:].partition(",")
    usable = token.isascii() and token.isdecimal() and len(token) <= MAX_TOKEN
    return WhoxQuery("".join(field for field in FIELDS if field in fields), token if usable else "0")

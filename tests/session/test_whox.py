"""WHO with chosen fields. Source: https://ircv3.net/specs/extensions/whox."""

import pytest

from gateway.session.whox import FIELDS, whox_query

VALUES = {field: field.upper() for field in FIELDS}


@pytest.mark.parametrize(
    ("param", "answer"),
    [
        ("%nat,42", "42 N A"),
        ("%tan,007", "007 N A"),
        ("%rc", "C R"),
        ("%tn", "0 N"),
        ("%tn,1234", "0 N"),  # "up to three digits"
        ("%tn,x", "0 N"),
        ("%", ""),
        ("%nXn", "N"),
        (f"%{FIELDS[::-1]},1", "1 C U I H S N F D L A O R"),
    ],
)
def test_fields_come_in_their_own_order(param: str, answer: str) -> None:
    """Whatever the order of the question; once each; unknown ones are left out."""
    query = whox_query(param)
    assert query is not None
    assert " ".join(query.answer(VALUES)) == answer


def test_another_parameter_is_no_query() -> None:
    """`WHO mask o` is the question of RFC 1459."""
    assert whox_query("o") is None

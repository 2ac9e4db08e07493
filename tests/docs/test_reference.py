"""The generated reference is what the code is now, and every numeric in it is asked for by some test."""

import ast
import re

from tests.docs.reference import PATH, REPOSITORY, numbers, reference, senders


def test_the_reference_is_up_to_date() -> None:
    """After a change of a table: `make reference`."""
    assert PATH.read_text() == reference(), "docs/reference.md is out of date: run `make reference`"


def test_numerics_are_asked_for() -> None:
    """A numeric that the gateway can send is named in a test; which it is cannot be seen from here, only that none was
    forgotten."""
    named: set[str] = set()
    for path in (REPOSITORY / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named.add(node.value)
    users = senders()
    assert [number for name, number in numbers().items() if users[name] and number not in named] == []


def test_numerics_are_numbers() -> None:
    """Three digits, each number once (RFC 2812 section 2.4)."""
    found = list(numbers().values())
    assert all(re.fullmatch("[0-9]{3}", number) for number in found)
    assert len(set(found)) == len(found)

"""no-implicit-names. Source: https://ircv3.net/specs/extensions/no-implicit-names."""

import pytest

from tests.harness.network import Connect


@pytest.mark.parametrize("name", ["no-implicit-names", "draft/no-implicit-names"])
async def test_names_only_when_asked(dial: Connect, nick: str, room: str, name: str) -> None:
    """ "servers MUST NOT send an implicit NAMES reply after sending a JOIN message" but "MUST reply to explicit NAMES
    commands"; under the draft's name as well."""
    ann = await dial(nick, caps=(name,))
    await ann.send(f"JOIN {room}", f"NAMES {room}", "CAP LIST")
    told = await ann.barrier()
    assert [m.command for m in told] == ["JOIN", "353", "366", "CAP"]
    assert name in told[-1].params[-1].split()

"""CHATHISTORY. Source: IRCv3 draft/chathistory."""

import pytest

from gateway.wire.message import Message
from tests.harness.irc_peer import IrcPeer
from tests.harness.network import Connect
from tests.harness.steps import ALL, join

CAPS = (*ALL, "draft/chathistory", "standard-replies")


async def ask(peer: IrcPeer, request: str) -> list[str]:
    """The texts of one chathistory batch."""
    await peer.send(f"CHATHISTORY {request}")
    start = await peer.expect("BATCH")
    assert start.params[1] == "chathistory"
    texts = []
    while (message := await peer.read()).command != "BATCH":
        assert message.tags["batch"] == start.params[0][1:]
        texts.append(message.params[1])
    return texts


@pytest.fixture
async def told(connect: Connect, room: str) -> tuple[IrcPeer, str, list[Message]]:
    """A peer in a room where ten lines were said."""
    ann = await connect(f"ch{room[1:]}", caps=CAPS)
    await join(room, ann)
    said = []
    for number in range(10):
        # One at a time, so that each has a millisecond of its own and may be named by its time.
        await ann.send(f"PRIVMSG {room} :{number}")
        said.append(await ann.expect("PRIVMSG"))
    return ann, room, said


async def test_latest_before_after(told: tuple[IrcPeer, str, list[Message]]) -> None:
    """Each in ascending order, the reference itself left out."""
    ann, room, said = told
    fifth = f"msgid={said[5].tags['msgid']}"
    assert await ask(ann, f"LATEST {room} * 3") == ["7", "8", "9"]
    assert await ask(ann, f"LATEST {room} {fifth} 10") == ["6", "7", "8", "9"]
    assert await ask(ann, f"BEFORE {room} {fifth} 3") == ["2", "3", "4"]
    assert await ask(ann, f"AFTER {room} {fifth} 2") == ["6", "7"]
    assert await ask(ann, f"AFTER {room} msgid={said[9].tags['msgid']} 10") == []


async def test_around_and_between(told: tuple[IrcPeer, str, list[Message]]) -> None:
    """AROUND has the message in the middle; BETWEEN leaves both ends out, in either direction."""
    ann, room, said = told
    second, eighth = f"msgid={said[2].tags['msgid']}", f"msgid={said[8].tags['msgid']}"
    assert await ask(ann, f"AROUND {room} msgid={said[5].tags['msgid']} 5") == ["3", "4", "5", "6", "7"]
    assert await ask(ann, f"BETWEEN {room} {second} {eighth} 10") == ["3", "4", "5", "6", "7"]
    assert await ask(ann, f"BETWEEN {room} {second} {eighth} 2") == ["3", "4"]
    assert await ask(ann, f"BETWEEN {room} {eighth} {second} 2") == ["6", "7"]


async def test_by_timestamp(told: tuple[IrcPeer, str, list[Message]]) -> None:
    """A time stands for all messages of its millisecond."""
    ann, room, said = told
    at = said[4].tags["time"]
    later = [m.params[1] for m in said if m.tags["time"] > at]
    earlier = [m.params[1] for m in said if m.tags["time"] < at]
    assert await ask(ann, f"AFTER {room} timestamp={at} 50") == later
    assert await ask(ann, f"BEFORE {room} timestamp={at} 50") == earlier


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ("LATEST", "NEED_MORE_PARAMS"),
        ("NOTHING #x * 5", "INVALID_PARAMS"),
        ("LATEST {room} * none", "INVALID_PARAMS"),
        ("LATEST {room} * 0", "INVALID_PARAMS"),
        ("LATEST #elsewhere * 5", "INVALID_TARGET"),
        ("AFTER {room} msgid=nothere 5", "MESSAGE_ERROR"),
        ("AFTER {room} timestamp=yesterday 5", "INVALID_PARAMS"),
        ("AFTER {room} rubbish 5", "INVALID_PARAMS"),
    ],
)
async def test_refusals(connect: Connect, room: str, request_: str, code: str) -> None:
    """FAIL CHATHISTORY with the code of the specification."""
    ann = await connect(f"chf{room[1:]}", caps=CAPS)
    await join(room, ann)
    await ann.send("CHATHISTORY " + request_.format(room=room))
    assert (await ann.expect("FAIL")).params[:2] == ("CHATHISTORY", code)

"""A witness that comes back: against a server that says exact lines, as docs/protocol.md has them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.harness.court import Court
from tests.harness.deadlines import DEADLINE_S, eventually
from tests.harness.sights import Kind
from tests.harness.witness import RESIDENT, SessionEndedError, Witness

ROOM = "#tea"
GRANTED = ("echo-message", "message-tags", "server-time", "batch", "labeled-response", "draft/chathistory")
VENDOR = ("hubbub.chat/resume", "hubbub.chat/idem")


class Line:
    """One accepted connection, from the server's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def hear(self, text: str) -> str:
        """The next line that has this in it."""
        async with asyncio.timeout(DEADLINE_S):
            while text not in (line := (await self._reader.readline()).decode().rstrip()):
                assert line, f"the end came before {text!r}"
            return line

    def tell(self, *lines: str) -> None:
        """Say lines."""
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())

    async def welcome(self, *extra: str) -> None:
        """Grant everything, and register without a resumption."""
        await self.hear("CAP END")
        self.tell(f":hub CAP ann ACK :{' '.join((*GRANTED, *VENDOR))}", ":hub 001 ann :hi", ":hub 422 ann :no", *extra)

    async def take_back(self, token: str) -> None:
        """Resume the session of this token, which is in the room."""
        await self.hear(f"RESUME {token}")
        self.tell(f":hub CAP ann ACK :{' '.join((*GRANTED, *VENDOR))}", ":hub RESUME SUCCESS ann", ":hub 001 ann :hi")
        self.tell(":hub 422 ann :no", ":hub RESUME TOKEN next", f":ann!a@h JOIN {ROOM}")


Play = Callable[[Line], Awaitable[None]]


@asynccontextmanager
async def facing(*plays: Play) -> AsyncIterator[tuple[Witness, tuple[str, int]]]:
    """A witness, and a server that plays one scene per connection; each is played to its end."""
    async with asyncio.TaskGroup() as scenes:
        left = list(plays)
        writers: list[asyncio.StreamWriter] = []

        def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            play = left.pop(0)

            async def scene() -> None:
                await play(Line(reader, writer))

            scenes.create_task(scene())

        async with await asyncio.start_server(accepted, "127.0.0.1", 0) as server, Court() as court:
            try:
                yield court.call("ann", RESIDENT), server.sockets[0].getsockname()
            finally:
                for writer in writers:
                    writer.close()


def said(msgid: str, text: str, nick: str = "bob", tags: str = "") -> str:
    """A line of the room."""
    return f"@msgid={msgid}{tags} :{nick}!u@h PRIVMSG {ROOM} :{text}"


def batch(*lines: str) -> tuple[str, ...]:
    """A page of history."""
    tagged = (line.replace(" :", ";batch=h :", 1) for line in lines)
    return (f":hub BATCH +h chathistory {ROOM}", *tagged, ":hub BATCH -h")


async def first_life(line: Line) -> None:
    """Welcome, token, the room, and one line."""
    await line.welcome(":hub RESUME TOKEN first")
    await line.hear(f"JOIN {ROOM}")
    line.tell(f":ann!a@h JOIN {ROOM}", said("m1", "one"))
    await line.hear("PING")
    line.tell(":hub PONG hub b2")


def texts(witness: Witness) -> list[str]:
    """What it heard and saw acknowledged, in its order."""
    return [sight.text for sight in witness.sights if sight.kind in (Kind.HEARD, Kind.ACKED)]


async def enter(witness: Witness, address: tuple[str, int]) -> None:
    """The first life, on the witness's side."""
    await witness.connect(*address)
    await witness.join(ROOM)
    witness.send("PING b2")

    async def heard() -> bool | None:
        return texts(witness) == ["one"] or None

    await eventually(heard, what="the first line")


async def test_what_was_missed_comes_before_what_is_said_now_and_once() -> None:
    """Lines that came while history was asked for wait behind it; one that is in both is heard once."""

    async def second_life(line: Line) -> None:
        await line.take_back("first")
        line.tell(said("m3", "three"), ":hub RESUME DONE", ":bob!u@h PART #tea")
        assert await line.hear("CHATHISTORY") == f"CHATHISTORY AFTER {ROOM} msgid=m1 100"
        missed = [said("m2", "two"), said("m3", "three"), said("m4", "four"), said("m5", "five")]
        line.tell(said("m4", "four"), *batch(*missed))
        # History was ahead of the announcements; what comes twice by itself is doubled.
        line.tell(said("m5", "five"), said("m6", "six"), said("m5", "five"))

    async with facing(first_life, second_life) as (witness, address):
        await enter(witness, address)
        await witness.drop()
        await witness.connect(*address)
        assert witness.resumed

        async def all_heard() -> bool | None:
            return texts(witness) == ["one", "two", "three", "four", "five", "six", "five"] or None

        await eventually(all_heard, what="everything, in order")
        kinds = [sight.kind for sight in witness.sights]
        assert kinds.index(Kind.LEFT) == len(kinds) - 3, "the PART waited with the lines around it"


async def test_a_long_absence_is_read_page_by_page_and_asked_again_when_refused() -> None:
    """A full page asks for the next; a history that cannot be read now is asked for again."""

    async def second_life(line: Line) -> None:
        await line.take_back("first")
        line.tell(":hub RESUME DONE")
        await line.hear("msgid=m1 100")
        line.tell(":hub FAIL CHATHISTORY MESSAGE_ERROR AFTER #tea :not now")
        await line.hear("msgid=m1 100")
        line.tell(*batch(*(said(f"n{number}", f"text {number}") for number in range(100))))
        await line.hear("msgid=n99 100")
        line.tell(*batch(said("n100", "text 100")))

    async with facing(first_life, second_life) as (witness, address):
        await enter(witness, address)
        await witness.drop()
        await witness.connect(*address)

        async def all_heard() -> bool | None:
            return texts(witness)[1:] == [f"text {number}" for number in range(101)] or None

        await eventually(all_heard, what="both pages")


async def test_a_message_sent_again_is_acknowledged_once() -> None:
    """Its key is the same; the second answer has the msgid of the first and is no second delivery."""
    keys: list[str] = []

    async def first(line: Line) -> None:
        await first_life(line)
        keys.append((await line.hear("PRIVMSG")).split(" ", 1)[0])

    async def second(line: Line) -> None:
        await line.take_back("first")
        line.tell(":hub RESUME DONE")
        await line.hear("CHATHISTORY")
        keys.append((await line.hear("PRIVMSG")).split(" ", 1)[0])
        label = keys[-1].partition("label=")[2].partition(";")[0]
        line.tell(*batch(said("m2", "mine", "ann")), said("m2", "mine", "ann", f";label={label}"), said("m3", "end"))

    async with facing(first, second) as (witness, address):
        await enter(witness, address)
        witness.say(ROOM, "mine")
        await eventually(lambda: _done(len(keys) == 1), what="it was sent")
        await witness.drop()
        await witness.connect(*address)
        witness.say(ROOM, "mine")
        await eventually(lambda: _done(texts(witness)[-1] == "end"), what="both answers came")
    assert keys[0] == keys[1]
    assert "hubbub.chat/idem=ann-" in keys[0]
    assert texts(witness) == ["one", "mine", "end"]
    assert witness.unacknowledged == []


async def test_a_refused_message_is_kept_to_be_sent_again() -> None:
    """A refusal for now keeps it; one for good ends it."""

    async def play(line: Line) -> None:
        await first_life(line)
        for code in ("FAIL PRIVMSG TEMPORARILY_UNAVAILABLE #tea :not now", "404 ann #tea :no"):
            label = (await line.hear("PRIVMSG")).partition("label=")[2].partition(";")[0]
            line.tell(f"@label={label} :hub {code}")

    async with facing(play) as (witness, address):
        await enter(witness, address)
        witness.say(ROOM, "later")
        await eventually(lambda: _done(witness.outgoing.put_off == {(ROOM, "later")}), what="it is put off")
        witness.say(ROOM, "never")
        await eventually(lambda: _done(witness.unacknowledged == [(ROOM, "later")]), what="the other is forgotten")


@pytest.mark.parametrize("code", ["INVALID_TOKEN", "SESSION_ENDED"])
async def test_a_session_that_ended_is_told(code: str) -> None:
    """Its owner has to begin anew."""

    async def second(line: Line) -> None:
        await line.hear("RESUME first")
        line.tell(f":hub FAIL RESUME {code} :gone", ":hub 001 ann :hi", ":hub 422 ann :no")

    async with facing(first_life, second) as (witness, address):
        await enter(witness, address)
        await witness.drop()
        with pytest.raises(SessionEndedError, match=code):
            await witness.connect(*address)


async def test_a_session_in_use_is_no_end() -> None:
    """Another attempt may succeed."""

    async def second(line: Line) -> None:
        await line.hear("RESUME first")
        line.tell(":hub FAIL RESUME IN_USE :wait", ":hub 433 * ann :in use")

    async with facing(first_life, second) as (witness, address):
        await enter(witness, address)
        await witness.drop()
        with pytest.raises(ConnectionError, match="IN_USE") as caught:
            await witness.connect(*address)
        assert not isinstance(caught.value, SessionEndedError)
        assert witness.can_return


async def _done(fact: bool) -> bool | None:
    return fact or None

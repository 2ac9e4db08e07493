"""What holds for any server, however broken or hostile."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from client.events import Event
from tests.client.exchange import NOW_MS, Exchange

ROOM_COMMANDS = ["JOIN", "PART", "KICK", "QUIT", "NICK", "TOPIC", "MODE", "PRIVMSG", "NOTICE"]
OTHERS = [
    "CAP",
    "BATCH",
    "FAIL",
    "WARN",
    "PING",
    "PONG",
    "ERROR",
    "ACK",
    "001",
    "005",
    "263",
    "322",
    "323",
    "331",
    "332",
]
ERRORS = ["353", "366", "401", "404", "417", "421", "432", "433", "442", "464", "473"]
COMMANDS = st.sampled_from(ROOM_COMMANDS + OTHERS + ERRORS)
WORDS = st.sampled_from(
    ["ann", "bob", "#tea", "#ops", "*", "LS", "ACK", "NAK", "+x", "-x", "history-1-1", "k1", "CHATHISTORY"]
)
PARAMS = st.lists(st.one_of(WORDS, st.text(alphabet="ab#@+:, \x01\x00", max_size=6)), max_size=5)
TAGS = st.sampled_from(
    ["", "@batch=x ", "@label=k1 ", "@label=history-1-1 ", "@time=x;msgid=m ", "@batch=x;batch ", "@"]
)
SOURCES = st.sampled_from(["", ":ann!a@h ", ":bob!b@h ", ":irc ", ":! ", ":"])


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A line that is nearly one of the protocol."""
    params = draw(PARAMS)
    return (draw(TAGS) + draw(SOURCES) + " ".join([draw(COMMANDS), *params])).encode() + b"\r\n"


def busy() -> Exchange:
    """A session with something of each kind under way."""
    talk = Exchange(rooms={"#tea": "msgid=m0"})
    talk.register()
    talk.hear(":ann!a@h JOIN #tea")
    talk.session.say(key="k1", target="#tea", text="hi")
    return talk


@given(st.lists(st.one_of(st.binary(max_size=40), lines()), max_size=30))
@settings(max_examples=300)
def test_no_server_can_make_the_session_raise(chunks: list[bytes]) -> None:
    """Garbage and near-protocol in any order: events or nothing, and what is to be sent can be said on the wire."""
    talk = busy()
    for chunk in chunks:
        talk.session.receive(chunk, now_ms=NOW_MS)
        for line in talk.session.data_to_send().split(b"\r\n"):
            assert not set(line).intersection(b"\r\n\0")


@given(st.lists(lines(), max_size=10), st.lists(st.integers(0, 200), max_size=8))
def test_chunk_borders_carry_no_meaning(parts: list[bytes], cuts: list[int]) -> None:
    """The same bytes in other chunks are the same events and the same answers."""
    stream = b"".join(parts)
    whole, split = busy(), busy()
    expected = whole.session.receive(stream, now_ms=NOW_MS)
    events: list[Event] = []
    borders = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    for start, end in pairwise(borders):
        events += split.session.receive(stream[start:end], now_ms=NOW_MS)
    assert events == expected
    assert split.session.data_to_send() == whole.session.data_to_send()

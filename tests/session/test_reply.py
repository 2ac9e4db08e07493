"""One answer: plain, labelled, in a batch; every line fits the wire. Source: IRCv3 labeled-response, batch."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.model import Uid
from gateway.session import capabilities as caps
from gateway.session.reply import Reply
from gateway.session.session import Session
from gateway.wire.errors import MalformedLineError
from gateway.wire.limits import MAX_LABEL_BYTES, MAX_LINE_BYTES
from gateway.wire.message import Message

LABELS = caps.LABELED | caps.BATCH


class Peer:
    """A session that keeps what is written to it."""

    def __init__(self, negotiated: int = 0) -> None:
        self.writes: list[bytes] = []
        self.session = Session(Uid(b"u"), "host", self.writes.append)
        self.session.nick = "ann"
        self.session.negotiate(negotiated)

    def reply(self, label: str = "") -> Reply:
        """An answer to it."""
        return Reply(self.session, "srv.test", label)

    def messages(self) -> list[Message]:
        """What was written, which is one write at most."""
        assert len(self.writes) <= 1
        return [Message.parse(line) for line in b"".join(self.writes).split(b"\r\n")[:-1]]


def test_without_a_label_lines_are_plain() -> None:
    """In one write, in order; a numeric names the peer, `*` before it has a nick."""
    peer = Peer()
    reply = peer.reply()
    reply.numeric("001", "hi")
    peer.session.nick = ""
    reply.numeric("002", "x", "there")
    reply.finish()
    reply.finish()
    assert peer.writes == [b":srv.test 001 ann :hi\r\n:srv.test 002 * x :there\r\n"]


def test_nothing_to_say_is_no_write() -> None:
    """Not even an empty one."""
    peer = Peer(LABELS)
    peer.reply().finish()
    assert peer.writes == []


def test_a_labelled_answer_of_no_line_is_ack() -> None:
    """ "...servers MUST respond with an ACK message"."""
    peer = Peer(LABELS)
    peer.reply("a b").finish()
    assert peer.writes == [b"@label=a\\sb :srv.test ACK\r\n"]


def test_a_labelled_answer_of_one_line_carries_the_label() -> None:
    """On the line itself, before its other tags."""
    peer = Peer(LABELS)
    reply = peer.reply("L")
    reply.add(b"@time=now :ann PRIVMSG #r :x\r\n")
    reply.finish()
    assert peer.writes == [b"@label=L;time=now :ann PRIVMSG #r :x\r\n"]


def test_a_labelled_answer_of_more_lines_is_a_batch() -> None:
    """The label on its start only, the reference on each line."""
    peer = Peer(LABELS)
    reply = peer.reply("L")
    reply.numeric("321", "a")
    reply.numeric("323", "b")
    reply.finish()
    start, *inside, end = peer.messages()
    reference = start.params[0][1:]
    assert (start.params[1], start.tags) == ("labeled-response", {"label": "L"})
    assert [message.tags for message in inside] == [{"batch": reference}] * 2
    assert (end.params, end.tags) == ((f"-{reference}",), {})


def test_a_batch_within_a_labelled_answer() -> None:
    """Its start and end belong to the outer batch, its lines to the inner one: each line is in one batch."""
    peer = Peer(LABELS)
    reply = peer.reply("L")
    reply.numeric("366", "end")
    reply.batch("chathistory", "#r", lines=[b":a PRIVMSG #r :x\r\n"], reference="h1")
    reply.finish()
    batches = {
        message.params[0]: message.tags.get("batch") for message in peer.messages() if message.command == "BATCH"
    }
    outer = next(iter(batches))[1:]
    assert batches == {f"+{outer}": None, "+h1": outer, "-h1": outer, f"-{outer}": None}
    assert [message.tags["batch"] for message in peer.messages() if message.command == "PRIVMSG"] == ["h1"]


def test_without_batches_lines_come_plain() -> None:
    """A client that knows no batches gets the history without."""
    peer = Peer()
    reply = peer.reply()
    reply.batch("chathistory", "#r", lines=[b":a PRIVMSG #r :x\r\n"], reference="h1")
    reply.finish()
    assert peer.writes == [b":a PRIVMSG #r :x\r\n"]


@pytest.mark.parametrize(
    ("negotiated", "label"), [(0, "L"), (caps.LABELED, "L"), (LABELS, "x" * (MAX_LABEL_BYTES + 1)), (LABELS, "")]
)
def test_a_label_that_does_not_count(negotiated: int, label: str) -> None:
    """Not negotiated, with nothing to hold lines together, or too long: the answer is plain."""
    peer = Peer(negotiated)
    reply = peer.reply(label)
    reply.numeric("001", "hi")
    reply.finish()
    assert peer.messages()[0].tags == {}


def test_pieces_are_the_answer() -> None:
    """Together what `take` gives; each as large as asked, cut between lines, and never within a batch of several lines,
    whose reference others have too."""
    several = b":a BATCH +lines draft/multiline #r\r\n@batch=lines :a PRIVMSG #r :x\r\nBATCH -lines\r\n"
    lines = [b":a PRIVMSG #r :1\r\n:a PRIVMSG #r :2\r\n", several, b":a PRIVMSG #r :3\r\n"]
    for label in ("", "L"):
        whole, cut = (Peer(LABELS).reply(label) for _ in range(2))
        for reply in (whole, cut):
            reply.batch("chathistory", "#r", lines=lines, reference="h1")
        pieces = cut.pieces(1)
        assert b"".join(pieces) == whole.take()
        assert [piece.count(b"\r\n") for piece in pieces] == [1] * (3 + bool(label)) + [3] + [1] * (2 + bool(label))
        assert cut.pieces(1) == []


def test_what_was_taken_is_not_sent_again() -> None:
    """`take` gives the answer a place in a room's lines; `finish` then has nothing left, no second ACK either."""
    peer = Peer(LABELS)
    reply = peer.reply("L")
    reply.numeric("001", "hi")
    assert reply.take() == b"@label=L :srv.test 001 ann :hi\r\n"
    reply.finish()
    assert peer.writes == []


def test_refusals_by_what_the_client_knows() -> None:
    """FAIL with its code and context; else the numeric; where there is none, a NOTICE."""
    cases: list[tuple[int, dict[str, Any], str]] = [
        (caps.STANDARD_REPLIES, {}, ":srv.test FAIL JOIN CODE #r :no"),
        (0, {}, ":srv.test 263 ann JOIN :no"),
        (0, {"numeric": "471"}, ":srv.test 471 ann #r :no"),
    ]
    for negotiated, options, line in cases:
        peer = Peer(negotiated)
        reply = peer.reply()
        reply.fail("JOIN", "CODE", "#r", text="no", **options)
        reply.finish()
        assert peer.writes == [line.encode() + b"\r\n"]
    for negotiated, line in {0: "NOTICE ann :JOIN: no", caps.STANDARD_REPLIES: "FAIL JOIN CODE #r :no"}.items():
        peer = Peer(negotiated)
        reply = peer.reply()
        reply.fail_only("JOIN", "CODE", "#r", text="no")
        reply.finish()
        assert peer.writes == [f":srv.test {line}\r\n".encode()]


_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=600)


@given(st.lists(_texts, max_size=4))
@example(["x" * 500, "text"])
@example(["ß" * 300, "ß" * 300, "ß" * 300, "ß" * 300])
def test_every_line_fits_and_can_be_read(params: list[str]) -> None:
    """Whatever a peer makes us repeat: 512 bytes at most, cut between characters, as many parameters as meant."""
    peer = Peer()
    reply = peer.reply()
    reply.numeric("401", *params)
    reply.finish()
    assert len(peer.writes[0]) <= MAX_LINE_BYTES
    (message,) = peer.messages()
    assert (message.command, len(message.params)) == ("401", 1 + len(params))
    if params:
        assert params[-1].startswith(message.params[-1])


@pytest.mark.parametrize("bad", ["\r", "\n", "\0"])
def test_a_reply_cannot_be_broken_in_two(bad: str) -> None:
    """A line break from anywhere is an error of ours, and never written."""
    peer = Peer()
    with pytest.raises(MalformedLineError):
        peer.reply().numeric("001", f"a{bad}b")
    assert peer.writes == []

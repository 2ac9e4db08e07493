"""How several lines look to each class of receiver, and come in. Source: IRCv3 draft/multiline."""

from gateway.events import Entry
from gateway.model import MsgId, Position, Uid
from gateway.session.capabilities import MULTILINE, TAGS
from gateway.session.multiline import Draft
from gateway.session.render import in_batch, render
from gateway.spoken import SaidLines
from gateway.wire.message import Message

SAID = SaidLines(Uid(b"u"), MsgId(b"m1"), b"ann", b"+a=b", b":n!u@h PRIVMSG #r :one", ((True, b"two"), (False, b"")))
ENTRY = Entry(Position(b"1-1"), SAID)


def test_both_forms() -> None:
    """A batch; or the lines, of which the first alone has the msgid, and each the other tags."""
    assert render(ENTRY, None, "", TAGS | MULTILINE).splitlines() == [
        b"@msgid=m1;+a=b :n!u@h BATCH +lines draft/multiline #r",
        b"@batch=lines :n!u@h PRIVMSG #r :one",
        b"@batch=lines;draft/multiline-concat :n!u@h PRIVMSG #r :two",
        b"@batch=lines :n!u@h PRIVMSG #r :",
        b"BATCH -lines",
    ]
    assert render(ENTRY, None, "", TAGS).splitlines() == [
        b"@msgid=m1;+a=b :n!u@h PRIVMSG #r :one",
        b"@+a=b :n!u@h PRIVMSG #r :two",
    ]
    assert render(ENTRY, None, "", 0).splitlines() == [b":n!u@h PRIVMSG #r :one", b":n!u@h PRIVMSG #r :two"]


def test_within_another_batch() -> None:
    """Start and end belong to the outer one, the lines to theirs. Source: IRCv3 batch, "Nested"."""
    inner = in_batch(render(ENTRY, None, "", MULTILINE), "b1").splitlines()
    assert inner[0].startswith(b"@batch=b1 :n!u@h BATCH +lines")
    assert all(line.startswith(b"@batch=lines") for line in inner[1:-1])
    assert inner[-1] == b"@batch=b1 BATCH -lines"
    assert all(line.startswith(b"@batch=b1") for line in in_batch(render(ENTRY, None, "", TAGS), "b1").splitlines())


def test_the_first_mistake_is_the_one_told() -> None:
    """And what comes after it changes nothing."""
    draft = Draft(Message.parse(b"BATCH +1 draft/multiline #r"), "", 0.0)
    draft.add(Message.parse(b"@batch=1 PRIVMSG #R :x"))
    assert draft.problem is None
    draft.add(Message.parse(b"@batch=1 PRIVMSG #other :x"))
    draft.add(Message.parse(b"@batch=1 NOTICE #r :x"))
    draft.end()
    assert draft.problem is not None
    assert draft.problem[:3] == ("MULTILINE_INVALID_TARGET", "#r", "#other")
    assert draft.lines == [(False, "x")]

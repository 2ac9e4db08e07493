"""Claims about one IRC message as a value."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from irctokens.line import tokenise

from gateway.wire.errors import InvalidUtf8Error, MalformedLineError
from gateway.wire.message import Message, Source

TEXT = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]))
WORD = st.text(st.characters(exclude_characters="\0\r\n ", exclude_categories=["Cs"]), min_size=1)
MIDDLE = WORD.filter(lambda word: word[0] != ":")
COMMAND = st.from_regex(r"[A-Z]+|[0-9]{3}", fullmatch=True)
KEYS = st.from_regex(r"\+?([a-z]+\.[a-z]+/)?[A-Za-z0-9-]+", fullmatch=True)
TAGS = st.dictionaries(KEYS, st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
PARAMS = st.tuples(st.lists(MIDDLE), st.lists(TEXT, max_size=1)).map(lambda both: (*both[0], *both[1]))
MESSAGES = st.builds(Message, COMMAND, PARAMS, st.just("") | WORD, TAGS)


@given(MESSAGES)
def test_round_trip(message: Message) -> None:
    """What is encoded is read back as the same value."""
    assert Message.parse(message.encode().removesuffix(b"\r\n")) == message


@given(st.binary() | st.lists(st.sampled_from(b"@:; =\\ab\xc3\xa9\r\n\0")).map(bytes))
@example(b"@ :x")
def test_garbage_is_a_value_or_malformed(line: bytes) -> None:
    """No bytes raise anything else; and what was understood can be said again and means the same."""
    try:
        message = Message.parse(line)
    except MalformedLineError:
        return
    assert Message.parse(message.encode().removesuffix(b"\r\n")) == message


@given(st.builds(Message, st.text(), st.lists(st.text()).map(tuple), st.text(), TAGS))
@example(Message("PRIVMSG", ("#a", "x\r\nQUIT")))
@example(Message("PRIVMSG", ("#a", "\udc80")))
@example(Message("PING", source="a QUIT"))
@example(Message(":PING"))
@example(Message("@PING"))
@example(Message("PING", tags={"a b": ""}))
def test_encode_gives_one_line_or_refuses(message: Message) -> None:
    """No value becomes two lines, or a line with other parts than it has. Source: RFC 1459 section 2.3.1."""
    try:
        line = message.encode()
    except MalformedLineError:
        return
    assert line.endswith(b"\r\n")
    assert not set(line[:-2]) & set(b"\0\r\n")
    back = Message.parse(line[:-2])
    assert (back.params, back.source, back.tags) == (message.params, message.source, message.tags)


@given(st.lists(st.sampled_from("@:; =\\abé")).map("".join))
@example("@a=\\b;c=\\\\s;d PING  :x y")
def test_agrees_with_irctokens(text: str) -> None:
    """An independent parser reads the same, wherever it gives a command that can be said again."""
    try:
        theirs = tokenise(text)
    except (ValueError, IndexError):  # IndexError: nothing left after tags or source
        return
    if not theirs.command.isascii() or theirs.command[:1] in ("", "@") or text.startswith(" "):
        return
    ours = Message.parse(text.encode())
    assert (ours.command, list(ours.params), ours.source) == (theirs.command, theirs.params, theirs.source or "")
    assert ours.tags == {key: value or "" for key, value in (theirs.tags or {}).items() if key}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"ping", Message("PING")),
        (b"PRIVMSG #a :b :c", Message("PRIVMSG", ("#a", "b :c"))),
        (b"PRIVMSG  #a   b ", Message("PRIVMSG", ("#a", "b"))),
        (b"TOPIC #a :", Message("TOPIC", ("#a", ""))),
        (b":a!b@c PART #a", Message("PART", ("#a",), "a!b@c")),
        (b"@id=1;+x/y  :s 001 me :hi", Message("001", ("me", "hi"), "s", {"id": "1", "+x/y": ""})),
        (b"  PING x", Message("PING", ("x",))),
    ],
)
def test_reads(line: bytes, message: Message) -> None:
    """Examples of the grammar. Source: RFC 1459 section 2.3.1; IRCv3 message-tags, "Format"."""
    assert Message.parse(line) == message


@pytest.mark.parametrize(
    "line", [b"", b" ", b"@a", b"@a ", b":s", b":s ", b"@a :s", b":s  :x", b"PING\0", b"A\rB", b"A\nB"]
)
def test_refuses(line: bytes) -> None:
    """Without a command, or with NUL, CR or LF inside, there is no message. Source: RFC 1459 section 2.3.1."""
    with pytest.raises(MalformedLineError):
        Message.parse(line)


def test_refuses_a_command_that_upper_case_would_turn_into_another() -> None:
    """A JOIN with a dotless i is none: `str.upper` makes it one."""
    assert "jo\N{LATIN SMALL LETTER DOTLESS I}n".upper() == "JOIN"
    with pytest.raises(MalformedLineError):
        Message.parse("jo\N{LATIN SMALL LETTER DOTLESS I}n #a".encode())


def test_says_what_is_not_utf8() -> None:
    """Bytes that are no UTF-8 have their own error, for the FAIL reply. Source: IRCv3 utf8-only."""
    with pytest.raises(InvalidUtf8Error):
        Message.parse(b"PRIVMSG #a :\xff")


@pytest.mark.parametrize("params", [("", "b"), ("a b", "c"), (":a", "b")])
def test_encode_refuses_a_middle_parameter_it_cannot_say(params: tuple[str, ...]) -> None:
    """Only the last parameter may be empty, hold spaces or begin with a colon. Source: RFC 1459 section 2.3.1."""
    with pytest.raises(MalformedLineError):
        Message("PRIVMSG", params).encode()


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("a!b@c", Source("a", "b", "c")),
        ("a@c", Source("a", "", "c")),
        ("a!b", Source("a", "b")),
        ("a.b", Source("a.b")),
    ],
)
def test_source_parts(text: str, source: Source) -> None:
    """`nick!user@host`, each later part optional. Source: RFC 1459 section 2.3.1."""
    assert Source.parse(text) == source

"""Questions, leaving, pastes."""

import pytest

from client.chat import Chat, Identity
from client.console import Console
from client.linkstatus import LinkStatus
from client.outbox import Outbox


@pytest.fixture
def console() -> Console:
    """A console whose chat has no connection and one room."""
    identity = Identity(nick="ann", user="ann", realname="Ann")
    keys = iter(range(10_000))
    chat = Chat(identity, ["#tea"], Outbox(), new_key=lambda: str(next(keys)), now_ms=lambda: 0)
    return Console(chat, LinkStatus(["irc:6667"], 0))


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("y", True),
        ("yes", True),
        ("Y", True),
        (" YES ", True),
        ("", False),
        ("n", False),
        ("yeah", False),
        ("exit", False),
    ],
)
def test_exit_asks_and_only_yes_leaves(console: Console, answer: str, left: bool) -> None:
    """`y` or `yes` in any case leaves; anything else stays, and is not sent."""
    console.typed("exit")
    assert console.question == "Leave chat? [y/N] "
    console.typed(answer)
    assert console.left is left
    assert console.question == ""
    assert pending(console) == []


def test_interrupt_asks_and_a_second_one_is_no_yes(console: Console) -> None:
    """Ctrl-C and Ctrl-D put the same question; pressed at the question they stay."""
    console.ask_to_leave()
    assert console.question
    console.ask_to_leave()
    assert (console.question, console.left) == ("", False)


def test_quit_leaves_at_once(console: Console) -> None:
    """Without a question, with the reason for the others."""
    console.typed("/quit good night")
    assert (console.left, console.reason) == (True, "good night")


def test_say_exit_says_the_word(console: Console) -> None:
    """The word itself can be said."""
    console.typed("/say exit")
    assert pending(console) == ["exit"]


def test_a_small_paste_is_said_line_by_line(console: Console) -> None:
    """Lines of a paste are never commands, and empty ones are left out."""
    console.typed("one\n\n/quit\nexit")
    assert pending(console) == ["one", "/quit", "exit"]
    assert not console.left


def test_a_large_paste_is_asked_about(console: Console) -> None:
    """An accident is not sent; a yes sends it all."""
    text = "\n".join(f"line {number}" for number in range(20))
    console.typed(text)
    assert console.question == "Send 20 lines to #tea? [y/N] "
    console.typed("")
    assert pending(console) == []
    console.typed(text)
    console.typed("y")
    assert len(pending(console)) == 20


def test_long_text_becomes_several_lines(console: Console) -> None:
    """Nothing is cut silently."""
    console.typed("word " * 200)
    assert " ".join(pending(console)).split() == ["word"] * 200
    assert len(pending(console)) > 1


def pending(console: Console) -> list[str]:
    """Lines that wait to be sent."""
    return [line.text for _, line in console._chat.transcripts.pending]

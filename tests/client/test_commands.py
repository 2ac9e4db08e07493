"""What typed lines mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client import actions
from client.actions import Action, Exit, Invalid, Say
from client.commands import COMMANDS, help_lines, holds_secret, parse


@pytest.mark.parametrize(
    ("line", "action"),
    [
        ("hello", Say(text="hello")),
        ("  indented code", Say(text="  indented code")),
        ("exit", Exit()),
        (" exit ", Exit()),
        ("exit now", Say(text="exit now")),
        ("/say exit", Say(text="exit")),
        ("//etc/hosts", Say(text="/etc/hosts")),
        ("/me waves", Say(text="waves", emote=True)),
        ("/msg bob hi there", Say(text="hi there", target="bob")),
        ("/msg #ops hi", Say(text="hi", target="#ops")),
        ("/join dev", actions.Join("#dev")),
        ("/join dev sesame", actions.Join("#dev", "sesame")),
        ("/whois bob", actions.Whois("bob")),
        ("/ignore eve", actions.Ignore("eve")),
        ("/ignore", actions.Ignore("")),
        ("/unignore eve", actions.Unignore("eve")),
        ("/search two words", actions.Search("two words")),
        ("/clear", actions.Clear()),
        ("/status", actions.Status()),
        ("/JOIN #dev", actions.Join("#dev")),
        ("/j dev", actions.Join("#dev")),
        ("/part", actions.Part("", "")),
        ("/part #dev so long", actions.Part("#dev", "so long")),
        ("/part so long", actions.Part("", "so long")),
        ("/room dev", actions.Switch("dev")),
        ("/nick ann2", actions.ChangeNick("ann2")),
        ("/topic", actions.SetTopic("")),
        ("/topic new one", actions.SetTopic("new one")),
        ("/register * sesame", actions.Register("*", "sesame")),
        ("/oper root sesame", actions.Oper("root", "sesame")),
        (
            "/quote kline add *!*@192.0.2.7 1d :spam and more",
            actions.Quote("KLINE", ("add", "*!*@192.0.2.7", "1d", "spam and more")),
        ),
        ("/register ann@example.org sesame", actions.Register("ann@example.org", "sesame")),
        ("/verify ab-cd", actions.Verify("", "ab-cd")),
        ("/verify ann ab-cd", actions.Verify("ann", "ab-cd")),
        ("/names", actions.Names("")),
        ("/names dev", actions.Names("#dev")),
        ("/list", actions.ListRooms()),
        ("/help", actions.Help()),
        ("/quit bye all", actions.Quit("bye all")),
    ],
)
def test_typed_line(line: str, action: Action) -> None:
    """Each form means one thing."""
    assert parse(line) == action


@pytest.mark.parametrize(
    "line",
    [
        "/",
        "/frobnicate",
        "/join a b c",
        "/clear all",
        "/whois",
        "/unignore",
        "/msg bob",
        "/msg a,b x",
        "/nick 1st",
        "/register",
        "/register sesame",
        "/register sesame sesame",
        "/verify",
        "/verify a b c",
        "/n",
    ],
)
def test_nonsense_is_explained_and_never_sent(line: str) -> None:
    """A mistyped command does not become a message in the room."""
    action = parse(line)
    assert isinstance(action, Invalid)
    assert action.reason


@pytest.mark.parametrize("line", ["", "   ", "\t"])
def test_nothing_is_nothing(line: str) -> None:
    """An empty line does nothing."""
    assert parse(line) is None


@given(st.text(max_size=60))
def test_any_line_is_sayable(line: str) -> None:
    """Whatever is typed can be said on the wire: no line break, no NUL; and nothing raises."""
    action = parse(line)
    if isinstance(action, Say):
        assert not set(action.text).intersection("\r\n\0")


def test_help_lists_every_command() -> None:
    """/help is made from the table that is obeyed."""
    text = "\n".join(help_lines())
    assert all(f"/{name}" in text for name in COMMANDS)


def test_a_key_is_known_as_a_secret() -> None:
    """So that it is not kept among the lines typed before, nor shown where actions are."""
    assert holds_secret("/j dev sesame")
    assert not holds_secret("/join dev")
    assert not holds_secret("sesame")
    assert "sesame" not in repr(parse("/join dev sesame"))


@pytest.mark.parametrize(
    "line",
    [
        "/register a@b.org sesame",
        "/REGISTER * sesame",
        "/reg * sesame",
        "/re * sesame",
        "/register sesame",
        " /register a b c",
        "/oper root sesame",
        "/op root sesame",
        "/quote OPER root sesame",
        "/identify sesame",
        "/join dev key sesame",
        "/mode bob +k sesame",
    ],
)
def test_a_password_is_known_as_a_secret(line: str) -> None:
    """Also where the line is not finished, or typed wrong, or means nothing here: what it is worth is the same."""
    assert holds_secret(line)
    assert "sesame" not in repr(parse(line))

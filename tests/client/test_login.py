"""Logging in to an account. Source: IRCv3 sasl-3.1, RFC 4616."""

import base64

import pytest

from client.events import LoginRefused, Registered, ServerText
from client.resumption import Resumption
from client.sasl import Login
from tests.client.exchange import Exchange
from tests.client.play import Play

ANN = Login("ann", "hunter2")


def asked(login: Login = ANN) -> Exchange:
    """A session whose server has agreed to sasl."""
    talk = Exchange(login=login)
    talk.said()
    talk.hear(":irc CAP * LS :batch sasl=PLAIN,EXTERNAL")
    assert talk.said() == ["CAP REQ :batch sasl"]
    talk.hear(":irc CAP ann ACK :batch sasl")
    assert talk.said() == ["AUTHENTICATE PLAIN"]
    return talk


def test_plain_is_said_before_registration_ends() -> None:
    """CAP END waits for 903."""
    talk = asked()
    talk.hear("AUTHENTICATE +")
    assert talk.said() == ["AUTHENTICATE " + base64.b64encode(b"\0ann\0hunter2").decode()]
    assert talk.hear(":irc 900 * ann!a@h ann :You are now logged in as ann") == [
        ServerText("You are now logged in as ann")
    ]
    assert talk.said() == []
    talk.hear(":irc 903 * :SASL authentication successful")
    assert talk.said() == ["CAP END"]
    assert talk.hear(":irc 001 ann :Welcome") == [Registered("ann")]


@pytest.mark.parametrize("length", [1, 294, 295, 296, 700])
def test_long_answers_come_in_chunks(length: int) -> None:
    """400 characters each; after a full one that is the last, an empty one."""
    talk = asked(Login("ann", "x" * length))
    talk.hear("AUTHENTICATE +")
    chunks = [line.removeprefix("AUTHENTICATE ") for line in talk.said()]
    assert all(len(chunk) == 400 for chunk in chunks[:-1])
    assert len(chunks[-1]) < 400
    assert base64.b64decode("".join(chunk for chunk in chunks if chunk != "+")) == b"\0ann\0" + b"x" * length


@pytest.mark.parametrize("code", ["902", "904", "905", "906", "908"])
def test_a_refused_login_is_told(code: str) -> None:
    """Whoever wants to be ann must not be somebody else instead."""
    talk = asked()
    talk.hear("AUTHENTICATE +")
    talk.said()
    assert talk.hear(f":irc {code} * :SASL authentication failed") == [
        LoginRefused("SASL authentication failed", retry=True)
    ]
    assert talk.said() == []


def test_a_server_without_login_is_used_without_and_that_is_said() -> None:
    """As while its Redis is away."""
    talk = Exchange(login=ANN)
    talk.hear(":irc CAP * LS :batch", ":irc CAP ann ACK :batch")
    (text, registered) = talk.hear(":irc 001 ann :Welcome")
    assert registered == Registered("ann")
    assert isinstance(text, ServerText)
    assert "not logged in as ann" in text.text


def test_nobody_else_gets_to_hear_the_password() -> None:
    """A server that asks without having been asked gets no answer."""
    talk = Exchange()
    talk.said()
    assert talk.hear("AUTHENTICATE +", ":irc 904 * :No") == []
    assert talk.said() == []


def test_a_session_that_cannot_be_resumed_logs_in_on_a_new_connection() -> None:
    """Login comes before the welcome, so this connection says good-bye, and no ghost keeps the nick."""
    play = Play(resumption=Resumption(), login=ANN)
    play.connect("hubbub.chat/resume", token="t1")
    play.chat.lost()
    play.chat.opened("irc:6668")
    assert "RESUME t1 *" in play.said()
    play.hear(":irc FAIL RESUME SESSION_ENDED :Too late")
    assert play.chat.unusable() == "Too late"
    assert play.said() == ["QUIT"]
    play.chat.lost()
    play.chat.opened("irc:6668")
    assert play.said() == ["CAP LS 302", "NICK ann", "USER ann 0 * Ann"]
    assert play.chat.unusable() == ""


def test_a_login_that_was_good_before_is_tried_again() -> None:
    """A gateway in trouble must not end the client; a first login that fails does."""
    first = Play(login=ANN)
    first.chat.opened("irc:6667")
    answers = (":irc CAP * LS :sasl", ":irc CAP ann ACK :sasl", "AUTHENTICATE +", ":irc 904 * :Failed")
    first.hear(*answers)
    assert first.chat.heard.login_refused == "Failed"
    again = Play(login=ANN)
    again.connect()
    again.chat.lost()
    again.chat.opened("irc:6667")
    again.hear(*answers)
    assert again.chat.heard.login_refused == ""
    assert again.chat.unusable() == "Failed"

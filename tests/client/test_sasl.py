"""Proving an account. Source: IRCv3 sasl-3.1; RFC 5802, RFC 7677, RFC 4422."""

import base64

import pytest

from client.events import LoginRefused, Registered, ServerText
from client.sasl import MAX_ITERATIONS, Login, Proof, UntrueServerError, mechanisms
from client.session import Session, Wishes

PENCIL = Login("user", "pencil")
# The exchange of RFC 7677 section 3.
NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
CLIENT_FINAL = (
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


class Talk:
    """A session that logs in, and the server that the test plays."""

    def __init__(self, login: Login, sasl: str) -> None:
        self.session = Session(Wishes(nick="ann", user="ann", realname="Ann", rooms={}, login=login, nonce=NONCE))
        self.session.start()
        self.hear(f":irc CAP * LS :{sasl}", ":irc CAP ann ACK :sasl")

    def hear(self, *lines: str) -> list[object]:
        """Lines of the server, and what they mean."""
        return list(self.session.receive("".join(f"{line}\r\n" for line in lines).encode(), now_ms=0))

    def challenge(self, data: bytes) -> list[object]:
        """A challenge."""
        return self.hear(f"AUTHENTICATE {base64.b64encode(data).decode() or '+'}")

    def said(self) -> str:
        """The last line to the server."""
        return self.session.data_to_send().decode().splitlines()[-1]

    def answer(self) -> bytes:
        """The same, when it is an answer."""
        text = self.said().removeprefix("AUTHENTICATE ")
        return b"" if text == "+" else base64.b64decode(text)


def test_scram_as_in_the_rfc_and_the_server_is_checked() -> None:
    """CAP END waits for 903, and 903 for the server's own proof."""
    talk = Talk(PENCIL, "sasl=PLAIN,SCRAM-SHA-256")
    assert talk.said() == "AUTHENTICATE SCRAM-SHA-256"
    talk.challenge(b"")
    assert talk.answer() == f"n,,n=user,r={NONCE}".encode()
    talk.challenge(SERVER_FIRST)
    assert talk.answer() == CLIENT_FINAL
    talk.challenge(SERVER_FINAL)
    assert talk.answer() == b""
    talk.hear(":irc 903 * :Done")
    assert talk.said() == "CAP END"
    assert talk.hear(":irc 001 ann :Welcome") == [Registered("ann")]


@pytest.mark.parametrize("final", [b"v=AAAA", b"v=" + base64.b64encode(bytes(32)), b"e=invalid-proof", b""])
def test_a_server_that_does_not_know_the_password_is_left(final: bytes) -> None:
    """It could be anybody: the exchange is aborted, and registration does not end."""
    talk = Talk(PENCIL, "sasl=SCRAM-SHA-256")
    talk.challenge(b"")
    talk.challenge(SERVER_FIRST)
    (refused,) = talk.challenge(final)
    assert isinstance(refused, LoginRefused)
    assert "does not know the password" in refused.reason
    assert talk.said() == "AUTHENTICATE *"
    talk.hear(":irc 903 * :Done anyway")
    assert talk.session.data_to_send() == b""


def test_a_server_that_skips_its_proof_is_left() -> None:
    """903 right after ours."""
    talk = Talk(PENCIL, "sasl=SCRAM-SHA-256")
    talk.challenge(b"")
    talk.challenge(SERVER_FIRST)
    talk.answer()
    (refused,) = talk.hear(":irc 903 * :Done")
    assert isinstance(refused, LoginRefused)
    assert talk.session.data_to_send() == b""


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"\xff",
        b"r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        f"r={NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".encode(),  # adds nothing of its own
        f"m=ext,r={NONCE}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".encode(),
        f"r={NONCE}x,s=W22Za,i=4096".encode(),
        f"r={NONCE}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1".encode(),
        f"r={NONCE}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i={MAX_ITERATIONS + 1}".encode(),
        f"r={NONCE}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999999".encode(),
    ],
)
def test_a_challenge_that_is_none_is_not_answered(first: bytes) -> None:
    """Nor one that would cost us minutes, or make the password easy to guess."""
    proof = Proof("SCRAM-SHA-256", PENCIL, NONCE)
    proof.answer(b"")
    with pytest.raises(UntrueServerError):
        proof.answer(first)
    assert not proof.mutual


def test_names_are_escaped() -> None:
    """RFC 5802 section 5.1: comma and equals sign."""
    assert Proof("SCRAM-SHA-256", Login("a,b=c", "x"), "n").answer(b"") == b"n,,n=a=2Cb=3Dc,r=n"


@pytest.mark.parametrize(
    ("login", "offered", "tried"),
    [
        (PENCIL, ["PLAIN", "SCRAM-SHA-256"], ["SCRAM-SHA-256"]),
        (PENCIL, ["PLAIN"], ["PLAIN"]),
        (PENCIL, None, ["PLAIN"]),
        (PENCIL, ["GSSAPI"], []),
        (Login("user", "", True), ["PLAIN", "EXTERNAL"], ["EXTERNAL"]),
        (Login("user", "", True), ["PLAIN"], []),
        (Login("user", "pencil", True), ["PLAIN", "EXTERNAL", "SCRAM-SHA-256"], ["EXTERNAL", "SCRAM-SHA-256"]),
        (Login("user", "pencil", True), None, ["EXTERNAL", "PLAIN"]),
    ],
)
def test_the_best_is_tried_first(login: Login, offered: list[str] | None, tried: list[str]) -> None:
    """A certificate, then SCRAM, and PLAIN only where there is nothing better."""
    assert mechanisms(login, offered) == tried


def test_a_refused_scram_is_not_tried_as_plain() -> None:
    """Whoever plays the server would get the password that way."""
    talk = Talk(PENCIL, "sasl=PLAIN,SCRAM-SHA-256")
    talk.challenge(b"")
    talk.challenge(SERVER_FIRST)
    talk.said()
    assert talk.hear(":irc 904 * :No") == [LoginRefused("No", retry=True)]
    assert talk.session.data_to_send() == b""


@pytest.mark.parametrize(("account", "answer"), [("", b""), ("user", b"user")])
def test_external_says_who_and_nothing_else(account: str, answer: bytes) -> None:
    """The certificate is the proof; without a name it is the account that the certificate stands for."""
    talk = Talk(Login(account, "", True), "sasl=EXTERNAL,PLAIN")
    assert talk.said() == "AUTHENTICATE EXTERNAL"
    talk.challenge(b"")
    assert talk.answer() == answer
    talk.hear(":irc 903 * :Done")
    assert talk.said() == "CAP END"


def test_a_certificate_that_stands_for_nobody_is_followed_by_the_password() -> None:
    """Where there is one; who gave neither name nor password is let in as they are, and told."""
    talk = Talk(Login("user", "pencil", True), "sasl=EXTERNAL,SCRAM-SHA-256")
    talk.challenge(b"")
    talk.hear(":irc 908 * SCRAM-SHA-256,EXTERNAL :are available")
    talk.said()
    talk.hear(":irc 904 * :Unknown certificate")
    assert talk.said() == "AUTHENTICATE SCRAM-SHA-256"
    stranger = Talk(Login("", "", True), "sasl=EXTERNAL")
    stranger.challenge(b"")
    assert stranger.hear(":irc 904 * :Unknown certificate") == [ServerText("not logged in: Unknown certificate")]
    assert stranger.said() == "CAP END"


def test_a_challenge_in_parts_is_put_together() -> None:
    """400 characters each, as IRCv3 has it; one without an end is not kept for ever."""
    talk = Talk(PENCIL, "sasl=SCRAM-SHA-256")
    talk.challenge(b"")
    talk.said()
    salt = base64.b64encode(bytes(400)).decode()
    words = base64.b64encode(f"r={NONCE}x,s={salt},i=4096".encode()).decode()
    parts = [words[start : start + 400] for start in range(0, len(words), 400)]
    for part in parts[:-1]:
        talk.hear(f"AUTHENTICATE {part}")
        assert talk.session.data_to_send() == b""
    talk.hear(f"AUTHENTICATE {parts[-1]}")
    assert talk.answer().startswith(b"c=biws,")
    endless = Talk(PENCIL, "sasl=SCRAM-SHA-256")
    endless.challenge(b"")
    refused = [event for _ in range(30) for event in endless.hear("AUTHENTICATE " + "A" * 400)]
    assert len(refused) == 1

"""Coming back as the same session. Source: docs/protocol.md, `hubbub.chat/resume`."""

from pathlib import Path

import pytest

from client.events import Registered, ResumeRefused, RoomEntered, TokenGranted
from client.line import RoomLine
from client.presence import MAX_BUSY_TRIES
from client.resumption import Resumption, Ticket
from tests.client.exchange import STANDARD_CAPABILITIES, Exchange, texts
from tests.client.play import Play

CAPABILITIES = (*STANDARD_CAPABILITIES, "hubbub.chat/idem", "hubbub.chat/resume")
TICKET = Ticket(token="t1", capabilities=CAPABILITIES, direct="m9")
SERVES = "hubbub.chat/idem", "hubbub.chat/resume"


def resuming(rooms: dict[str, str] | None = None) -> Exchange:
    """A session with a ticket, whose server agrees to everything."""
    talk = Exchange(rooms=rooms or {"#tea": "msgid=m0"}, ticket=TICKET)
    talk.hear(f":irc CAP * LS :{' '.join(CAPABILITIES)}", f":irc CAP ann ACK :{' '.join(CAPABILITIES)}")
    return talk


def test_everything_is_said_at_once() -> None:
    """One write, one round trip: CAP REQ does not wait for the offer, CAP END not for the answer."""
    talk = Exchange(ticket=TICKET)
    assert talk.said() == [
        "CAP LS 302",
        f"CAP REQ :{' '.join(CAPABILITIES)}",
        "NICK ann",
        "USER ann 0 * Ann",
        "RESUME t1 m9",
        "CAP END",
    ]
    talk.hear(f":irc CAP * LS :{' '.join(CAPABILITIES)}", f":irc CAP ann ACK :{' '.join(CAPABILITIES)}")
    assert talk.said() == []


def test_rooms_are_given_back_and_caught_up() -> None:
    """Each JOIN is our own way back, no event of the room; the history is asked for from the last line known."""
    talk = resuming()
    talk.said()
    assert talk.hear(":irc RESUME SUCCESS ann_", ":irc 001 ann_ :Welcome", ":irc RESUME TOKEN t2") == [
        Registered("ann_", resumed=True),
        TokenGranted("t2"),
    ]
    assert talk.said() == []
    assert talk.hear(":ann_!a@h JOIN #tea", ":irc 353 ann_ = #tea :ann_ bob") == [RoomEntered("#tea")]
    assert talk.said() == ["@label=history-1-1 CHATHISTORY AFTER #tea msgid=m0 100", "PING history-1-1"]
    assert talk.hear(":irc RESUME DONE") == []
    assert talk.said() == []


def test_rooms_that_are_lost_are_joined_afresh() -> None:
    """What has not been given back before DONE is joined, at its position."""
    talk = resuming({"#tea": "msgid=m0", "#ops": "msgid=m5"})
    talk.hear(":irc RESUME SUCCESS ann", ":irc 001 ann :Welcome", ":ann!a@h JOIN #tea")
    talk.said()
    talk.hear(":irc RESUME DONE")
    assert talk.said() == ["JOIN #ops"]
    (entered, line) = talk.hear(":ann!a@h JOIN #ops")[:1] + talk.answer_history("#ops")[:1]
    assert entered == RoomEntered("#ops")
    assert isinstance(line, RoomLine)
    assert line.room == "#ops"


def test_missed_direct_messages_come_in_a_batch_named_after_us() -> None:
    """They are lines of the talk with their author, and known as history."""
    talk = resuming()
    talk.hear(":irc RESUME SUCCESS ann", ":irc 001 ann :Welcome")
    events = talk.hear(
        ":irc BATCH +d chathistory ann", "@batch=d;msgid=m10 :bob!b@h PRIVMSG ann :psst", ":irc BATCH -d"
    )
    assert [(event.room, event.replayed) for event in events if isinstance(event, RoomLine)] == [("bob", True)]
    assert texts(events) == ["psst"]


@pytest.mark.parametrize("code", ["INVALID_TOKEN", "SESSION_ENDED", "NEED_MORE_PARAMS"])
def test_a_refused_resumption_is_a_normal_start(code: str) -> None:
    """The same step goes on with NICK and USER; the rooms are joined afresh."""
    talk = resuming()
    talk.said()
    events = talk.hear(f":irc FAIL RESUME {code} :Gone", ":irc 001 ann :Welcome")
    assert events == [ResumeRefused("Gone"), Registered("ann")]
    assert talk.said() == ["JOIN #tea"]


def test_what_is_not_offered_any_more_is_refused_and_the_rest_asked_for_alone() -> None:
    """A gateway of another version: NAK of all, then each by itself, though we are welcome already."""
    talk = Exchange(ticket=Ticket(token="t1", capabilities=("batch", "gone")))
    talk.said()
    talk.hear(":irc CAP * LS :batch", ":irc CAP ann NAK :batch gone", ":irc 001 ann :Welcome")
    assert talk.said() == ["CAP REQ batch", "CAP REQ gone"]


def test_the_ticket_is_renewed_kept_private_and_forgotten(tmp_path: Path) -> None:
    """A new token is on disk before anything more is said; leaving ends the session, and the file with it."""
    path = tmp_path / "ann.session"
    play = Play(resumption=Resumption(path))
    play.connect(*SERVES, token="t1")
    assert path.stat().st_mode & 0o777 == 0o600
    left = Resumption(path).ticket
    assert left is not None
    assert left.token == "t1"
    assert "hubbub.chat/resume" in left.capabilities
    play.hear("@msgid=m4 :bob!b@h PRIVMSG ann :psst")
    play.chat.save()
    assert (kept := Resumption(path).ticket) is not None
    assert kept.direct == "m4"
    play.chat.quit("bye")
    assert not path.exists()


def test_a_crashed_client_comes_back_with_its_ticket(tmp_path: Path) -> None:
    """The next run says the token of the one before; when the session has ended, it is not said again."""
    path = tmp_path / "ann.session"
    Play(resumption=Resumption(path)).connect(*SERVES, token="t1")
    play = Play(resumption=Resumption(path))
    play.chat.opened("irc:6668")
    assert "RESUME t1 *" in play.said()
    play.hear(":irc FAIL RESUME SESSION_ENDED :Too late", ":irc 001 ann :Welcome")
    play.chat.lost()
    play.chat.opened("irc:6668")
    assert not any(line.startswith("RESUME") for line in play.said())


def test_the_former_token_is_kept_until_there_is_a_new_one() -> None:
    """A reply that is lost in the network: SUCCESS came, TOKEN did not."""
    play = Play()
    play.connect(*SERVES, token="t1")
    for _ in range(2):
        play.chat.lost()
        play.chat.opened("irc:6668")
        assert "RESUME t1 *" in play.said()
        play.hear(":irc RESUME SUCCESS ann", ":irc 001 ann :Welcome")


def test_a_session_in_use_is_tried_again_but_not_for_ever() -> None:
    """IN_USE: this connection is of no use and the token is kept; after some tries a new session is begun."""
    play = Play()
    play.connect(*SERVES, token="t1")
    tries = 0
    while not tries or play.chat.unusable():
        play.chat.lost()
        play.chat.opened("irc:6668")
        assert "RESUME t1 *" in play.said()
        play.hear(":irc FAIL RESUME IN_USE :Another connection is at it", ":irc 001 ann_ :Welcome")
        tries += 1
    assert tries == MAX_BUSY_TRIES + 1
    play.chat.lost()
    play.chat.opened("irc:6668")
    assert not any(line.startswith("RESUME") for line in play.said())


def test_no_row_tells_of_a_resumption_but_the_return() -> None:
    """No "ann joined": nobody did."""
    play = Play()
    play.connect(*SERVES, token="t1")
    play.enter()
    play.chat.lost()
    play.seen()
    play.chat.opened("irc:6668")
    caps = " ".join(CAPABILITIES)
    play.hear(f":irc CAP ann ACK :{caps}", ":irc RESUME SUCCESS ann", ":irc 001 ann :Welcome")
    play.enter("#tea", "@msgid=m2 :bob!b@h PRIVMSG #tea hello")
    play.hear(":irc RESUME DONE")
    assert play.seen() == [
        "-- connected to irc:6668 as ann",
        "bob: hello",
        "-- back on irc:6668 after 0 s: 1 line caught up, 0 of yours sent",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"token": "a b", "capabilities": [], "direct": ""}',
        '{"token": "t\\r\\nQUIT", "capabilities": [], "direct": ""}',
        '{"token": "t", "capabilities": [1], "direct": ""}',
        '{"token": 5, "capabilities": [], "direct": ""}',
        '{"token": "t"}',
        "\x00",
    ],
)
def test_a_broken_file_is_no_ticket(tmp_path: Path, text: str) -> None:
    """A crash, a stranger's edit, or what could not be said on the wire."""
    (tmp_path / "ann.session").write_text(text)
    assert Resumption(tmp_path / "ann.session").ticket is None


def test_a_token_is_never_shown() -> None:
    """It is a secret: what is printed of the values that hold it does not have it."""
    assert "t1" not in repr(TICKET)
    assert "t1" not in repr(TokenGranted("t1"))


def test_a_token_that_could_not_be_said_is_none() -> None:
    """A server's mistake must not break our next registration."""
    resumption = Resumption()
    for token in ("", "x" * 101, "a b", ":a", "ä"):
        resumption.granted(token, frozenset())
        assert resumption.ticket is None

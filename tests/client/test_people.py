"""Who is away, who invites whom, what operators of a room do. Source: IRCv3 away-notify, invite-notify; RFC 2812."""

import pytest

from client.commands import holds_secret
from client.ui.panels import people_panel
from tests.client.play import Play


def in_tea(*caps: str) -> Play:
    """Ann in #tea with bob and eve."""
    play = Play()
    play.connect("away-notify", "invite-notify", *caps)
    play.enter()
    play.hear(":irc 353 ann = #tea :@ann bob eve", ":irc 366 ann #tea :End")
    play.seen()
    return play


def away(play: Play) -> set[str]:
    """Who is known to be away."""
    assert play.chat.session is not None
    return set(play.chat.session.away)


def test_who_is_away_is_known_from_the_beginning_and_as_it_changes() -> None:
    """Asked once on entering, told from then on, in any case of the nick; renaming keeps it, leaving forgets it."""
    play = in_tea()
    assert "WHO #tea" in play.said()
    play.hear(
        ":irc 352 ann #tea b h irc bob G :0 Bob", ":irc 352 ann #tea e h irc eve H@ :0 Eve", ":irc 315 ann #tea :x"
    )
    assert away(play) == {"bob"}
    play.hear(":eve!e@h AWAY :lunch", ":bob!b@h AWAY", ":stranger!s@h AWAY :x")
    assert away(play) == {"eve"}
    play.hear(":eve!e@h NICK Adam")
    assert away(play) == {"adam"}
    play.hear(":Adam!e@h PART #tea")
    assert away(play) == set()
    assert not [row for row in play.seen() if "lunch" in row], "who is away is a state, and no line"


def test_a_large_room_is_not_asked_about() -> None:
    """The answer would be as long as the room."""
    play = Play()
    play.connect("away-notify")
    play.enter()
    play.said()
    nicks = [f"n{number}" for number in range(300)]
    play.hear(f":irc 353 ann = #tea :{' '.join(nicks[:150])}", f":irc 353 ann = #tea :{' '.join(nicks[150:])}")
    play.hear(":irc 366 ann #tea :End")
    assert play.said() == []


def test_the_list_of_people_shows_who_is_away() -> None:
    """In words, also where the nick has to be shortened for it."""
    rows = people_panel([("@", "ann"), ("", "bob"), ("", "averylongnick")], 3, "ann", {"bob", "averylongnick"}, 16, 5)
    assert [row[0][1].rstrip() for row in rows[1:4]] == [
        " @ann (you)",
        "  bob (away)",
        "  averyl\N{HORIZONTAL ELLIPSIS} (away)",
    ]


def test_away_is_said_and_said_again_where_it_was_forgotten() -> None:
    """A new session is not away by itself; one that was resumed still is."""
    play = in_tea()
    play.console.typed("/away gone fishing")
    assert "AWAY :gone fishing" in play.said()
    play.hear(":irc 306 ann :You have been marked as being away")
    assert play.seen() == ["-- You have been marked as being away"]
    play.console.typed("/status")
    assert "-- you are away: gone fishing" in play.seen()
    play.chat.lost()
    play.chat.opened("irc:6667")
    play.hear(":irc CAP * LS :batch", ":irc CAP ann ACK :batch", ":irc 001 ann :Welcome")
    assert "AWAY :gone fishing" in play.said()
    play.console.typed("/away")
    assert play.said() == ["AWAY"]
    assert play.chat.away == ""


def test_a_message_to_who_is_away_tells_so() -> None:
    """RPL_AWAY in words."""
    play = in_tea()
    play.hear(":irc 301 ann bob :gone fishing")
    assert play.seen() == ["-- bob is away: gone fishing"]


def test_invitations_are_told() -> None:
    """To us, with the way in; and, to who may know, of others."""
    play = in_tea()
    play.hear(":bob!b@h INVITE ann #ops", ":bob!b@h INVITE eve #tea", ":bob!b@h INVITE ann")
    assert play.seen() == ["-- bob invites you to #ops: /join #ops", "-- bob invited eve to #tea"]


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("/invite bob", "INVITE bob #tea"),
        ("/invite bob ops", "INVITE bob #ops"),
        ("/kick bob", "KICK #tea bob"),
        ("/kick bob too loud", "KICK #tea bob :too loud"),
        ("/mode +o bob", "MODE #tea +o bob"),
        ("/mode", "MODE #tea"),
    ],
)
def test_what_operators_do(typed: str, sent: str) -> None:
    """It goes to the server as it should, and back into the input where there is none."""
    play = in_tea()
    play.said()
    play.console.typed(typed)
    assert play.said() == [sent]
    play.chat.lost()
    play.console.typed(typed)
    assert play.console.refused


def test_modes_are_told_when_asked_for() -> None:
    """324 in the words of the server."""
    play = in_tea()
    play.hear(":irc 324 ann #tea +nt")
    assert play.seen() == ["-- #tea +nt"]


@pytest.mark.parametrize(
    ("line", "secret"), [("/mode +k sesame", True), ("/mode -o+k bob x", True), ("/mode +o bob", False)]
)
def test_a_key_is_not_kept_among_typed_lines(line: str, secret: bool) -> None:
    """As with /join."""
    assert holds_secret(line) is secret

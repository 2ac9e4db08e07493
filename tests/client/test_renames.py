"""A room gets another name: all that the client keeps of it follows. Source: IRCv3 draft/channel-rename."""

from pathlib import Path

import pytest

from client.cache import Cache
from client.events import RoomEntered, RoomRenamed, ServerText
from client.line import Kind, RoomLine
from client.outbox import open_outbox
from client.renames import MAX_REMEMBERED, Renames, move
from client.resumption import Ticket
from client.timeline import Failed
from client.transcripts import Transcripts
from client.ui.drafts import Drafts
from client.ui.reading import Reading
from tests.client.exchange import Exchange
from tests.client.play import Play

RENAMED = ":bob!b@h RENAME #tea #coffee :better"


def spoken(number: int, room: str = "#tea", text: str = "hi") -> RoomLine:
    """A line of bob's."""
    return RoomLine(
        room=room, kind=Kind.MESSAGE, nick="bob", text=text, time_ms=number, ident=f"m{number}", msgid=f"m{number}"
    )


def test_members_and_requests_are_of_the_room_by_its_new_name() -> None:
    """Who is in; an answer to what was asked about the old name; what is asked from then on."""
    talk = Exchange()
    talk.register()
    talk.enter("#tea")
    talk.hear(":irc 353 ann = #tea :@ann bob", ":irc 366 ann #tea :End")
    talk.said()
    talk.session.say(key="k1", target="#tea", text="hi")
    assert talk.hear(RENAMED) == [RoomRenamed("#tea", "#coffee", "bob", "better")]
    assert talk.session.members("#coffee") == {"ann": "@", "bob": ""}
    assert talk.session.members("#tea") == {}
    (line,) = talk.hear("@label=k1;msgid=m1;time=2026-01-01T00:00:00.000Z :ann!a@h PRIVMSG #coffee hi")
    assert isinstance(line, RoomLine)
    assert (line.room, line.key) == ("#coffee", "k1")
    talk.hear(":eve!e@h JOIN #coffee", ":bob!b@h QUIT :bye")
    assert set(talk.session.members("#coffee")) == {"ann", "eve"}


def test_a_catch_up_goes_on_under_the_new_name() -> None:
    """The room is renamed while its history is on its way: its next page is asked for under the new name."""
    talk = Exchange(rooms={"#tea": "msgid=m0"})
    talk.register()
    talk.hear(":ann!a@h JOIN #tea")
    asked = talk.said()
    assert any(line.endswith("CHATHISTORY AFTER #tea msgid=m0 100") for line in asked)
    talk.hear(RENAMED)
    page = [f"@time=2026-01-01T00:00:00.{n:03}Z;msgid=x{n} :bob!b@h PRIVMSG #coffee {n}" for n in range(100)]
    label = next(line for line in asked if "CHATHISTORY" in line).partition(" ")[0]
    talk.hear(f"{label} :irc BATCH +h chathistory #coffee", *(f"@batch=h;{line[1:]}" for line in page))
    talk.hear(":irc BATCH -h", f":irc PONG irc {label.partition('=')[2]}")
    assert any("CHATHISTORY AFTER #coffee msgid=x99 100" in line for line in talk.said())


def test_the_name_changes_while_we_are_away() -> None:
    """RESUME tells it before the room's JOIN: it is the room that we wanted, from where we were in it."""
    talk = Exchange(rooms={"#tea": "msgid=m7"}, ticket=Ticket(token="t", capabilities=("batch",)))
    talk.said()
    talk.hear(":irc CAP * ACK :batch draft/chathistory", ":irc RESUME SUCCESS ann", ":irc 001 ann :Welcome")
    assert talk.hear(RENAMED)[-1] == RoomRenamed("#tea", "#coffee", "bob", "better")
    assert RoomEntered("#coffee") in talk.hear(":ann!a@h JOIN #coffee")
    talk.hear(":irc RESUME DONE")
    said = talk.said()
    assert any("CHATHISTORY AFTER #coffee msgid=m7" in line for line in said)
    assert not any(line.startswith("JOIN") for line in said)


def test_a_join_by_the_former_name_goes_on_to_the_new_one() -> None:
    """FAIL JOIN CHANNEL_RENAMED: with the position that we had, and the key."""
    talk = Exchange()
    talk.register()
    talk.session.join("#tea", "msgid=m3", "sesame")
    talk.said()
    heard = talk.hear(":irc FAIL JOIN CHANNEL_RENAMED #tea #coffee :The channel has been renamed")
    assert heard == [RoomRenamed("#tea", "#coffee")]
    assert talk.said() == ["JOIN #coffee sesame"]
    talk.hear(":ann!a@h JOIN #coffee")
    assert any("AFTER #coffee msgid=m3" in line for line in talk.said())


def test_a_join_by_the_former_name_of_a_room_one_is_in() -> None:
    """Nothing is entered twice."""
    talk = Exchange()
    talk.register()
    talk.enter("#coffee")
    talk.session.join("#tea")
    talk.said()
    talk.hear(":irc FAIL JOIN CHANNEL_RENAMED #tea #coffee :The channel has been renamed")
    assert talk.said() == []
    heard = talk.hear(":irc FAIL JOIN CHANNEL_RENAMED #tea #coffee :The channel has been renamed")
    assert heard == [ServerText("The channel has been renamed")]


@pytest.mark.parametrize("line", ["RENAME #tea", "RENAME #tea coffee", "RENAME #none #coffee :x"])
def test_what_is_no_rename_of_a_room_of_ours(line: str) -> None:
    """A malformed one, and one of a room that we are not in, change nothing."""
    talk = Exchange()
    talk.register()
    talk.enter("#tea")
    assert talk.hear(f":bob!b@h {line}") == []
    assert set(talk.session.members("#tea")) >= {"ann"}


def test_the_room_goes_on_under_its_new_name() -> None:
    """Transcript, topic, number, what one looks at; a note says who did it and why."""
    play = Play("#tea", "#chess")
    play.connect()
    play.enter("#tea")
    play.enter("#chess", token="history-2-1")
    play.hear(":bob!b@h TOPIC #tea :Assam", "@msgid=m1;time=2026-01-01T00:00:00.000Z :bob!b@h PRIVMSG #tea :hi")
    play.seen()
    play.hear(RENAMED)
    chat = play.chat
    assert (chat.rooms, chat.places, chat.transcripts.current) == (
        ["#coffee", "#chess"],
        ["#coffee", "#chess"],
        "#coffee",
    )
    assert (chat.topic("#coffee"), chat.is_known("#coffee")) == ("Assam", True)
    assert [row.partition("-- ")[2] for row in play.seen()] == ["bob renamed #tea to #coffee: better"]
    play.hear("@msgid=m2;time=2026-01-01T00:00:01.000Z :bob!b@h PRIVMSG #coffee :again")
    lines = [row.text for row in chat.transcripts["#coffee"].rows if isinstance(row, RoomLine) and row.kind.is_text]
    assert lines == ["hi", "again"]
    line = chat.transcripts.line("#tea", "m1")
    assert line is not None, "what answers a line said under the old name finds it"


def test_waiting_lines_go_to_the_new_name(tmp_path: Path) -> None:
    """Under the keys that they had, so that none arrives twice; on disk too."""
    outbox = open_outbox(tmp_path, "o")
    play = Play("#tea", outbox=outbox)
    play.connect()
    play.enter("#tea")
    play.console.typed("on its way")
    (first,) = [line for line in play.said() if "PRIVMSG" in line]
    play.console.typed("waits")
    play.hear(RENAMED)
    play.hear(f"{first.partition(' ')[0]};msgid=m1 :ann!a@h PRIVMSG #coffee :on its way")
    (second,) = [line for line in play.said() if "PRIVMSG" in line]
    assert second.partition(" ")[2] == "PRIVMSG #coffee waits"
    outbox.close()
    again = open_outbox(tmp_path, "o")
    (left,) = again
    assert (left.target, left.text) == ("#coffee", "waits")
    again.close()


def test_a_room_entered_by_its_former_name_is_the_one_looked_at() -> None:
    """/join of the old name, with what earlier runs have seen of it; and again when we are there."""
    play = Play("#chess")
    play.connect()
    play.enter("#chess")
    play.console.typed("/join tea")
    play.said()
    play.hear(":irc FAIL JOIN CHANNEL_RENAMED #tea #coffee :The channel has been renamed")
    assert [line for line in play.said() if line.startswith("JOIN")] == ["JOIN #coffee"]
    play.enter("#coffee", token="history-2-1")
    assert (play.chat.transcripts.current, play.chat.rooms) == ("#coffee", ["#chess", "#coffee"])
    play.console.typed("/room chess")
    play.console.typed("/join tea")
    play.said()
    play.hear(":irc FAIL JOIN CHANNEL_RENAMED #tea #coffee :The channel has been renamed")
    assert play.said() == []
    assert (play.chat.transcripts.current, play.chat.rooms) == ("#coffee", ["#chess", "#coffee"])
    assert play.chat.settled


def test_rename_asks_for_the_room_that_is_looked_at() -> None:
    """With `#` or without, and a reason; a refusal is told."""
    play = Play()
    play.connect("standard-replies")
    play.enter()
    play.said()
    for typed, said in (("coffee", "RENAME #tea #coffee"), ("#coffee no more tea", "RENAME #tea #coffee :no more tea")):
        play.console.typed(f"/rename {typed}")
        assert play.said() == [said]
    play.console.typed("/rename")
    assert play.said() == []
    play.seen()
    play.hear(":irc FAIL RENAME CHANNEL_NAME_IN_USE #tea #coffee :The channel name is already taken")
    assert any("already taken" in row for row in play.seen())


def test_what_is_on_disk_is_found_under_the_new_name(tmp_path: Path) -> None:
    """By the next run too; what a room of that name had before stays."""
    cache = Cache(tmp_path / "c.sqlite")
    for line in (spoken(1), spoken(3), spoken(2, "#coffee"), spoken(3, "#coffee")):
        cache.add(line)
    cache.rename("#tea", "#Coffee")
    assert [(line.time_ms, line.room) for line in cache.lines("#coffee", 9)][::2] == [(1, "#Coffee"), (3, "#coffee")]
    cache.close()
    again = Cache(tmp_path / "c.sqlite")
    assert [line.time_ms for line in again.lines("#coffee", 9)] == [1, 2, 3]
    assert again.lines("#tea", 9) == []
    transcripts = Transcripts(lambda: 0, again)
    transcripts.recall("#coffee")
    assert transcripts.names == ["#Coffee"]
    again.close()


def test_two_transcripts_of_one_room_become_one() -> None:
    """What was seen under either name, in order, and what could not be sent."""
    transcripts = Transcripts(lambda: 9)
    for line in (spoken(1), spoken(4, "#coffee"), spoken(3, "#coffee"), spoken(3)):
        transcripts.add(line)
    play = Play("#tea")
    play.console.typed("unsent")
    (unsent,) = play.chat.own_lines.delivery._outbox
    transcripts.pend(unsent, "ann")
    transcripts.fail(unsent, "no")
    transcripts.rename("#tea", "#coffee")
    rows = transcripts["#coffee"].rows
    assert [row.time_ms for row in rows if isinstance(row, RoomLine)] == [1, 3, 4]
    assert [row.line.text for row in rows if isinstance(row, Failed)] == ["unsent"]
    assert transcripts.names == ["#coffee"]


def test_a_name_may_be_another_rooms_later() -> None:
    """What is said in a room that is founded under the former name is not taken for the renamed one's."""
    play = Play("#tea")
    play.connect()
    play.enter("#tea")
    play.hear(RENAMED)
    play.console.typed("/join tea")
    play.enter("#tea", token="history-2-1")
    play.hear("@msgid=m5;time=2026-01-01T00:00:00.000Z :eve!e@h PRIVMSG #tea :new here")
    texts = [row.text for row in play.chat.transcripts["#tea"].rows if isinstance(row, RoomLine) and row.kind.is_text]
    assert texts == ["new here"]
    assert play.chat.rooms == ["#coffee", "#tea"]


def test_back_and_forth() -> None:
    """A, B, A: one transcript, one place, and no name that leads in a circle."""
    transcripts = Transcripts(lambda: 0)
    transcripts.add(spoken(1))
    transcripts.current = "#tea"
    for old, new in (("#tea", "#coffee"), ("#coffee", "#tea"), ("#tea", "#coffee"), ("#coffee", "#Coffee")):
        transcripts.rename(old, new)
    assert (transcripts.names, transcripts.current) == (["#Coffee"], "#Coffee")
    assert transcripts["#tea"] is transcripts["#coffee"]
    assert len(transcripts["#tea"].rows) == 1


def test_unread_and_drafts_follow(tmp_path: Path) -> None:
    """Counts and the line where they begin; what is typed and not sent, on disk too."""
    play = Play("#tea", "#chess")
    play.connect()
    play.enter("#tea")
    play.enter("#chess", token="history-2-1")
    play.chat.transcripts.current = "#chess"
    reading = Reading(play.chat)
    reading.update()
    play.hear("@msgid=m1;time=2026-01-01T00:00:00.000Z :bob!b@h PRIVMSG #tea :ann: hi")
    reading.update()
    place = reading.viewport("#tea")
    play.hear(RENAMED)
    reading.update()
    assert (reading.unread["#coffee"].lines, reading.unread["#coffee"].mentions, reading.unread["#tea"].lines) == (
        1,
        1,
        0,
    )
    assert reading.viewport("#coffee") is place
    drafts = Drafts(tmp_path / "drafts")
    drafts["#tea"] = "half a"
    drafts.renamed("#tea", "#coffee")
    drafts.save()
    assert Drafts(tmp_path / "drafts")["#coffee"] == "half a"
    drafts["#tea"] = "other"
    drafts.renamed("#tea", "#coffee")
    assert drafts["#coffee"] == "half a"


def test_read_marks_follow() -> None:
    """What was read here and not told yet is told of the room by its new name."""
    play = Play("#tea")
    play.connect("draft/read-marker")
    play.enter("#tea")
    play.hear("@msgid=m1;time=2026-01-01T00:00:00.000Z :bob!b@h PRIVMSG #tea :hi")
    play.chat.seen("#tea")
    play.said()
    play.hear(RENAMED)
    play.chat.tell_what_was_seen()
    assert play.said() == ["MARKREAD #coffee timestamp=2026-01-01T00:00:00.000Z"]
    play.hear(":irc MARKREAD #coffee timestamp=2026-01-01T00:00:00.000Z")
    play.hear(":bob!b@h RENAME #coffee #tea :")
    assert play.chat.heard.read_marks["#tea"] == 1_767_225_600_000


def test_move_keeps_the_place_and_renames_are_taken_once() -> None:
    """The table's other entries stay where they were; a reader that looks late gets the last ones."""
    table = {"#a": 1, "#b": 2, "#c": 3}
    move(table, "#A", "#D")
    assert list(table.items()) == [("#d", 1), ("#b", 2), ("#c", 3)]
    move(table, "#none", "#b")
    move(table, "#d", "#c")
    assert list(table.items()) == [("#c", 1), ("#b", 2)]
    renames = Renames()
    for number in range(MAX_REMEMBERED + 5):
        renames.note(f"#{number}", f"#{number + 1}")
    assert len(renames.since(0)) == MAX_REMEMBERED
    assert renames.since(renames.count - 2) == [("#203", "#204"), ("#204", "#205")]
    assert renames.since(renames.count) == []

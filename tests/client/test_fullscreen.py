"""Keys at the full screen, and what becomes of them; the server and the clock are the test's."""

from pathlib import Path

import pytest

from tests.harness.deadlines import eventually
from tests.harness.screen_inside import Desk, at, screen_inside

pytestmark = pytest.mark.slow

ENTER, ESC, PAGE_UP, PAGE_DOWN, TAB, UP, DOWN = "\r", "\x1b", "\x1b[5~", "\x1b[6~", "\t", "\x1b[A", "\x1b[B"
CTRL_C, CTRL_D, CTRL_F, CTRL_J, CTRL_N, CTRL_R = "\x03", "\x04", "\x06", "\x0a", "\x0e", "\x12"


def alt(key: str) -> str:
    """Alt and a key."""
    return ESC + key


def pasted(text: str) -> str:
    """A paste as a terminal marks it."""
    return f"\x1b[200~{text}\x1b[201~"


def in_rooms(*rooms: str) -> Desk:
    """Ann, connected, in these rooms."""
    desk = Desk(*(rooms or ("#tea",)))
    desk.connect()
    for room in rooms or ("#tea",):
        desk.enter(room, "@ann bob Bert")
    return desk


def sent(desk: Desk) -> list[str]:
    """What we said in rooms, as the server heard it."""
    return [line.partition(" PRIVMSG ")[2] for line in desk.said if " PRIVMSG " in line]


def label_of_last(desk: Desk) -> str:
    """The label of what was sent last."""
    return desk.said[-1].partition("label=")[2].partition(";")[0]


async def test_a_line_is_sent_marked_and_confirmed() -> None:
    """`~` until the server has it, and then like any other."""
    desk = in_rooms()
    async with screen_inside(desk) as screen:
        screen.type("hello" + ENTER)
        await screen.sees("~         ann | hello  (sending)")
        await screen.input_is("[ann #tea]")
        assert sent(desk) == ["#tea hello"]
        desk.echo()
        await screen.until(lambda rows: not any("sending" in row for row in rows), "no mark")
        await screen.sees("ann | hello")


async def test_exit_is_a_question_at_all_times() -> None:
    """The typed word, Ctrl-C and Ctrl-D on an empty line, with and without a server; anything but y and yes returns."""
    desk = in_rooms()
    async with screen_inside(desk) as screen:
        for online in (True, False):
            if not online:
                desk.lose("gw-a", "it closed the connection")
            for ask in ("exit" + ENTER, CTRL_C, CTRL_D):
                for answer in ("n" + ENTER, ENTER, ESC, CTRL_C):
                    screen.type(ask)
                    await screen.input_is("Leave chat? [y/N]")
                    screen.type(answer)
                    await screen.input_is("[ann #tea]")
                    assert not desk.console.left
        screen.type("exit" + ENTER)
        await screen.input_is("Leave chat? [y/N]")
        screen.type("Yes" + ENTER)
        await screen.input_is("[ann #tea]")
        assert desk.console.left
        assert sent(desk) == []


async def test_the_word_exit_can_be_said() -> None:
    """`/say exit` says it."""
    desk = in_rooms()
    async with screen_inside(desk) as screen:
        screen.type("/say exit" + ENTER)
        await screen.sees("ann | exit")
        assert sent(desk) == ["#tea exit"]


async def test_ctrl_c_clears_and_answers_are_not_kept() -> None:
    """What was typed is gone; Up brings what was sent, and neither answers nor what was cleared."""
    desk = in_rooms()
    async with screen_inside(desk) as screen:
        screen.type("said" + ENTER)
        await screen.sees("ann | said")
        for keys, left in (
            ("unsaid", "[ann #tea] unsaid"),
            (CTRL_C, "[ann #tea]"),
            (CTRL_C, "Leave chat? [y/N]"),
            ("no" + ENTER, "[ann #tea]"),
            (UP, "[ann #tea] said"),
        ):
            screen.type(keys)
            await screen.input_is(left)


async def test_ctrl_r_searches_what_was_typed() -> None:
    """The newest line that fits; Enter takes it into the input."""
    desk = in_rooms()
    async with screen_inside(desk) as screen:
        for line in ("first one", "second"):
            screen.type(line + ENTER)
            await screen.sees(f"ann | {line}")
        screen.type(CTRL_R + "fir")
        await screen.sees("find typed before: fir")
        screen.type(ENTER)
        await screen.input_is("[ann #tea] first one")


async def test_each_room_has_its_draft(tmp_path: Path) -> None:
    """It waits there while one is elsewhere, is marked, and is there the next time the client runs."""
    desk = in_rooms("#tea", "#ops")
    async with screen_inside(desk, 100, state_dir=tmp_path) as screen:
        screen.type("half a thought")
        await screen.input_is("[ann #tea] half a thought")
        screen.type(CTRL_N)
        await screen.input_is("[ann #ops]")
        screen.type("other")
        await screen.input_is("[ann #ops] other")
        screen.type(alt("1"))
        await screen.input_is("[ann #tea] half a thought")
        assert sent(desk) == []
    assert (tmp_path / "drafts").stat().st_mode & 0o777 == 0o600
    async with screen_inside(in_rooms("#tea", "#ops"), state_dir=tmp_path) as screen:
        await screen.input_is("[ann #tea] half a thought")


async def test_a_room_that_changes_under_the_hand_gets_no_line_meant_for_another() -> None:
    """A join is answered while one types: Enter sends nothing, and the text stays with the room it was typed in."""
    desk = in_rooms()
    async with screen_inside(desk) as screen:
        screen.type("/join ops" + ENTER)
        await screen.input_is("[ann #tea]")
        screen.type("for tea")
        await screen.input_is("[ann #tea] for tea")
        desk.told = lambda: None  # the screen has not heard of it yet
        desk.enter("#ops")
        screen.type(ENTER)
        await screen.input_is("[ann #ops]")
        assert sent(desk) == []
        screen.type(alt("1"))
        await screen.input_is("[ann #tea] for tea")


async def test_what_was_refused_stays_to_be_put_right() -> None:
    """An unknown command: the reason in plain words, and what was typed in the input."""
    desk = in_rooms()
    async with screen_inside(desk) as screen:
        screen.type("/frob x" + ENTER)
        await screen.sees("there is no command /frob")
        await screen.input_is("[ann #tea] /frob x")


async def test_several_lines_are_written_and_sent_one_by_one() -> None:
    """Ctrl-J and Alt-Enter begin a new line; Enter sends them all."""
    desk = in_rooms()
    async with screen_inside(desk) as screen:
        screen.type("one" + CTRL_J + "two" + alt(ENTER) + "three")
        await screen.input_is("         > three")
        screen.type(ENTER)
        await screen.sees("ann | three  (sending)")
        assert [line.text for _, line in desk.chat.transcripts.pending] == ["one", "two", "three"]


async def test_a_paste_of_200_lines_is_asked_about() -> None:
    """Nothing is sent before a yes; a no gives the text back; the input never takes more than six rows."""
    desk = in_rooms()
    lines = [f"line {number}" for number in range(200)]
    async with screen_inside(desk) as screen:
        screen.type(pasted("\r".join(lines)))
        await screen.sees("> line 199")
        assert sum("> line" in row for row in screen.rows) <= 6
        screen.type(ENTER)
        await screen.input_is("Send 200 lines to #tea? [y/N]")
        screen.type(ENTER)
        await screen.sees("> line 199")
        assert sent(desk) == []
        screen.type(ENTER)
        await screen.input_is("Send 200 lines to #tea? [y/N]")
        screen.type("y" + ENTER)
        await screen.input_is("[ann #tea]")
        assert [line.text for _, line in desk.chat.transcripts.pending] == lines


async def test_a_paste_that_is_not_marked_is_not_sent_either() -> None:
    """A terminal without bracketed paste sends fast typing: it is one text, and the Enter at its end is part of it."""
    desk = in_rooms()
    async with screen_inside(desk) as screen:
        screen.type("one\rtwo\rthree\r")
        await screen.sees("> three")
        assert sent(desk) == []


async def test_tab_completes_nicks_and_goes_through_them() -> None:
    """Who spoke last comes first; at the beginning of a line a colon follows."""
    desk = in_rooms()
    desk.hear(desk.line(at(22, "09:30"), "bob", "hi"))
    async with screen_inside(desk) as screen:
        screen.type("b" + TAB)
        await screen.sees("[ann #tea] bob:")
        screen.type(TAB)
        await screen.sees("[ann #tea] Bert:")


async def test_tab_asks_the_server_for_rooms() -> None:
    """The answer comes while one waits, and is offered."""
    desk = in_rooms()
    async with screen_inside(desk) as screen:
        screen.type("/join ga" + TAB)
        await eventually(desk.heard("LIST"), what="the request")
        desk.hear(":irc 322 ann #gateway 41 :Gateway team", ":irc 323 ann :End")
        await screen.sees("/join #gateway")
        assert not any("rooms in all" in row for row in screen.rows)


async def test_the_room_switcher() -> None:
    """A part of the name and Enter; Esc stays."""
    desk = in_rooms("#tea", "#ops", "#dev")
    async with screen_inside(desk) as screen:
        screen.type(alt("k"))
        await screen.sees("Go to a room")
        screen.type("de" + ENTER)
        await screen.input_is("[ann #dev]")
        screen.type(alt("k"))
        await screen.sees("Go to a room")
        screen.type(ESC)
        await screen.until(lambda rows: not any("Go to a room" in row for row in rows), "the room")
        screen.type(alt("k") + DOWN + ENTER)
        await screen.input_is("[ann #ops]")


async def test_the_join_dialog_makes_a_room() -> None:
    """What fits no room of the server can be created."""
    desk = in_rooms()
    async with screen_inside(desk) as screen:
        screen.type(alt("j") + "new one")
        await screen.sees("+ create #new-one")
        screen.type(ENTER)
        await eventually(desk.heard("JOIN #new-one"), what="the request")


async def test_scrolling_back_has_no_end_but_the_servers() -> None:
    """At the top older lines are asked for, stand above what was there, and nothing that is read moves."""
    desk = Desk("#tea")
    desk.connect()
    old = [desk.line(at(21, "12:00") + number * 1000, "bob", f"old {number}") for number in range(120)]
    new = [desk.line(at(22, "09:00") + number * 1000, "bob", f"new {number}") for number in range(50)]
    desk.enter("#tea", "@ann bob", history=tuple(new))
    async with screen_inside(desk) as screen:
        await screen.sees("new 49")
        for _ in range(4):
            screen.type(PAGE_UP)
        await screen.sees("new 0")
        assert any(" BEFORE #tea msgid=m121 100" in line for line in desk.said)
        before = screen.rows[1:20]
        desk.answer("#tea", *old[20:])
        await screen.drawn()
        assert screen.rows[1:20] == before
        screen.type(PAGE_UP)
        await screen.sees("old 119")
        assert not desk.chat.transcripts["#tea"].is_full
        desk.said.clear()
        for _ in range(6):
            screen.type(PAGE_UP)
        await screen.sees("old 20")
        desk.answer("#tea", *old[:20])
        screen.type(PAGE_UP * 2)
        await screen.sees("old 0")
        desk.said.clear()
        screen.type(PAGE_UP)
        await screen.drawn()
        assert not any("CHATHISTORY" in line for line in desk.said)
        screen.type(ESC)
        await screen.sees("new 49")


async def test_five_thousand_lines_come_while_one_reads() -> None:
    """Scrolled up, a flood moves nothing; then the end is one key away."""
    desk = Desk("#tea")
    desk.connect()
    early = tuple(desk.line(at(22, "08:00") + number * 1000, "bob", f"early {number}") for number in range(50))
    desk.enter("#tea", "@ann bob", history=early)
    async with screen_inside(desk) as screen:
        screen.type(PAGE_UP)
        await screen.sees("newer below")
        before = screen.rows[1:20]
        for start in range(0, 5000, 500):
            desk.hear(*(desk.line(at(22, "09:00") + n, "eve", f"flood {n}") for n in range(start, start + 500)))
            await screen.drawn()
            assert screen.rows[1:20] == before
        screen.type(ESC)
        await screen.sees("flood 4999")


async def test_mentions_are_walked_and_words_are_found() -> None:
    """Alt-p goes up from mention to mention, Alt-n down; Ctrl-F finds what is typed; Esc returns to the end."""
    desk = Desk("#tea")
    desk.connect()
    texts = {10: "ann: first call", 60: "second call for ann"}
    lines = (desk.line(at(22, "08:00") + n * 1000, "bob", texts.get(n, f"line {n}")) for n in range(100))
    desk.enter("#tea", "@ann bob", history=tuple(lines))
    async with screen_inside(desk) as screen:
        for keys, shown in (
            (alt("p"), "second call for ann"),
            (alt("p"), "ann: first call"),
            (alt("n"), "second call for ann"),
            (ESC, "line 99"),
            ("LINE 33" + CTRL_F, "| line 33"),
            (CTRL_F, "nothing further up has 'LINE 33'"),
        ):
            screen.type(keys)
            await screen.sees(shown)


async def test_the_next_unread_room_and_its_rule() -> None:
    """Mentions come first; the rule stands where reading stopped, until one leaves or speaks."""
    desk = in_rooms("#tea", "#ops", "#dev")
    async with screen_inside(desk) as screen:
        await screen.sees("[1 tea]")
        desk.hear(
            desk.line(at(22, "09:32"), "bob", "just so", "#ops"), desk.line(at(22, "09:32"), "bob", "ann?", "#dev")
        )
        await screen.sees("2 ops 1  3 dev @1")
        screen.type(alt("a"))
        await screen.input_is("[ann #dev]")
        await screen.sees("= new messages =")
        await screen.sees("2 ops 1  [3 dev]")
        screen.type(alt("a"))
        await screen.input_is("[ann #ops]")
        screen.type("seen" + ENTER)
        await screen.until(lambda rows: not any("new messages" in row for row in rows), "no rule")


async def test_bell_and_title_tell_of_what_is_for_us() -> None:
    """A mention rings once; the title counts; control characters of others never get there."""
    desk = in_rooms("#tea", "#ops")
    async with screen_inside(desk) as screen:
        await screen.sees("[1 tea]")
        assert screen.glass.title_now == "#tea"
        desk.hear(desk.line(at(22, "09:32"), "bob", "nothing special", "#ops"))
        await screen.sees("2 ops 1")
        assert (screen.glass.title_now, screen.glass.bells) == ("(1) #tea", 0)
        desk.hear(desk.line(at(22, "09:32"), "bob", "ann: \x1b]0;owned\x07", "#ops"))
        await screen.sees("2 ops @1")
        assert (screen.glass.title_now, screen.glass.bells) == ("(2!) #tea", 1)
        assert "owned" not in screen.wire.written


async def test_links_lead_where_they_say_and_bleed_nowhere() -> None:
    """Each cell of an address is a link to it, no other cell is, also after scrolling."""
    desk = Desk("#tea")
    desk.connect()
    lines = (desk.line(at(22, "08:00") + n * 1000, "bob", f"{n} see https://e.test/{n} ok") for n in range(80))
    desk.enter("#tea", "@ann bob", history=tuple(lines))
    async with screen_inside(desk) as screen:
        await screen.sees("79 see")
        for _ in range(3):
            screen.type(PAGE_UP)
            await screen.drawn()
            linked = 0
            for y, row in enumerate(screen.rows):
                start = row.find("https://e.test/")
                url = row[start:].split(" ")[0] if start >= 0 else ""
                for x in range(len(row)):
                    inside = bool(url) and start <= x < start + len(url)
                    assert screen.glass.links.get((y, x), "") == (url if inside else ""), (y, x, row)
                    linked += inside
            assert linked > 100


async def test_resend_and_discard() -> None:
    """A failed line says why; it can be sent once more, or forgotten."""
    desk = in_rooms()
    async with screen_inside(desk) as screen:
        screen.type("hello" + ENTER)
        await screen.sees("hello  (sending)")
        label = label_of_last(desk)
        desk.hear(f"@label={label} :irc 404 ann #tea :Cannot send to channel")
        await screen.sees("!         ann | hello  (not sent: Cannot send to channel)")
        screen.type("/resend" + ENTER)
        await screen.sees("hello  (sending)")
        assert sent(desk) == ["#tea hello", "#tea hello"]
        desk.hear(f"@label={label} :irc 404 ann #tea :Cannot send to channel")
        await screen.sees("not sent")
        screen.type("/discard" + ENTER)
        await screen.sees("1 discarded")
        assert not any("hello" in row for row in screen.rows)


async def test_help_is_made_from_the_tables() -> None:
    """F1 shows keys and commands, Esc closes it."""
    desk = in_rooms()
    async with screen_inside(desk, 80, 60) as screen:
        screen.type("\x1bOP")
        await screen.sees("Ctrl-X Ctrl-E")
        await screen.sees("/resend")
        screen.type(ESC)
        await screen.until(lambda rows: not any("/resend" in row for row in rows), "the room")


async def test_states_of_the_connection() -> None:
    """Connecting, lag, read-only, draining, lost: each has its words, and the input stays."""
    desk = Desk("#tea")
    async with screen_inside(desk) as screen:
        await screen.sees("connecting to gw-a")
        desk.connect()
        desk.enter("#tea")
        await screen.sees("gw-a 12ms")
        desk.chat.heard.pinged_ms = desk.now_ms - 4_000
        desk.changed()
        await screen.sees("gw-a lag 4 s")
        desk.chat.heard.pinged_ms = None
        screen.type("hi" + ENTER)
        await screen.sees("hi  (sending)")
        label = label_of_last(desk)
        desk.hear(f"@label={label} FAIL PRIVMSG TEMPORARILY_UNAVAILABLE #tea :The store is away")
        await screen.sees("READ-ONLY gw-a")
        await screen.sees("hi  (The store is away)")
        await screen.sees("can be read, but takes nothing just now. 1 of yours waits")
        desk.hear("ERROR :Closing link: drained")
        await screen.sees("gw-a is closing: Closing link: drained")
        desk.lose("gw-a", "Closing link: drained")
        desk.now_ms += 20_000
        desk.changed()
        await screen.sees("OFFLINE 20 s")
        await screen.sees("NO CONNECTION for 20 s: Closing link: drained.")


async def test_any_size_can_be_drawn() -> None:
    """Down to one cell, and back."""
    desk = in_rooms()
    async with screen_inside(desk) as screen:
        for columns, rows in ((1, 1), (5, 2), (20, 4), (20, 5), (49, 10), (90, 24), (200, 60), (80, 24)):
            await screen.resize(columns, rows)
        screen.type("still here" + ENTER)
        await screen.sees("ann | still here")


async def test_a_cleared_screen_shows_what_comes_and_page_up_the_rest() -> None:
    """Nothing is lost: the lines are above, and stay there once they have been looked at."""
    desk = in_rooms()
    desk.hear(*(desk.line(desk.now_ms + number, "bob", f"line {number}") for number in range(5)))
    async with screen_inside(desk) as screen:
        await screen.sees("bob | line 4")
        screen.type("/clear" + ENTER)
        await screen.until(lambda rows: not any("bob |" in row for row in rows), "an empty screen")
        desk.hear(desk.line(desk.now_ms + 10, "bob", "anew"))
        await screen.sees("bob | anew")
        assert not any("line 4" in row for row in screen.rows)
        screen.type(PAGE_UP)
        await screen.sees("bob | line 4")
        screen.type(ESC)
        await screen.drawn()
        await screen.sees("bob | line 4")


async def test_read_only_ends_when_a_line_is_taken_again() -> None:
    """The words stand while the server refuses, and go with the first line it keeps."""
    desk = in_rooms()
    async with screen_inside(desk) as screen:
        screen.type("hi" + ENTER)
        await screen.sees("hi  (sending)")
        label = label_of_last(desk)
        desk.hear(f"@label={label} FAIL PRIVMSG TEMPORARILY_UNAVAILABLE #tea :The store is away")
        await screen.sees("READ-ONLY gw-a")
        desk.now_ms += 3_000
        desk.changed()
        desk.echo()
        await screen.until(lambda rows: not any("READ-ONLY" in row for row in rows), "no READ-ONLY")
        await screen.sees("ann | hi")


async def test_a_key_is_in_no_file(tmp_path: Path) -> None:
    """What opens a room can be had back with Up, but is not written down; other lines are."""
    desk = in_rooms()
    async with screen_inside(desk, state_dir=tmp_path) as screen:
        screen.type("/join ops sesame" + ENTER)
        await eventually(desk.heard("JOIN #ops sesame"), what="JOIN")
        screen.type("hello" + ENTER)
        await screen.sees("ann | hello")
        screen.type(UP + UP)
        await screen.input_is("[ann #tea] /join ops sesame")
        screen.type(CTRL_C)
        await screen.input_is("[ann #tea]")
    kept = (tmp_path / "history").read_text()
    assert "hello" in kept
    assert "sesame" not in kept


async def test_a_paste_whose_end_is_lost_does_not_swallow_the_keyboard() -> None:
    """As over a line that drops bytes: what came of it is there after a moment, and keys are keys again."""
    desk = in_rooms()
    async with screen_inside(desk) as screen:
        screen.type("\x1b[200~half a paste")
        await screen.input_is("[ann #tea] half a paste")
        screen.type(", and more" + ENTER)
        await screen.sees("ann | half a paste, and more  (sending)")


async def test_leaving_tells_what_is_kept() -> None:
    """Drafts of other rooms, and what no server has confirmed."""
    desk = in_rooms("#tea", "#ops")
    async with screen_inside(desk) as screen:
        screen.type("half a thought" + CTRL_N)
        await screen.input_is("[ann #ops]")
        screen.type("unsent" + ENTER)
        await screen.sees("ann | unsent  (sending)")
        screen.type("exit" + ENTER)
        await screen.sees("Kept for next time: Draft in #tea; 1 unsent message.")


async def test_what_is_typed_stays_when_the_room_gets_another_name() -> None:
    """It goes to the new name, which stands in front of it; so does what was begun in a room not on screen."""
    desk = in_rooms("#tea", "#chess")
    async with screen_inside(desk) as screen:
        screen.type("half a thought")
        await screen.input_is("[ann #tea] half a thought")
        screen.type(alt("2") + "another")
        await screen.input_is("[ann #chess] another")
        desk.hear(":bob!b@h RENAME #chess #checkers :", ":bob!b@h RENAME #tea #coffee :better")
        await screen.input_is("[ann #checkers] another")
        screen.type(alt("1"))
        await screen.input_is("[ann #coffee] half a thought")
        await screen.sees("bob renamed #tea to #coffee: better")
        screen.type(ENTER)
        await screen.input_is("[ann #coffee]")
        assert sent(desk) == ["#coffee :half a thought"]

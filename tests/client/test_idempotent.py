"""Lines sent exactly once to a server that knows keys. Source: docs/protocol.md, `hubbub.chat/idem`."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from client.delivery import IDEM_KEPT_MS, MAX_IDEM_TRIES, MAX_IN_FLIGHT, PACE_BURST, RETRY_WAIT_MS, Delivery
from client.events import Accepted, Refused
from client.outbox import Outbox, OutboxLine, open_outbox
from tests.client.exchange import STANDARD_CAPABILITIES, Exchange
from tests.client.play import Play

IDEM = "hubbub.chat/idem"


def typed(count: int, target: str = "#tea") -> list[OutboxLine]:
    """Lines with the keys 0, 1, 2 ..."""
    return [OutboxLine(key=str(number), target=target, text="hi", time_ms=0) for number in range(count)]


def delivery_of(count: int) -> Delivery:
    """A delivery with so many lines typed, and the room open."""
    outbox = Outbox()
    outbox.append(*typed(count))
    delivery = Delivery(outbox)
    delivery.online(idempotent=True)
    delivery.opened("#tea")
    return delivery


def due(delivery: Delivery, now_ms: int = 0) -> list[str]:
    """Keys of the lines to send now."""
    return [line.key for line in delivery.due(now_ms)]


def test_a_line_bears_its_key() -> None:
    """The tag is the server's; nothing is relayed to others."""
    talk = Exchange()
    talk.register(*STANDARD_CAPABILITIES, IDEM)
    talk.session.say(key="k1", target="#tea", text="hi")
    assert talk.said() == [f"@label=k1;{IDEM}=k1 PRIVMSG #tea hi"]


def test_a_key_that_another_session_has_used_is_a_line_delivered() -> None:
    """Our own session of then has ended; its line is in the room."""
    talk = Exchange()
    talk.register(*STANDARD_CAPABILITIES, IDEM)
    talk.session.say(key="k1", target="#tea", text="hi")
    assert talk.hear("@label=k1 :irc FAIL PRIVMSG IDEM_KEY_TAKEN #tea :Known") == [Accepted("k1")]
    talk.session.say(key="k2", target="#tea", text="hi")
    assert talk.hear("@label=k2 :irc FAIL PRIVMSG IDEM_KEY_INVALID #tea :Too long") == [Refused("k2", "Too long")]


def test_several_lines_are_on_their_way_in_order() -> None:
    """As many as the window, and one more with each acknowledgement."""
    delivery = delivery_of(MAX_IN_FLIGHT + 3)
    assert due(delivery) == [str(number) for number in range(MAX_IN_FLIGHT)]
    assert due(delivery) == []
    delivery.settled("0")
    assert due(delivery) == [str(MAX_IN_FLIGHT)]


def test_all_unanswered_lines_are_sent_again_in_order() -> None:
    """What was lost with a connection goes first on the next one; what was settled does not go."""
    delivery = delivery_of(4)
    due(delivery)
    delivery.settled("1")
    delivery.offline()
    delivery.online(idempotent=True)
    assert due(delivery) == []
    delivery.opened("#tea")
    assert due(delivery) == ["0", "2", "3"]


def test_after_try_again_lines_go_one_by_one_until_one_is_taken() -> None:
    """The others on their way are waited for, so that their order stays what it can."""
    delivery = delivery_of(4)
    due(delivery)
    delivery.postponed("0", "#tea", 0)
    delivery.postponed("1", "#tea", 0)
    assert due(delivery, RETRY_WAIT_MS) == []
    delivery.postponed("2", "#tea", 10)
    delivery.postponed("3", "#tea", 10)
    assert due(delivery, RETRY_WAIT_MS) == []
    assert due(delivery, RETRY_WAIT_MS + 10) == ["0"]
    assert due(delivery, RETRY_WAIT_MS + 10) == []
    delivery.settled("0")
    assert due(delivery, RETRY_WAIT_MS + 10) == ["1", "2", "3"]


def test_a_burst_is_paced_so_that_the_server_takes_it_whole() -> None:
    """Behind others only so many; then each waits for the one before, and time gives more."""
    delivery = delivery_of(100)
    sent = 0
    while len(keys := due(delivery)) != 1:
        for key in keys:
            delivery.settled(key)
        sent += len(keys)
    assert sent <= PACE_BURST + 1
    delivery.settled(keys[0])
    assert len(due(delivery, 1_000)) > 1


def test_a_line_is_given_up_before_the_server_forgets_its_key() -> None:
    """Sent again later it could be there twice; one never sent may be as old as it likes."""
    delivery = delivery_of(2)
    delivery.settled("1")
    assert due(delivery, 1) == ["0"]
    delivery.offline()
    delivery.online(idempotent=True)
    delivery.opened("#tea")
    assert delivery.hopeless(IDEM_KEPT_MS) == []
    assert delivery.hopeless(IDEM_KEPT_MS + 2) == ["0"]
    assert delivery_of(1).hopeless(IDEM_KEPT_MS * 9) == []


def test_a_line_that_kills_connections_is_given_up() -> None:
    """After `MAX_IDEM_TRIES` of them."""
    delivery = delivery_of(1)
    for _ in range(MAX_IDEM_TRIES):
        assert delivery.hopeless(0) == []
        assert due(delivery) == ["0"]
        delivery.offline()
        delivery.online(idempotent=True)
        delivery.opened("#tea")
    assert delivery.hopeless(0) == ["0"]


def test_when_a_line_was_first_sent_survives_a_crash(tmp_path: Path) -> None:
    """The age of the key counts from there."""
    outbox = open_outbox(tmp_path, "ann")
    outbox.append(*typed(2))
    outbox.sent("0", 5)
    outbox.sent("0", 9)
    outbox.close()
    again = open_outbox(tmp_path, "ann")
    assert [line.sent_ms for line in again] == [5, 0]
    again.close()


def test_lines_are_sent_again_as_soon_as_we_are_in_the_room() -> None:
    """The history need not be looked at first; the echo settles the line, and it is one row."""
    play = Play()
    play.connect(IDEM)
    play.enter()
    play.console.typed("one")
    play.console.typed("two")
    sent = [line for line in play.said() if "PRIVMSG" in line]
    assert [line.rpartition(" ")[2] for line in sent] == ["one", "two"]
    play.chat.lost()
    play.connect(IDEM)
    play.hear(":ann!a@h JOIN #tea")
    again = [line for line in play.said() if "PRIVMSG" in line]
    assert again == sent
    play.hear(
        "@label=history-2-1 :irc BATCH +h chathistory #tea",
        "@batch=h;msgid=m1 :ann!a@h PRIVMSG #tea one",
        ":irc BATCH -h",
        ":irc PONG irc history-2-1",
    )
    play.echo(again[0])
    play.echo(again[1])
    assert len(play.chat.own_lines) == 0
    assert [row for row in play.seen() if row.startswith("ann:")] == ["ann: one", "ann: two"]


def test_a_line_known_from_before_is_settled() -> None:
    """IDEM_KEY_TAKEN: not sent again, not shown as failed."""
    play = Play()
    play.connect(IDEM)
    play.enter()
    play.console.typed("one")
    play.said()
    play.hear("@label=k1 :irc FAIL PRIVMSG IDEM_KEY_TAKEN #tea :Known")
    assert len(play.chat.own_lines) == 0
    assert play.chat.transcripts.pending == []
    assert play.chat.own_lines.refused_for_good == 0


FATES = st.lists(st.sampled_from(["answer", "lose the answer", "cut"]), max_size=40)


@given(FATES.filter(lambda fates: len(fates) - fates.count("answer") < MAX_IDEM_TRIES))
def test_any_losses_leave_every_line_once_and_in_order(fates: list[str]) -> None:
    """Connections end before or after lines were taken: the log has each typed line once, in the order typed."""
    outbox = Outbox()
    outbox.append(*typed(12))
    delivery = Delivery(outbox)
    log: list[str] = []  # of a server that knows keys
    for number, fate in enumerate([*fates, *["answer"] * 12]):
        delivery.online(idempotent=True)
        delivery.opened("#tea")
        assert delivery.hopeless(number) == []
        for position, line in enumerate(delivery.due(number * 1000)):
            if fate == "cut" and position >= number % 3:
                break
            if line.key not in log:
                log.append(line.key)
            if fate == "answer":
                delivery.settled(line.key)
        if fate != "answer":
            delivery.offline()
    assert log == [str(number) for number in range(12)]
    assert len(outbox) == 0

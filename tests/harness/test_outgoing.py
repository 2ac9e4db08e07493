"""What was said and has not come back: keys, refusals, repetitions and how long things took."""

from tests.harness.outgoing import IDEM, Outgoing

ONE, TWO = ("#tea", "one"), ("#tea", "two")
ALL = {"labeled-response", IDEM}


def say(outgoing: Outgoing, message: tuple[str, str], label: str, now_s: float = 0.0) -> str:
    """The tags it goes out with."""
    return outgoing.tags(message, label, now_s, "ann", ALL)


def test_a_message_keeps_its_key() -> None:
    """Sent again it has the label and the key of the first time; without capabilities it has none."""
    outgoing = Outgoing()
    assert say(outgoing, ONE, "1") == say(outgoing, ONE, "2") == f"@label=1;{IDEM}=ann-1 "
    assert Outgoing().tags(ONE, "1", 0.0, "ann", set()) == ""


def test_repeated_sendings_are_answered_once_each() -> None:
    """The first answer counts; those of repeated sendings are no news, and one more than that is."""
    outgoing = Outgoing()
    say(outgoing, ONE, "1")
    say(outgoing, ONE, "2")
    assert [outgoing.came_back(ONE, "id", 1.0) for _ in range(3)] == [True, False, True]


def test_a_refused_sending_owes_no_answer() -> None:
    """What was put off and is sent again is answered once: a second answer would be a doubling."""
    outgoing = Outgoing()
    say(outgoing, ONE, "1")
    outgoing.refused("1", for_now=True)
    assert outgoing.put_off == {ONE}
    say(outgoing, ONE, "2")
    assert not outgoing.put_off
    assert [outgoing.came_back(ONE, "id", 1.0) for _ in range(2)] == [True, True]


def test_what_was_put_off_is_asked_for_one_by_one_until_the_room_takes_one() -> None:
    """Of each room the oldest alone; after an acknowledgement all of them, in their order."""
    outgoing = Outgoing()
    elsewhere = ("#milk", "three")
    for number, message in enumerate((ONE, TWO, elsewhere)):
        say(outgoing, message, f"{number}")
        outgoing.refused(f"{number}", for_now=True)
    assert outgoing.due_again == [ONE, elsewhere]
    say(outgoing, ONE, "4")
    outgoing.came_back(ONE, "id", 1.0)
    another = ("#tea", "another")
    say(outgoing, another, "5")
    assert outgoing.due_again == [TWO, elsewhere]
    say(outgoing, elsewhere, "6")
    outgoing.came_back(elsewhere, "id2", 1.0)
    outgoing.refused("5", for_now=True)
    assert outgoing.due_again == [TWO]
    outgoing.came_back(TWO, "id3", 1.0)
    assert outgoing.due_again == [another]


def test_a_wait_that_was_asked_for_is_kept_by_the_longest() -> None:
    """Whatever it was that was refused."""
    outgoing = Outgoing()
    outgoing.refused("", for_now=True, not_before_s=3.0)
    outgoing.refused("", for_now=True, not_before_s=2.0)
    assert (outgoing.not_before_s, outgoing.put_off) == (3.0, set())


def test_refused_for_good_is_forgotten() -> None:
    """Nobody waits for it; a label of nobody's changes nothing."""
    outgoing = Outgoing()
    say(outgoing, ONE, "1")
    outgoing.refused("7", for_now=False)
    assert list(outgoing.open) == [ONE]
    outgoing.refused("1", for_now=False)
    assert not outgoing.open


def test_a_wait_is_counted_from_the_first_sending() -> None:
    """However often it was sent."""
    outgoing = Outgoing()
    say(outgoing, ONE, "1", 1.0)
    say(outgoing, ONE, "2", 4.0)
    assert outgoing.oldest_s == 1.0
    outgoing.came_back(ONE, "id", 6.0)
    assert outgoing.waits == [(1.0, 5.0)]


def test_who_abandoned_something_waits_until_anything_comes_back() -> None:
    """A connection that broke with a message unanswered was no service until the next acknowledgement."""
    outgoing = Outgoing()
    say(outgoing, ONE, "1", 1.0)
    outgoing.abandon()
    assert (outgoing.abandoned, list(outgoing.open)) == (1, [])
    say(outgoing, TWO, "2", 3.0)
    outgoing.came_back(TWO, "id", 4.0)
    assert outgoing.waits == [(1.0, 3.0), (3.0, 1.0)]

"""The checker of deliveries: a clean run is clean, and each fault that is planted is found, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest

from tests.harness.checker import Report, check
from tests.harness.orders import merged
from tests.harness.sights import Death, Kind, Log, Loss, Message, Rivalry, Roster, Sight

ROOM = "#tea"
NICKS = ("ann", "bob", "cy")
Run = dict[str, list[Sight]]


def clean_run(texts: int = 4) -> Run:
    """Three members of one room; ann and bob each say `texts` things, all hear all of it in one order."""
    tick = count()
    run: Run = {nick: [] for nick in NICKS}
    for nick in NICKS:
        run[nick].append(Sight(next(tick), Kind.ENTERING, ROOM, nick))
        for witness in NICKS[: NICKS.index(nick) + 1][::-1]:
            run[witness].append(Sight(next(tick), Kind.ENTERED, ROOM, nick))
    for number in range(texts):
        for sender in ("ann", "bob"):
            text = f"{sender} {number}"
            run[sender].append(Sight(next(tick), Kind.SAID, ROOM, sender, text))
            for witness in NICKS:
                kind = Kind.ACKED if witness == sender else Kind.HEARD
                run[witness].append(Sight(next(tick), kind, ROOM, sender, text, f"id-{sender}-{number}"))
    return run


def rosters(*nicks: str) -> list[Roster]:
    """What cy was told by NAMES."""
    return [Roster("cy", ROOM, frozenset(nicks))]


def at(run: Run, witness: str, text: str, kind: Kind = Kind.HEARD) -> int:
    """Where a witness's record says that it got a message."""
    return next(i for i, sight in enumerate(run[witness]) if sight.text == text and sight.kind is kind)


def append(run: Run, witness: str, kind: Kind, room: str, nick: str, *, text: str = "") -> None:
    """One more sight at the end of the run."""
    tick = 1 + max(sight.tick for own in run.values() for sight in own)
    run[witness].append(Sight(tick, kind, room, nick, text))


def only(*, sent: int = 8, acknowledged: int = 8, deliveries: int = 16, **faults: int) -> Report:
    """The report of the clean run, or one with these counts changed."""
    return Report(sent=sent, acknowledged=acknowledged, deliveries=deliveries, details=(), **faults)


def judged(run: Run, *names: str) -> Report:
    """The report without its words."""
    return replace(check(run, rosters(*(names or NICKS))), details=())


def test_a_clean_run_is_clean() -> None:
    """All members hear all messages in one order, and NAMES lists them: nothing is counted."""
    report = check(clean_run(), rosters(*NICKS))
    assert report == only()
    assert report.clean


@pytest.mark.parametrize("witness", ["bob", "cy"])
def test_a_message_that_one_receiver_misses_is_lost(witness: str) -> None:
    """Acknowledged to its sender, heard by the others: one loss."""
    run = clean_run()
    del run[witness][at(run, witness, "ann 1")]
    assert judged(run) == only(deliveries=15, lost=1)


def test_a_message_that_nobody_hears_is_lost_to_each() -> None:
    """The acknowledgement alone makes it due to every member."""
    run = clean_run()
    for witness in ("bob", "cy"):
        del run[witness][at(run, witness, "ann 3")]
    assert judged(run) == only(deliveries=14, lost=2)


def test_a_message_never_acknowledged_is_not_lost() -> None:
    """Its sender knows that it has to send it again."""
    run = clean_run()
    append(run, "ann", Kind.SAID, ROOM, "ann", text="into the storm")
    report = judged(run)
    assert report == only(sent=9)
    assert report.clean


def test_a_message_heard_twice_is_doubled() -> None:
    """Also when it comes back long after."""
    run = clean_run()
    run["cy"].append(run["cy"][at(run, "cy", "bob 0")])
    assert judged(run) == only(deliveries=17, doubled=1)


def test_a_message_that_is_logged_twice_is_doubled_and_forked() -> None:
    """A retry that got a second msgid: each receiver hears it twice, its sender too."""
    run = clean_run()
    for witness in NICKS:
        kind = Kind.ACKED if witness == "ann" else Kind.HEARD
        append(run, witness, kind, ROOM, "ann", text="ann 0")
    assert judged(run) == only(deliveries=18, doubled=3, forked=3)


def kept(run: Run) -> list[Message]:
    """What the log has of the clean run."""
    return [(sight.nick, sight.text) for sight in run["cy"] if sight.kind is Kind.HEARD]


def with_log(messages: Sequence[Message], *, trimmed: bool = False) -> Report:
    """The report of a clean run whose log ended up with these."""
    return replace(check(clean_run(), rosters(*NICKS), {ROOM: Log(messages, trimmed)}), details=())


def test_a_log_that_has_each_message_once_is_clean() -> None:
    """Whatever its order is: a failover may have changed it."""
    assert with_log(kept(clean_run())) == with_log(kept(clean_run())[::-1]) == only()


def test_a_message_that_everybody_heard_and_the_log_lacks_is_unkept() -> None:
    """Whoever comes later would not find it."""
    log = kept(clean_run())
    assert with_log(log[:3] + log[4:]) == only(unkept=1)
    assert with_log([*log, log[0]]) == only(unkept=1)
    assert with_log(()) == only(unkept=8)


def test_what_was_trimmed_from_a_log_is_not_missing() -> None:
    """A log that lost its beginning is judged from there on."""
    run = clean_run(2000)
    log = kept(run)[1000:]
    whole = check(run, rosters(*NICKS), {ROOM: Log(log, trimmed=True)})
    assert whole.unkept == 0
    holed = check(run, rosters(*NICKS), {ROOM: Log(log[:-1], trimmed=True)})
    assert holed.unkept == 1


def test_two_receivers_that_disagree_are_out_of_order() -> None:
    """Messages of two senders, swapped for one receiver alone: no single order explains both."""
    run = clean_run()
    first, second = at(run, "cy", "ann 2"), at(run, "cy", "bob 2")
    run["cy"][first], run["cy"][second] = run["cy"][second], run["cy"][first]
    assert judged(run) == only(out_of_order=1)


def test_a_sender_whose_messages_change_places_for_all_is_out_of_order() -> None:
    """All receivers agree, and yet it is not what was sent."""
    run = clean_run()
    for witness in NICKS:
        kind = Kind.ACKED if witness == "ann" else Kind.HEARD
        first, second = at(run, witness, "ann 1", kind), at(run, witness, "ann 2", kind)
        run[witness][first], run[witness][second] = run[witness][second], run[witness][first]
    assert judged(run) == only(out_of_order=1)


def test_receivers_with_different_parts_of_one_order_agree() -> None:
    """Who came late or left early has a piece of the order; pieces fit together."""
    whole = [("ann", str(number)) for number in range(9)]
    assert merged([whole[3:6], whole[5:], whole[:4]]) == whole


def test_words_that_nobody_said_are_invented() -> None:
    """Half a text is not the text."""
    run = clean_run()
    append(run, "cy", Kind.HEARD, ROOM, "ann", text="an")
    assert judged(run) == only(deliveries=17, invented=1)


def test_one_message_with_two_msgids_is_forked() -> None:
    """Receivers on two sides of a fork hold different entries of the log."""
    run = clean_run()
    index = at(run, "cy", "ann 1")
    run["cy"][index] = replace(run["cy"][index], msgid="id-other")
    assert judged(run) == only(forked=1)


def test_lines_after_a_kick_are_counted() -> None:
    """Who was kicked hears nothing more."""
    run = clean_run()
    append(run, "ann", Kind.LEAVING, ROOM, "cy")
    for witness in NICKS:
        append(run, witness, Kind.LEFT, ROOM, "cy")
    append(run, "ann", Kind.SAID, ROOM, "ann", text="are they gone?")
    append(run, "ann", Kind.ACKED, ROOM, "ann", text="are they gone?")
    append(run, "bob", Kind.HEARD, ROOM, "ann", text="are they gone?")
    rightly = judged(run, "ann", "bob")
    assert rightly == only(sent=9, acknowledged=9, deliveries=17)
    append(run, "cy", Kind.HEARD, ROOM, "ann", text="are they gone?")
    assert judged(run, "ann", "bob") == replace(rightly, deliveries=18, after_leaving=1)


def test_words_of_one_who_was_kicked_are_counted() -> None:
    """Nobody hears more of who was kicked; back in the room, its words are heard again."""
    run = clean_run()
    append(run, "cy", Kind.LEAVING, ROOM, "bob")
    for witness in ("ann", "cy"):
        append(run, witness, Kind.LEFT, ROOM, "bob")
    append(run, "bob", Kind.SAID, ROOM, "bob", text="I am still here")
    append(run, "cy", Kind.HEARD, ROOM, "bob", text="I am still here")
    assert judged(run) == only(sent=9, deliveries=17, after_leaving=1)
    append(run, "bob", Kind.ENTERING, ROOM, "bob")
    append(run, "cy", Kind.ENTERED, ROOM, "bob")
    append(run, "bob", Kind.SAID, ROOM, "bob", text="back")
    append(run, "cy", Kind.HEARD, ROOM, "bob", text="back")
    assert judged(run) == only(sent=10, deliveries=18, after_leaving=1)


def test_a_stay_that_ended_is_judged_up_to_what_it_heard_last() -> None:
    """A hole in it is a loss; the end of it is not."""
    run = clean_run()
    del run["cy"][at(run, "cy", "bob 3")]
    append(run, "cy", Kind.LEAVING, ROOM, "cy")
    for witness in NICKS:
        append(run, witness, Kind.LEFT, ROOM, "cy")
    assert judged(run, "ann", "bob") == only(deliveries=15)
    del run["cy"][at(run, "cy", "ann 2")]
    assert judged(run, "ann", "bob") == only(deliveries=14, lost=1)


def test_a_quit_and_a_join_that_nobody_asked_for_are_flaps() -> None:
    """A resumed session must not be seen to leave and come back."""
    run = clean_run()
    append(run, "cy", Kind.LEFT, "", "bob")
    append(run, "cy", Kind.ENTERED, ROOM, "bob")
    assert judged(run) == only(flaps=2)


def test_a_quit_that_was_asked_for_is_no_flap() -> None:
    """It is seen once by each."""
    run = clean_run()
    append(run, "bob", Kind.LEAVING, "", "bob")
    append(run, "ann", Kind.LEFT, "", "bob")
    append(run, "cy", Kind.LEFT, "", "bob")
    assert judged(run, "ann", "cy").clean
    append(run, "cy", Kind.LEFT, "", "bob")
    assert judged(run, "ann", "cy") == only(flaps=1)


def test_being_told_of_ones_own_rooms_again_is_no_flap() -> None:
    """A client that resumes gets a JOIN for each room it is still in, and its stay goes on."""
    run = clean_run()
    append(run, "cy", Kind.ENTERED, ROOM, "cy")
    append(run, "cy", Kind.HEARD, ROOM, "ann", text="ann 0")
    assert judged(run) == only(deliveries=17, doubled=1, forked=1)


def test_a_member_that_is_not_there_is_a_ghost() -> None:
    """Listed by NAMES, and gone or never been."""
    run = clean_run()
    append(run, "bob", Kind.LEAVING, "", "bob")
    assert judged(run, "ann", "bob", "cy") == only(ghosts=1)


def test_a_member_that_is_not_listed_is_missing() -> None:
    """There, and not listed by NAMES."""
    assert judged(clean_run(), "ann", "cy") == only(missing=1)


def with_direct(*heard: str) -> Run:
    """The clean run, and ann writes to cy "d0", "d1" and "d2", each acknowledged; cy hears these of them."""
    run = clean_run()
    for text in ("d0", "d1", "d2"):
        append(run, "ann", Kind.SAID, "@cy", "ann", text=text)
        append(run, "ann", Kind.ACKED, "@cy", "ann", text=text)
    for text in heard:
        append(run, "cy", Kind.HEARD, "@cy", "ann", text=text)
    return run


@pytest.mark.parametrize(
    ("heard", "faults"),
    [
        (("d0", "d1", "d2"), {}),
        (("d0", "d2"), {"lost": 1}),
        (("d0", "d1", "d1", "d2"), {"doubled": 1}),
        (("d0", "d2", "d1"), {"out_of_order": 1}),
        (("d0", "d1", "d2", "d3"), {"invented": 1}),
    ],
    ids=["all of it", "a loss", "a doubling", "a swap", "what nobody said"],
)
def test_direct_messages_are_judged_as_well(heard: tuple[str, ...], faults: dict[str, int]) -> None:
    """By what their receiver heard; nobody else is owed them, and no room is needed."""
    assert judged(with_direct(*heard)) == only(sent=11, acknowledged=11, deliveries=16 + len(heard), **faults)


def test_who_has_gone_is_owed_no_direct_message() -> None:
    """It asked to leave."""
    run = with_direct("d0")
    append(run, "cy", Kind.LEAVING, "", "cy")
    assert check(run).lost == 0


HERE, ELSEWHERE = "127.0.0.1:1", "127.0.0.1:2"


def lost_with_its_gateway(*, reached: str = HERE) -> tuple[Run, int]:
    """The clean run, but nobody heard the last that ann said at `reached`; and when that was acknowledged."""
    run = clean_run()
    run["ann"].insert(0, Sight(-1, Kind.REACHING, "", "ann", reached))
    for witness in ("bob", "cy"):
        del run[witness][at(run, witness, "ann 3")]
    return run, run["ann"][at(run, "ann", "ann 3", Kind.ACKED)].tick


def test_what_a_failover_lost_with_its_gateway_is_excused() -> None:
    """It is not in the log either; what else was acknowledged is due as ever."""
    run, acked = lost_with_its_gateway()
    logs = {ROOM: Log([(nick, f"{nick} {number}") for number in range(4) for nick in ("ann", "bob")][:-2])}
    report = check(run, rosters(*NICKS), logs, losses=[Loss(acked - 1, acked + 9)], deaths=[Death(HERE, acked + 2)])
    assert (report.excused, report.lost, report.unkept, report.acknowledged) == (1, 0, 1, 8)
    assert report.details == (f"unkept: 0 times in the log of {ROOM}: ('bob', 'bob 3')",)


@pytest.mark.parametrize(
    ("loss", "death"),
    [
        pytest.param((1, 9), (HERE, 2), id="acknowledged before the loss"),
        pytest.param((-3, -1), (HERE, -2), id="acknowledged after the loss"),
        pytest.param((-1, 9), (HERE, 10), id="the gateway outlived it"),
        pytest.param((-1, 9), (HERE, -99), id="the gateway before it died"),
        pytest.param((-1, 9), (ELSEWHERE, 2), id="another gateway died"),
        pytest.param(None, (HERE, 2), id="no failover"),
        pytest.param((-1, 9), None, id="no death"),
    ],
)
def test_nothing_else_is_excused(loss: tuple[int, int] | None, death: tuple[str, int] | None) -> None:
    """Ticks count from the acknowledgement."""
    run, acked = lost_with_its_gateway()
    losses = [Loss(acked + loss[0], acked + loss[1])] if loss is not None else []
    deaths = [Death(death[0], acked + death[1])] if death is not None else []
    report = check(run, rosters(*NICKS), losses=losses, deaths=deaths)
    assert (report.excused, report.lost) == (0, 2)


def test_what_is_excused_may_not_be_doubled() -> None:
    """That it may be lost does not mean that it may come twice."""
    run, acked = lost_with_its_gateway()
    for _ in range(2):
        append(run, "cy", Kind.HEARD, ROOM, "ann", text="ann 3")
    report = check(run, rosters(*NICKS), losses=[Loss(acked - 1, acked + 9)], deaths=[Death(HERE, acked + 2)])
    assert (report.excused, report.lost, report.doubled) == (1, 0, 1)


def crossed() -> tuple[Run, int]:
    """The clean run, but bob and cy heard two lines the other way round; and when the first was said."""
    run = clean_run()
    for witness in ("bob", "cy"):
        one, other = at(run, witness, "ann 1"), at(run, witness, "ann 2")
        sights = run[witness]
        sights[one], sights[other] = sights[other], sights[one]
    return run, run["ann"][at(run, "ann", "ann 1", Kind.SAID)].tick


def test_two_servers_that_take_writes_make_two_orders() -> None:
    """What was said while one that had been replaced still answered is counted apart, and is no fault."""
    run, said = crossed()
    found = check(run, rosters(*NICKS))
    assert found.out_of_order
    report = check(run, rosters(*NICKS), rivalries=[Rivalry(said - 1, said + 99)])
    assert (report.reordered, report.out_of_order) == (found.out_of_order, 0)
    assert report.clean


def test_what_was_said_before_and_after_has_one_order() -> None:
    """Two servers at another time excuse nothing."""
    run, said = crossed()
    for rivalry in (Rivalry(said - 99, said - 1), Rivalry(said + 900, said + 999)):
        assert not check(run, rosters(*NICKS), rivalries=[rivalry]).reordered

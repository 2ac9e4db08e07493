"""When lines are sent: in order, one on its way per target, once more only after proof."""

from client.delivery import ANSWER_LIMIT_MS, MAX_TRIES, RETRY_WAIT_MS, Delivery
from client.outbox import Outbox, OutboxLine


def delivery_of(*lines: tuple[str, str]) -> Delivery:
    """A delivery with (key, target) lines typed."""
    outbox = Outbox()
    outbox.append(*(OutboxLine(key=key, target=target, text="hi", time_ms=0) for key, target in lines))
    return Delivery(outbox)


def due(delivery: Delivery, now_ms: int = 0) -> list[str]:
    """Keys of the lines to send now."""
    return [line.key for line in delivery.due(now_ms)]


def test_nothing_is_sent_before_the_room_is_caught_up() -> None:
    """Until then nobody knows whether the server has the line already."""
    delivery = delivery_of(("1", "#tea"))
    delivery.online(idempotent=False)
    assert due(delivery) == []
    delivery.opened("#TEA")
    assert due(delivery) == ["1"]


def test_one_line_a_target_is_on_its_way() -> None:
    """The next one follows the acknowledgement, so a refusal cannot change the order."""
    delivery = delivery_of(("1", "#tea"), ("2", "#tea"), ("3", "bob"))
    delivery.online(idempotent=False)
    delivery.opened("#tea")
    assert due(delivery) == ["1", "3"]
    assert due(delivery) == []
    delivery.settled("1")
    assert due(delivery) == ["2"]


def test_try_again_waits_and_keeps_the_order() -> None:
    """The refused line goes first when its time has come, and nothing of that room before."""
    delivery = delivery_of(("1", "#tea"), ("2", "#tea"))
    delivery.opened("#tea")
    assert due(delivery) == ["1"]
    delivery.postponed("1", "#tea", 0)
    assert due(delivery, RETRY_WAIT_MS - 1) == []
    assert due(delivery, RETRY_WAIT_MS) == ["1"]


def test_a_lost_connection_sends_again_after_catching_up() -> None:
    """What was on its way is due again, unless it was settled meanwhile (the history had it)."""
    delivery = delivery_of(("1", "#tea"), ("2", "#tea"))
    delivery.opened("#tea")
    assert due(delivery) == ["1"]
    delivery.offline()
    assert due(delivery) == []
    delivery.settled("1")
    delivery.opened("#tea")
    assert due(delivery) == ["2"]


def test_silence_condemns_the_connection() -> None:
    """A line without an answer for too long; not one sent lately, and not one settled."""
    delivery = delivery_of(("1", "#tea"))
    delivery.opened("#tea")
    due(delivery, 0)
    assert not delivery.unanswered(ANSWER_LIMIT_MS)
    assert delivery.unanswered(ANSWER_LIMIT_MS + 1)
    delivery.settled("1")
    assert not delivery.unanswered(ANSWER_LIMIT_MS + 1)


def test_a_line_that_no_connection_confirms_is_given_up() -> None:
    """After `MAX_TRIES` sends, and only once the history has been looked at again."""
    delivery = delivery_of(("1", "#tea"))
    for _ in range(MAX_TRIES):
        delivery.opened("#tea")
        assert delivery.hopeless(0) == []
        assert due(delivery) == ["1"]
        delivery.offline()
    assert delivery.hopeless(0) == []
    delivery.opened("#tea")
    assert delivery.hopeless(0) == ["1"]


def test_try_again_is_an_answer() -> None:
    """A server that keeps asking for patience is tried for as long as it takes."""
    delivery = delivery_of(("1", "#tea"))
    delivery.opened("#tea")
    for number in range(MAX_TRIES + 2):
        assert due(delivery, number * RETRY_WAIT_MS) == ["1"]
        delivery.postponed("1", "#tea", number * RETRY_WAIT_MS)
    assert delivery.hopeless(0) == []

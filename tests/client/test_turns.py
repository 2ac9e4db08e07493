"""The lock around the conversation."""

import threading

from client.turns import Turns
from tests.harness.deadlines import DEADLINE_S


def test_it_can_be_held_twice_by_one_thread() -> None:
    """And is free only when it was let go as often."""
    turns = Turns()
    taken = threading.Event()

    def take() -> None:
        with turns:
            taken.set()

    with turns:
        with turns:
            pass
        threading.Thread(target=take, daemon=True).start()
        assert not taken.wait(0.05)
    assert taken.wait(DEADLINE_S)


def test_a_thread_that_never_rests_does_not_starve_another() -> None:
    """The busy one lets go and takes it again at once, for ever; the other one gets its turn each time."""
    turns = Turns()
    ended = threading.Event()

    def busy() -> None:
        while not ended.is_set():
            with turns:
                sum(range(20_000))

    def patient() -> None:
        for _ in range(50):
            with turns:
                pass
        ended.set()

    for work in (busy, patient):
        threading.Thread(target=work, daemon=True).start()
    assert ended.wait(DEADLINE_S)

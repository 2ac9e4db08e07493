"""What a gateway writes down of its positions with each beat."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.events import Entry
from gateway.model import ORIGIN, LogKey, Position
from gateway.rooms.follower import Follower
from gateway.rooms.progress import Progress

_states = st.dictionaries(st.sampled_from(["r:#a", "r:#b", "i:c"]), st.sampled_from([0, 1, 2, None]))


class Standing(Follower):
    """Is where it is."""

    def _apply(self, entries: list[Entry]) -> None:
        raise AssertionError


def followers(state: dict[str, int | None]) -> list[Follower]:
    """Followers at these places; None: nothing is known yet."""
    return [Standing(LogKey(log), None, None if at is None else Position(b"%d-0" % at)) for log, at in state.items()]


@given(st.lists(st.tuples(_states, st.booleans())))
def test_the_differences_that_were_written_add_up(run: list[tuple[dict[str, int | None], bool]]) -> None:
    """Whatever was lost on the way to Redis is told again; closed logs go; what was never read is not told."""
    now: list[Follower] = []
    progress = Progress(lambda: now)
    written: dict[LogKey, Position] = {}
    for state, arrives in run:
        now = followers(state)
        moved, closed = progress.since_last()
        if arrives:
            for log in closed:
                del written[log]
            written |= moved
            progress.told()
            assert written == {f.log: f.last for f in now if f.last not in {None, ORIGIN}}


def test_a_log_that_stands_still_is_told_once() -> None:
    """A beat costs what has changed."""
    now = followers({"r:#a": 1, "i:c": 0})
    progress = Progress(lambda: now)
    assert progress.since_last() == ({"r:#a": b"1-0"}, [])
    progress.told()
    assert progress.since_last() == ({}, [])

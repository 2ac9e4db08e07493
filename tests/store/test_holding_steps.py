"""A session has one holder, whatever is tried in whatever order.

Source: the headers of the `session_*.lua` scripts.
"""

from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.people import End, Refusal, Taken
from gateway.session.tokens import hash_of
from gateway.store import keys
from gateway.store.lanes import Lanes
from tests.harness.session_site import FIRST, GRACE_S, SECOND, SessionSite


class Model:
    """A session's record by the rules of the scripts: who has it, and with which tokens it can be taken."""

    def __init__(self) -> None:
        self.state, self.epoch, self.taken = "on", 0, False
        self.token, self.former = FIRST, b""

    def take(self, shown: bytes, new: bytes) -> Refusal | None:
        """None: it is taken."""
        if shown not in {self.token, self.former}:
            return Refusal.NOT_ALLOWED
        if self.state == "ended":
            return Refusal.ENDED
        if self.taken:
            return Refusal.BUSY
        self.state, self.taken, self.token, self.former = "on", True, new, shown
        return None

    def detach(self, epoch: int) -> bool:
        """Only its holder detaches it; whether it did."""
        if epoch != self.epoch or self.state != "on":
            return False
        self.state, self.taken = "detached", False
        return True

    def settle(self, epoch: int) -> None:
        """The next one may take it."""
        self.taken = self.taken and epoch != self.epoch

    def confirm(self, epoch: int) -> None:
        """The former token is good no more."""
        self.former = b"" if epoch == self.epoch else self.former


_steps = st.tuples(
    st.sampled_from(["take", "take", "take", "detach", "settle", "settle", "confirm"]),
    st.integers(-2, 0),  # which of the last epochs, or of the last tokens
    st.integers(0, 1),  # by which gateway
)
_runs = count(1)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_steps, max_size=20), ends=st.booleans())
async def test_any_order_of_steps_has_one_holder(lanes: Lanes, steps: list[tuple[str, int, int]], ends: bool) -> None:
    """Takings, losses and late steps of former holders, in any order: as the rules say, at every step."""
    unique = f"run{next(_runs)}"
    sites = [SessionSite(lanes, unique, name) for name in ("one", "two")]
    assert await sites[0].sessions.assert_all(sites[0].user(), sites[0].nick, FIRST, [])
    uid, model = sites[0].uid, Model()
    tokens, epochs = [FIRST], [0]
    for number, (kind, back, which) in enumerate(steps):
        holding = sites[which].holding
        epoch, shown = epochs[max(back - 1, -len(epochs))], tokens[max(back - 1, -len(tokens))]
        if kind == "take":
            new = hash_of(f"{unique} {number}")
            answer = await holding.take(uid, shown, "", new)
            refused = model.take(shown, new)
            assert answer is refused if refused else isinstance(answer, Taken)
            if isinstance(answer, Taken):
                assert answer.user.epoch > model.epoch
                model.epoch = answer.user.epoch
                tokens.append(new)
                epochs.append(model.epoch)
        elif kind == "detach":
            await holding.detach(uid, epoch, GRACE_S, "lost", {})
            detached = model.detach(epoch)
            known, model.epoch = model.epoch, int(await sites[0].field("epoch") or 0)
            assert (model.epoch > known) == detached
        elif kind == "settle":
            await holding.settle(uid, epoch)
            model.settle(epoch)
        else:
            await holding.confirm(uid, epoch)
            model.confirm(epoch)
        away = await sites[0].directory.away(uid)
        scheduled = await lanes.commands.call("ZSCORE", keys.GRACES, uid) is not None
        assert (away == "Link lost") == scheduled == (model.state == "detached")
    if ends and model.state == "on":
        assert await sites[0].holding.claim_end(uid, model.epoch) is End.LAST
        assert await sites[1].holding.take(uid, model.token, "", SECOND) is Refusal.ENDED
    await sites[0].directory.remove(uid, sites[0].nick)
    assert await sites[1].holding.take(uid, model.token, "", SECOND) is Refusal.ENDED
    await lanes.commands.call("ZREM", keys.GRACES, uid)

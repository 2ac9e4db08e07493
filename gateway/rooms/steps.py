"""What a writer sends: each step is what one script call carries, under one number. Pure."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gateway.model import MsgId, Position, Uid
from gateway.rooms.outbox import Batch
from gateway.rooms.ports import Change, Proposal, Saying
from gateway.rooms.seen import Seen

__all__ = ["Anew", "Step", "again"]


class Step(NamedTuple):
    """What one script call carries, under one number; without an author where it was acknowledged before."""

    content: Batch | Change
    permissions: Position | None  # it was decided on
    sayings: Sequence[Saying] = ()
    proposal: Proposal | None = None

    @property
    def msgids(self) -> list[MsgId]:
        """Of its events."""
        if isinstance(self.content, Batch):
            return [event.msgid for event in self.content.events]
        return [self.content.event.msgid]

    @property
    def decided_here(self) -> bool:
        """Whether somebody waits for it, who can decide again."""
        return bool(self.sayings) or self.proposal is not None


def again(content: Batch | Change) -> Step:
    """What was acknowledged and is lost; what it was allowed on is not checked a second time."""
    if isinstance(content, Change):
        content = dataclasses.replace(content, permissions=None, capacity=0)
    return Step(content, None)


class Anew(NamedTuple):
    """What Redis lost as a whole, and a replica has written back: all but the members."""

    applied: Seen  # here; the changes among it are part of what was written back
    ours: Sequence[Uid]  # members that this gateway answers for, and Redis does not know
    put_back: Callable[[Uid], Change | None]  # how a member comes in again as it was; None: it is none here

    def begin(self, steps: Sequence[Step]) -> list[Step]:
        """The steps as they are to be sent now: first the members, for what follows is done by them or to them."""
        steps = [step for step in steps if not self._is_part(step)]
        about = [step.content.uid for step in steps if isinstance(step.content, Change) and step.content.need == "in"]
        back = [self.put_back(uid) for uid in dict.fromkeys([*self.ours, *about])]
        return [*(Step(change, None) for change in back if change is not None), *steps]

    def _is_part(self, step: Step) -> bool:
        """Whether a step was acknowledged before, and is a change that the replica has."""
        if step.decided_here or not isinstance(step.content, Change):
            return False
        msgid = step.content.event.msgid
        return not msgid or self.applied.get(msgid) is not None

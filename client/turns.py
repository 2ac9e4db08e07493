"""A lock that two threads hold in turn. Standard library only."""

import threading
from contextlib import AbstractContextManager

__all__ = ["Turns"]


class Turns(AbstractContextManager["Turns"]):
    """As `threading.RLock`, but whoever waits is next.

    An ordinary lock may be taken again and again by the thread that has just let go of it: a flood from the server
    would then keep the screen waiting for as long as it lasts.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = threading.Lock()  # held by the one who waits, so that the one who let go cannot overtake
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> "Turns":
        me = threading.get_ident()
        if self._owner != me:
            with self._next:
                self._lock.acquire()
            self._owner = me
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = None
            self._lock.release()

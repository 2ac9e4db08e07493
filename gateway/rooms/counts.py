"""What the engine has done, for the metrics."""

__all__ = ["Counts"]


class Counts:
    """Totals since the gateway began."""

    __slots__ = ("applied", "catch_ups", "deliveries", "snapshots", "stale", "written")

    def __init__(self) -> None:
        self.applied = self.catch_ups = self.deliveries = self.snapshots = self.stale = self.written = 0

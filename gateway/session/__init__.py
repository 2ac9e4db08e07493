"""One peer's side of the protocol: who it is, what it negotiated, how replies look. Pure."""

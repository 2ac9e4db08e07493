"""Capability negotiation as plain functions. Source: IRCv3 capability-negotiation."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.session import capabilities as caps
from gateway.wire.limits import HOSTLEN, MAX_BODY_BYTES, NICKLEN

ALL = caps.listed().split(" ")


def test_the_list_fits_one_line() -> None:
    """A client that did not say 302 understands no continuation, whatever the names of server and nick; it is told no
    names with a slash."""
    plain = " ".join(name for name in ALL if "/" not in name)
    assert len(f":{'s' * HOSTLEN} CAP {'n' * NICKLEN} LS :{plain}") <= MAX_BODY_BYTES
    assert sorted(set(ALL), key=ALL.index) == ALL


@given(st.sets(st.sampled_from(ALL)))
def test_what_was_requested_is_listed(wanted: set[str]) -> None:
    """Each name stands for itself: requested, listed, and taken back."""
    mask = caps.requested(0, wanted)
    assert mask is not None
    assert set(caps.names(mask).split()) == wanted
    assert caps.requested(mask, [f"-{name}" for name in wanted]) == 0


def test_one_unknown_name_and_nothing_changes() -> None:
    """ "...the server MUST NOT make any change" (The CAP REQ subcommand)."""
    assert caps.requested(caps.TAGS, ["echo-message", "no-such-thing"]) is None
    assert caps.requested(caps.TAGS, ["-no-such-thing"]) is None
    assert caps.requested(caps.TAGS, ["--message-tags"]) is None
    assert caps.requested(caps.TAGS, []) == caps.TAGS


def test_what_cannot_be_had_is_neither_listed_nor_granted() -> None:
    """ "Servers MUST NOT advertise the sasl capability if the authentication layer is unavailable", "MUST NAK any
    request". Source: IRCv3 sasl-3.2."""
    assert "sasl" not in caps.listed(caps.SASL).split()
    assert caps.requested(0, ["sasl"], caps.SASL) is None
    assert caps.requested(caps.SASL, ["-sasl"], caps.SASL) == 0


def test_values_are_told_to_who_asked_for_them() -> None:
    """A client that said 302 gets `name=value`; no other sees a "=", and nobody one without a value."""
    assert "=" not in caps.listed()
    told = caps.listed(0, {caps.SASL: "PLAIN", caps.ACCOUNT_REGISTRATION: ""}).split()
    assert {"sasl=PLAIN", "draft/account-registration"} <= set(told)


def test_the_last_word_on_a_name_counts() -> None:
    """A request is read from left to right."""
    assert caps.requested(0, ["batch", "-batch"]) == 0
    assert caps.requested(caps.BATCH, ["-batch", "batch"]) == caps.BATCH


def test_only_some_change_how_an_event_looks() -> None:
    """The classes of receivers are few: what only concerns a session's own answers makes none."""
    assert caps.RENDERED & (caps.ECHO | caps.LABELED | caps.BATCH | caps.CHATHISTORY | caps.STANDARD_REPLIES) == 0
    assert bin(caps.RENDERED).count("1") == 12

"""Events as lines, by class of receiver. Source: IRCv3 server-time, message-ids, account-tag, extended-join."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from irctokens.line import tokenise

from gateway.events import (
    AccountSet,
    AwaySet,
    Changed,
    Entry,
    Event,
    Foreign,
    HostSet,
    Invited,
    Joined,
    Kicked,
    Left,
    LeftBy,
    LinkChanged,
    ModeChange,
    ModesSet,
    NameSet,
    Reaped,
    Rebound,
    Renamed,
    Restored,
    RoomRenamed,
    TopicSet,
)
from gateway.model import GatewayId, Member, MsgId, Position, Uid
from gateway.session import capabilities as caps
from gateway.session.render import in_batch, render, with_label
from gateway.spoken import Direct, Redacted, Said, SaidLines
from gateway.wire.message import Message
from tests.harness import events as strategies
from tests.harness.events import member, said

ANN = member("ann")._replace(account="acc")
AT = Position(b"1700000000123-4")
TIME = "2023-11-14T22:13:20.123Z"
ID = MsgId(b"m1")
ASKED_FOR = {
    AccountSet: caps.ACCOUNT_NOTIFY,
    AwaySet: caps.AWAY_NOTIFY,
    HostSet: caps.CHGHOST,
    Invited: caps.INVITE_NOTIFY,
    LinkChanged: caps.AWAY_NOTIFY,
    NameSet: caps.SETNAME,
    Redacted: caps.REDACTION,
    RoomRenamed: caps.RENAME,
}
"""What only those are told who negotiated a capability."""
classes = st.sets(st.sampled_from([1, 2, 4, 8, *ASKED_FOR.values()])).map(sum)


def shown(event: Event, about: Member | None = ANN, render_class: int = 0) -> str:
    """The line without CR LF."""
    line = render(Entry(AT, event), about, "#Room", render_class).decode()
    assert line.endswith("\r\n") or not line
    return line.removesuffix("\r\n")


@pytest.mark.parametrize(
    ("event", "about", "line"),
    [
        (AwaySet(ANN.uid, ID, "tea time"), ANN, "AWAY :tea time"),
        (AwaySet(ANN.uid, ID, ""), ANN._replace(away="tea"), "AWAY"),
        (HostSet(ANN.uid, ID, "other.host"), ANN, "CHGHOST ~ann other.host"),
        (Invited(ANN.uid, ID, ANN.source, Uid(b"u-bob"), "bob"), ANN, "INVITE bob #Room"),
        (LinkChanged((ANN.uid,)), ANN._replace(away="tea"), "AWAY :Link lost"),
        (LinkChanged((ANN.uid,), GatewayId("g2")), ANN._replace(gateway=GatewayId(""), away="tea"), "AWAY :tea"),
        (Rebound(ANN.uid, ID, GatewayId("g2"), 1), ANN._replace(gateway=GatewayId("")), "AWAY"),
        (Rebound(ANN.uid, ID, GatewayId("g2"), 1), ANN, ""),
        (NameSet(ANN.uid, ID, "Ann B."), ANN, "SETNAME :Ann B."),
        (RoomRenamed(ANN.uid, ID, ANN.source, "#Old", "#Room", "typo"), ANN, "RENAME #Old #Room :typo"),
        (RoomRenamed(ANN.uid, ID, ANN.source, "#Old", "#Room"), ANN, "RENAME #Old #Room :"),
    ],
)
def test_what_changes_of_a_member_is_for_who_asked(event: Event, about: Member, line: str) -> None:
    """Each with its capability alone. Who was back before anybody was told it was lost is no news."""
    asked_for = ASKED_FOR.get(type(event), caps.AWAY_NOTIFY)
    assert shown(event, about, asked_for) == (f":{ANN.source} {line}" if line else "")
    assert shown(event, about, caps.RENDERED & ~asked_for & ~15) == ""


def test_who_joins_and_is_away_is_shown_so() -> None:
    """Two lines with the tags of the one event. Source: IRCv3 away-notify."""
    joined = Joined(ANN.uid, ID, ANN._replace(away="tea"))
    tags = f"@time={TIME};msgid=m1 "
    assert shown(joined, ANN, caps.AWAY_NOTIFY | caps.SERVER_TIME | caps.TAGS).split("\r\n") == [
        f"{tags}:{ANN.source} JOIN #Room",
        f"{tags}:{ANN.source} AWAY :tea",
    ]
    assert shown(joined, ANN, 0) == f":{ANN.source} JOIN #Room"


def test_accounts_are_for_who_asked() -> None:
    """`ACCOUNT accountname`, and `*` for none, with account-notify alone. Source: IRCv3 account-notify."""
    assert shown(AccountSet(ANN.uid, ID, "other")) == ""
    assert shown(AccountSet(ANN.uid, ID, "other"), ANN, caps.ACCOUNT_NOTIFY) == ":ann!~ann@host ACCOUNT other"
    assert shown(AccountSet(ANN.uid, ID, ""), ANN, caps.ACCOUNT_NOTIFY) == ":ann!~ann@host ACCOUNT *"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Joined(ANN.uid, ID, ANN), "JOIN #Room"),
        (Left(ANN.uid, ID, LeftBy.PART, "so long"), "PART #Room :so long"),
        (Left(ANN.uid, ID, LeftBy.PART, ""), "PART #Room"),
        (Left(ANN.uid, ID, LeftBy.QUIT, ""), "QUIT :"),
        (Renamed(ANN.uid, ID, "anna"), "NICK anna"),
        (TopicSet(ANN.uid, ID, ANN.source, "a b"), "TOPIC #Room :a b"),
        (TopicSet(ANN.uid, ID, ANN.source, ""), "TOPIC #Room :"),
        (
            ModesSet(ANN.uid, ID, ANN.source, (ModeChange("+", "m"), ModeChange("+", "n"), ModeChange("-", "t"))),
            "MODE #Room +mn-t",
        ),
    ],
)
def test_state_lines(event: Event, line: str) -> None:
    """As RFC 2812 writes them, from the member as it was."""
    assert shown(event) == f":ann!~ann@host {line}"


@pytest.mark.parametrize(
    "event",
    [
        Foreign(),
        Reaped(GatewayId("g"), ()),
        Rebound(ANN.uid, ID, GatewayId("g"), 1),
        Left(ANN.uid, ID, LeftBy.QUIT, ""),
        Renamed(ANN.uid, ID, "x"),
    ],
)
def test_what_nobody_can_be_told(event: Event) -> None:
    """A foreign kind, a reaping (each member's QUIT is told), somebody unknown: no line."""
    assert shown(event, None) == ""


def test_a_join_tells_more_to_who_asked() -> None:
    """Account and realname, `*` for none. Source: IRCv3 extended-join."""
    joined = Joined(ANN.uid, ID, ANN)
    assert shown(joined, ANN, caps.EXTENDED_JOIN).endswith(" JOIN #Room acc :ann of the tests")
    nobody = joined._replace(member=ANN._replace(account=""))
    assert shown(nobody, ANN, caps.EXTENDED_JOIN).endswith(" JOIN #Room * :ann of the tests")


@given(classes, strategies.events)
def test_tags_are_those_of_the_class(render_class: int, event: Event) -> None:
    """`time` from the position, `msgid` from the event, `account` where there is one; without the class none."""
    line = shown(event, ANN, render_class).split("\r\n")[0]  # one of several: the first has the tags
    if not line:
        asked_for = (wanted for kind, wanted in ASKED_FOR.items() if isinstance(event, kind))
        silent = isinstance(event, Changed | Said | SaidLines | Rebound | Restored)
        assert silent or not render_class & next(asked_for)
        return
    tags = Message.parse(line.encode()).tags
    assert tags.get("time") == (TIME if render_class & caps.SERVER_TIME else None)
    assert tags.get("msgid") == (event.msgid.decode() if render_class & caps.TAGS else None)
    account = event.account.decode() if isinstance(event, Said | SaidLines) else ANN.account
    if isinstance(event, Direct | Kicked):
        account = ""  # none in these; and of whom it was done to it is not told
    assert tags.get("account", "") == (account if render_class & caps.ACCOUNT_TAG else "")
    if not render_class & caps.TAGS:
        assert "+tag" not in tags


@given(classes, strategies.members, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0")))
def test_an_independent_parser_reads_the_same(render_class: int, who: Member, text: str) -> None:
    """irctokens agrees on source, command and parameters of what we write."""
    who = who._replace(user="~user", host="host")
    line = shown(TopicSet(who.uid, ID, who.source, text), who, render_class)
    theirs, ours = tokenise(line), Message.parse(line.encode())
    assert theirs.command == ours.command == "TOPIC"
    assert theirs.params == list(ours.params) == ["#Room", text]
    assert (theirs.tags or {}) == dict(ours.tags)
    assert str(theirs.hostmask) == who.source


def test_tagmsg_is_for_those_with_tags() -> None:
    """ "TAGMSG ... MUST NOT be delivered to clients that haven't negotiated message-tags"; text may say TAGMSG."""
    tagmsg = said("ann", "x")._replace(tags=b"+typing=active", line=b":ann!~ann@host TAGMSG #room")
    assert shown(tagmsg) == ""
    assert shown(tagmsg, None, caps.SERVER_TIME) == ""
    assert shown(tagmsg, None, caps.TAGS) == "@msgid=x;+typing=active :ann!~ann@host TAGMSG #room"
    assert shown(said("ann", "a TAGMSG :x")).endswith(" PRIVMSG #room :a TAGMSG :x")


def test_labels_and_batches_go_before_other_tags() -> None:
    """Both on lines with and without tags; a label is escaped."""
    assert with_label(b":s ACK\r\n", "a;b c") == b"@label=a\\:b\\sc :s ACK\r\n"
    assert with_label(b"@time=x :s ACK\r\n", "l") == b"@label=l;time=x :s ACK\r\n"
    assert in_batch(b":s 001\r\n", "r") == b"@batch=r :s 001\r\n"
    assert in_batch(b"@time=x :s 001\r\n", "r") == b"@batch=r;time=x :s 001\r\n"

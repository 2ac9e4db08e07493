"""The client's protocol, one scripted exchange a feature. Source: RFC 2812, and IRCv3 as each names it."""

import pytest

from client.events import (
    Accepted,
    CaughtUp,
    Closing,
    Hole,
    LoginRefused,
    Members,
    NickChanged,
    NickTaken,
    Refused,
    Registered,
    RoomDelayed,
    RoomEntered,
    RoomLeft,
    RoomList,
    RoomRefused,
    ServerText,
    TopicIs,
    Unavailable,
)
from client.line import Kind, RoomLine
from tests.client.exchange import NOW_MS, Exchange, texts


def test_registration_requests_what_is_offered_and_wanted() -> None:
    """capability-negotiation: LS over two lines, one REQ, END after the ACK; the password first (RFC 2812 3.1.1)."""
    talk = Exchange(rooms={"#tea": ""}, password="secret word")
    assert talk.said() == ["PASS :secret word", "CAP LS 302", "NICK ann", "USER ann 0 * Ann"]
    talk.hear(":irc CAP * LS * :batch sasl=PLAIN server-time")
    assert talk.said() == []
    talk.hear(":irc CAP * LS :message-tags unheard-of")
    assert talk.said() == ["CAP REQ :batch message-tags server-time"]
    talk.hear(":irc CAP ann ACK :batch message-tags server-time")
    assert talk.said() == ["CAP END"]
    assert talk.hear(":irc 001 ann :Welcome") == [Registered("ann")]
    assert talk.said() == ["JOIN #tea"]


def test_refused_capabilities_are_requested_one_by_one() -> None:
    """capability-negotiation: a REQ is granted or refused as a whole."""
    talk = Exchange()
    talk.said()
    talk.hear(":irc CAP * LS :batch server-time", ":irc CAP * NAK :batch server-time")
    assert talk.said() == ["CAP REQ :batch server-time", "CAP REQ batch", "CAP REQ server-time"]
    talk.hear(":irc CAP ann ACK :batch", ":irc CAP ann NAK :server-time")
    assert talk.said() == ["CAP END"]


def test_a_server_without_capabilities_will_do() -> None:
    """RFC 2812: an old server answers CAP with 421 and welcomes us after NICK and USER."""
    talk = Exchange()
    talk.hear(":irc 421 ann CAP :Unknown command")
    assert talk.hear(":irc 001 ann :Welcome") == [Registered("ann")]


def test_a_withdrawn_capability_is_not_used() -> None:
    """capability-negotiation, cap-notify: DEL ends it, NEW offers it again."""
    talk = Exchange()
    talk.register()
    talk.hear(":irc CAP ann DEL :labeled-response")
    talk.session.say(key="k1", target="#tea", text="hi")
    assert talk.said() == ["@+hubbub.chat/key=k1 PRIVMSG #tea hi"]
    talk.hear(":irc CAP ann NEW :labeled-response")
    assert talk.said() == ["CAP REQ labeled-response"]


def test_a_taken_nick_is_replaced_and_said() -> None:
    """RFC 2812 433: nick_, then nick2, nick3; each is told."""
    talk = Exchange()
    talk.said()
    assert talk.hear(":irc 433 * ann :In use") == [NickTaken("ann", "ann_", "In use")]
    assert talk.hear(":irc 433 * ann_ :In use") == [NickTaken("ann_", "ann2", "In use")]
    assert talk.said() == ["NICK ann_", "NICK ann2"]
    assert talk.hear(":irc 001 ann2 :Welcome") == [Registered("ann2")]


def test_our_nick_is_taken_back_when_it_is_free() -> None:
    """Who came back under another name, for the old connection was not dead yet, gets the own one as soon as it is."""
    talk = Exchange()
    talk.hear(
        ":irc 433 * ann :In use", ":irc 001 ann_ :Welcome", ":ann_!a@h JOIN #tea", ":irc 353 ann_ = #tea :ann ann_"
    )
    talk.hear(":irc 366 ann_ #tea :End")
    talk.said()
    talk.hear(":ann!a@h QUIT :Ping timeout")
    assert talk.said() == ["NICK ann"]
    assert NickChanged("ann") in talk.hear(":ann_!a@h NICK ann")


@pytest.mark.parametrize("line", [":irc 464 * :Password incorrect", ":irc 465 * :You are banned"])
def test_what_trying_again_cannot_mend(line: str) -> None:
    """RFC 2812 464 and 465: the client must not try for ever."""
    assert any(isinstance(event, LoginRefused) for event in Exchange().hear(line))


def test_first_entry_asks_for_the_latest_lines() -> None:
    """draft/chathistory: LATEST * 50; the lines come before what was said since we joined, then the room is live."""
    talk = Exchange()
    talk.register()
    talk.session.join("#tea")
    talk.said()
    assert talk.hear(":ann!a@h JOIN #tea") == [RoomEntered("#tea")]
    sent = talk.said()
    assert sent == ["@label=history-1-1 CHATHISTORY LATEST #tea * 50", "PING history-1-1"]
    assert talk.hear(":bob!b@h PRIVMSG #tea :live") == []
    events = talk.hear(
        "@label=history-1-1 :irc BATCH +x chathistory #tea",
        "@batch=x;msgid=m1;time=1970-01-01T00:00:01.000Z :bob!b@h PRIVMSG #tea :old",
        ":irc BATCH -x",
        ":irc PONG irc history-1-1",
    )
    assert texts(events) == ["old", "", "live"]
    assert events[-1] == CaughtUp("#tea")
    old = events[0]
    assert isinstance(old, RoomLine)
    assert (old.replayed, old.msgid, old.time_ms) == (True, "m1", 1000)


def test_catching_up_pages_until_an_answer_is_short() -> None:
    """draft/chathistory: AFTER the last known msgid, again after the last one received, until less comes than asked."""
    talk = Exchange(rooms={"#tea": "msgid=m0"})
    talk.register()
    talk.hear(":ann!a@h JOIN #tea")
    page = [f"@msgid=m{number} :bob!b@h PRIVMSG #tea :line {number}" for number in range(1, 101)]
    events = talk.answer_history("#tea", *page)
    assert len(texts(events)) == 100
    sent = talk.said()
    assert sent == ["@label=history-1-2 CHATHISTORY AFTER #tea msgid=m100 100", "PING history-1-2"]
    assert talk.hear("@label=history-1-2 :irc BATCH +y chathistory #tea", ":irc BATCH -y", ":irc PONG irc history-1-2")[
        -1
    ] == CaughtUp("#tea")
    assert talk.said() == []


def test_the_server_may_allow_shorter_pages() -> None:
    """ISUPPORT CHATHISTORY limits what can be asked for; a page of that many is a full one."""
    talk = Exchange(rooms={"#tea": "msgid=m0"})
    talk.register()
    talk.hear(":irc 005 ann CHATHISTORY=2 :are supported", ":ann!a@h JOIN #tea")
    page = ["@msgid=m1 :bob!b@h PRIVMSG #tea one", "@msgid=m2 :bob!b@h PRIVMSG #tea two"]
    assert not any(isinstance(event, CaughtUp) for event in talk.answer_history("#tea", *page))
    assert talk.said()[0].endswith("CHATHISTORY AFTER #tea msgid=m2 2")


@pytest.mark.parametrize("refusal", ["INVALID_MSGREFTYPE AFTER gone", "MESSAGE_ERROR AFTER #tea msgid=gone"])
def test_a_hole_is_told_and_the_latest_lines_are_taken(refusal: str) -> None:
    """A position that the server does not have any more: FAIL, or silence until the barrier, means a hole. So it does
    where MESSAGE_ERROR, which else says that history cannot be read now, names the message."""
    talk = Exchange(rooms={"#tea": "msgid=gone"})
    talk.register()
    talk.hear(":ann!a@h JOIN #tea")
    talk.said()
    assert talk.hear(
        f"@label=history-1-1 :irc FAIL CHATHISTORY {refusal} :No such message", ":irc PONG irc history-1-1"
    ) == [Hole("#tea")]
    assert talk.said()[0].endswith("CHATHISTORY LATEST #tea * 50")


def test_history_that_cannot_be_had_now_is_no_hole() -> None:
    """MESSAGE_ERROR and the like: the room stays shut, and the same request is made again when asked to."""
    talk = Exchange(rooms={"#tea": "msgid=m0"})
    talk.register()
    talk.hear(":ann!a@h JOIN #tea")
    talk.said()
    events = talk.hear(":irc FAIL CHATHISTORY MESSAGE_ERROR AFTER #tea :Not now", ":irc PONG irc history-1-1")
    assert events == [RoomDelayed("#tea", "Not now")]
    talk.session.ask_again("#tea")
    assert talk.said()[0] == "@label=history-1-2 CHATHISTORY AFTER #tea msgid=m0 100"
    assert isinstance(talk.hear(":irc PONG irc history-1-2")[0], Hole)


def test_a_server_without_history_replays_by_itself() -> None:
    """Without draft/chathistory the plain replay is taken, and a barrier tells when it is over."""
    talk = Exchange()
    talk.register("server-time", "batch", "message-tags")
    talk.session.join("#tea")
    talk.said()
    talk.hear(":ann!a@h JOIN #tea")
    assert talk.said() == ["PING history-1-1"]
    events = talk.hear(
        ":bob!b@h PRIVMSG #tea :live",
        ":irc BATCH +x chathistory #tea",
        "@batch=x;time=1970-01-01T00:00:01.000Z :bob!b@h PRIVMSG #tea :old",
        ":irc BATCH -x",
        ":irc PONG irc history-1-1",
    )
    assert texts(events) == ["old", "", "live"]
    assert events[-1] == CaughtUp("#tea")


def test_own_line_is_acknowledged_by_its_labelled_echo() -> None:
    """labeled-response and echo-message: the echo bears our label, and is the line in its place in the room."""
    talk = Exchange()
    talk.register()
    talk.enter()
    talk.session.say(key="k1", target="#tea", text="hi")
    assert talk.said() == ["@label=k1;+hubbub.chat/key=k1 PRIVMSG #tea hi"]
    (line,) = talk.hear("@label=k1;msgid=m1;time=1970-01-01T00:00:02.000Z :ann!a@h PRIVMSG #tea hi")
    assert isinstance(line, RoomLine)
    assert (line.key, line.own, line.msgid, line.time_ms) == ("k1", True, "m1", 2000)


def test_an_ack_without_echo_is_an_acknowledgement() -> None:
    """labeled-response: ACK says that there is nothing else to say."""
    talk = Exchange()
    talk.register()
    talk.session.say(key="k1", target="bob", text="hi")
    assert talk.hear("@label=k1 :irc ACK") == [Accepted("k1")]


def test_without_labels_the_key_or_the_text_tells_which_line_it_is() -> None:
    """message-tags relays our key; where not even that is there, the oldest equal line is meant."""
    talk = Exchange()
    talk.register("echo-message", "message-tags")
    talk.session.say(key="k1", target="#tea", text="hi")
    (line,) = talk.hear("@+hubbub.chat/key=k1 :ann!a@h PRIVMSG #tea hi")
    assert isinstance(line, RoomLine)
    assert line.key == "k1"
    talk.session.say(key="k2", target="#Tea", text="again")
    (line,) = talk.hear(":ann!a@h PRIVMSG #tea again")
    assert isinstance(line, RoomLine)
    assert line.key == "k2"


def test_without_echo_a_barrier_acknowledges() -> None:
    """RFC 2812: no echo; the PONG to a PING sent behind the line shows that it was taken."""
    talk = Exchange()
    talk.register("server-time")
    talk.session.say(key="k1", target="#tea", text="waves", emote=True)
    assert talk.said() == ["PRIVMSG #tea :\x01ACTION waves\x01", "PING k1"]
    (line,) = talk.hear(":irc PONG irc k1")
    assert isinstance(line, RoomLine)
    assert (line.kind, line.text, line.own, line.key, line.time_ms) == (Kind.ACTION, "waves", True, "k1", NOW_MS)


@pytest.mark.parametrize(
    ("answer", "retry"),
    [
        ("@label=k1 :irc 404 ann #tea :Cannot send", False),
        (":irc 404 ann #tea :Cannot send", False),
        (":irc 442 ann #tea :Cannot send", False),
        (":irc 417 ann :Cannot send", False),
        (":irc 263 ann PRIVMSG :Cannot send", True),
        ("@label=k1 :irc FAIL PRIVMSG TRY_AGAIN #tea :Cannot send", True),
        (":irc FAIL PRIVMSG RATE_LIMITED 3 :Cannot send", True),
        (":irc FAIL PRIVMSG INVALID_UTF8 :Cannot send", False),
    ],
)
def test_a_refused_line_is_told_with_its_reason(answer: str, retry: bool) -> None:
    """standard-replies and numerics, with our label or without; "not now" is told apart from "no"."""
    talk = Exchange()
    talk.register()
    talk.enter()
    talk.session.say(key="k1", target="#tea", text="hi")
    assert talk.hear(answer) == [Refused("k1", "Cannot send", retry=retry)]


def test_an_error_in_a_labelled_batch_finds_its_line() -> None:
    """labeled-response: several lines of an answer come in a batch, and the label is the batch's."""
    talk = Exchange()
    talk.register()
    talk.enter()
    talk.session.say(key="k1", target="#tea", text="hi")
    events = talk.hear("@label=k1 :irc BATCH +b labeled-response", "@batch=b :irc 404 ann #tea :No", ":irc BATCH -b")
    assert events == [Refused("k1", "No")]


def test_history_shows_that_a_line_had_arrived() -> None:
    """A line sent before the connection was lost comes back with its key, under the nick we had then."""
    talk = Exchange(own_nicks=("annie",))
    talk.register()
    talk.session.join("#tea")
    talk.hear(":ann!a@h JOIN #tea")
    events = talk.answer_history(
        "#tea",
        "@msgid=m1;+hubbub.chat/key=k1 :annie!a@h PRIVMSG #tea hi",
        "@msgid=m2;+hubbub.chat/key=k2 :eve!e@h PRIVMSG #tea forged",
    )
    assert [event.key for event in events if isinstance(event, RoomLine) and event.kind.is_text] == ["k1", ""]


def test_who_does_what_in_rooms() -> None:
    """RFC 2812 section 3: each becomes a line of the room; QUIT and NICK one in each room that the person is in."""
    talk = Exchange()
    talk.register()
    talk.enter("#tea")
    talk.enter("#ops")
    talk.hear(":bob!b@h JOIN #tea", ":bob!b@h JOIN #ops")
    events = talk.hear(
        ":bob!b@h NICK rob",
        ":rob!b@h TOPIC #tea :Assam",
        ":irc MODE #tea +o rob",
        ":irc MODE ann +i",
        ":irc MODE #tea +vlb-k rob 5 *!*@evil key",
        ":rob!b@h PART #tea :lunch",
        ":rob!b@h QUIT :bye",
    )
    assert [(e.room, e.kind, e.text) for e in events if isinstance(e, RoomLine)] == [
        ("#tea", Kind.NICK, "rob"),
        ("#ops", Kind.NICK, "rob"),
        ("#tea", Kind.TOPIC, "Assam"),
        ("#tea", Kind.MODE, "+o rob"),
        ("#tea", Kind.MODE, "+vlb-k rob 5 *!*@evil key"),
        ("#tea", Kind.PART, "lunch"),
        ("#ops", Kind.QUIT, "bye"),
    ]


def test_being_thrown_out_and_leaving() -> None:
    """RFC 2812 KICK and PART of ourselves: the room is not ours any more."""
    talk = Exchange()
    talk.register()
    talk.enter("#tea")
    talk.enter("#ops")
    assert talk.hear(":bob!b@h KICK #tea ann :spam")[0] == RoomLeft("#tea", "bob", "spam")
    assert talk.hear(":ann!a@h PART #ops")[0] == RoomLeft("#ops")


def test_private_talk_is_a_room_named_after_the_other() -> None:
    """RFC 2812 PRIVMSG to a nick, both ways."""
    talk = Exchange()
    talk.register()
    talk.session.say(key="k1", target="bob", text="psst")
    events = talk.hear("@label=k1 :ann!a@h PRIVMSG bob psst", ":bob!b@h PRIVMSG ann :what?")
    assert [(e.room, e.own) for e in events if isinstance(e, RoomLine)] == [("bob", True), ("bob", False)]


def test_members_topic_and_list() -> None:
    """RFC 2812 353, 366, 331, 332, 322, 323; multi-prefix."""
    talk = Exchange()
    talk.register()
    talk.enter()
    events = talk.hear(
        ":irc 353 ann = #tea :@+ann bob",
        ":irc 353 ann = #tea :+eve",
        ":irc 366 ann #tea :End",
        ":irc 332 ann #tea :Assam",
        ":irc 331 ann #tea :No topic",
        ":irc 322 ann #tea 3 :Assam",
        ":irc 323 ann :End",
    )
    assert events == [
        Members("#tea", {"ann": "@+", "bob": "", "eve": "+"}),
        TopicIs("#tea", "Assam"),
        TopicIs("#tea", ""),
        RoomList((("#tea", "3", "Assam"),), 0),
    ]


@pytest.mark.parametrize(
    ("answer", "event"),
    [
        (":irc 473 ann #tea :Invite only", RoomRefused("#tea", "Invite only")),
        (":irc 475 ann #tea :Wrong key", RoomRefused("#tea", "it takes a key: /join #tea KEY", wants_key=True)),
        (":irc FAIL JOIN TRY_AGAIN :Away", RoomDelayed("#tea", "Away")),
        (":irc FAIL JOIN WHATEVER #tea :No", RoomRefused("#tea", "No")),
    ],
)
def test_a_room_that_does_not_let_us_in(answer: str, event: object) -> None:
    """RFC 2812 errors of JOIN; standard-replies; "not now" is told apart from "no"."""
    talk = Exchange()
    talk.register()
    talk.session.join("#tea")
    assert talk.hear(answer) == [event]


def test_a_server_that_can_keep_nothing_is_told_apart() -> None:
    """hubbub's TEMPORARILY_UNAVAILABLE for what writes; the same code of OPER is about OPER."""
    talk = Exchange()
    talk.register()
    talk.session.join("#tea")
    away = talk.hear(":irc FAIL JOIN TEMPORARILY_UNAVAILABLE :Away")
    assert away == [Unavailable(), RoomDelayed("#tea", "Away")]
    talk.enter("#tea")
    talk.session.say(key="k1", target="#tea", text="hi")
    refused = talk.hear("@label=k1 :irc FAIL PRIVMSG TEMPORARILY_UNAVAILABLE #tea :Away")
    assert refused == [Unavailable(), Refused("k1", "Away", retry=True)]
    assert talk.hear(":irc FAIL TOPIC TEMPORARILY_UNAVAILABLE :Away") == [Unavailable(), ServerText("Away")]
    assert talk.hear(":irc FAIL OPER TEMPORARILY_UNAVAILABLE :Too many") == [ServerText("Too many")]


def test_a_key_opens_a_room_each_time() -> None:
    """RFC 2812 section 3.2.1: JOIN #room key; also when the server asked us to try again, and by `Wishes`."""
    talk = Exchange()
    talk.register()
    talk.session.join("#tea", key="sesame")
    assert talk.said() == ["JOIN #tea sesame"]
    talk.hear(":irc FAIL JOIN TRY_AGAIN #tea :Away")
    talk.session.ask_again("#TEA")
    assert talk.said() == ["JOIN #TEA sesame"]


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("311 ann bob b host.example * :Bob Bobson", "bob is b@host.example: Bob Bobson"),
        ("319 ann bob :@#tea #ops ", "bob is in @#tea #ops"),
        ("312 ann bob irc.example :A server", "bob is on irc.example (A server)"),
        ("330 ann bob robert :is logged in as", "bob is logged in as robert"),
        ("317 ann bob 125 :seconds idle", "bob has said nothing for 2 min"),
        ("313 ann bob :is an operator", "bob is an operator"),
        ("401 ann bob :No such nick", "bob No such nick"),
    ],
)
def test_who_somebody_is_comes_in_words(reply: str, told: str) -> None:
    """WHOIS, RFC 2812 section 5.1."""
    talk = Exchange()
    talk.register()
    talk.session.whois("bob")
    assert talk.said() == ["WHOIS bob"]
    assert talk.hear(f":irc {reply}") == [ServerText(told)]


def test_who_somebody_is_says_nothing_where_nothing_is_known() -> None:
    """An idle time of 0 that stands for not known, a sign-on time that is none, and the end."""
    talk = Exchange()
    talk.register()
    assert talk.hear(":irc 317 ann bob 0 99999999999999999 :seconds idle, signon time", ":irc 318 ann bob :End") == []


def test_signs_of_life() -> None:
    """RFC 2812 PING is answered at once, whatever the token."""
    talk = Exchange()
    talk.register()
    talk.hear("PING :to ken")
    talk.session.ping()
    assert talk.said() == ["PONG :to ken", "PING alive"]


def test_the_servers_words() -> None:
    """Notices of the server, unknown numerics and ERROR are for a person to read; greetings are not."""
    talk = Exchange()
    talk.register()
    events = talk.hear(
        ":irc NOTICE ann :maintenance", ":irc 401 ann bob :No such nick", ":irc 372 ann :- motd", "ERROR :bye"
    )
    assert events == [ServerText("maintenance"), ServerText("bob No such nick"), Closing("bye")]


def test_after_our_own_quit_the_goodbye_is_not_news() -> None:
    """RFC 2812 QUIT is answered with ERROR."""
    talk = Exchange()
    talk.register()
    talk.session.quit("bye")
    assert talk.said() == ["QUIT bye"]
    assert talk.hear("ERROR :Closing link") == []


def test_other_ctcp_stays_unanswered() -> None:
    """What we run is nobody's business."""
    talk = Exchange()
    talk.register()
    assert talk.hear(":bob!b@h PRIVMSG ann :\x01VERSION\x01") == []
    assert talk.said() == []


def test_bytes_that_are_no_utf8_are_shown_as_such() -> None:
    """A line in Latin-1 is better read with a mark than lost."""
    talk = Exchange()
    talk.register()
    (line,) = talk.session.receive(b":bob!b@h PRIVMSG ann :caf\xe9\r\n", now_ms=NOW_MS)
    assert isinstance(line, RoomLine)
    assert line.text == "caf\ufffd"

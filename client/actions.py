"""What a person may want: values, no behaviour. `commands` reads them out of typed lines, `console` does them."""

from dataclasses import dataclass, field

__all__ = [
    "Action",
    "Away",
    "ChangeNick",
    "Clear",
    "Connect",
    "Delete",
    "Discard",
    "Exit",
    "Help",
    "Ignore",
    "Invalid",
    "Invite",
    "Join",
    "Kick",
    "ListRooms",
    "Mode",
    "Names",
    "Oper",
    "Part",
    "PickRoom",
    "Query",
    "Quit",
    "Quote",
    "Register",
    "Rename",
    "Reply",
    "Request",
    "Resend",
    "Say",
    "Search",
    "SetTopic",
    "Status",
    "Switch",
    "Unignore",
    "Verify",
    "Whois",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Say `text`; with `emote` as /me does; to `target`, or to the current room when that is empty."""

    text: str
    target: str = ""
    emote: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer what `nick` said last in the current room."""

    nick: str
    text: str


@dataclass(frozen=True, slots=True)
class Join:
    """Enter a room, with its key where it has one, and make it the current one."""

    room: str
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PickRoom:
    """Enter a room that is still to be chosen from those of the server."""


@dataclass(frozen=True, slots=True)
class Part:
    """Leave `room`, or the current one when that is empty."""

    room: str
    reason: str


@dataclass(frozen=True, slots=True)
class Switch:
    """Make a room or private talk the current one; empty: tell which there are."""

    room: str


@dataclass(frozen=True, slots=True)
class Query:
    """Begin a private talk, and make it the current one."""

    nick: str


@dataclass(frozen=True, slots=True)
class Resend:
    """Send once more what failed in the current room."""


@dataclass(frozen=True, slots=True)
class Discard:
    """Forget what failed, or still waits, in the current room."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Try to connect now instead of at the next try's moment."""


@dataclass(frozen=True, slots=True)
class Away:
    """Be away for `reason`; empty: be back."""

    reason: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete what we said last in the current room."""

    reason: str


@dataclass(frozen=True, slots=True)
class Invite:
    """Invite `nick` to `room`, or to the current one when that is empty."""

    nick: str
    room: str


@dataclass(frozen=True, slots=True)
class Kick:
    """Throw `nick` out of the current room."""

    nick: str
    reason: str


@dataclass(frozen=True, slots=True)
class Mode:
    """Change modes of the current room; no words: show them."""

    words: tuple[str, ...] = field(repr=False)  # a key may be among them


@dataclass(frozen=True, slots=True)
class ChangeNick:
    """Ask for another nick."""

    nick: str


@dataclass(frozen=True, slots=True)
class SetTopic:
    """Set the topic of the current room; empty: show it."""

    text: str


@dataclass(frozen=True, slots=True)
class Rename:
    """Give the current room another name."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Names:
    """Show who is in `room`, or in the current one when that is empty."""

    room: str


@dataclass(frozen=True, slots=True)
class ListRooms:
    """Show the rooms of the server."""


@dataclass(frozen=True, slots=True)
class Whois:
    """Ask the server who `nick` is."""

    nick: str


@dataclass(frozen=True, slots=True)
class Register:
    """Make an account that is named as our nick; `email`: an address, or `*` for none."""

    email: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Oper:
    """Become an operator of the network."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Quote:
    """Send a command of the protocol as it stands."""

    command: str
    params: tuple[str, ...] = field(repr=False)  # a password may be among them


@dataclass(frozen=True, slots=True)
class Verify:
    """Say the code that was mailed for `account`; empty: the one we have registered last."""

    account: str
    code: str


@dataclass(frozen=True, slots=True)
class Ignore:
    """Show nothing more that `nick` says; empty: tell who is ignored."""

    nick: str


@dataclass(frozen=True, slots=True)
class Unignore:
    """Hear `nick` again."""

    nick: str


@dataclass(frozen=True, slots=True)
class Search:
    """Show the lines of the current room that have `words` in them; empty: stop looking."""

    words: str


@dataclass(frozen=True, slots=True)
class Clear:
    """Empty the screen of the current room; the lines are still there to be scrolled to."""


@dataclass(frozen=True, slots=True)
class Status:
    """Tell how we stand with the server."""


@dataclass(frozen=True, slots=True)
class Help:
    """Show the commands."""


@dataclass(frozen=True, slots=True)
class Exit:
    """Leave, but ask first."""


@dataclass(frozen=True, slots=True)
class Quit:
    """Leave at once."""

    reason: str


@dataclass(frozen=True, slots=True)
class Invalid:
    """The line means nothing; `reason` is for the person who typed it."""

    reason: str


# What the server does, at once or not at all.
Request = (
    Delete | Invite | Kick | ListRooms | Mode | Names | Oper | Quote | Register | Rename | SetTopic | Verify | Whois
)

Action = (
    Request
    | Away
    | ChangeNick
    | Clear
    | Connect
    | Discard
    | Exit
    | Help
    | Ignore
    | Invalid
    | Join
    | Part
    | PickRoom
    | Query
    | Quit
    | Reply
    | Resend
    | Say
    | Search
    | Status
    | Switch
    | Unignore
)

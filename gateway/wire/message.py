"""One IRC message, as a value. Standard library only. Source: RFC 1459 section 2.3.1; IRCv3 message-tags."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from gateway.wire.errors import InvalidUtf8Error, MalformedLineError
from gateway.wire.tags import format_tags, parse_tags

__all__ = ["Message", "Source"]

_NO_TAGS: Mapping[str, str] = MappingProxyType({})


class Source(NamedTuple):
    """Who a line is from: `nick!user@host`, or a server's name alone in `nick`."""

    nick: str
    user: str = ""
    host: str = ""

    @classmethod
    def parse(cls, text: str) -> "Source":
        """Split `nick!user@host`; missing parts are empty."""
        rest, _, host = text.partition("@")
        nick, _, user = rest.partition("!")
        return cls(nick, user, host)


class Message(NamedTuple):
    """A line that was understood, or one to be sent.

    `command` is upper case. `params` hold the trailing one as any other; only the last may be empty, hold spaces or
    begin with a colon.
    """

    command: str
    params: tuple[str, ...] = ()
    source: str = ""
    tags: Mapping[str, str] = _NO_TAGS

    @classmethod
    def parse(cls, line: bytes) -> "Message":
        """Read one line without its CR LF.

        Raises:
            InvalidUtf8Error: the bytes are not UTF-8.
            MalformedLineError: there is no command or not one in ASCII, or a NUL, CR or LF inside.
        """
        try:
            text = line.decode()
        except UnicodeDecodeError as exc:
            raise InvalidUtf8Error(f"byte {exc.start}") from exc
        if "\0" in text or "\r" in text or "\n" in text:
            raise MalformedLineError("NUL, CR or LF inside the line")
        tags = _NO_TAGS
        source = ""
        if text.startswith("@"):
            head, _, text = text[1:].partition(" ")
            tags = parse_tags(head)
        text = text.lstrip(" ")
        if text.startswith(":"):
            source, _, text = text[1:].partition(" ")
        head, colon, trailing = text.partition(" :")
        words = head.split(" ")
        if "" in words:
            words = [word for word in words if word]
        if not words or words[0].startswith((":", "@")):
            raise MalformedLineError("no command")
        if not words[0].isascii():
            # `upper` would make a JOIN of one with a dotless i.
            raise MalformedLineError("command is not ASCII")
        if colon:
            words.append(trailing)
        return cls(words[0].upper(), tuple(words[1:]), source, tags)

    def encode(self) -> bytes:
        """The line with CR LF.

        Raises:
            MalformedLineError: a part cannot be said on the wire (a line break, a space in a middle parameter, a lone
                surrogate).
        """
        words = [f":{self.source}"] if self.source else []
        words.append(self.command)
        if self.params:
            *middle, last = self.params
            for param in middle:
                if not param or " " in param or param[0] == ":":
                    raise MalformedLineError("space, colon or nothing in a middle parameter")
            words += middle
            words.append(f":{last}" if not last or " " in last or last[0] == ":" else last)
        tags = format_tags(self.tags)
        if " " in self.source or " " in tags[:-1]:
            raise MalformedLineError("space in the source or in the key of a tag")
        if " " in self.command or self.command[:1] in ("", ":", "@") or not self.command.isascii():
            raise MalformedLineError("no command")
        text = tags + " ".join(words)
        if "\r" in text or "\n" in text or "\0" in text:
            raise MalformedLineError("NUL, CR or LF inside the line")
        try:
            return text.encode() + b"\r\n"
        except UnicodeEncodeError as exc:
            raise MalformedLineError("lone surrogate") from exc

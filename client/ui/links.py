"""Links one can click, as OSC 8 asks for. prompt_toolkit knows no links, so they ride along with the attributes of a
cell: a style that adds the address, and an output that opens and closes the link where attributes change. An escape
sequence beside the text would bleed, for the renderer writes only cells that changed.

Source: https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda (OSC 8).
"""

from typing import Any
from urllib.parse import quote

from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Attrs, BaseStyle
from prompt_toolkit.styles.base import DEFAULT_ATTRS

from client.render import Fragment

__all__ = ["LinkOutput", "LinkStyle"]

MAX_LINKS = 256  # then numbers are given anew: each is a style, and styles are remembered for good
_CLASS = "class:link-"
_MARK = " url="
_URL_CHARS = "!#$%&'()*+,/:;=?@[]~-._"


class _LinkAttrs(Attrs):
    """Attributes with an address, which takes part in comparing: two links side by side are two."""

    url: str

    def __eq__(self, other: object) -> bool:
        return tuple.__eq__(self, other) is True and self.url == getattr(other, "url", "")

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((tuple(self), self.url))


class LinkStyle(BaseStyle):
    """A style around another one, that knows the links of the screen."""

    def __init__(self, inner: BaseStyle) -> None:
        self._inner = inner
        self._urls: dict[str, str] = {}  # class -> address
        self._classes: dict[str, str] = {}  # address -> class
        self._generation = 0

    def wrap(self, inner: BaseStyle) -> None:
        """Stand around another style from now on."""
        self._inner = inner

    def make_room(self) -> None:
        """To be called before a redraw, never within one."""
        if len(self._urls) > MAX_LINKS:
            self._urls.clear()
            self._classes.clear()
            self._generation += 1  # all that was remembered of the old numbers is void

    def link(self, fragment: Fragment) -> Fragment:
        """A fragment whose style ends in ` url=ADDRESS`, with a style that this one knows; others as they are."""
        style, text = fragment
        rest, mark, url = style.partition(_MARK)
        if not mark:
            return fragment
        if url not in self._classes:
            number = f"{_CLASS}{len(self._classes)}"
            self._classes[url] = number
            self._urls[number.removeprefix("class:")] = quote(url, safe=_URL_CHARS)
        return f"{rest} {self._classes[url]}", text

    def get_attrs_for_style_str(self, style_str: str, default: Attrs = DEFAULT_ATTRS) -> Attrs:
        """The attributes of the other style, and the address where there is one."""
        attrs = self._inner.get_attrs_for_style_str(style_str, default)
        if _CLASS not in style_str:
            return attrs
        linked = _LinkAttrs(*attrs)
        name = style_str.rpartition("class:")[2].split()[0]
        linked.url = self._urls.get(name, "")
        return linked

    @property
    def style_rules(self) -> list[tuple[str, str]]:
        """Those of the other style."""
        return self._inner.style_rules

    def invalidation_hash(self) -> tuple[object, int]:
        """Changes when numbers were given anew."""
        return (self._inner.invalidation_hash(), self._generation)


class LinkOutput(Vt100_Output):
    """Writes OSC 8 around cells that are links."""

    _open = False

    def set_attributes(self, attrs: Attrs, color_depth: Any) -> None:
        """Attributes for what is written next."""
        self._close()
        super().set_attributes(attrs, color_depth)
        if url := getattr(attrs, "url", ""):
            self.write_raw(f"\x1b]8;;{url}\x1b\\")
            self._open = True

    def reset_attributes(self) -> None:
        """None, for what is written next."""
        self._close()
        super().reset_attributes()

    def _close(self) -> None:
        if self._open:
            self.write_raw("\x1b]8;;\x1b\\")
            self._open = False

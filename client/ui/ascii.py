"""The screen without symbols beyond ASCII, for fonts and terminals that lack them (`--ascii`). Pure.

Each symbol has one character in its place, so that columns stay where they are. Letters stay: they are what people say.
"""

from client.render import Fragment

__all__ = ["plainer"]

_HORIZONTAL = "─━┄┅┈┉╌╍═╴╶╸╺╼╾"
_VERTICAL = "│┃┆┇┊┋╎╏║╵╷╹╻╽╿"
_SYMBOLS = {
    **dict.fromkeys(range(9472, 9600), "+"),  # box drawing: what is no straight line is a corner or a cross
    **dict.fromkeys(map(ord, _HORIZONTAL), "-"),
    **dict.fromkeys(map(ord, _VERTICAL), "|"),
    **dict.fromkeys(range(9600, 9632), "#"),  # blocks
    **dict.fromkeys(map(ord, "‐‑‒–—―−"), "-"),
    **dict.fromkeys(map(ord, "‘’‚‛′"), "'"),
    **dict.fromkeys(map(ord, "“”„‟″«»"), '"'),
    **dict.fromkeys(map(ord, "•‣·∙●○■□▪▫★☆"), "*"),
    **dict.fromkeys(map(ord, "←‹◀◂"), "<"),
    **dict.fromkeys(map(ord, "→›▶▸↳"), ">"),
    **dict.fromkeys(map(ord, "↑▲▴"), "^"),
    **dict.fromkeys(map(ord, "↓▼▾"), "v"),
    **dict.fromkeys(map(ord, "×✗✘✕✖"), "x"),
    **dict.fromkeys(map(ord, "✓✔"), "v"),
    ord("…"): "~",
    ord("\u00a0"): " ",
}


def plainer(fragment: Fragment) -> Fragment:
    """The fragment with ASCII in place of symbols."""
    style, text = fragment
    return fragment if text.isascii() else (style, text.translate(_SYMBOLS))

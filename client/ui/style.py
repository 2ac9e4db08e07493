"""Colours: the 16 that every terminal has and every person can set. Meaning never rides on them alone.

Nicks have six; on a light background yellow and bright ones cannot be read, on a dark one blue cannot.
"""

import os
from collections.abc import Mapping

from prompt_toolkit.styles import Style

__all__ = ["is_light", "style"]

_DARK_NICKS = ("ansired", "ansigreen", "ansiyellow", "ansibrightblue", "ansimagenta", "ansicyan")
_LIGHT_NICKS = ("ansired", "ansigreen", "ansibrightblack", "ansiblue", "ansimagenta", "ansicyan")


def is_light(environ: Mapping[str, str] = os.environ) -> bool:
    """What the terminal says of its background in COLORFGBG, as `15;0`; dark when it says nothing."""
    background = environ.get("COLORFGBG", "").rpartition(";")[2]
    return background in ("7", "15")


def style(*, light: bool) -> Style:
    """The style of all faces at a terminal."""
    quiet = "ansibrightblack"
    warm = "ansired" if light else "ansiyellow"
    return Style.from_dict(
        {
            "time": quiet,
            "bar": quiet,
            "bar.panel": quiet,
            "bar.topic": "reverse",
            "room": f"{quiet} bold",
            "note": quiet,
            "day": quiet,
            "unread": f"{warm} bold",
            "own": "bold",
            "mention": f"bold {warm}",
            "pending": quiet,
            "failed": "ansired",
            "question": "bold",
            "prompt": "bold",
            "link": "underline",
            "below": "bold",
            "banner": "bold reverse ansired",
            "state": "ansigreen",
            "state.waiting": f"bold {warm}",
            "state.offline": "bold ansired",
            "panel.title": "bold",
            "room.current": "bold",
            "room.mention": f"bold {warm}",
            "room.unread": "ansicyan",
            "room.quiet": quiet,
            "picker": "",
            "picker.current": "reverse",
            "picker.keys": quiet,
            "picker.frame": quiet,
            **{f"nick{number}": colour for number, colour in enumerate(_LIGHT_NICKS if light else _DARK_NICKS)},
        }
    )

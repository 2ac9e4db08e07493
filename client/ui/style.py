"""Colours of the terminal face: the 16 ANSI names fit light and dark alike. Meaning never rides on them alone."""

from prompt_toolkit.styles import Style

__all__ = ["STYLE"]

STYLE = Style.from_dict(
    {
        "time": "ansibrightblack",
        "room": "ansibrightblack bold",
        "note": "ansibrightblack",
        "own": "bold",
        "mention": "bold ansiyellow",
        "pending": "ansibrightblack",
        "failed": "ansired",
        "question": "bold",
        "prompt": "bold",
        "nick0": "ansired",
        "nick1": "ansigreen",
        "nick2": "ansiyellow",
        "nick3": "ansiblue",
        "nick4": "ansimagenta",
        "nick5": "ansicyan",
    }
)

"""The Lua scripts, by name. Each file's header lists its KEYS, ARGV and answers."""

import hashlib
from importlib.resources import files

__all__ = ["SOURCES", "sha"]

SOURCES: dict[str, str] = {
    entry.name.removesuffix(".lua"): entry.read_text(encoding="utf-8")
    for entry in sorted(files("gateway.store").joinpath("scripts").iterdir(), key=lambda entry: entry.name)
    if entry.name.endswith(".lua")
}

_SHA = {name: hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest() for name, source in SOURCES.items()}


def sha(name: str) -> str:
    """What EVALSHA calls the script: scripts are named by content, so two versions of us can share a Redis."""
    return _SHA[name]

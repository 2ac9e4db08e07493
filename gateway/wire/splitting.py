"""Cut text without breaking a character or a parameter. Standard library only."""

__all__ = ["clip", "first_word"]


def clip(text: str, limit_bytes: int) -> str:
    """The longest beginning of `text` that takes at most `limit_bytes` in UTF-8; nothing for a limit below zero."""
    encoded = text.encode()
    if len(encoded) <= limit_bytes:
        return text
    return encoded[: max(0, limit_bytes)].decode(errors="ignore")


def first_word(text: str) -> str:
    """What of a peer's text may be repeated as a middle parameter: up to the first space, `*` where nothing is left."""
    word = text.partition(" ")[0]
    return word if word and word[0] != ":" else "*"

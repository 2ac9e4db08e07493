"""Cut text to a number of bytes without breaking a character. Standard library only."""

__all__ = ["clip"]


def clip(text: str, limit_bytes: int) -> str:
    """The longest beginning of `text` that takes at most `limit_bytes` in UTF-8; nothing for a limit below zero."""
    encoded = text.encode()
    if len(encoded) <= limit_bytes:
        return text
    return encoded[: max(0, limit_bytes)].decode(errors="ignore")

"""Fingerprints of certificates: SHA-256, as everywhere here 64 lower-case hexadecimal digits. Pure."""

import re

__all__ = ["as_fingerprint"]

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def as_fingerprint(text: str) -> str:
    """What somebody wrote, in any case and perhaps with colons as OpenSSL prints it; empty: that is none."""
    plain = text.replace(":", "").lower()
    return plain if _FINGERPRINT.fullmatch(plain) else ""

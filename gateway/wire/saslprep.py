"""Passwords as both ends hash them. Standard library only. Source: RFC 4013 (SASLprep)."""

import stringprep
import unicodedata

__all__ = ["prepare"]

_PROHIBITED = (
    stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3, stringprep.in_table_c4,
    stringprep.in_table_c5, stringprep.in_table_c6, stringprep.in_table_c7, stringprep.in_table_c8,
    stringprep.in_table_c9,
)  # fmt: skip


def prepare(password: str) -> bytes:
    """A password as it is hashed. Source: RFC 4013 (SASLprep).

    One that SASLprep refuses is taken as its UTF-8, as PostgreSQL does: its table is of Unicode 3.2, and who has chosen
    an emoji shall be able to log in.
    """
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char for char in password if not stringprep.in_table_b1(char)
    )
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if any(stringprep.in_table_a1(char) or any(test(char) for test in _PROHIBITED) for char in prepared):
        return password.encode()
    if any(map(stringprep.in_table_d1, prepared)):
        # RFC 3454 section 6: right-to-left text is not mixed, and its ends are right-to-left.
        mixed = any(map(stringprep.in_table_d2, prepared))
        if mixed or not (stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1])):
            return password.encode()
    return prepared.encode()

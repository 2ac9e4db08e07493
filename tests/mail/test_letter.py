"""Templates of mails."""

import pytest

from gateway.mail.letter import DEFAULT_LETTER, Letter


def test_an_own_text() -> None:
    """Every field, everywhere; a dollar sign; characters of any language."""
    letter = Letter.parse("Subject: $network grüßt $account\r\n\r\nHallo $account,\r\n\r\n$code für 5 $$ 你好\r\n")
    mail = letter.write("a@b.org", "c@d.org", network="Hub", account="Ann", code="xyz")
    assert mail["Subject"] == "Hub grüßt Ann"
    assert mail.get_content() == "Hallo Ann,\n\nxyz für 5 $ 你好\n"
    assert bytes(mail).isascii() or mail["Content-Transfer-Encoding"] == "8bit"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello $code",
        "Subject:\n\n$code",
        "Subject: x\nBcc: all@example.org\n\n$code",
        "Subject: x\n\nno code",
        "Subject: $code\n\nno code",
        "Subject: x\n\n$code $password",
        "Subject: x\n\n$code $",
        "From: x\n\n$code",
    ],
)
def test_what_a_template_cannot_be(text: str) -> None:
    """Told at start, and not by the first person who registers."""
    with pytest.raises(ValueError, match=r"\$|Subject"):
        Letter.parse(text)


def test_a_name_of_the_network_makes_no_header() -> None:
    """Quoted as RFC 5322 wants it."""
    mail = DEFAULT_LETTER.write("a@b.org", "c@d.org", network='x",<evil@x.org>', account="A", code="c")
    assert [one.addr_spec for one in mail["From"].addresses] == ["a@b.org"]

"""What `--smtp-url` may be."""

from pathlib import Path

import pytest

from gateway.mail.server import SmtpServer, Transport


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://mail.example.org", SmtpServer("mail.example.org", 465, Transport.TLS)),
        ("smtp://mail.example.org", SmtpServer("mail.example.org", 587, Transport.STARTTLS)),
        ("smtp://mail.example.org:2525?starttls=on", SmtpServer("mail.example.org", 2525, Transport.STARTTLS)),
        ("smtp://127.0.0.1?starttls=off", SmtpServer("127.0.0.1", 25, Transport.PLAIN)),
        ("smtp://[::1]:25/", SmtpServer("::1", 25, Transport.STARTTLS)),
        ("smtps://a%40b:c%2Fd%3A@mail", SmtpServer("mail", 465, Transport.TLS, "a@b", "c/d:")),
    ],
)
def test_what_it_says(url: str, server: SmtpServer) -> None:
    """Ports are those of RFC 8314 and RFC 6409; user and password are percent-encoded."""
    assert SmtpServer.parse(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org",
        "http://planted@mail",
        "smtp://",
        "smtp://mail:0",
        "smtp://mail:port",
        "smtp://mail/planted",
        "smtp://mail#planted",
        "smtp://[planted",
        "smtp://mail?planted",
        "smtp://mail?planted=1",
        "smtp://mail?starttls=planted",
        "smtps://mail?starttls=off",
        "smtp://:planted@mail",
        "smtp://planted:planted@mail?starttls=off",
        "smtp://mail?ssl_ca_certs=/planted/nowhere.pem",
    ],
)
def test_what_it_cannot_be(url: str) -> None:
    """The reason repeats no part of it; a password is never sent in the clear."""
    with pytest.raises(ValueError, match=r"\w") as caught:
        SmtpServer.parse(url)
    assert "planted" not in str(caught.value)


def test_its_password_is_in_no_log(tmp_path: Path) -> None:
    """Nor in a traceback that shows the value."""
    assert "sesame" not in repr(SmtpServer.parse("smtps://mailer:sesame@mail"))

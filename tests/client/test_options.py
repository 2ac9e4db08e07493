"""Arguments, environment and file to one configuration."""

from pathlib import Path

import pytest

from client.link import Server
from client.options import parse
from client.sasl import Login
from tests.harness.certificates import certificate


def options(tmp_path: Path, *argv: str, toml: str | None = None) -> list[str]:
    """Arguments that read `toml` as the configuration file."""
    path = tmp_path / "config.toml"
    if toml is not None:
        path.write_text(toml)
    return ["--config", str(path), *argv]


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("irc.example", Server("irc.example", 6667)),
        ("irc.example:7000", Server("irc.example", 7000)),
        ("ircs://irc.example", Server("irc.example", 6697, True)),
        ("ircs://irc.example:7000/", Server("irc.example", 7000, True)),
        ("irc://[::1]:7000", Server("::1", 7000)),
        ("[::1]", Server("::1", 6667)),
    ],
)
def test_servers(tmp_path: Path, text: str, server: Server) -> None:
    """With the usual ports, as RFC 7194 and the ircs scheme have them."""
    assert parse(options(tmp_path, "--room", "tea", "--server", text), {}).servers == (server,)


@pytest.mark.parametrize("text", ["a..b", ".example", f"{64 * 'a'}.example", "irc://a..b:6667"])
def test_a_name_that_no_host_can_have_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """With the value, before there is a connection: the system's resolver raises something of its own for it."""
    with pytest.raises(SystemExit) as refused:
        parse(options(tmp_path, "--room=tea", "--server", text), {})
    assert refused.value.code == 2
    assert repr(text) in capsys.readouterr().err


def test_tls_holds_for_servers_that_do_not_say(tmp_path: Path) -> None:
    """--tls changes the default port with it; irc:// says no."""
    arguments = options(tmp_path, "--room=tea", "--tls", "--server", "a,b:1,irc://c")
    assert parse(arguments, {}).servers == (Server("a", 6697, True), Server("b", 1, True), Server("c", 6667))


def test_the_file_is_read_and_weighs_least(tmp_path: Path) -> None:
    """Arguments win over the environment, which wins over the file."""
    toml = 'room = ["tea", "ops"]\nnick = "ann"\nserver = "a"\nplain = true\ntimeout = 2.5\n'
    settings = parse(options(tmp_path, "--server", "c", toml=toml), {"CHAT_CLIENT_NICK": "bob"})
    assert (settings.rooms, settings.nick, settings.plain, settings.timeout_s) == (("#tea", "#ops"), "bob", True, 2.5)
    assert settings.servers == (Server("c", 6667),)


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ("nick = 'a b'", "nick='a b'"),
        ("colour = 'red'", "colour"),
        ("nick = ", "TOML"),
        ("room = [1]", "room"),
        ("timeout = 'soon'", "timeout='soon'"),
        ("plain = 'maybe'", "CHAT_CLIENT_PLAIN"),
        ("password = 'hunter2'", "not a setting: password"),
        ("account = 'ann'\naccount-password-from = 'hunter2'", "account-password-from"),
        ("account = 'ann'\naccount-password-from = 'file:/nowhere'", "account-password-from"),
    ],
)
def test_a_mistake_in_the_file_ends_with_78(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], toml: str, named: str
) -> None:
    """The file and the setting are named; what may be a password is not shown."""
    with pytest.raises(SystemExit) as caught:
        parse(options(tmp_path, "--room", "tea", toml=toml), {})
    assert caught.value.code == 78
    told = capsys.readouterr().err
    assert str(tmp_path / "config.toml") in told
    assert named in told
    assert "'hunter2'" not in told


def test_a_password_is_never_an_argument(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no source is refused, and not repeated: it may be the password itself."""
    with pytest.raises(SystemExit) as caught:
        parse(options(tmp_path, "--room", "tea", "--password-from", "hunter2"), {})
    assert caught.value.code == 2
    assert "hunter2" not in capsys.readouterr().err


def test_account_and_password(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are kept out of what is printed of the configuration; in the clear they are warned about."""
    environ = {"SECRET": "hunter2"}
    argv = ["--room=tea", "--account=ann", "--account-password-from=env:SECRET"]
    settings = parse(options(tmp_path, *argv), environ)
    assert settings.login == Login("ann", "hunter2")
    assert "hunter2" not in repr(settings)
    assert capsys.readouterr().err == ""
    parse(options(tmp_path, *argv, "--server=irc.example,ircs://safe.example"), environ)
    assert capsys.readouterr().err == (
        "chat-client: the password goes to irc.example in the clear; --tls protects it\n"
    )


def test_authorities_are_read_at_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that holds none is told, before anything is connected."""
    (tmp_path / "no.pem").write_text("hello")
    for path in ("/nowhere", str(tmp_path / "no.pem")):
        with pytest.raises(SystemExit) as caught:
            parse(options(tmp_path, "--room", "tea", "--tls-ca", path), {})
        assert caught.value.code == 2
        assert path in capsys.readouterr().err


def test_a_certificate_is_shown_and_logs_in(tmp_path: Path) -> None:
    """It means TLS; no password is asked for, unless one is named; a key alone, or none, is a mistake."""
    pems = certificate(tmp_path)
    cert, key = pems.cert, pems.key
    settings = parse(options(tmp_path, "--room=tea", f"--tls-cert={cert}", f"--tls-key={key}"), {})
    assert settings.login == Login("", "", certificate=True)
    assert settings.servers[0].tls
    assert settings.tls is not None
    both = ["--account=ann", "--account-password-from=env:SECRET"]
    arguments = options(tmp_path, "--room=tea", f"--tls-cert={cert}", f"--tls-key={key}", *both)
    assert parse(arguments, {"SECRET": "pencil"}).login == Login("ann", "pencil", certificate=True)
    for wrong in ([f"--tls-key={key}"], [f"--tls-cert={cert}"], ["--tls-cert=/nowhere"]):
        with pytest.raises(SystemExit) as ended:
            parse(options(tmp_path, "--room=tea", *wrong), {})
        assert ended.value.code == 2

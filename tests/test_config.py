"""Claims about flags, environment and the value made of them."""

import logging
import pickle
from dataclasses import FrozenInstanceError
from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway import __version__
from gateway.config import MAX_SHOWN, Config, ConfigError, read_config
from gateway.mail.letter import DEFAULT_LETTER
from gateway.passwords import hash_password
from gateway.people import Rate
from gateway.store.urls import Durability
from gateway.wire.limits import MAX_LINE_BYTES, NICKLEN
from gateway.wire.message import Message
from tests.harness.certificates import certificate

SECRET = "hunter2"
# Each pair: the flag, values it refuses whatever their source.
REFUSED = [
    ("--host", ["a b", "http://x", "[::1]", "-a"]),
    ("--port", ["-1", "65536", "6667x", "1e3", " 1", "1_0", "٣", "0x10"]),
    ("--http-port", ["-1", "65536"]),
    ("--tls-port", ["-1", "65536"]),
    ("--workers", ["0", "65", "1.5"]),
    ("--max-connections", ["0", "-5"]),
    ("--sendq-bytes", ["0", "32767", "1MiB", "9" * 30]),
    ("--history-lines", ["-1", "1001"]),
    ("--history-entries", ["99", "10001", "many"]),
    ("--history-age-s", ["-1", "30d"]),
    ("--redaction-window-s", ["-1", "1h"]),
    ("--ping-interval-s", ["90s", "nan", "inf", "-1", "0", "1e3", "1_0", "."]),
    ("--grace-s", ["1m", "-1", "86401"]),
    ("--drain-rate", ["0", "fast"]),
    ("--drain-s", ["nan", "-0.1", "infinity"]),
    ("--redis-wait-s", ["-1", "forever"]),
    ("--durability", ["disk", "REPLICA"]),
    ("--server-name", ["hubbub", "a b.c", ".local", "a..b", "-a.b", "x" * 64 + ".y", "é.local"]),
    ("--network", ["Hub bub", "x" * 64]),
    ("--description", ["x" * 129]),
    ("--limits", ["ON", "true", "1"]),
    ("--connection-rate", ["60", "0:60", "60:0", "60:", "-1:5", "1:2:3", "1.5:2", "1234567:1"]),
    ("--message-rate", ["fast"]),
    ("--trusted", ["localhost"]),
    ("--account-registration", ["yes", "before-connect,", "on,before-connect", "Before-Connect"]),
    ("--email-from", ["nonsense", "a b@example.org", "Hubbub <a@example.org>"]),
    ("--email-template", ["/does/not/exist"]),
    ("--smtp-password-file", ["/does/not/exist"]),
    ("--min-password", ["0", "65"]),
    ("--argon2-kib", ["1023"]),
    ("--scram-iterations", ["4095"]),
    ("--log-level", ["INFO", "loud", "10"]),
    ("--proxy-from", ["10.0.0.1/8", "10.0.0.0/8,", "all"]),
    ("--motd-file", ["/does/not/exist", "/"]),
    ("--opers", ["/does/not/exist"]),
    ("--password-file", ["/does/not/exist"]),
]


def variable(flag: str) -> str:
    return "CHAT_GATEWAY_" + flag.removeprefix("--").replace("-", "_").upper()


def test_defaults_are_those_of_the_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without flags and environment a gateway serves this machine alone, with a private store."""
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert read_config([], {}) == Config(
        host="127.0.0.1",
        port=6667,
        tls_port=None,
        tls_cert=None,
        tls_key=None,
        sts_duration=None,
        sts_port=None,
        client_certificates=True,
        websocket_port=None,
        websocket_origins=None,
        webirc_from=(),
        webirc_password=None,
        redis_url=None,
        durability=Durability.REDIS,
        redis_wait_s=30,
        state_dir=Path("/state/chat-gateway"),
        server_name="hubbub.local",
        network="Hubbub",
        network_icon="",
        admin="",
        description="a hubbub gateway",
        motd=(),
        password=None,
        opers={},
        http_host="127.0.0.1",
        http_port=8080,
        workers=1,
        max_connections=20_000,
        sendq_bytes=1_048_576,
        limits=True,
        connection_rate=Rate(200, 300),
        login_rate=Rate(10, 10),
        message_rate=Rate(60, 480),
        address_message_rate=Rate(240, 1920),
        join_rate=Rate(200, 240),
        trusted=(ip_network("127.0.0.0/8"), ip_network("::1/128")),
        account_registration=frozenset({"before-connect", "custom-account-name"}),
        smtp_url=None,
        email_from=None,
        email_template=DEFAULT_LETTER,
        min_password=3,
        multiclient=False,
        max_attachments=8,
        argon2_kib=19_456,
        scram_iterations=100_000,
        proxy_from=(),
        ping_interval_s=90,
        ping_timeout_s=30,
        registration_timeout_s=30,
        grace_s=60,
        drain_rate=1000,
        drain_s=10,
        history_entries=10_000,
        history_age_s=2_592_000,
        redaction_window_s=0,
        history_lines=50,
        log_level=logging.INFO,
    )


@pytest.mark.parametrize(
    ("flag", "text", "field", "value"),
    [
        ("--login-rate", "007:90", "login_rate", Rate(7, 90)),
        ("--account-registration", "off", "account_registration", None),
        ("--account-registration", "on", "account_registration", frozenset()),
        ("--account-registration", "email-required", "account_registration", frozenset({"email-required"})),
        ("--trusted", "10.0.0.0/8", "trusted", (ip_network("10.0.0.0/8"),)),
        ("--host", "::1", "host", "::1"),
        ("--port", "0", "port", 0),
        ("--redis-url", "rediss://:secret@h:6380/1", "redis_url", "rediss://:secret@h:6380/1"),
        ("--redis-url", "unix:///run/valkey.sock", "redis_url", "unix:///run/valkey.sock"),
        ("--http-host", "0.0.0.0", "http_host", "0.0.0.0"),
        ("--ping-interval-s", "0.25", "ping_interval_s", 0.25),
        ("--drain-s", "0", "drain_s", 0.0),
        ("--limits", "off", "limits", False),
        ("--log-level", "debug", "log_level", logging.DEBUG),
        ("--password", "--dashes and = signs", "password", "--dashes and = signs"),
        ("--state-dir", "/state", "state_dir", Path("/state")),
        ("--proxy-from", "10.0.0.0/8, fd00::/8", "proxy_from", (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))),
    ],
)
def test_flag_and_environment_say_the_same(flag: str, text: str, field: str, value: object) -> None:
    """`--flag=text` and `CHAT_GATEWAY_FLAG=text` give the same value."""
    assert getattr(read_config([f"{flag}={text}"], {}), field) == value
    assert getattr(read_config([], {variable(flag): text}), field) == value


def test_the_flag_wins() -> None:
    """What is typed counts more than what the environment says, and a bad value that lost is nobody's business."""
    assert read_config(["--port", "7"], {"CHAT_GATEWAY_PORT": "8"}).port == 7
    assert read_config(["--port", "7"], {"CHAT_GATEWAY_PORT": "x"}).port == 7


def test_the_http_listener_follows_the_host() -> None:
    """`--host` moves both listeners, unless `--http-host` says otherwise."""
    assert read_config(["--host", "0.0.0.0"], {}).http_host == "0.0.0.0"
    assert read_config(["--host", "0.0.0.0", "--http-host", "127.0.0.1"], {}).http_host == "127.0.0.1"


@pytest.mark.parametrize(("flag", "text"), [(flag, text) for flag, texts in REFUSED for text in texts])
def test_a_bad_value_is_named_and_shown(flag: str, text: str) -> None:
    """One line says where it was set and what it was."""
    for argv, environ, source in (([f"{flag}={text}"], {}, flag), ([], {variable(flag): text}, variable(flag))):
        with pytest.raises(ConfigError) as caught:
            read_config(argv, environ)
        assert str(caught.value).startswith(f"{source}={text[:80]!r}: ")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("flag", [flag for flag, _ in REFUSED] + ["--password", "--redis-url", "--state-dir"])
@pytest.mark.parametrize("text", ["", "a\0b", "a\nb", "\udcff"])
def test_no_setting_is_empty_or_holds_control_characters(flag: str, text: str) -> None:
    """Empty (an unset variable of a compose file), NUL, line breaks and bytes that are no UTF-8 are refused."""
    with pytest.raises(ConfigError, match=variable(flag)):
        read_config([], {variable(flag): text})


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("--password", f"{SECRET}\n"),
        ("--password", SECRET * 100),
        ("--redis-url", f"redis://:{SECRET}/x@host"),
        ("--redis-url", f"redis://host:{SECRET}"),
        ("--redis-url", f"redys://:{SECRET}@host"),
        ("--smtp-url", f"smtp://user:{SECRET}@host?starttls=off"),
        ("--smtp-url", f"smpt://user:{SECRET}@host"),
    ],
)
def test_a_refused_secret_is_not_shown(flag: str, text: str) -> None:
    """The error names the setting and keeps the value to itself."""
    with pytest.raises(ConfigError) as caught:
        read_config([f"{flag}={text}"], {})
    assert str(caught.value).startswith(f"{flag}: ")
    assert SECRET not in str(caught.value)


def test_the_private_redis_has_no_replica() -> None:
    """`--durability replica` needs `--redis-url`."""
    with pytest.raises(ConfigError, match=r"^--durability: .*--redis-url"):
        read_config(["--durability=replica"], {})
    config = read_config(["--durability=replica", "--redis-url=redis://h"], {})
    assert config.durability is Durability.REPLICA


def test_secrets_are_not_in_the_repr() -> None:
    """Logging the whole configuration tells no password, that of Redis included."""
    config = read_config([f"--password={SECRET}", f"--redis-url=redis://:{SECRET}@host"], {})
    assert SECRET not in repr(config)


@pytest.mark.parametrize(
    "url", ["localhost", "http://h", "redis://", "redis://h:0", "redis://h:x", "unix://", "unix:///"]
)
def test_no_redis_urls(url: str) -> None:
    """What redis-py would refuse, or would read as another server, is refused at start."""
    with pytest.raises(ConfigError, match="--redis-url"):
        read_config(["--redis-url", url], {})


@pytest.mark.parametrize(
    "argv", [["--pasword", SECRET], [f"--pasword={SECRET}"], [SECRET], ["--", SECRET], ["--port"], ["--por=1"]]
)
def test_unknown_flags_are_wrong_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """They exit with 2, abbreviations too, and a password behind a mistyped flag is not repeated."""
    with pytest.raises(SystemExit) as caught:
        read_config(argv, {})
    assert caught.value.code == 2
    assert SECRET not in capsys.readouterr().err


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    """They print and exit with 0; the help names each setting's variable."""
    for flag, wanted in (("--version", __version__), ("--help", "CHAT_GATEWAY_PING_INTERVAL_S")):
        with pytest.raises(SystemExit) as caught:
            read_config([flag], {})
        assert caught.value.code == 0
        assert wanted in capsys.readouterr().out


def test_unknown_variables_are_told() -> None:
    """Variables with our prefix that are no setting come back by name; others are none of our business."""
    environ = {"CHAT_GATEWAY_PROT": "1", "CHAT_GATEWAY_HELP": "1", "CHAT_GATEWAY_PORT": "7", "PORT": "9"}
    config = read_config([], environ)
    assert config.ignored == ("CHAT_GATEWAY_HELP", "CHAT_GATEWAY_PROT")
    assert config.port == 7


def test_password_file(tmp_path: Path) -> None:
    """The file's one line is the password; both ways at once, or another number of lines, are refused."""
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    assert read_config([f"--password-file={file}"], {}).password == SECRET
    with pytest.raises(ConfigError, match="CHAT_GATEWAY_PASSWORD and --password-file: give one of them"):
        read_config([f"--password-file={file}"], {"CHAT_GATEWAY_PASSWORD": "x"})
    for content in ("", "\n", f"{SECRET}\n{SECRET}\n", f"{SECRET}\0", "x" * 600):
        file.write_text(content)
        with pytest.raises(ConfigError) as caught:
            read_config([f"--password-file={file}"], {})
        assert SECRET not in str(caught.value)


def test_motd_lines_fit_the_wire(tmp_path: Path) -> None:
    """The longest names and the longest line of the file make one line of 512 bytes. Source: RFC 1459 section 2.3."""
    file = tmp_path / "motd"
    file.write_text("Hello\r\n\n\x1ditalic\x1d\n" + "é" * 600 + "\n")
    motd = read_config([f"--motd-file={file}"], {}).motd
    assert motd[:3] == ("Hello", "", "\x1ditalic\x1d")
    line = Message("372", ("n" * NICKLEN, f"- {motd[3]}"), "s" * 63).encode()
    assert MAX_LINE_BYTES - 2 < len(line) <= MAX_LINE_BYTES


@pytest.mark.parametrize("content", [b"\xff", b"a\0b", b"a\rb", b"x\n" * 501, b"x" * 65_537])
def test_motd_refused(content: bytes, tmp_path: Path) -> None:
    """No UTF-8, NUL, a lone CR, too many lines, too many bytes."""
    file = tmp_path / "motd"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="--motd-file"):
        read_config([f"--motd-file={file}"], {})


def test_opers(tmp_path: Path) -> None:
    """A file of names and argon2id hashes is read at start, and its hashes are not in the repr."""
    file = tmp_path / "opers.toml"
    password_hash = hash_password(SECRET)
    file.write_text(f'ann = "{password_hash}"\n')
    config = read_config([f"--opers={file}"], {})
    assert config.opers == {"ann": password_hash}
    assert "$argon2" not in repr(config)


def test_an_operator_by_certificate(tmp_path: Path) -> None:
    """A SHA-256 fingerprint stands for a password, with or without colons."""
    file = tmp_path / "opers.toml"
    file.write_text(f'ann = "{"AB:" * 31}AB"\nbob = "{"0" * 64}"\n')
    assert read_config([f"--opers={file}"], {}).opers == {"ann": "ab" * 32, "bob": "0" * 64}


def test_web_gateways_have_addresses_and_a_password(tmp_path: Path) -> None:
    """One of them alone would believe too many; the password is not in the repr."""
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    argv = ["--webirc-from=192.0.2.0/24", f"--webirc-password-file={file}"]
    for alone in argv:
        with pytest.raises(ConfigError, match="give both or none"):
            read_config([alone], {})
    config = read_config(argv, {})
    assert config.webirc_password == "hunter2"
    assert "hunter2" not in repr(config)


def test_mail(tmp_path: Path) -> None:
    """Server and sender belong together; the password comes from the URL or from a file, and is not in the repr."""
    file, letter = tmp_path / "password", tmp_path / "letter"
    file.write_text(f"{SECRET}\n")
    letter.write_text("Subject: hello\n\n$code\n")
    sender, by_file = "--email-from=chat@example.org", f"--smtp-password-file={file}"
    for argv in (["--smtp-url=smtps://mail"], [sender]):
        with pytest.raises(ConfigError, match="give both or none"):
            read_config(argv, {})
    for argv in (
        [by_file],
        [by_file, sender, "--smtp-url=smtps://mail"],
        [by_file, sender, "--smtp-url=smtps://u:p@mail"],
    ):
        with pytest.raises(ConfigError, match=r"--smtp-password-file: .*--smtp-url must have a user and no password"):
            read_config(argv, {})
    for argv in ([f"--smtp-url=smtps://user:{SECRET}@mail"], ["--smtp-url=smtps://user@mail", by_file]):
        config = read_config([sender, f"--email-template={letter}", *argv], {})
        assert config.smtp_url is not None
        assert (config.smtp_url.user, config.smtp_url.password) == ("user", SECRET)
        assert config.email_template.subject == "hello"
        assert SECRET not in repr(config)
        assert pickle.loads(pickle.dumps(config)) == config


def test_origins(tmp_path: Path) -> None:
    """Scheme, host, perhaps a port, and nothing behind them; a WebSocket port may use the certificate alone."""
    config = read_config(["--websocket-origins=https://Chat.example.org, http://[::1]:8000"], {})
    assert config.websocket_origins == frozenset({"https://chat.example.org", "http://[::1]:8000"})
    for text in ("chat.example.org", "https://a/b", "https://a,", "*"):
        with pytest.raises(ConfigError, match="--websocket-origins"):
            read_config([f"--websocket-origins={text}"], {})
    pems = certificate(tmp_path)
    argv = ["--websocket-port=0", f"--tls-cert={pems.cert}", f"--tls-key={pems.key}"]
    assert read_config(argv, {}).websocket_port == 0


def test_sts_has_a_port(tmp_path: Path) -> None:
    """A policy that does not say where TLS is would lock clients out."""
    with pytest.raises(ConfigError, match="--sts-port"):
        read_config(["--sts-duration=60"], {})
    assert read_config(["--sts-duration=60", "--sts-port=6697"], {}).sts_port == 6697


@pytest.mark.parametrize("content", ["ann = hash", 'ann = "secret"', "ann = 1", '"a b" = "x"', "[ann]\n", "\x00"])
def test_opers_refused(content: str, tmp_path: Path) -> None:
    """No TOML, no argon2id hash, no name: the file is named and its values are not shown."""
    file = tmp_path / "opers.toml"
    file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        read_config([f"--opers={file}"], {})
    assert str(caught.value).startswith(f"--opers={str(file)[:MAX_SHOWN]!r}: ")
    assert "secret" not in str(caught.value)


def test_it_is_one_frozen_value() -> None:
    """Nothing can be set after the start, and the value travels to worker processes."""
    config = read_config([], {})
    with pytest.raises(FrozenInstanceError):
        config.port = 1  # type: ignore[misc] # that it is refused is the claim
    assert pickle.loads(pickle.dumps(config)) == config


def test_tls_takes_all_three_settings(tmp_path: Path) -> None:
    """A port without a certificate, or the other way round, is a mistake, and files that are no pair are told."""
    for argv in (["--tls-port=0"], ["--tls-cert=a", "--tls-key=b"], ["--tls-port=0", "--tls-cert=a"]):
        with pytest.raises(ConfigError, match="all three or none"):
            read_config(argv, {})
    pems = certificate(tmp_path / "one"), certificate(tmp_path / "two")
    config = read_config(["--tls-port=0", f"--tls-cert={pems[0].cert}", f"--tls-key={pems[0].key}"], {})
    assert (config.tls_port, config.tls_cert, config.tls_key) == (0, pems[0].cert, pems[0].key)
    for cert, key in ((pems[0].cert, pems[1].key), (pems[0].key, pems[0].cert), (Path("/nowhere"), pems[0].key)):
        with pytest.raises(ConfigError, match=f"--tls-cert='{cert}', --tls-key='{key}': ") as caught:
            read_config(["--tls-port=0", f"--tls-cert={cert}", f"--tls-key={key}"], {})
        assert "\n" not in str(caught.value)

"""The configuration as the parts of a gateway want it."""

from datetime import UTC, datetime

from gateway import __version__
from gateway.commands.allowances import SharedLimits
from gateway.commands.ports.accounts import Mail
from gateway.commands.services import Network, WebGateways
from gateway.config import Config
from gateway.net.server import Limits
from gateway.rooms.retention import Kept

__all__ = ["connection_limits", "mail", "network", "shared_limits"]


def network(config: Config) -> Network:
    """The facts that are the same on every gateway."""
    return Network(
        server_name=config.server_name,
        name=config.network,
        description=config.description,
        motd=config.motd,
        created=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        version=__version__,
        password=config.password or "",
        opers=dict(config.opers),
        limits=config.limits,
        registration=_registration(config),
        min_password=config.min_password,
        multiclient=config.multiclient,
        max_attachments=config.max_attachments,
        history=Kept(config.history_entries, int(config.history_age_s)),
        redaction_window_s=int(config.redaction_window_s),
        icon=config.network_icon,
        admin=config.admin,
        sts=_sts(config),
        webirc=WebGateways(networks=config.webirc_from, password=config.webirc_password)
        if config.webirc_password
        else None,
    )


def _sts(config: Config) -> str:
    # To all alike: on a secure connection the port is ignored, on another the duration. A gateway behind a balancer
    # that ends TLS cannot tell the two apart.
    if config.sts_duration is None:
        return ""
    return f"duration={config.sts_duration},port={config.sts_port or config.tls_port}"


def _registration(config: Config) -> frozenset[str] | None:
    # REGISTER before the connection is complete would not know the password of the server.
    keys = config.account_registration
    return keys - {"before-connect"} if keys is not None and config.password else keys


def mail(config: Config) -> Mail | None:
    """What sends mail; none where no server is set."""
    if config.smtp_url is None or config.email_from is None:
        return None
    from gateway.mail.sender import MailSender  # noqa: PLC0415 - a gateway that sends no mail starts without it

    return MailSender(
        config.smtp_url, config.email_template,
        sender=config.email_from, network=config.network, host=config.server_name,
    )  # fmt: skip


def shared_limits(config: Config) -> SharedLimits:
    """What all gateways allow together."""
    return SharedLimits(
        connections=config.connection_rate,
        logins=config.login_rate,
        messages=config.message_rate,
        address_messages=config.address_message_rate,
        joins=config.join_rate,
        trusted=config.trusted,
    )


def connection_limits(config: Config) -> Limits:
    """What one connection may cost here."""
    return Limits(
        max_connections=config.max_connections,
        sendq_bytes=config.sendq_bytes,
        ping_interval_s=config.ping_interval_s,
        ping_timeout_s=config.ping_timeout_s,
        registration_timeout_s=config.registration_timeout_s,
        proxy_from=config.proxy_from,
        websocket_origins=config.websocket_origins,
    )

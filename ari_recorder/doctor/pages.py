"""Whether others can reach My Pages as the settings say, and without being overheard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ari_recorder.config import Web
from ari_recorder.doctor.report import Check, bad, good, warning
from ari_recorder.errors import SettingsError
from ari_recorder.web.server import check_encryption
from ari_recorder.web.tls import Certificate, certificate_of

RENEWED_BEFORE = timedelta(days=14)
"""Those who renew certificates by themselves have done so by then."""
GUIDE = "docs/guide/on-a-network.md"


def look_at_pages(settings: Web) -> list[Check]:
    """The address, and the certificate if there is one; blocking."""
    try:
        check_encryption(settings)
        certificate = certificate_of(settings)
    except SettingsError as error:
        return [bad("pages", "address", str(error), f"The recorder does not start until then. See {GUIDE}.")]
    where = good("pages", "address", f"{settings.host}, {_way(settings)}")
    return [where] if certificate is None else [where, _certificate(certificate)]


def _way(settings: Web) -> str:
    proxies = f", proxies: {settings.trusted_proxies}" if settings.trusted_proxies else ""
    return ("HTTPS" if settings.tls_certificate else "plain HTTP") + proxies


def _certificate(certificate: Certificate) -> Check:
    ends_at, now = certificate.ends_at, datetime.now(UTC)
    found = f"holds until {ends_at:%Y-%m-%d %H:%M} UTC"
    if ends_at < now:
        return bad("pages", "certificate", found, "Renew web.tls_certificate: browsers refuse it.")
    if ends_at < now + RENEWED_BEFORE:
        return warning(
            "pages", "certificate", found, "Renew web.tls_certificate; the recorder sees it by itself."
        )
    return good("pages", "certificate", found)

"""Which Hub is meant, and what token it may be shown."""

import contextlib
import ipaddress
import re
import shlex
from urllib.parse import urlsplit

from zoo.common import settings
from zoo.common.errors import HubError

HOME = "https://huggingface.co"


def find_endpoint(given: str | None = None) -> str:
    """The address of the Hub that a command means.

    **Arguments:**
    - `given`: the address that the person named; else `HF_ENDPOINT`, else huggingface.co.

    **Returns:** the address, without a slash at its end.

    **Raises:** `HubError` for what is not the address of a Hub."""
    if not isinstance(given, str | None):
        raise HubError(f"endpoint is the address of a Hub as text, not {given!r}.")
    endpoint = given.rstrip("/") if given else _usual()
    try:
        parts = urlsplit(endpoint)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    # neither user:password@ nor a query
    if not good or "@" in endpoint or not re.fullmatch(r"[!->A-~]+", endpoint):
        what = "--endpoint" if given else "HF_ENDPOINT"
        shown = endpoint.rpartition("@")[2][:200]
        raise HubError(
            f"{what} {shown!r} is not the address of a Hub, such as {HOME}, without a user's name "
            "in it."
        )
    return endpoint


def refuse_broken() -> None:
    """Raise `HubError` when `HF_ENDPOINT` can't be read as an address at all: huggingface_hub
    reads it when it is imported, and fails, whatever Hub is meant.
    """
    try:
        # reading the port checks it
        _ = urlsplit(settings.hub_endpoint() or HOME).port
    except ValueError:
        find_endpoint()


def option(endpoint: str) -> str:
    """What a command that is advised must name to mean the same Hub: ` --endpoint URL`, or nothing
    at the usual one.
    """
    return "" if endpoint == _usual() else f" --endpoint {shlex.quote(endpoint)}"


def _usual() -> str:
    return (settings.hub_endpoint() or HOME).rstrip("/")


def find_token(endpoint: str, given: str | None) -> str | None:
    """The token that a Hub is shown: the one given, else `HF_TOKEN`. The stored login is for
    huggingface.co alone. Over plain http a token goes to this machine alone.

    **Raises:** `HubError` for a token that may not be sent there, or that is none."""
    from huggingface_hub import constants

    if not isinstance(given, str | None):
        raise HubError(f"token is a text, not a {type(given).__name__}.")
    if endpoint.startswith("http://") and not is_loopback(endpoint):
        if given:
            raise HubError(
                f"A token is not sent over plain http to {endpoint}: name an https address, or no "
                "token."
            )
        return None
    token = given
    if not token and not constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        token = _stored_login() if endpoint == HOME else settings.hub_token()
    token = (token or "").strip()
    if not re.fullmatch(r"[!-~]*", token):
        raise HubError(
            "The token (--token, HF_TOKEN or the stored login) has characters that no token can "
            "have."
        )
    return token or None


def _stored_login() -> str | None:
    from huggingface_hub import get_token

    try:
        # HF_TOKEN, else what `hf auth login` left
        return get_token()
    except Exception as error:
        # a file that can't be read, a login that has run out and can't be renewed, …
        raise HubError(
            f"The stored login can't be used ({error}): run hf auth login again, or set HF_TOKEN."
        ) from error


def is_loopback(endpoint: str) -> bool:
    """Whether an address is one of this machine."""
    host = urlsplit(endpoint).hostname or ""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def origin(address: str) -> tuple[str, str | None, int]:
    """Scheme, host and port of an address: where a token may go, and no farther."""
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)

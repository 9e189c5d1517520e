"""One guarded session with the Hub, shared by pull, push and search."""

import contextlib
import functools
import re
import ssl
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, NoReturn

import httpx2
from huggingface_hub import HfApi, constants, set_client_factory
from huggingface_hub.errors import (
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils._http import (
    default_client_factory,
    hf_request_event_hook,
    parse_ratelimit_headers,
)
from huggingface_hub.utils.tqdm import disable_progress_bars

from zoo.common.errors import HubError, ZooError, did_you_mean
from zoo.hub.endpoint import HOME, find_endpoint, find_token, is_loopback, option, origin

PATIENCE = 30.0  # seconds without a byte; of itself the client waits for ever
LONGEST_WAIT = 60  # seconds that a server may send us away for before that is said instead
LARGEST_ANSWER = 32 << 20  # bytes of an answer that is no file of a repository
MOST_REQUESTS = 1000  # of one session: a list may name itself as its next page
ETAG = re.compile(r'(W/)?"?[0-9A-Za-z._-]{1,128}"?')
COMMIT = re.compile(r"[0-9a-f]{40}")
# what the client raises when it takes an answer for something else than it is
NO_HUB = (
    FileMetadataError,
    RecursionError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
)


class Session:
    """A client of one Hub, on its guard; `connected` makes one.

    - `endpoint`: address of the Hub, without a slash at its end.
    - `token`: what it is shown, None for none.
    - `api`: the client of huggingface_hub.
    - `headers`: those of a request that `api` has no method for.
    - `largest`: bytes of the largest body to accept; set it to the size of a file before
        downloading that.
    - `answered`: whether the Hub ever did.
    """

    def __init__(
        self, endpoint: str | None, token: str | None, patience: float | None = None
    ) -> None:
        self.endpoint = find_endpoint(endpoint)
        self._patience = patience or PATIENCE
        self.token = find_token(self.endpoint, token)
        self.api = HfApi(
            self.endpoint,
            token=self.token or False,
            library_name="genzoo",
            library_version=version("genzoo"),
        )
        self.headers = self.api._build_hf_headers()
        self.largest = LARGEST_ANSWER
        self.answered = False
        self._requests = 0

    @property
    def login(self) -> str:
        """What to do for a token that this Hub gets."""
        return (
            "run hf auth login, or set HF_TOKEN"
            if self.endpoint == HOME
            else "set HF_TOKEN, or name a --token"
        )

    def make_client(self) -> httpx2.Client:
        """The HTTP client under it, with time-outs, and without what a hostile server could use
        against it.
        """
        return _Client(
            self,
            event_hooks={
                "request": [hf_request_event_hook, self._before],
                "response": [self._after],
            },
            follow_redirects=True,
            timeout=None,  # until `_before` sets one
            trust_env=not is_loopback(self.endpoint),  # a proxy would see the token
            verify=_certificates(),
        )

    def _before(self, request: httpx2.Request) -> None:
        self._requests += 1
        if self._requests > MOST_REQUESTS:
            raise HubError(
                f"{self.endpoint} has not come to an end after {MOST_REQUESTS:,} requests: given "
                "up."
            )
        given = request.extensions.get("timeout") or {}
        patience = {
            kind: given.get(kind) or self._patience for kind in ("connect", "read", "write", "pool")
        }
        request.extensions = {**request.extensions, "timeout": patience}
        request.headers["accept-encoding"] = "identity"  # a gzip bomb is small until it is opened
        if origin(str(request.url)) != origin(self.endpoint):  # a page's Link may name any address
            request.headers.pop("authorization", None)

    def _after(self, response: httpx2.Response) -> None:
        self.answered = True
        headers = response.headers
        headers.pop("x-hf-warning", None)  # which the client would print as it is
        if self.endpoint != HOME:
            headers.pop(
                "x-xet-hash", None
            )  # which lets a server choose a local folder that Xet writes to
        if headers.get("content-encoding", "identity") != "identity":
            raise HubError(
                f"{self.endpoint} compressed an answer that was asked for plain: nothing of it was "
                "opened."
            )
        seconds = _seconds_to_wait(response)
        if seconds > LONGEST_WAIT:
            raise HubError(_too_many(self.endpoint, seconds))
        if response.request.method == "HEAD":  # the client makes file names of these
            for name, form in (("etag", ETAG), ("x-linked-etag", ETAG), ("x-repo-commit", COMMIT)):
                if not form.fullmatch(headers.get(name, "0" * 40)):
                    raise HubError(
                        f"{self.endpoint} sent {headers[name][:80]!r} as {name}: it can't be "
                        "trusted."
                    )
        response.stream = _Bounded(response.stream, self)


class _Client(httpx2.Client):
    """Report at once a Hub that never answered; huggingface_hub would try for half a minute."""

    def __init__(self, session: Session, **options: Any) -> None:
        self.session = session
        super().__init__(**options)

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        try:
            return super().send(request, **options)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            if self.session.answered:
                raise
            raise HubError(f"Can't reach {self.session.endpoint}: {_first_line(error)}.") from error


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Whom to trust, read once: it takes as long as many requests."""
    return httpx2.create_ssl_context()


class _Bounded(httpx2.SyncByteStream):
    """A body that ends in an error where it becomes larger than the session accepts."""

    def __init__(self, stream: Any, session: Session) -> None:
        self.stream, self.session = stream, session

    def __iter__(self) -> Iterator[bytes]:
        taken = 0
        for chunk in self.stream:
            taken += len(chunk)
            if taken > self.session.largest:
                raise HubError(
                    f"{self.session.endpoint} sent more than the {self.session.largest:,} bytes "
                    "that were to come."
                )
            yield chunk

    def close(self) -> None:
        self.stream.close()


@contextlib.contextmanager
def connected(
    doing: str,
    repo_id: str = "",
    revision: str | None = None,
    *,
    endpoint: str | None = None,
    token: str | None = None,
    patience: float | None = None,
) -> Iterator[Session]:
    """A session with the Hub, as long as the block lasts.

    **Arguments:**
    - `doing`: what the block does, to follow "Can't" and go before the endpoint: "pull owner/repo
        from".
    - `repo_id`, `revision`: of what repository, if of one.
    - `endpoint`: address of the Hub; `HF_ENDPOINT` or huggingface.co unless given.
    - `token`: what to show it; `HF_TOKEN` unless given, and for huggingface.co the stored login.
    - `patience`: seconds to wait for a byte, `PATIENCE` unless given.

    **Raises:** `HubError` in words that mend whatever the client raises in the block; an `OSError`
    of this machine's disk stays as it is."""
    session = Session(endpoint, token, patience)
    constants.HF_HUB_DISABLE_TELEMETRY = True  # no request to anybody but those that are needed
    set_client_factory(session.make_client)
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        yield session
    except ZooError:
        raise
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, RuntimeError, *NO_HUB) as error:
        _say(error, session, doing, repo_id, revision)
    finally:
        set_client_factory(default_client_factory)


def _seconds_to_wait(response: httpx2.Response) -> int:
    """How long a server asks to be left alone; 0 when it doesn't."""
    limit = parse_ratelimit_headers(response.headers)
    if response.status_code == 429 and limit and limit.remaining == 0:
        return limit.reset_in_seconds
    after = response.headers.get("retry-after", "")
    return int(after) if re.fullmatch(r"[0-9]{1,9}", after) and response.status_code >= 400 else 0


def _too_many(endpoint: str, seconds: int) -> str:
    when = f"in {seconds:,} seconds" if seconds else "later"
    return f"{endpoint} asks to be left alone for a while (too many requests): try again {when}."


def _say(
    error: Exception, session: Session, doing: str, repo_id: str, revision: str | None
) -> NoReturn:
    """Raise a `HubError` in place of what the client raised."""
    cause: BaseException = error
    while (
        isinstance(cause, RuntimeError | FileNotFoundError) and cause.__cause__
    ):  # the client wraps what happened
        cause = cause.__cause__
    if isinstance(cause, ZooError):
        raise cause
    endpoint = session.endpoint
    if isinstance(cause, HfHubHTTPError):
        words = _of_status(cause, session, doing, repo_id, revision)
        later = ". Try again later." if cause.response.status_code >= 500 else ""
        told = f"{_first_line(cause)}{_without_xet(cause)}{later}"
        raise HubError(words or f"Can't {doing} {endpoint}: {told}") from error
    if isinstance(cause, OfflineModeIsEnabled):
        raise HubError(f"Offline (HF_HUB_OFFLINE is set): can't {doing} {endpoint}.") from error
    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        reason = f"can't reach {endpoint}: {_first_line(cause)}"
    elif isinstance(cause, httpx2.TimeoutException | TimeoutError):
        reason = "it stopped answering, and nothing came for a while. Try again"
    elif isinstance(cause, httpx2.TransportError):
        reason = f"the connection was lost ({_first_line(cause)}). Try again"
    elif isinstance(cause, HFValidationError):
        reason = f"{repo_id!r} is no name of a repository"
    elif isinstance(cause, OSError) and "Consistency check failed" in str(cause):
        reason = "a file came damaged, with more or fewer bytes than announced. Try again"
    elif (
        isinstance(cause, OSError)
        and cause.errno is not None
        and not isinstance(cause, ConnectionError)
    ):
        raise cause
    elif isinstance(cause, ValueError) and str(cause).startswith("Invalid metadata"):
        reason = " ".join(str(cause).split())
    elif isinstance(cause, NO_HUB):
        reason = (
            "it does not answer like a Hugging Face Hub. Is this the right address, and are you "
            "logged in to the net?"
        )
    else:
        reason = f"{_first_line(cause)}{_without_xet(cause)}"
    raise HubError(f"Can't {doing} {endpoint}: {reason}") from error


def _of_status(
    error: HfHubHTTPError, session: Session, doing: str, repo_id: str, revision: str | None
) -> str:
    """What an answer with an error's status says, in words; empty when nothing better is known than
    its own.
    """
    endpoint, status = session.endpoint, error.response.status_code
    if isinstance(error, GatedRepoError):  # before RepositoryNotFoundError, which it is a kind of
        login = "" if session.token else f", {session.login},"
        return f"{repo_id} is gated: accept its terms at {endpoint}/{repo_id}{login} and retry."
    if isinstance(error, RepositoryNotFoundError):
        who = (
            "this token has no access to it"
            if session.token
            else f"you have no access to it: {session.login}"
        )
        return f"{repo_id} does not exist on {endpoint}, or is private and {who}."
    if isinstance(error, RevisionNotFoundError):
        return (
            f"{repo_id} on {endpoint} has no revision "
            f"{revision!r}.{_near_revisions(session, repo_id, revision)}"
        )
    if isinstance(error, RemoteEntryNotFoundError):
        return f"{repo_id} on {endpoint} lacks a file that it lists: {_first_line(error)}"
    if status == 401 and session.token:
        return (
            f"The token was refused by {endpoint}: check --token and HF_TOKEN, which beat hf auth "
            "login."
        )
    if status == 401:
        return f"{endpoint} wants to know who you are: {session.login}."
    if status == 403 and not session.token:
        return f"Can't {doing} {endpoint} without a token: {session.login}."
    if status == 403:
        return f"This token may not {doing} {endpoint}. Take one that may."
    if status == 412:
        name = f"hf:{repo_id}" + ("" if revision in (None, "main") else f"@{revision}")
        first = f"zoo pull --update {name}{option(endpoint)}"
        return f"{repo_id} on {endpoint} has changed since it was pulled: first run {first}"
    if status == 429:
        return _too_many(endpoint, _seconds_to_wait(error.response))
    return ""


def _near_revisions(session: Session, repo_id: str, revision: str | None) -> str:
    try:
        refs = session.api.list_repo_refs(repo_id)
        return did_you_mean(str(revision), [one.name for one in (*refs.branches, *refs.tags)])
    except Exception:  # it was only to help
        return ""


def _without_xet(error: BaseException) -> str:
    """What to do about a failure of Xet, whose errors are the system's own."""
    failed = isinstance(error, ConnectionError) or "/xet-" in str(error)
    return ". Without Xet it may go: HF_HUB_DISABLE_XET=1" if failed else ""


def _first_line(error: BaseException) -> str:
    """What a person needs of an error: no further lines, and no query of an address, which may be a
    signature.
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return re.sub(r"(https?://[^\s?'\"]*)\?[^\s'\"]*", r"\1", lines[0])[:300].rstrip(".")

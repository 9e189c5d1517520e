"""What went wrong between this machine and a Hub, in words that say what to do next."""

from typing import TYPE_CHECKING

import httpx2
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

from zoo.common.errors import HubError, ZooError, did_you_mean
from zoo.hub.endpoint import option
from zoo.hub.guard import first_line, seconds_to_wait, too_many

if TYPE_CHECKING:
    from zoo.hub.session import Session

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
# all that the client may raise
FAILURES = (httpx2.HTTPError, httpx2.InvalidURL, OSError, RuntimeError, *NO_HUB)


def explained(error: Exception, session: "Session") -> Exception:
    """The error to raise in place of what the client raised.

    **Returns:** a `HubError`; an `OSError` of this machine's disk is returned as it is.
    """
    cause = _cause(error)
    if isinstance(cause, ZooError) or _is_of_the_disk(cause):
        return cause
    doing = f"{session.doing} {session.endpoint}"
    if isinstance(cause, HfHubHTTPError):
        words = _of_repository(cause, session) or _of_status(cause, session)
        later = ". Try again later." if cause.response.status_code >= 500 else ""
        told = f"{first_line(cause)}{_without_xet(cause)}{later}"
        return HubError(words or f"Can't {doing}: {told}")
    if isinstance(cause, OfflineModeIsEnabled):
        return HubError(f"Offline (HF_HUB_OFFLINE is set): can't {doing}.")
    return HubError(f"Can't {doing}: {_of_network(cause, session) or _of_answer(cause, session)}")


def _cause(error: Exception) -> Exception:
    """What happened: the client wraps it in errors of its own."""
    cause = error
    while isinstance(cause, RuntimeError | FileNotFoundError) and isinstance(
        cause.__cause__, Exception
    ):
        cause = cause.__cause__
    return cause


def _is_of_the_disk(cause: Exception) -> bool:
    of_the_net = isinstance(cause, ConnectionError | TimeoutError | httpx2.HTTPError)
    return isinstance(cause, OSError) and cause.errno is not None and not of_the_net


def _of_network(cause: Exception, session: "Session") -> str:
    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        return f"can't reach {session.endpoint}: {first_line(cause)}"
    if isinstance(cause, httpx2.TimeoutException | TimeoutError):
        return "it stopped answering, and nothing came for a while. Try again"
    if isinstance(cause, httpx2.TransportError):
        return f"the connection was lost ({first_line(cause)}). Try again"
    return ""


def _of_answer(cause: Exception, session: "Session") -> str:
    if isinstance(cause, HFValidationError):
        return f"{session.repository!r} is not a valid name of a repository"
    if isinstance(cause, OSError) and "Consistency check failed" in str(cause):
        return "a file came damaged, with more or fewer bytes than announced. Try again"
    if isinstance(cause, ValueError) and str(cause).startswith("Invalid metadata"):
        return " ".join(str(cause).split())
    if isinstance(cause, NO_HUB):
        return (
            "it does not answer like a Hugging Face Hub. Check the address, and whether your "
            "network asks you to log in first."
        )
    return f"{first_line(cause)}{_without_xet(cause)}"


def _of_repository(error: HfHubHTTPError, session: "Session") -> str:
    """What the Hub says of a repository, in words; empty when it says something else."""
    endpoint, repository = session.endpoint, session.repository
    if not repository:
        # a search, or the question whose token it is: no repository was asked for
        return ""
    # before RepositoryNotFoundError, of which it is a kind
    if isinstance(error, GatedRepoError):
        login = "" if session.token else f", {session.login},"
        return (
            f"{repository} is gated: accept its terms at {endpoint}/{repository}{login} and retry."
        )
    if isinstance(error, RepositoryNotFoundError):
        if session.token:
            who = "this token has no access to it"
        else:
            who = f"you have no access to it: {session.login}"
        return f"{repository} does not exist on {endpoint}, or is private and {who}."
    if isinstance(error, RevisionNotFoundError):
        return (
            f"{repository} on {endpoint} has no revision "
            f"{session.revision!r}.{_near_revisions(session)}"
        )
    if isinstance(error, RemoteEntryNotFoundError):
        return f"{repository} on {endpoint} lacks a file that it lists: {first_line(error)}"
    return ""


def _of_status(error: HfHubHTTPError, session: "Session") -> str:
    """What an answer's status says, in words; empty when its own say more."""
    endpoint, doing = session.endpoint, session.doing
    status = error.response.status_code
    if status == 401 and session.token:
        return (
            f"{endpoint} refused the token: check --token and HF_TOKEN, which are used before hf "
            "auth login."
        )
    if status == 401:
        return session.unknown
    if status == 403 and not session.token:
        return f"Can't {doing} {endpoint} without a token: {session.login}."
    if status == 403:
        return f"This token has no right to {doing} {endpoint}: use one that has."
    if status == 412:
        revision = session.revision
        name = f"hf:{session.repository}" + ("" if revision in (None, "main") else f"@{revision}")
        first = f"zoo pull --update {name}{option(endpoint)}"
        return (
            f"{session.repository} on {endpoint} has changed since it was pulled: first run {first}"
        )
    if status == 429:
        return too_many(endpoint, seconds_to_wait(error.response))
    return ""


def _near_revisions(session: "Session") -> str:
    try:
        refs = session.api.list_repo_refs(session.repository)
        known = [one.name for one in (*refs.branches, *refs.tags)]
        return did_you_mean(str(session.revision), known)
    except Exception:
        # it was only to help
        return ""


def _without_xet(error: Exception) -> str:
    """What to do about a failure of Xet, whose errors are the system's own."""
    failed = isinstance(error, ConnectionError) or "/xet-" in str(error)
    return ". It may work without Xet: HF_HUB_DISABLE_XET=1" if failed else ""

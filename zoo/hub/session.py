"""One guarded session with the Hub, shared by pull, push and search."""

import contextlib
import logging
import os
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import version
from urllib.parse import quote

from huggingface_hub import HfApi, constants, set_client_factory
from huggingface_hub.utils import _http
from huggingface_hub.utils.tqdm import disable_progress_bars, progress_bar_states

from zoo.common import settings
from zoo.common.errors import ZooError, counted
from zoo.common.text import printable
from zoo.hub.endpoint import HOME, find_endpoint, find_token
from zoo.hub.guard import LONGEST_PAUSE, Guard
from zoo.hub.refusals import FAILURES, explained

MASK = "***"
PAUSE = re.compile(r"(?:Waiting|Retrying in) ([0-9]{1,9})(?:\.[0-9]*)?s")
# characters of a token: fewer, where a message was cut, tell nothing
SHORTEST_LEAK = 8

LOG = logging.getLogger("zoo")

# the client keeps its settings for the whole process: sessions of several threads wait for another
_one_at_a_time = threading.RLock()


class Session:
    """A client of one Hub, on its guard; `connected` makes one.

    - `endpoint`: address of the Hub, without a slash at its end.
    - `token`: what it is shown, None for none.
    - `api`: the client of huggingface_hub.
    - `guard`: the bounds that hold for every request.
    - `doing`, `repository`, `revision`: what the session is for, to be told in its errors.
    """

    def __init__(
        self,
        endpoint: str | None,
        token: str | None,
        *,
        doing: str = "",
        repository: str = "",
        revision: str | None = None,
        guard: Guard | None = None,
    ) -> None:
        self.endpoint = find_endpoint(endpoint)
        self.guard = guard or Guard(self.endpoint)
        self.token = find_token(self.endpoint, token)
        self.doing, self.repository, self.revision = doing, repository, revision
        self.api = HfApi(
            self.endpoint,
            token=self.token or False,
            library_name="genzoo",
            library_version=version("genzoo"),
        )

    @property
    def headers(self) -> dict[str, str]:
        """Those of a request that `api` has no method for."""
        return dict(self.api._build_hf_headers())

    @property
    def login(self) -> str:
        """What to do for a token that this Hub gets."""
        if self.endpoint == HOME:
            return "run hf auth login, or set HF_TOKEN"
        return "set HF_TOKEN, or use --token"

    @property
    def unknown(self) -> str:
        """What to say where the Hub must know who asks, and there is no token."""
        return f"{self.endpoint} needs an access token: {self.login}."

    def mask(self, text: str) -> str:
        """A text without the token, or the beginning of one where the text was cut."""
        token = self.token or ""
        for form in {token, quote(token, safe="")}:
            for length in range(len(form), min(len(form), SHORTEST_LEAK) - 1, -1):
                if length:
                    text = text.replace(form[:length], MASK)
        return text


@contextlib.contextmanager
def connected(
    doing: str,
    repository: str = "",
    revision: str | None = None,
    *,
    endpoint: str | None = None,
    token: str | None = None,
    patience: float | None = None,
) -> Iterator[Session]:
    """A session with the Hub, as long as the block lasts.

    **Arguments:**
    - `doing`: what the block does. It follows "Can't" and stands before the endpoint in messages:
        "pull owner/repo from".
    - `repository`, `revision`: of what repository, if of one.
    - `endpoint`: address of the Hub; `HF_ENDPOINT` or huggingface.co unless given.
    - `token`: what to show it; `HF_TOKEN` unless given, and for huggingface.co the stored login.
    - `patience`: seconds to wait for a byte, 30 unless given.

    **Raises:** `HubError` for whatever the client raises in the block, in words that say what to do
    next. An `OSError` of this machine's disk stays as it is. No message holds the token."""
    guard = Guard(find_endpoint(endpoint), patience)
    with _one_at_a_time, _in_our_ways(guard):
        session = Session(
            guard.endpoint,
            token,
            doing=doing,
            repository=repository,
            revision=revision,
            guard=guard,
        )
        with _masked_logs(session), _retold_pauses(session):
            try:
                yield session
            except ZooError as error:
                _mask_all(error, session)
                raise
            except FAILURES as error:
                told = explained(error, session)
                _mask_all(error, session)
                _mask_all(told, session)
                if told is error:
                    raise
                raise told from error


@contextlib.contextmanager
def _in_our_ways(guard: Guard) -> Iterator[None]:
    """Let huggingface_hub ask this Hub alone, through the guard, and nothing that is not needed;
    its own ways are put back at the end.
    """
    start = guard.endpoint.replace("{", "{{").replace("}", "}}")
    ours = {
        "ENDPOINT": guard.endpoint,
        "HUGGINGFACE_CO_URL_TEMPLATE": start + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_DISABLE_TELEMETRY": True,
    }
    if guard.endpoint != HOME:
        # such a server could name any local folder for Xet to write to
        ours["HF_HUB_DISABLE_XET"] = True
    theirs = {name: getattr(constants, name) for name in ours}
    factory, bars = _http._GLOBAL_CLIENT_FACTORY, dict(progress_bar_states)
    for name, value in ours.items():
        setattr(constants, name, value)
    set_client_factory(guard.make_client)
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        with _xet_kept_within() if guard.endpoint == HOME else contextlib.nullcontext():
            yield
    finally:
        set_client_factory(factory)
        progress_bar_states.clear()
        progress_bar_states.update(bars)
        for name, value in theirs.items():
            setattr(constants, name, value)


@contextlib.contextmanager
def _xet_kept_within() -> Iterator[None]:
    """Let Xet keep what it caches and logs in the zoo's home, as long as it works, and report to
    nobody.
    """
    place = settings.home() / "scratch" / f"{os.getpid()}-xet"
    ours = {"HF_XET_CACHE": str(place), "HF_XET_TELEMETRY_ENABLED": "false"}
    try:
        with settings.set_for_a_while(ours):
            yield
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _masked_logs(session: Session) -> Iterator[None]:
    """Keep the token, and what could steer a terminal, out of what the client logs."""

    def plain(record: logging.LogRecord) -> bool:
        text = session.mask(record.getMessage())
        record.msg = printable(text)
        record.args = ()
        return True

    handlers = list(logging.getLogger("huggingface_hub").handlers)
    for handler in handlers:
        handler.addFilter(plain)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(plain)


@contextlib.contextmanager
def _retold_pauses(session: Session) -> Iterator[None]:
    """Let the zoo's notes tell of a long wait of the client, in place of its own lines,
    which tell of each short one, too.
    """

    def retold(record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        pause = PAUSE.search(record.getMessage())
        if pause and int(pause[1]) > LONGEST_PAUSE:
            seconds = counted(int(pause[1]), "second")
            LOG.info("%s can't answer now: asking again in %s.", session.endpoint, seconds)
        return False

    theirs = logging.getLogger(_http.__name__)
    theirs.addFilter(retold)
    try:
        yield
    finally:
        theirs.removeFilter(retold)


def _mask_all(error: BaseException, session: Session) -> None:
    """Take the token out of an error and of those that led to it, which --debug shows."""
    seen: set[int] = set()
    following: list[BaseException | None] = [error]
    while following:
        one = following.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.args = tuple(session.mask(word) if isinstance(word, str) else word for word in one.args)
        following += [one.__cause__, one.__context__]

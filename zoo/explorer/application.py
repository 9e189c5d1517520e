"""The application that `zoo play` and `zoo serve` share: its addresses, and what errors become."""

import contextlib
import logging
import math
from collections.abc import AsyncIterator, Callable, Mapping
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException as StarletteHTTPException

from zoo.common.errors import (
    DataError,
    MissingDependencyError,
    NotFoundError,
    PluginError,
    ZooError,
)
from zoo.explorer import asked, pages
from zoo.explorer.desk import Desk
from zoo.explorer.engine import BusyError
from zoo.explorer.guard import Refusal

logger = logging.getLogger("zoo")

Answers = dict[int | str, dict[str, Any]]

# answers that any address may give, for the OpenAPI page
PROBLEMS: Answers = {
    400: {"model": asked.Problem, "description": "The request can't be read."},
    401: {"model": asked.Problem, "description": "The token is absent or wrong."},
    403: {"model": asked.Problem, "description": "The request comes from a page of another site."},
    404: {"model": asked.Problem, "description": "There is no such checkpoint."},
    408: {"model": asked.Problem, "description": "The body did not come in time."},
    409: {"model": asked.Problem, "description": "This checkpoint can't do what was asked for."},
    413: {"model": asked.Problem, "description": "The body is too large."},
    415: {"model": asked.Problem, "description": "The body is not a picture that can be read."},
    421: {"model": asked.Problem, "description": "The name in the Host header is not served."},
    422: {"model": asked.Problem, "description": "A value that the request can't have."},
    429: {"model": asked.Problem, "description": "Too many requests wait; see Retry-After."},
    500: {"model": asked.Problem, "description": "A plugin or the server broke."},
    504: {"model": asked.Problem, "description": "It took too long."},
}
# what an address may answer that takes a body, and one that does not
WITH_BODY = dict(PROBLEMS)
WITHOUT_BODY = {status: told for status, told in PROBLEMS.items() if status not in (408, 413, 415)}
BINARY = {"schema": {"type": "string", "format": "binary"}}
FILES = (
    "image/png",
    "image/jpeg",
    "image/webp",
    "application/x-npz",
    "application/octet-stream",
    "audio/wav",
    "text/plain",
    "application/jsonl",
)
SAMPLES: Answers = {
    200: {
        "description": "Samples in the format that was asked for.",
        "content": dict.fromkeys(FILES, BINARY)
        | {"application/json": {"schema": {"type": "object"}}},
        "headers": {
            "Zoo-Checkpoint": {"schema": {"type": "string"}},
            "Zoo-Seed": {"schema": {"type": "string"}},
            "Zoo-Command": {"schema": {"type": "string"}},
            "Zoo-Provenance": {"schema": {"type": "string"}},
        },
    }
}
LATENTS: Answers = {
    200: {
        "model": asked.Latents,
        "content": {"application/x-npz": BINARY},
        "description": "Latents.",
    }
}
PICTURE_BODY = {
    "requestBody": {
        "required": True,
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def create(desk: Desk, *, with_page: bool = False, with_token: bool = False) -> FastAPI:
    """The application.

    **Arguments:**
    - `desk`: answers what needs a model.
    - `with_page`: also serve the page of `zoo play`, and what only it needs.
    - `with_token`: say in the description that requests bring a token, which the guard checks.
    """

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        desk.engine.close()

    app = FastAPI(
        title="zoo",
        version=version("genzoo"),
        summary="Samples, latents and reconstructions of generative models.",
        docs_url=None,
        redoc_url=None,
        lifespan=life,
    )
    _answer_errors(app)
    _add_health(app, desk)
    if with_token:
        # the guard asks for the token; the dependency only describes it
        app.router.dependencies = [Depends(HTTPBearer(auto_error=False))]
    _add_checkpoints(app, desk)
    _add_computing(app, desk)
    pages.add(app, with_page=with_page)
    if with_page:
        from zoo.explorer import workshop

        workshop.add(app, desk)
    return app


def _add_health(app: FastAPI, desk: Desk) -> None:
    @app.get("/health", tags=["Server"])
    async def health() -> asked.Health:
        """Whether the server is up."""
        return asked.Health(status="ok", version=version("genzoo"), waiting=desk.engine.waiting)


def _add_checkpoints(app: FastAPI, desk: Desk) -> None:
    @app.get("/v1/checkpoints", tags=["Checkpoints"], responses=_only(401, 403, 421, 429))
    def checkpoints() -> list[asked.Record]:
        """The checkpoints of this server."""
        return [asked.Record(**record) for record in desk.shelf.records()]

    @app.get("/v1/card", tags=["Checkpoints"], responses=WITHOUT_BODY)
    async def card(request: Request, checkpoint: asked.Name) -> asked.Card:
        """All that is known of a checkpoint: config, facts, card and digest."""
        return asked.Card(**await desk.card(request, checkpoint))

    @app.get(
        "/v1/picture",
        tags=["Checkpoints"],
        response_class=Response,
        responses={
            **WITHOUT_BODY,
            200: {"content": {"image/png": BINARY}, "description": "A PNG."},
        },
    )
    def picture(
        checkpoint: asked.Name,
        name: Annotated[str, Query(max_length=64, pattern="^[a-z0-9][a-z0-9_-]*$")] = "samples",
    ) -> Response:
        """A picture of a checkpoint's card."""
        return Response(desk.shelf.picture(checkpoint, name), media_type="image/png")


def _add_computing(app: FastAPI, desk: Desk) -> None:
    @app.get("/v1/sample", tags=["Samples"], response_class=Response, responses=_with(SAMPLES))
    async def sample(request: Request, wanted: Annotated[asked.SampleAsked, Query()]) -> Response:
        """Draw samples. Equal seeds give equal samples."""
        return await desk.sample(request, wanted)

    @app.get("/v1/latents", tags=["Latents"], responses=_with(LATENTS), response_class=Response)
    async def latents(request: Request, wanted: Annotated[asked.LatentsAsked, Query()]) -> Response:
        """The latents that the samples of a seed are decoded from."""
        return await desk.latents(request, wanted)

    @app.post(
        "/v1/decode",
        tags=["Latents"],
        response_class=Response,
        responses=_with(SAMPLES, body=True),
    )
    async def decode(request: Request, wanted: asked.DecodeAsked) -> Response:
        """Decode latents to samples."""
        return await desk.decode(request, wanted)

    @_takes_picture(app, "/v1/encode", "Latents", LATENTS)
    async def encode(request: Request, wanted: Annotated[asked.EncodeAsked, Query()]) -> Response:
        """Encode the picture in the body: the mean of q(z | x)."""
        return await desk.encode(request, wanted)

    @_takes_picture(app, "/v1/invert", "Latents", LATENTS)
    async def invert(request: Request, wanted: Annotated[asked.InvertAsked, Query()]) -> Response:
        """The latent whose sample is nearest to the picture in the body. It takes seconds."""
        return await desk.invert(request, wanted)

    @_takes_picture(app, "/v1/inpaint", "Samples", SAMPLES)
    async def inpaint(request: Request, wanted: Annotated[asked.InpaintAsked, Query()]) -> Response:
        """Fill in what is transparent in the picture in the body. It takes seconds."""
        return await desk.inpaint(request, wanted)

    @app.get("/v1/directions", tags=["Latents"], responses=WITHOUT_BODY)
    async def directions(request: Request, checkpoint: asked.Name) -> list[asked.Direction]:
        """Directions of the latent space, the strongest first."""
        return [asked.Direction(**one) for one in await desk.directions(request, checkpoint)]

    @_takes_picture(app, "/v1/reconstruct", "Samples", SAMPLES)
    async def reconstruct(
        request: Request, wanted: Annotated[asked.ReconstructAsked, Query()]
    ) -> Response:
        """Encode the picture in the body, and decode it again."""
        return await desk.reconstruct(request, wanted)


def _takes_picture(app: FastAPI, path: str, tag: str, answer: Answers) -> Callable[..., Any]:
    """An address whose body is a picture."""
    return app.post(
        path,
        tags=[tag],
        response_class=Response,
        responses=_with(answer, body=True),
        openapi_extra=PICTURE_BODY,
    )


def _with(answer: Answers, *, body: bool = False) -> Answers:
    return {**(WITH_BODY if body else WITHOUT_BODY), **answer}


def _only(*statuses: int) -> Answers:
    return {status: PROBLEMS[status] for status in statuses}


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(ZooError)
    async def mendable(request: Request, error: ZooError) -> JSONResponse:
        status = 409
        if isinstance(error, NotFoundError):
            status = 404
        elif isinstance(error, DataError):
            status = 415
        elif isinstance(error, PluginError | MissingDependencyError):
            status = 500
            logger.warning("%s", error)
        return _problem(status, str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return _problem(422, "; ".join(map(_in_words, error.errors()[:5])))

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> JSONResponse:
        return _problem(error.status, error.detail, error.headers)

    @app.exception_handler(BusyError)
    async def busy(request: Request, error: BusyError) -> JSONResponse:
        detail = f"Too many requests wait. Come back in {error.seconds} seconds."
        return _problem(429, detail, {"Retry-After": str(math.ceil(error.seconds))})

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> JSONResponse:
        detail = f"The server met an error: {type(error).__name__}. Its log says more."
        return _problem(500, detail)

    @app.exception_handler(StarletteHTTPException)
    async def standard(request: Request, error: HTTPException) -> JSONResponse:
        return _problem(error.status_code, str(error.detail), error.headers)


def _in_words(error: Mapping[str, Any]) -> str:
    """What is wrong with one value of a request, and which."""
    where = ".".join(str(part) for part in error["loc"][1:]) or str(error["loc"][0])
    given = error.get("input")
    shown = f", not {str(given)[:40]!r}" if isinstance(given, str | int | float) else ""
    return f"{where[:80]}: {error['msg']}{shown}"


def _problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"detail": detail}, status, headers=dict(headers or {}))

"""The API: one customer rated from the ledger, and ratings, reasons and history read from the store.

Nothing is open without a key but whether the process is alive. Logs name the route and the key, never a customer.
"""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.security import APIKeyHeader
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from ..errors import Mistake, Unavailable
from .answers import CustomerId, Fault, HeldOut, HistoryOut, Question, RatingOut
from .nightly import on_scale
from .scoring import NotOfThatDay
from .singly import Singly, Unknown
from .store.access import Access, access_of
from .store.history import NoRating, earlier_of_customer, history, why
from .store.store import Store
from .watching import Allowance, Watch

_KEY = APIKeyHeader(name="X-API-Key", auto_error=False, description="See 'tradecredit api-key'.")
_FAULTS: dict[int | str, dict[str, Any]] = {
    code: {"model": Fault, "description": said}
    for code, said in (
        (400, "The request cannot be read."),
        (401, "No key, or one that opens nothing."),
        (403, "The key may not do this."),
        (404, "There is no such customer, or no rating."),
        (409, "The ledger tells nothing of that day."),
        (411, "Content-Length is missing."),
        (413, "The body is too large."),
        (422, "What is asked is wrong; the answer says where, and what would be right."),
        (429, "Too many requests; Retry-After says when there may be more."),
        (503, "The store or the disk cannot be reached now."),
    )
}


def make_api(store: Store, singly: Singly | None, *, hosts: list[str], per_minute: int = 600) -> FastAPI:
    """The application.

    Parameters
    ----------
    singly : Singly or None
        Without it nothing is rated; the store alone is read.
    hosts : list of str
        Names under which it may be asked.
    per_minute : int
        Requests that one key may make, on the average.
    """
    api = FastAPI(title="tradecredit", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    watch, allowance = Watch(), Allowance(per_minute)
    _tell_faults(api, watch)

    def may(scope: str) -> Callable[..., Access]:
        def check(request: Request, key: Annotated[str | None, Security(_KEY)]) -> Access:
            access = access_of(store, key) if key else None
            if access is None:
                raise HTTPException(
                    401, "name a key that holds in the header X-API-Key.", {"WWW-Authenticate": "ApiKey"}
                )
            request.state.key_id = access.key_id
            if wait := allowance.wait(access.key_id):
                raise HTTPException(429, f"too many requests; try again in {wait} s.", {"Retry-After": str(wait)})
            if scope and scope not in access.scopes:
                raise HTTPException(403, f"the key may {', '.join(access.scopes)}, and not {scope}.")
            return access

        return check

    day_on = Annotated[date, Query(alias="on", description="The day.")]
    known_on = Annotated[date | None, Query(alias="known", description="As it was known on this day.")]

    @api.get("/healthz", response_model=dict[str, str])
    def alive() -> dict[str, str]:
        """Is the process alive?"""
        return {"status": "ok"}

    @api.get("/readyz", responses={503: _FAULTS[503]}, response_model=dict[str, str])
    def ready() -> dict[str, str]:
        """Can the store be reached?"""
        with store.reading() as connection:
            connection.exec_driver_sql("SELECT 1")
        return {"status": "ok"}

    @api.get(
        "/metrics",
        responses=_FAULTS | {200: {"content": {"text/plain": {}}}},
        response_class=Response,
        dependencies=[Depends(may("metrics"))],
    )
    def metrics() -> Response:
        """For Prometheus."""
        return Response(watch.exposition(), media_type="text/plain; version=0.0.4")

    @api.get("/openapi.json", include_in_schema=False, dependencies=[Depends(may(""))])
    def described() -> dict[str, Any]:
        return get_openapi(title=api.title, version=api.version, routes=api.routes)

    @api.get("/v1/customers/{customer_id}/rating", responses=_FAULTS, dependencies=[Depends(may("read"))])
    def rating(customer_id: CustomerId, on: day_on, known: known_on = None) -> HeldOut:
        """The rating that held on a day, with its reasons, as the store has it."""
        return HeldOut.of(why(store, customer_id, on=on, known_on=known))

    @api.get("/v1/customers/{customer_id}/history", responses=_FAULTS, dependencies=[Depends(may("read"))])
    def past(customer_id: CustomerId, known: known_on = None) -> HistoryOut:
        """All ratings of a customer, as the store has them."""
        return HistoryOut(customer_id=customer_id, entries=history(store, customer_id, known_on=known))

    if singly is not None:
        grades = singly.bundle.system.scale.names

        @api.post("/v1/rate", responses=_FAULTS, dependencies=[Depends(may("rate"))])
        def rate(question: Question) -> RatingOut:
            """A customer rated now from the ledger, against the rating before that the store has; nothing is stored."""
            earlier = on_scale(earlier_of_customer(store, question.customer_id, question.as_of), grades)
            return RatingOut.of(singly.rate(question.customer_id, question.as_of, earlier))

    api.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)
    api.middleware("http")(watch)
    return api


def _tell_faults(api: FastAPI, watch: Watch) -> None:
    """Every fault has one shape, says what would be right, and tells nothing of the inside."""

    def told(request: Request, code: int, said: str, headers: dict[str, str] | None = None) -> JSONResponse:
        fault = Fault(error=said, request_id=request.state.request_id)
        return JSONResponse(fault.model_dump(), code, headers)

    @api.exception_handler(HTTPException)
    async def http(request: Request, fault: HTTPException) -> JSONResponse:
        headers = dict(fault.headers) if fault.headers else None
        return told(request, fault.status_code, str(fault.detail), headers)

    @api.exception_handler(RequestValidationError)
    async def wrong(request: Request, fault: RequestValidationError) -> JSONResponse:
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in fault.errors()[:5])
        return told(request, 422, said)

    @api.exception_handler(Mistake)
    async def mistake(request: Request, fault: Mistake) -> JSONResponse:
        if isinstance(fault, Unavailable) or fault.exit_code != Mistake.exit_code:
            return told(request, 503, "the store cannot be reached now.", {"Retry-After": "5"})
        missing, early = isinstance(fault, Unknown | NoRating), isinstance(fault, NotOfThatDay)
        return told(request, 404 if missing else 409 if early else 422, str(fault))

    @api.exception_handler(Exception)
    async def ours(request: Request, fault: Exception) -> JSONResponse:
        watch.fault(request, fault)
        return told(request, 500, "something is wrong here; the log has it under this request.")

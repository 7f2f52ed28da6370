"""The API: one customer rated from the ledger, and ratings, reasons and history read from the store.

Nothing is open without a key but whether the process is alive. Logs name the route and the key, never a customer.
"""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.security import APIKeyHeader
from starlette.exceptions import HTTPException

from ..errors import Mistake
from .answers import CustomerId, Day, Fault, HeldOut, HistoryOut, Question, RatingOut
from .nightly import on_scale, refuse_unsigned
from .scoring import NotOfThatDay
from .singly import Singly, Unknown
from .store.access import Access, access_of
from .store.history import NoRating, earlier_of_customer, history, why
from .store.store import Store
from .watching import Allowance, Watch, log_mistake, refusal

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
    watch, allowance = Watch(hosts), Allowance(per_minute)
    _tell_faults(api)

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

    day_on = Annotated[Day, Query(alias="on", description="The day.")]
    known_on = Annotated[Day | None, Query(alias="known", description="As it was known on this day.")]

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

    @api.get("/v1/customers/{customer_id:path}/rating", responses=_FAULTS, dependencies=[Depends(may("read"))])
    def rating(customer_id: CustomerId, on: day_on, known: known_on = None) -> HeldOut:
        """The rating that held on a day, with its reasons, as the store has it."""
        return HeldOut.of(why(store, customer_id, on=on, known_on=known))

    @api.get("/v1/customers/{customer_id:path}/history", responses=_FAULTS, dependencies=[Depends(may("read"))])
    def past(customer_id: CustomerId, known: known_on = None) -> HistoryOut:
        """All ratings of a customer, as the store has them."""
        return HistoryOut(customer_id=customer_id, entries=history(store, customer_id, known_on=known))

    if singly is not None:
        grades = singly.bundle.system.scale.names

        @api.post("/v1/rate", responses=_FAULTS, dependencies=[Depends(may("rate"))])
        def rate(question: Question) -> RatingOut:
            """A customer rated now from the ledger, against the rating before that the store has; nothing is stored."""
            refuse_unsigned(singly.bundle, store)  # a key may have been taken back meanwhile
            earlier = on_scale(earlier_of_customer(store, question.customer_id, question.as_of), grades)
            return RatingOut.of(singly.rate(question.customer_id, question.as_of, earlier))

    api.middleware("http")(watch)
    return api


def _tell_faults(api: FastAPI) -> None:
    """Every fault has one shape, says what would be right, and tells nothing of the inside."""

    @api.exception_handler(HTTPException)
    async def http(request: Request, fault: HTTPException) -> Response:
        headers = dict(fault.headers) if fault.headers else None
        return refusal(request, fault.status_code, str(fault.detail), headers)

    @api.exception_handler(RequestValidationError)
    async def wrong(request: Request, fault: RequestValidationError) -> Response:
        said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in fault.errors()[:5])
        return refusal(request, 422, said)

    @api.exception_handler(Unknown)
    @api.exception_handler(NoRating)
    async def nobody(request: Request, _: Mistake) -> Response:
        return refusal(request, 404, "there is no such customer, or no rating of it then; ids are those of the ledger.")

    @api.exception_handler(NotOfThatDay)
    async def another_day(request: Request, fault: NotOfThatDay) -> Response:
        return refusal(request, 409, str(fault).replace("--as-of", "as_of"))

    @api.exception_handler(Mistake)
    async def away(request: Request, fault: Mistake) -> Response:
        said = "the store, the ledger or the bundle cannot be used now; the log has it under this request."
        log_mistake(request, fault)
        return refusal(request, 503, said, {"Retry-After": "5"})

"""Watching: each request with an id, counted, timed and logged as one line of JSON, without whom it was about."""

import json
import re
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from math import ceil
from threading import Lock
from typing import Any
from uuid import uuid4

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from ..errors import Mistake

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LARGEST = 2**20  # bytes of a body
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Watch:
    """Middleware of the API."""

    def __init__(self, hosts: Collection[str]) -> None:
        """`hosts` are the names under which it may be asked."""
        self._hosts = frozenset(hosts)
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "tradecredit_requests", "Requests answered.", ("route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "tradecredit_request_seconds", "Seconds to answer.", ("route",), buckets=_SECONDS, registry=self._registry
        )

    async def __call__(self, request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        """Answer, and tell of it."""
        said = request.headers.get("X-Request-ID", "")
        request.state.request_id = said if _ID.fullmatch(said) else uuid4().hex
        begun = time.perf_counter()
        response = self._refused(request) or await self._answered(request, answer)
        spent, route = time.perf_counter() - begun, _route(request)
        response.headers["X-Request-ID"] = request.state.request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        self._requests.labels(route, response.status_code).inc()
        self._seconds.labels(route).observe(spent)
        _log(
            request,
            "info" if response.status_code < 500 else "error",
            {"status": response.status_code, "ms": round(1000 * spent, 2)},
        )
        return response

    async def _answered(self, request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        """What is wrong here is logged as where it went wrong, not with which values, and goes no further."""
        try:
            return await answer(request)
        except Exception as fault:
            where = [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_tb(fault.__traceback__)]
            _log(request, "error", {"fault": type(fault).__name__, "where": where})
            return refusal(request, 500, "something is wrong here; the log has it under this request.")

    def _refused(self, request: Request) -> Response | None:
        host = request.headers.get("Host", "").partition(":")[0]
        if host not in self._hosts:
            return refusal(request, 400, "is not asked under this host name; see --name.")
        return _too_large(request)

    def exposition(self) -> bytes:
        """All counts, for Prometheus."""
        return bytes(generate_latest(self._registry))


class Allowance:
    """Requests that each key may make: so many a minute on the average, a tenth of them at once."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = per_minute / 60, max(1.0, per_minute / 10), clock
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = Lock()

    def wait(self, key_id: str) -> int:
        """Seconds until there may be another; 0 if it may be now, and it counts."""
        with self._lock:
            now = self._clock()
            left, then = self._left.get(key_id, (self._burst, now))
            left = min(self._burst, left + (now - then) * self._rate)
            if left >= 1:
                self._left[key_id] = (left - 1, now)
                return 0
            self._left[key_id] = (left, now)
            return ceil((1 - left) / self._rate)


def log_mistake(request: Request, fault: Mistake) -> None:
    """Log what people here can mend."""
    _log(request, "error", {"mistake": str(fault)})


def _too_large(request: Request) -> Response | None:
    length = request.headers.get("Content-Length", "0")
    if request.method in ("POST", "PUT", "PATCH") and "Content-Length" not in request.headers:
        return refusal(request, 411, "say in Content-Length how long the body is.")
    if not length.isdigit() or int(length) > _LARGEST:
        return refusal(request, 413, f"the body should be at most {_LARGEST} bytes.")
    return None


def refusal(request: Request, code: int, said: str, headers: dict[str, str] | None = None) -> Response:
    """A fault, in the one shape that all have."""
    return JSONResponse({"error": said, "request_id": request.state.request_id}, code, headers)


def _route(request: Request) -> str:
    """The route as it is declared: the path itself may name a customer."""
    route = request.scope.get("route")
    return str(getattr(route, "path", "none")).replace(":path}", "}")


def _log(request: Request, level: str, told: dict[str, Any]) -> None:
    line = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "level": level,
        "request_id": request.state.request_id,
        "method": request.method,
        "route": _route(request),
        "key": getattr(request.state, "key_id", None),
        **told,
    }
    print(json.dumps(line), file=sys.stderr, flush=True)

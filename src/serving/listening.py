"""Listening: the API as a process of its own."""

import json
import sys
from datetime import date
from pathlib import Path

import uvicorn

from ..errors import Mistake
from ..features.ledger import read_about
from .api import make_api
from .bundle import load_bundle
from .singly import Singly
from .store.access import has_keys
from .store.provenance import trusted_keys
from .store.store import open_store


def listen(
    url: str, bundle: Path | None, ledger: Path | None, *, host: str, port: int, per_minute: int, names: list[str]
) -> None:
    """Answer until the process is told to end; what the newest day needs is loaded first.

    Raises
    ------
    Mistake
        There is no key yet, so that nobody could ask; or bundle or ledger are none.
    """
    store = open_store(url)
    if not has_keys(store):
        raise Mistake(f"{store.name}: has no key, so nobody could ask; make one with 'tradecredit api-key'.")
    singly = None
    if bundle and ledger:
        singly = Singly(load_bundle(bundle, trusted_keys(store)), ledger)
        singly.warm(date.fromisoformat(read_about(ledger)["data_end"]))
    api = make_api(store, singly, hosts=[host, "localhost", "127.0.0.1", *names], per_minute=per_minute)
    print(json.dumps({"level": "info", "listening": f"http://{host}:{port}"}), file=sys.stderr, flush=True)
    uvicorn.run(api, host=host, port=port, log_config=None, access_log=False, server_header=False)

"""A delivery that is refused whole."""

from ...errors import Mistake
from ..quarantine import printable


class Rejected(Mistake):
    """Nothing was loaded and nothing changed; `codes` are the contract's, the message says what would be right."""

    def __init__(self, code: str, message: str, *more: str) -> None:
        super().__init__(printable(message))
        self.code, self.codes = code, [code, *more]

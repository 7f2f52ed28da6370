"""A delivery that is refused whole."""

from ...errors import Mistake


class Rejected(Mistake):
    """Nothing was loaded and nothing changed; `code` is the contract's, `message` says what would be right."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

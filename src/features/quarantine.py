"""Quarantine: rows set aside with their file, line, key and reason, so that nothing is lost silently."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

MOST = 0.05  # of a file's rows, by causes of its own; above it the delivery is refused


@dataclass(frozen=True)
class SetAside:
    """One row that was not loaded. `cascade`: it only fell with the row it belongs to."""

    file: str
    line: int
    key: str
    reason: str
    cascade: bool = False


@dataclass
class Report:
    """What an intake did: filled while it reads, then written as `intake_report.json`.

    Attributes
    ----------
    rows : dict of file to {read, accepted, quarantined}
        read = accepted + quarantined, to the row.
    sums : dict of file to {currency: exact decimal text}
        Accepted money by currency; never added across currencies.
    """

    verdict: str = "accept"
    reject_reason: list[str] = field(default_factory=list)
    message: str = ""
    quarantine: list[SetAside] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    known_on_assumed: list[str] = field(default_factory=list)
    rows: dict[str, dict[str, int]] = field(default_factory=dict)
    sums: dict[str, dict[str, str]] = field(default_factory=dict)
    taken_as_constant: list[str] = field(default_factory=lambda: ["segment", "industry"])

    def warn(self, code: str, file: str, line: int | None = None) -> None:
        """Note what was loaded all the same."""
        self.warnings.append({"code": code, "file": file} | ({"line": line} if line else {}))

    def reasons(self) -> list[tuple[str, int, SetAside]]:
        """Each reason, how often, and its first row; the commonest first."""
        counts = Counter(row.reason for row in self.quarantine)
        first = {row.reason: row for row in reversed(self.quarantine)}
        return [(reason, n, first[reason]) for reason, n in counts.most_common()]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON types."""
        return asdict(self)

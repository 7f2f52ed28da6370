"""Behind: the evidence of reasons as a page shows it, the heaviest pieces one by one, the others summed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from ..features.account import Account
from ..features.catalogue import feature
from ..features.catalogue.outside import SIGNALS
from ..features.engine.days import NEVER, day_of
from ..features.ledger import Ledger
from ..features.money import EXPONENTS
from ..features.variants import documents_of
from .evidence import Evidence, Item
from .reasons import Reason

ROWS = 5  # pieces shown one by one
_KINDS = {
    "payment": ("payment without invoice", "未对应发票的付款"),
    "limit": ("credit limit in force", "信用额度生效"),
    "signal": ("report from outside", "外部信息"),
}
EVENT_TEXT = {
    "dispute_opened": ("dispute opened", "提出争议"),
    "dispute_closed": ("dispute closed", "争议关闭"),
    "credit_note": ("credit note", "贷项通知"),
    "write_off": ("write-off", "核销"),
    "insolvency": ("insolvency", "破产"),
    "legal": ("legal action", "法律诉讼"),
    "agency": ("handed to a collection agency", "移交催收机构"),
    "promise": ("promise to pay", "付款承诺"),
    "dunning": ("dunning letter", "催款函"),
    "bounced": ("payment returned", "付款退回"),
    "prepayment": ("moved to prepayment", "改为预付款"),
    "provision": ("provision made", "计提准备"),
    "order": ("order", "订单"),
    "order_blocked": ("order blocked", "订单冻结"),
    "discount_offered": ("cash discount offered", "提供现金折扣"),
    "discount_taken": ("cash discount taken", "享受现金折扣"),
}


@dataclass(frozen=True)
class InvoiceRow:
    """One invoice as evidence. `settled_on` is None while it is open; then `days_late` is so far."""

    invoice_id: str
    issued_on: date
    due_on: date
    amount: float
    open: float
    settled_on: date | None
    days_late: int


@dataclass(frozen=True)
class OtherRow:
    """A limit, a signal, an event or a payment of no invoice; `amount`, of a limit, is in the reporting currency."""

    en: str
    zh: str
    on: date
    amount: float | None


@dataclass(frozen=True)
class Behind:
    """What stands behind some reasons.

    Attributes
    ----------
    invoices : tuple of InvoiceRow; others : tuple of OtherRow
        The heaviest.
    more : int; more_amount : float
        How many invoices there are besides, and their amounts together.
    more_others : int
        How many other rows there are besides.
    together : bool
        No single piece makes the value; they do together.
    of_others : bool
        The value compares the customer with others, whose rows are not shown.
    """

    reasons: tuple[Reason, ...]
    invoices: tuple[InvoiceRow, ...]
    others: tuple[OtherRow, ...]
    more: int
    more_amount: float
    more_others: int
    together: bool
    of_others: bool


def shown(reasons: Sequence[Reason], found: dict[str, Evidence], own: Ledger, account: Account) -> tuple[Behind, ...]:
    """The evidence of reasons; those with the same are told together."""
    place = {account.facts.document_id(int(document)): k for k, document in enumerate(account.document)}
    places = [place.get(name, -1) for name in documents_of(own)]
    together: dict[Evidence, list[Reason]] = {}
    for reason in reasons:
        together.setdefault(found[reason.feature], []).append(reason)
    return tuple(_behind(tuple(same), one, own, account, places) for one, same in together.items())


def _behind(reasons: tuple[Reason, ...], found: Evidence, own: Ledger, account: Account, places: list[int]) -> Behind:
    documents = [places[number] for one in found.items for number in one.documents if places[number] >= 0]
    old = {places[number] for one in found.items if one.kind == "older" for number in one.documents}
    shown_ = [k for k in documents if k not in old][:ROWS]
    rest = [k for k in documents if k not in set(shown_)]
    loose = [one for one in found.items if one.row >= 0]
    others = [_other(one, own, account.minor) for one in loose[: max(1, ROWS - len(shown_))]]
    amount = float(account.amount[np.array(rest, int)].sum() / account.minor)
    return Behind(
        reasons,
        tuple(_invoice(account, k) for k in shown_),
        tuple(others),
        len(rest),
        amount,
        len(loose) - len(others),
        found.together,
        any(feature(one.feature).measure.among_others for one in reasons),
    )


def _invoice(account: Account, k: int) -> InvoiceRow:
    settle = int(account.settle[k])
    return InvoiceRow(
        account.facts.document_id(int(account.document[k])),
        day_of(int(account.issued[k])),
        day_of(int(account.due[k])),
        float(account.amount[k] / account.minor),
        float(account.open[k] / account.minor),
        day_of(settle) if settle < NEVER else None,
        int(account.late[k]),
    )


def _other(item: Item, own: Ledger, minor: float) -> OtherRow:
    row = getattr(own, f"{item.kind}s").iloc[item.row]
    en, zh = _KINDS.get(item.kind, ("", ""))
    match item.kind:
        case "signal":
            known = {(one.source, one.name): one for one in SIGNALS}
            told = known.get((row["source"], row["name"]))
            if told:
                en, zh, value = told.en, told.zh, f"{row['value']:g}"
            else:
                en, zh, value = f"{en}, {row['source']}", f"{zh}，{row['source']}", f"{row['name']} = {row['value']:g}"
            return OtherRow(f"{en}: {value}", f"{zh}：{value}", row["observed_on"].date(), None)
        case "event":
            return OtherRow(*EVENT_TEXT[row["kind"]], row["occurred_on"].date(), None)
        case "limit":
            return OtherRow(en, zh, row["valid_from"].date(), float(row["amount"] / minor))
        case _:
            said = f"{row['currency']} {row['amount'] / 10 ** EXPONENTS[row['currency']]:,.0f}"
            return OtherRow(f"{en}, {said}", f"{zh}，{said}", row["paid_on"].date(), None)

"""Schemas: the tables of a ledger, their columns and types; each fact with its own day and the day it became known.

Money is int64 in minor units of the row's currency, days are dates, -1 of a promise or dispute means all that is open.
"""

import pyarrow as pa

_TEXT, _DAY, _MONEY, _REAL, _FLAG = pa.string(), pa.date32(), pa.int64(), pa.float64(), pa.bool_()
_DELIVERY = ("delivery", pa.int32())  # the number of the delivery that brought the row
_REPLACED = [("replaced_on", _DAY), ("replaced_in", pa.int32())]  # when a restatement became known, and its delivery
SCHEMAS: dict[str, pa.Schema] = {
    "customers": pa.schema(
        [
            ("customer_id", _TEXT),
            ("name", _TEXT),
            ("segment", _TEXT),
            ("country", _TEXT),
            ("industry", _TEXT),
            ("group_id", _TEXT),
            ("onboarded_on", _DAY),
            ("is_strategic", _FLAG),
            _DELIVERY,
            ("replaced_in", pa.int32()),
        ]
    ),
    "invoices": pa.schema(
        [
            ("invoice_id", _TEXT),
            ("customer_id", _TEXT),
            ("issued_on", _DAY),
            ("due_on", _DAY),
            ("amount", _MONEY),
            ("currency", _TEXT),
            ("known_on", _DAY),
            _DELIVERY,
            *_REPLACED,
        ]
    ),
    "payments": pa.schema(
        [
            ("payment_id", _TEXT),
            ("customer_id", _TEXT),
            ("invoice_id", _TEXT),
            ("paid_on", _DAY),
            ("amount", _MONEY),
            ("currency", _TEXT),
            ("known_on", _DAY),
            _DELIVERY,
            *_REPLACED,
        ]
    ),
    "events": pa.schema(
        [
            ("customer_id", _TEXT),
            ("invoice_id", _TEXT),
            ("kind", _TEXT),
            ("occurred_on", _DAY),
            ("known_on", _DAY),
            ("amount", _MONEY),
            _DELIVERY,
        ]
    ),
    "limits": pa.schema(
        [
            ("customer_id", _TEXT),
            ("valid_from", _DAY),
            ("valid_to", _DAY),
            ("amount", _MONEY),
            ("known_on", _DAY),
            _DELIVERY,
        ]
    ),
    "signals": pa.schema(
        [
            ("customer_id", _TEXT),
            ("source", _TEXT),
            ("name", _TEXT),
            ("value", _REAL),
            ("observed_on", _DAY),
            ("known_on", _DAY),
            _DELIVERY,
        ]
    ),
    "rates": pa.schema([("currency", _TEXT), ("date", _DAY), ("rate", _REAL), _DELIVERY]),
}
OPTIONAL = ("events", "limits", "signals")
OWN_DATE = {
    "invoices": "issued_on",
    "payments": "paid_on",
    "events": "occurred_on",
    "limits": "valid_from",
    "signals": "observed_on",
}
EVENT_KINDS = frozenset(
    {
        "dispute_opened",
        "dispute_closed",
        "credit_note",
        "write_off",
        "insolvency",
        "legal",
        "agency",
        "promise",
        "dunning",
        "bounced",
        "prepayment",
        "provision",
        "order",
        "order_blocked",
        "discount_offered",
        "discount_taken",
    }
)
NEEDS_AMOUNT = ("credit_note", "write_off", "bounced")
DOCUMENT = "document"  # on disk: the number of a row's invoice within its partition, so that no text has to be joined
MEMBERSHIPS = pa.schema(  # what the versions of a customer's row say of it, and from when on that was known
    [
        ("customer_id", _TEXT),
        ("segment", _TEXT),
        ("group_id", _TEXT),
        ("onboarded_on", _DAY),
        ("known_on", _DAY),
    ]
)

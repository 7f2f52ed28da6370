"""Explained credit ratings of business customers, from the receivables ledger."""

__version__ = "0.1.0"

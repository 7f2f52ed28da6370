"""Measures, a file a family: each takes a view of the ledger and gives one column."""

"""Grown trees as arrays: what each leaf asks, and tables of what it tells."""

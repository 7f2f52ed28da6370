"""Measures: the vocabulary that features are declared in, and what is peculiar to a family, a file each."""

"""Verbs: one thin module for each DVC stage."""

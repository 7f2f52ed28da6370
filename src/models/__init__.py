"""Arithmetic on tables: bins, models, calibration, measures of quality. No disk, no clock."""

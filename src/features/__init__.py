"""From ledger to matrix: what was known of a customer on a day."""

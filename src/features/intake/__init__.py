"""From raw extracts to the ledger: nothing lost, nothing guessed."""

"""The store: every rating that was ever told, in SQLite or PostgreSQL; nothing in it is ever changed."""

"""How Alembic reaches the store: over the connection that opened it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="tradecredit_version")
with context.begin_transaction():
    context.run_migrations()

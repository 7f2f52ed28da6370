"""From what bundles were published, and whose signature the store asks for."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Two tables of history, and who signed the bundle of a run."""
    op.add_column("runs", sa.Column("signed_by", sa.String(16)))
    op.create_table(
        "publications",
        sa.Column("publication_id", _ID, primary_key=True),
        sa.Column("bundle", sa.String(64), nullable=False),
        sa.Column("mlflow_run", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("git_commit", sa.Text, nullable=False),
        sa.Column("dvc_lock", sa.Text, nullable=False),
        sa.Column("published_at", sa.Text, nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
    )
    op.create_index("ix_publications_bundle", "publications", ["bundle"])
    op.create_table(
        "keys",
        sa.Column("entry_id", _ID, primary_key=True),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("public_key", sa.String(64), nullable=False),
        sa.Column("trusted", sa.Boolean, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
    )
    for table in ("publications", "keys"):
        if op.get_bind().dialect.name == "sqlite":
            for change in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is history: nothing in it is changed'); END"
                )
        else:
            op.execute(
                f"CREATE TRIGGER {table}_is_history BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION tradecredit_history()"
            )

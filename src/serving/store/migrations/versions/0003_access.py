"""Keys of programs that ask the API, and a checksum of what each run told."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """One table of history, and a column."""
    op.add_column("runs", sa.Column("pages_sha256", sa.String(64)))
    op.create_table(
        "api_keys",
        sa.Column("entry_id", _ID, primary_key=True),
        sa.Column("key_id", sa.String(8), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("valid_until", sa.Date, nullable=False),
        sa.Column("revoked", sa.Boolean, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_api_keys_key_id", "api_keys", ["key_id"])
    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER api_keys_no_{change.lower()} BEFORE {change} ON api_keys "
                "BEGIN SELECT RAISE(ABORT, 'api_keys is history: nothing in it is changed'); END"
            )
    else:
        op.execute(
            "CREATE TRIGGER api_keys_is_history BEFORE UPDATE OR DELETE OR TRUNCATE ON api_keys "
            "FOR EACH STATEMENT EXECUTE FUNCTION tradecredit_history()"
        )

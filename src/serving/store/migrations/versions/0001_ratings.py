"""Ratings, their reasons, and decisions of people."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOMENT = sa.DateTime(timezone=True)
_HISTORY = ("bundles", "runs", "ratings", "reasons", "pages", "warnings", "decisions")

# Of each day the rating that was recorded last; it holds until the day of the next one.
_VIEWS = {
    "rating_history": """
        SELECT t.customer_id, t.as_of AS valid_from,
               LEAD(t.as_of) OVER (PARTITION BY t.customer_id ORDER BY t.as_of) AS valid_to,
               t.recorded_at, t.rating_id, t.run_id, t.bundle, t.status, t.manual_review, t.pd, t.pd_cautious, t.score,
               t.grade, t.published, t.previous, t.model, t.card, t.second_grade
        FROM (
            SELECT r.*, u.as_of, u.recorded_at, u.bundle,
                   ROW_NUMBER() OVER (PARTITION BY r.customer_id, u.as_of ORDER BY u.run_id DESC) AS latest
            FROM ratings r JOIN runs u ON u.run_id = r.run_id
        ) t
        WHERE t.latest = 1
    """,
    "current_ratings": """
        SELECT h.*, d.grade AS decided, d.decided_by, d.reason AS decided_because, d.valid_until AS decided_until,
               COALESCE(d.grade, h.published) AS in_force
        FROM rating_history h
        LEFT JOIN (
            SELECT e.*, ROW_NUMBER() OVER (PARTITION BY e.customer_id ORDER BY e.decision_id DESC) AS latest
            FROM decisions e WHERE e.valid_from <= CURRENT_DATE
        ) d ON d.customer_id = h.customer_id AND d.latest = 1 AND d.kind = 'override' AND d.valid_until >= CURRENT_DATE
        WHERE h.valid_to IS NULL
    """,
}


def upgrade() -> None:
    """Make the tables, the views, and the triggers that keep history as it is."""
    op.create_table(
        "bundles",
        sa.Column("bundle", sa.String(64), primary_key=True),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("recorded_at", _MOMENT, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", _ID, primary_key=True),
        sa.Column("run_key", sa.String(64), nullable=False, unique=True),
        sa.Column("bundle", sa.String(64), sa.ForeignKey("bundles.bundle"), nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("ledger", sa.String(64), nullable=False),
        sa.Column("earlier_run", _ID, sa.ForeignKey("runs.run_id")),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.Column("customers", _ID, nullable=False),
        sa.Column("rated", _ID, nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
    )
    op.create_index("ix_runs_as_of", "runs", ["as_of"])
    op.create_table(
        "customers",
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
    )
    op.create_table(
        "ratings",
        sa.Column("rating_id", _ID, primary_key=True),
        sa.Column("run_id", _ID, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("manual_review", sa.Boolean, nullable=False),
        sa.Column("pd", sa.Double),
        sa.Column("pd_cautious", sa.Double),
        sa.Column("score", _ID),
        sa.Column("grade", sa.String(20)),
        sa.Column("published", sa.String(20)),
        sa.Column("previous", sa.String(20), nullable=False),
        sa.Column("model", sa.String(20), nullable=False),
        sa.Column("card", sa.Text, nullable=False),
        sa.Column("second_grade", sa.String(20)),
        sa.Column("base_points", sa.Double),
    )
    op.create_index("ratings_of_customer", "ratings", ["customer_id", "run_id"], unique=True)
    op.create_table(
        "reasons",
        sa.Column("rating_id", _ID, primary_key=True, autoincrement=False),
        sa.Column("place", sa.SmallInteger, primary_key=True),
        sa.Column("feature", sa.Text, nullable=False),
        sa.Column("points", sa.Double, nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("usual", sa.Double),
        sa.Column("missing", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pages",
        sa.Column("first_id", _ID, primary_key=True, autoincrement=False),
        sa.Column("ratings", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "warnings",
        sa.Column("warning_id", _ID, primary_key=True),
        sa.Column("run_id", _ID, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("severity", sa.String(20), nullable=False),
        sa.Column("en", sa.Text, nullable=False),
        sa.Column("zh", sa.Text, nullable=False),
    )
    op.create_index("ix_warnings_as_of", "warnings", ["as_of"])
    op.create_table(
        "decisions",
        sa.Column("decision_id", _ID, primary_key=True),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("grade", sa.String(20)),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("valid_until", sa.Date, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("rating_id", _ID),
        sa.Column("recorded_at", _MOMENT, nullable=False),
        sa.CheckConstraint("valid_until >= valid_from", name="decisions_end_after_they_begin"),
    )
    op.create_index("ix_decisions_customer_id", "decisions", ["customer_id"])
    for name, query in _VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")
    _keep_history()


def _keep_history() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in _HISTORY:
            for change in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is history: nothing in it is changed'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION tradecredit_history() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is history: nothing in it is changed', TG_TABLE_NAME; END $$"
    )
    for table in _HISTORY:
        op.execute(
            f"CREATE TRIGGER {table}_is_history BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION tradecredit_history()"
        )

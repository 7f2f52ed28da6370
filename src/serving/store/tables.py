"""What the store holds. History is written once: triggers refuse every change to it."""

import sqlalchemy as sa

META = sa.MetaData()
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up only what is called INTEGER

bundles = sa.Table(
    "bundles",
    META,
    sa.Column("bundle", sa.String(64), primary_key=True),  # SHA-256 of the manifest
    sa.Column("about", sa.Text, nullable=False),  # JSON: what the bundle was made from
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
)

# One run of the job. It is identified by what went in: the same key never comes twice.
runs = sa.Table(
    "runs",
    META,
    sa.Column("run_id", _ID, primary_key=True),
    sa.Column("run_key", sa.String(64), nullable=False, unique=True),
    sa.Column("bundle", sa.String(64), sa.ForeignKey("bundles.bundle"), nullable=False),
    sa.Column("as_of", sa.Date, nullable=False, index=True),
    sa.Column("ledger", sa.String(64), nullable=False),  # fingerprint of the ledger's deliveries
    sa.Column("earlier_run", _ID, sa.ForeignKey("runs.run_id")),  # whose ratings were the ones before
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("customers", _ID, nullable=False),
    sa.Column("rated", _ID, nullable=False),
    sa.Column("version", sa.String(40), nullable=False),  # of tradecredit
    sa.Column("signed_by", sa.String(16)),  # id of the key; empty where no signature was asked for
    sa.Column("pages_sha256", sa.String(64)),  # of the run's pages, one after the other; runs of old have none
)

# What the publish log says of the bundles: which run of the pipeline made them, and from what.
publications = sa.Table(
    "publications",
    META,
    sa.Column("publication_id", _ID, primary_key=True),
    sa.Column("bundle", sa.String(64), nullable=False, index=True),
    sa.Column("mlflow_run", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("git_commit", sa.Text, nullable=False),
    sa.Column("dvc_lock", sa.Text, nullable=False),
    sa.Column("published_at", sa.Text, nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
)

# Whose signature the store asks for; the last row of a key holds.
keys = sa.Table(
    "keys",
    META,
    sa.Column("entry_id", _ID, primary_key=True),
    sa.Column("key_id", sa.String(16), nullable=False),
    sa.Column("public_key", sa.String(64), nullable=False),  # Ed25519, hex
    sa.Column("trusted", sa.Boolean, nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
)

customers = sa.Table(
    "customers",
    META,
    sa.Column("customer_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),  # apart from the history, so that it can be erased
)

ratings = sa.Table(
    "ratings",
    META,
    sa.Column("rating_id", _ID, primary_key=True),
    sa.Column("run_id", _ID, nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("status", sa.String(40), nullable=False),
    sa.Column("manual_review", sa.Boolean, nullable=False),
    sa.Column("pd", sa.Double),
    sa.Column("pd_cautious", sa.Double),
    sa.Column("score", _ID),
    sa.Column("grade", sa.String(20)),  # the model's
    sa.Column("published", sa.String(20)),  # the grade that is shown
    sa.Column("previous", sa.String(20), nullable=False),
    sa.Column("model", sa.String(20), nullable=False),
    sa.Column("card", sa.Text, nullable=False),
    sa.Column("second_grade", sa.String(20)),
    sa.Column("base_points", sa.Double),
    sa.Index("ratings_of_customer", "customer_id", "run_id", unique=True),
)

reasons = sa.Table(
    "reasons",
    META,
    sa.Column("rating_id", _ID, primary_key=True, autoincrement=False),
    sa.Column("place", sa.SmallInteger, primary_key=True),  # 0 is told first
    sa.Column("feature", sa.Text, nullable=False),
    sa.Column("points", sa.Double, nullable=False),
    sa.Column("value", sa.Double),
    sa.Column("usual", sa.Double),
    sa.Column("missing", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

# The ratings as they were told, texts and all, some hundred a page: rating_id first_id + k is row k.
pages = sa.Table(
    "pages",
    META,
    sa.Column("first_id", _ID, primary_key=True, autoincrement=False),
    sa.Column("ratings", sa.LargeBinary, nullable=False),  # Arrow, zstd
)

warnings = sa.Table(
    "warnings",
    META,
    sa.Column("warning_id", _ID, primary_key=True),
    sa.Column("run_id", _ID, nullable=False),
    sa.Column("as_of", sa.Date, nullable=False, index=True),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("severity", sa.String(20), nullable=False),
    sa.Column("en", sa.Text, nullable=False),
    sa.Column("zh", sa.Text, nullable=False),
)

# Programs that may ask the API; the last row of a key holds.
api_keys = sa.Table(
    "api_keys",
    META,
    sa.Column("entry_id", _ID, primary_key=True),
    sa.Column("key_id", sa.String(8), nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),  # SHA-256 of the secret, which is kept nowhere
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("valid_until", sa.Date, nullable=False),
    sa.Column("revoked", sa.Boolean, nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
)

decisions = sa.Table(
    "decisions",
    META,
    sa.Column("decision_id", _ID, primary_key=True),
    sa.Column("customer_id", sa.Text, nullable=False, index=True),
    sa.Column("kind", sa.String(20), nullable=False),  # override, or withdrawal of one
    sa.Column("grade", sa.String(20)),  # empty where one is withdrawn
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_until", sa.Date, nullable=False),  # the last day
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("rating_id", _ID),  # the rating that lay before who decided
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("valid_until >= valid_from", name="decisions_end_after_they_begin"),
)

PAGE = 256  # ratings

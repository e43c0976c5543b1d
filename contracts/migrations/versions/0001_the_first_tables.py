"""The first tables."""

from alembic import op

from contracts.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    for verb in ("UPDATE", "DELETE"):
        if op.get_bind().dialect.name == "sqlite":
            op.execute(
                f"CREATE TRIGGER promotion_history_no_{verb.lower()} BEFORE {verb} ON promotion_history "
                "BEGIN SELECT RAISE(ABORT, 'promotion_history is append-only'); END"
            )

"""The event log and the terms of its writers."""

from services.rmos.migrations.plain_sql import execute_script

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
lossless = False
because = "the log is the record: a migration never drops it"


def upgrade() -> None:
    execute_script("0001_event_log.sql")


def downgrade() -> None:
    raise NotImplementedError(because)

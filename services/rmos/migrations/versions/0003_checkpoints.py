"""The signed checkpoints of the log."""

from services.rmos.migrations.plain_sql import execute_script

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
lossless = False
because = "signed checkpoints are part of the record: a migration never drops them"


def upgrade() -> None:
    execute_script("0003_checkpoints.sql")


def downgrade() -> None:
    raise NotImplementedError(because)

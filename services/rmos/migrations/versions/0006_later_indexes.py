"""Functions with which a rebuild makes the indexes after the rows."""

from alembic import op

from services.rmos.migrations.plain_sql import execute, execute_script
from services.rmos.migrations.scripts import script

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
lossless = True
because = "only functions go; what a rebuild left behind is derived from the log"


def upgrade() -> None:
    execute_script("0006_later_indexes.sql")


def downgrade() -> None:
    op.execute("DROP SCHEMA IF EXISTS projections_next CASCADE")
    op.execute("DROP FUNCTION rmos.put_off_projection_indexes, rmos.make_projection_index")
    execute(_swap_of_0004())


def _swap_of_0004() -> str:
    text = script("0004_projection_rebuild.sql")
    begin, end = "CREATE FUNCTION rmos.swap_projections", "END $swap$;"
    return text[text.index(begin) : text.index(end) + len(end)].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")

"""Rights to rebuild the projections beside the live ones."""

from alembic import op

from services.rmos.migrations.plain_sql import execute
from services.rmos.migrations.scripts import script

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
lossless = True
because = "only functions go; what a rebuild left behind is derived from the log"


def upgrade() -> None:
    execute(script("0004_projection_rebuild.sql").replace("-- LAYOUT", script("0002_projections.sql")))


def downgrade() -> None:
    op.execute("DROP SCHEMA IF EXISTS projections_next, projections_old CASCADE")
    op.execute("DROP FUNCTION rmos.begin_projection_rebuild, rmos.swap_projections, rmos.drop_unused_projections")

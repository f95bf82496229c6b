"""A rebuild makes the indexes after the rows; runs have one for mode and risk together."""

from alembic import op

from services.rmos.migrations.plain_sql import execute, execute_script
from services.rmos.migrations.scripts import script

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
lossless = True
because = "an index and functions go; what a rebuild left behind is derived from the log"
_LAYOUT = ("0002_projections.sql", "0005_ai_explanations.sql", "0006_pair_index.sql")


def upgrade() -> None:
    execute_script("0006_later_indexes.sql")
    op.execute("SET LOCAL search_path = projections")
    execute_script("0006_pair_index.sql")
    op.execute("SET LOCAL search_path = rmos")
    _rebuild_with(*_LAYOUT)


def downgrade() -> None:
    op.execute("DROP SCHEMA IF EXISTS projections_next CASCADE")
    op.execute("DROP FUNCTION rmos.put_off_projection_indexes, rmos.make_projection_index")
    execute(_swap_of_0004())
    op.execute("DROP INDEX projections.runs_mode_risk_level")
    _rebuild_with(*_LAYOUT[:-1])


def _rebuild_with(*layout: str) -> None:
    tables = "\n".join(map(script, layout))
    execute(script("0005_projection_rebuild.sql").replace("-- LAYOUT", tables))


def _swap_of_0004() -> str:
    text = script("0004_projection_rebuild.sql")
    begin, end = "CREATE FUNCTION rmos.swap_projections", "END $swap$;"
    return text[text.index(begin) : text.index(end) + len(end)].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")

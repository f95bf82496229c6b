"""The table of explanations by models, among the projections."""

from alembic import op

from services.rmos.migrations.plain_sql import execute, execute_script
from services.rmos.migrations.scripts import script

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
lossless = True
because = "projections are folded from the log again"


def upgrade() -> None:
    op.execute("SET LOCAL search_path = projections")
    execute_script("0005_ai_explanations.sql")
    op.execute("SET LOCAL search_path = rmos")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON projections.ai_explanations TO rmos_writer")
    op.execute("GRANT SELECT ON projections.ai_explanations TO rmos_reader")
    _rebuild_with("0002_projections.sql", "0005_ai_explanations.sql")


def downgrade() -> None:
    op.execute("DROP TABLE projections.ai_explanations")
    op.execute("SET LOCAL search_path = projections")
    execute(_statistics_of_0002())
    op.execute("SET LOCAL search_path = rmos")
    _rebuild_with("0002_projections.sql")
    # the rows that went come back with the next upgrade: tables of an older version are folded from the log again
    op.execute("UPDATE projections.projection_cursor SET fold_version = 1 WHERE position > 0")


def _rebuild_with(*layout: str) -> None:
    tables = "\n".join(map(script, layout))
    execute(script("0005_projection_rebuild.sql").replace("-- LAYOUT", tables))


def _statistics_of_0002() -> str:
    text = script("0002_projections.sql")
    return text[text.index("CREATE FUNCTION") :].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)

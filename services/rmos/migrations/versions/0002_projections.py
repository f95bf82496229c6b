"""The tables of the projections, in a schema of their own."""

from alembic import op

from services.rmos.migrations.plain_sql import execute_script

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
lossless = True
because = "projections are folded from the log again"


def upgrade() -> None:
    op.execute("CREATE SCHEMA projections")
    op.execute("SET LOCAL search_path = projections")
    execute_script("0002_projections.sql")
    op.execute("SET LOCAL search_path = rmos")
    op.execute("GRANT USAGE ON SCHEMA projections TO rmos_writer, rmos_reader")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA projections TO rmos_writer")
    op.execute("GRANT SELECT ON ALL TABLES IN SCHEMA projections TO rmos_reader")
    op.execute("GRANT EXECUTE ON FUNCTION projections.refresh_statistics() TO rmos_writer")


def downgrade() -> None:
    op.execute("DROP SCHEMA projections CASCADE")

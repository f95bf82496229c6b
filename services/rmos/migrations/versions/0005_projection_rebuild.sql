-- Rebuilds make the tables of 0002 and those that came later. What an older version has under way lacks them: it goes,
-- and its rebuild begins again.

DROP SCHEMA IF EXISTS projections_next CASCADE;

CREATE OR REPLACE FUNCTION rmos.begin_projection_rebuild(new_fold_version integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '3s' AS $rebuild$
BEGIN
    DROP SCHEMA IF EXISTS projections_next CASCADE;
    DROP SCHEMA IF EXISTS projections_old CASCADE;
    CREATE SCHEMA projections_next;
    PERFORM set_config('search_path', 'projections_next', true);
    EXECUTE $layout$
-- LAYOUT
    $layout$;
    UPDATE projections_next.projection_cursor SET fold_version = new_fold_version;
    GRANT USAGE ON SCHEMA projections_next TO rmos_writer, rmos_reader;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA projections_next TO rmos_writer;
    GRANT SELECT ON ALL TABLES IN SCHEMA projections_next TO rmos_reader;
    GRANT EXECUTE ON FUNCTION projections_next.refresh_statistics() TO rmos_writer;
END $rebuild$;

-- Rebuilding the projections beside the live ones. The service's role may not make or rename schemas; these functions
-- do exactly the three steps of a rebuild with their owner's rights, and touch nothing but projections.
--
--   projections       the live tables: what every query reads
--   projections_next  a rebuild that is under way, or that somebody died over
--   projections_old   what was live before the last swap, until it is dropped

CREATE FUNCTION rmos.begin_projection_rebuild(new_fold_version integer) RETURNS void
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

-- Whether the rebuilt tables are live now. They are not when an audit reads the live ones (it holds the lock shared: to
-- its unmoving view new tables would be empty), or when they hold less than the live ones or the log.
--
-- Statements that have begun on the tables before go on reading them: renaming moves names, not tables. A projector that
-- waits for the cursor's row finds it retired and folds nothing.
CREATE FUNCTION rmos.swap_projections() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '3s' AS $swap$
DECLARE
    live bigint := 0;
    rebuilt bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7266811003) THEN
        RETURN false;
    END IF;
    IF to_regclass('projections.projection_cursor') IS NOT NULL THEN
        SELECT position INTO live FROM projections.projection_cursor WHERE name = 'rmos' FOR UPDATE;
    END IF;
    SELECT position INTO rebuilt FROM projections_next.projection_cursor WHERE name = 'rmos' FOR UPDATE;
    IF rebuilt < live AND rebuilt < (SELECT coalesce(max(position), 0) FROM rmos.events) THEN
        RETURN false;
    END IF;
    IF to_regclass('projections.projection_cursor') IS NOT NULL THEN
        UPDATE projections.projection_cursor SET fold_version = -1;
    END IF;
    IF to_regnamespace('projections') IS NOT NULL THEN
        ALTER SCHEMA projections RENAME TO projections_old;
    END IF;
    ALTER SCHEMA projections_next RENAME TO projections;
    ALTER FUNCTION projections.refresh_statistics() SET search_path = projections;
    RETURN true;
END $swap$;

-- What a finished or an interrupted rebuild left behind. Waits for readers that are still on it, but not for long.
CREATE FUNCTION rmos.drop_unused_projections() RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '3s' AS $drop$
DECLARE
    unused text[] := ARRAY(
        SELECT nspname::text FROM pg_namespace WHERE nspname IN ('projections_next', 'projections_old') ORDER BY nspname
    );
    one text;
BEGIN
    FOREACH one IN ARRAY unused LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', one);
    END LOOP;
    RETURN unused;
END $drop$;

GRANT EXECUTE ON FUNCTION rmos.begin_projection_rebuild(integer), rmos.swap_projections(),
    rmos.drop_unused_projections() TO rmos_writer;

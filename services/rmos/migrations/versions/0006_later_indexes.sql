-- A rebuild fills tables that nobody reads yet: it makes their indexes after the rows, which takes a fraction of the time.
-- Primary keys stay, since rows are changed by them. What is put off stands in a table beside the others; the service's
-- role has no right to it, because its lines are executed with their owner's.

CREATE FUNCTION rmos.put_off_projection_indexes() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '3s' AS $off$
DECLARE
    one record;
BEGIN
    CREATE TABLE projections_next.indexes_to_make (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        statement text NOT NULL
    );
    FOR one IN
        SELECT conname AS name, conrelid::regclass AS owner, pg_get_constraintdef(oid) AS definition
        FROM pg_constraint
        WHERE connamespace = 'projections_next'::regnamespace AND contype = 'u'
        ORDER BY oid
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.owner, one.name);
        INSERT INTO projections_next.indexes_to_make (statement)
        VALUES (format('ALTER TABLE %s ADD CONSTRAINT %I %s', one.owner, one.name, one.definition));
    END LOOP;
    FOR one IN
        SELECT made.indexrelid::regclass AS name, pg_get_indexdef(made.indexrelid) AS definition
        FROM pg_index AS made
        JOIN pg_class AS index ON index.oid = made.indexrelid
        WHERE index.relnamespace = 'projections_next'::regnamespace AND NOT made.indisprimary
        ORDER BY made.indexrelid
    LOOP
        INSERT INTO projections_next.indexes_to_make (statement) VALUES (one.definition);
        EXECUTE format('DROP INDEX %s', one.name);
    END LOOP;
END $off$;

-- Makes one of them; whether there was one. Each is a transaction of its own: whoever has to end need not wait for all.
CREATE FUNCTION rmos.make_projection_index() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '3s' AS $make$
DECLARE
    made bigint;
    wanted text;
BEGIN
    SELECT number, statement INTO made, wanted FROM projections_next.indexes_to_make ORDER BY number LIMIT 1 FOR UPDATE;
    IF made IS NULL THEN
        DROP TABLE projections_next.indexes_to_make;
        RETURN false;
    END IF;
    EXECUTE wanted;
    DELETE FROM projections_next.indexes_to_make WHERE number = made;
    RETURN true;
END $make$;

-- As before (0004), but never with indexes that are still to be made.
CREATE OR REPLACE FUNCTION rmos.swap_projections() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '3s' AS $swap$
DECLARE
    live bigint := 0;
    rebuilt bigint;
BEGIN
    IF to_regclass('projections_next.indexes_to_make') IS NOT NULL THEN
        RAISE EXCEPTION 'the rebuilt projections lack indexes' USING HINT = 'call rmos.make_projection_index() until it says false';
    END IF;
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

GRANT EXECUTE ON FUNCTION rmos.put_off_projection_indexes(), rmos.make_projection_index() TO rmos_writer;

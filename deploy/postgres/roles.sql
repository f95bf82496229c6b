-- Roles, the database and its schemas: one role per purpose. Run by psql as a superuser, as often as you like:
-- by the embedded stack at every start, in a container from /docker-entrypoint-initdb.d.
-- The passwords and the database's name come from the environment, so that none stands in a file or a command line.
--
--   rmos_owner   migrations: owns schema rmos and everything in it; no service runs under it
--   rmos_writer  the rmos service: what migrations grant it (INSERT and SELECT on events; all on projections)
--   rmos_reader  auditors: reads everything, changes nothing
--   art_studio   the art_studio service: its own schema art, nothing else
--
-- Table privileges of rmos_writer are granted by the migrations, table by table: a default would one day
-- give UPDATE on a new append-only table.
\set ON_ERROR_STOP on
\set database rmos
\getenv database RMOS_POSTGRES_DATABASE
\getenv owner_password RMOS_POSTGRES_PASSWORD_OWNER
\getenv writer_password RMOS_POSTGRES_PASSWORD_WRITER
\getenv reader_password RMOS_POSTGRES_PASSWORD_READER
\getenv art_studio_password RMOS_POSTGRES_PASSWORD_ART_STUDIO

-- A failing statement would otherwise be logged with the password in it.
SET log_min_error_statement = panic;

SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY['rmos_owner', 'rmos_writer', 'rmos_reader', 'art_studio']) AS wanted (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

ALTER ROLE rmos_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
ALTER ROLE rmos_writer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'writer_password';
ALTER ROLE rmos_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'reader_password';
ALTER ROLE art_studio LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'art_studio_password';
-- A convenience against accidents; that rmos_reader holds no right to write is what protects the data.
ALTER ROLE rmos_reader SET default_transaction_read_only = on;

SELECT format('CREATE DATABASE %I OWNER rmos_owner TEMPLATE template0 ENCODING ''UTF8'' LOCALE ''C''', :'database')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database')
\gexec

REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO rmos_writer, rmos_reader, art_studio;

-- Unqualified names mean the role's own schema, in migrations and in services.
ALTER ROLE rmos_owner IN DATABASE :"database" SET search_path = rmos;
ALTER ROLE rmos_writer IN DATABASE :"database" SET search_path = rmos;
ALTER ROLE rmos_reader IN DATABASE :"database" SET search_path = rmos, art;
ALTER ROLE art_studio IN DATABASE :"database" SET search_path = art;

\connect :"database"
SET client_min_messages = warning;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA IF NOT EXISTS rmos AUTHORIZATION rmos_owner;
CREATE SCHEMA IF NOT EXISTS art AUTHORIZATION art_studio;
GRANT USAGE ON SCHEMA rmos TO rmos_writer, rmos_reader;
GRANT USAGE ON SCHEMA art TO rmos_reader;
-- The asset index' migrations run under the owner, so that the service itself gets no more than they grant it.
GRANT USAGE, CREATE ON SCHEMA art TO rmos_owner;

ALTER DEFAULT PRIVILEGES FOR ROLE rmos_owner IN SCHEMA rmos GRANT SELECT ON TABLES TO rmos_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE art_studio IN SCHEMA art GRANT SELECT ON TABLES TO rmos_reader;
-- Functions are executable by everybody unless said otherwise; this one holds for all schemas of the role.
ALTER DEFAULT PRIVILEGES FOR ROLE rmos_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

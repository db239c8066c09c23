-- Beside pgvector, wherever it lives, vseg brings its access method but no type of its own.
SELECT count(*) = 0 AS pgvector_absent FROM pg_available_extensions WHERE name = 'vector' \gset
\if :pgvector_absent
\echo skipped: pgvector is not installed on this server
\quit
\endif
\set regression :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_vseg_pgvector;
CREATE DATABASE regression_vseg_pgvector TEMPLATE template0;
\c regression_vseg_pgvector
SET client_min_messages = warning;
CREATE SCHEMA "Odd ""schema";
CREATE SCHEMA ours;
CREATE EXTENSION vector SCHEMA "Odd ""schema";
CREATE EXTENSION vseg SCHEMA ours;

-- Nothing that pgvector has.
SELECT t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = 'ours';
SELECT o.oprname FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE n.nspname = 'ours';
SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'ours' AND p.proname NOT LIKE 'vseg\_%';
SELECT count(*) FROM pg_depend
WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vseg')
  AND classid IN ('pg_cast'::regclass, 'pg_type'::regclass, 'pg_operator'::regclass);

-- The operator classes are for pgvector's type and operators.
SELECT c.opcname, c.opcdefault, c.opcintype::regtype, o.amopopr::regoperator
FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod JOIN pg_amop o ON o.amopfamily = c.opcfamily
WHERE a.amname = 'vseg' AND c.opcname LIKE 'vector\_%' ORDER BY c.opcname;

-- Both libraries work in one session.
SELECT '[1,2]'::"Odd ""schema".vector;

-- pgvector cannot go without vseg, so dumps restore it first.
DROP EXTENSION vector;
DROP EXTENSION vector CASCADE;
SELECT extname FROM pg_extension WHERE extname <> 'plpgsql';

-- Without pgvector vseg brings the type; pgvector then finds the name taken.
CREATE EXTENSION vseg SCHEMA ours;
SELECT '[1,2]'::ours.vector;
CREATE EXTENSION vector SCHEMA ours;
-- In a schema of its own it does not.
CREATE EXTENSION vector SCHEMA "Odd ""schema";
SELECT '[1,2]'::ours.vector OPERATOR(ours.<->) '[1,4]' AS ours,
       '[1,2]'::"Odd ""schema".vector OPERATOR("Odd ""schema".<->) '[1,4]' AS pgvector;
-- vseg is relinked to nothing behind the user's back.
SELECT DISTINCT opcintype::regtype FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod WHERE a.amname = 'vseg';
DROP EXTENSION vector;

\c :regression
DROP DATABASE regression_vseg_pgvector;

-- Beside a pgvector before 0.7, which has no <+>, vseg comes without its operator class for that.
-- Here vseg's own type plays pgvector: the extension that brought it changes its name.
\set regression :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS regression_vseg_old_pgvector;
CREATE DATABASE regression_vseg_old_pgvector TEMPLATE template0;
\c regression_vseg_old_pgvector
SET client_min_messages = warning;
CREATE SCHEMA theirs;
CREATE SCHEMA ours;
CREATE EXTENSION vseg SCHEMA theirs;
UPDATE pg_extension SET extname = 'vector' WHERE extname = 'vseg';
ALTER EXTENSION vector DROP ACCESS METHOD vseg;
ALTER EXTENSION vector DROP OPERATOR theirs.<+> (theirs.vector, theirs.vector);
SELECT format('ALTER EXTENSION vector DROP OPERATOR CLASS theirs.%I USING vseg', opcname),
       format('ALTER EXTENSION vector DROP OPERATOR FAMILY theirs.%I USING vseg', opcname)
FROM pg_opclass WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'vseg') \gexec
SET search_path = theirs;
DROP ACCESS METHOD vseg CASCADE;
DROP OPERATOR <+> (vector, vector);
SET search_path = public;

RESET client_min_messages;
CREATE EXTENSION vseg SCHEMA ours;
SELECT opcname, opcintype::regtype FROM pg_opclass
WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'vseg') ORDER BY opcname;
CREATE TABLE items (id int, v theirs.vector(2));
INSERT INTO items VALUES (1, '[0,5]'), (2, '[3,3]');
CREATE INDEX items_v ON items USING vseg (v ours.vector_l2_ops);

-- An updated pgvector has it, and the hint's statement makes the operator class.
SET search_path = theirs, ours, public;
CREATE OPERATOR <+> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = l1_distance, COMMUTATOR = '<+>');
CREATE OPERATOR CLASS vector_l1_ops FOR TYPE vector USING vseg AS
  OPERATOR 1 <+> (vector, vector) FOR ORDER BY float_ops, FUNCTION 1 vseg_l1_support(internal);
CREATE INDEX items_l1 ON items USING vseg (v vector_l1_ops);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM items ORDER BY v <+> '[0,0]';
SELECT id FROM items ORDER BY v <+> '[0,0]';
SELECT id FROM items ORDER BY v <-> '[0,0]';

\c :regression
DROP DATABASE regression_vseg_old_pgvector;

-- Rows that wait in the memtable are seen by the transaction that inserted them as if they did not.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/am_helpers.psql'
\i :helpers
\set error_of :srcdir '/sql/include/error_of.psql'
\i :error_of
SET enable_seqscan = off;
SET enable_sort = off;
SET vseg.iterative_scan = relaxed_order;

CREATE TABLE items (id int PRIMARY KEY, v vector(3)) WITH (autovacuum_enabled = off);
CREATE INDEX items_v ON items USING vseg (v);
CREATE FUNCTION pg_temp.written() RETURNS bigint LANGUAGE sql AS $$
  SELECT rows FROM vseg_segments('items_v') WHERE kind = 'append chain'
$$;

-- Nothing is written until the transaction commits or looks for its rows.
BEGIN;
INSERT INTO items VALUES (1, '[1,1,1]'), (2, '[2,2,2]');
INSERT INTO items VALUES (3, '[3,3,3]');
SELECT pg_temp.written();
SELECT id FROM items ORDER BY v <-> '[0,0,0]';
SELECT pg_temp.written();
INSERT INTO items VALUES (4, '[4,4,4]');
UPDATE items SET v = '[9,9,9]' WHERE id = 2;
DELETE FROM items WHERE id = 1;
SELECT pg_temp.written();
SELECT id FROM items ORDER BY v <-> '[0,0,0]';
INSERT INTO items VALUES (5, '[5,5,5]');
COMMIT;
SELECT pg_temp.written();
SELECT id FROM items ORDER BY v <-> '[0,0,0]';
-- A rollback leaves nothing of what was not written.
SELECT pg_temp.written() AS before \gset
BEGIN;
INSERT INTO items SELECT i, '[6,6,6]' FROM generate_series(6, 500) i;
ROLLBACK;
SELECT pg_temp.written() = :before AS unwritten;
SELECT id FROM items ORDER BY v <-> '[0,0,0]';
-- Nor does a statement that fails.
SELECT pg_temp.error_of($$INSERT INTO items VALUES (6, '[6,6,6]'), (3, '[0,0,0]')$$);
SELECT pg_temp.written() = :before AS unwritten;
SELECT id FROM items ORDER BY v <-> '[0,0,0]';

-- Savepoints: what is rolled back to is gone, what is released stays, to any depth.
BEGIN;
INSERT INTO items VALUES (11, '[11,11,11]');
SAVEPOINT a;
INSERT INTO items VALUES (12, '[12,12,12]');
SAVEPOINT b;
INSERT INTO items VALUES (13, '[13,13,13]');
SAVEPOINT c;
INSERT INTO items VALUES (14, '[14,14,14]');
RELEASE c;
ROLLBACK TO b;
INSERT INTO items VALUES (15, '[15,15,15]');
RELEASE b;
SELECT pg_temp.written() = :before AS unwritten;
SELECT id FROM items ORDER BY v <-> '[99,99,99]';
ROLLBACK TO a;
INSERT INTO items VALUES (16, '[16,16,16]');
SELECT id FROM items ORDER BY v <-> '[99,99,99]';
COMMIT;
SELECT id FROM items ORDER BY v <-> '[99,99,99]';
-- Unwritten rows of a subtransaction that aborts are never written.
SELECT pg_temp.written() AS before \gset
BEGIN;
INSERT INTO items VALUES (17, '[17,17,17]');
SAVEPOINT a;
INSERT INTO items SELECT i, '[18,18,18]' FROM generate_series(100, 199) i;
ROLLBACK TO a;
INSERT INTO items VALUES (18, '[18,18,18]');
COMMIT;
SELECT pg_temp.written() - :before AS written;
-- What a released savepoint inserted belongs to the transaction around it.
BEGIN;
SAVEPOINT a;
INSERT INTO items VALUES (81, '[81,81,81]');
RELEASE a;
INSERT INTO items VALUES (82, '[82,82,82]');
SAVEPOINT b;
INSERT INTO items VALUES (83, '[83,83,83]');
SAVEPOINT c;
INSERT INTO items VALUES (84, '[84,84,84]');
RELEASE c;
INSERT INTO items VALUES (85, '[85,85,85]');
ROLLBACK TO b;
INSERT INTO items VALUES (86, '[86,86,86]');
COMMIT;
SELECT id FROM items WHERE id >= 80 ORDER BY v <-> '[99,99,99]';
DELETE FROM items WHERE id >= 80;
-- Exceptions in functions are subtransactions.
DO $$
BEGIN
  FOR i IN 20..24 LOOP
    BEGIN
      INSERT INTO items VALUES (i, ARRAY[i, i, i]::vector);
      IF i % 2 = 1 THEN
        RAISE division_by_zero;
      END IF;
    EXCEPTION WHEN division_by_zero THEN
      NULL;
    END;
  END LOOP;
END
$$;
SELECT id FROM items WHERE id >= 20 ORDER BY v <-> '[99,99,99]';

-- A statement does not see its own rows: the copies come from what was there before.
INSERT INTO items SELECT id + 1000, v + '[0.5,0.5,0.5]' FROM
  (SELECT id, v FROM items ORDER BY v <-> '[99,99,99]' LIMIT 3) nearest;
SELECT id FROM items WHERE id >= 1000 ORDER BY v <-> '[99,99,99]';
BEGIN;
INSERT INTO items VALUES (30, '[30,30,30]');
INSERT INTO items SELECT id + 2000, v FROM (SELECT id, v FROM items ORDER BY v <-> '[99,99,99]') nearest;
SELECT count(*), count(*) FILTER (WHERE id >= 2000) AS copies FROM
  (SELECT id FROM items ORDER BY v <-> '[99,99,99]') found;
ROLLBACK;
-- Triggers see what came before them in the statement's transaction.
CREATE TABLE nearest_before (id int, nearest int);
CREATE FUNCTION note_nearest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO nearest_before
  VALUES (new.id, (SELECT id FROM items WHERE id <> new.id ORDER BY v <-> new.v LIMIT 1));
  RETURN new;
END
$$;
CREATE TRIGGER note_nearest AFTER INSERT ON items FOR EACH ROW EXECUTE FUNCTION note_nearest();
INSERT INTO items VALUES (51, '[51,51,51]');
INSERT INTO items VALUES (52, '[51,51,52]');
INSERT INTO items VALUES (53, '[51,51,53]');
SELECT * FROM nearest_before ORDER BY id;
DROP TRIGGER note_nearest ON items;
DROP FUNCTION note_nearest;
DROP TABLE nearest_before;
-- An index built in the transaction has the transaction's rows once.
BEGIN;
INSERT INTO items VALUES (61, '[61,61,61]');
CREATE INDEX items_second ON items USING vseg (v vector_l1_ops);
INSERT INTO items VALUES (62, '[62,62,62]');
REINDEX INDEX items_v;
INSERT INTO items VALUES (63, '[63,63,63]');
SELECT id FROM items WHERE id > 60 ORDER BY v <-> '[99,99,99]' LIMIT 3;
SELECT id FROM items WHERE id > 60 ORDER BY v <+> '[99,99,99]' LIMIT 3;
SELECT count(*) = count(DISTINCT id) AS once FROM (SELECT id FROM items ORDER BY v <-> '[1,1,1]') f;
COMMIT;
SELECT count(*) = count(DISTINCT id) AS once FROM (SELECT id FROM items ORDER BY v <-> '[1,1,1]') f;
DROP INDEX items_second;

-- An index built or emptied in a subtransaction takes the place of rows that wait, until the
-- subtransaction is rolled back: then they wait again, and are not lost.
BEGIN;
INSERT INTO items SELECT i, '[64,64,64]' FROM generate_series(301, 310) i;
SAVEPOINT a;
REINDEX INDEX items_v;
INSERT INTO items VALUES (311, '[64,64,64]');
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> '[64,64,64]') f WHERE id BETWEEN 301 AND 399;
ROLLBACK TO a;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> '[64,64,64]') f WHERE id BETWEEN 301 AND 399;
INSERT INTO items SELECT i, '[64,64,64]' FROM generate_series(321, 330) i;
SAVEPOINT a;
TRUNCATE items;
INSERT INTO items VALUES (331, '[64,64,64]');
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> '[64,64,64]') f;
ROLLBACK TO a;
INSERT INTO items VALUES (332, '[64,64,64]');
COMMIT;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> '[64,64,64]') f WHERE id BETWEEN 301 AND 399;
DELETE FROM items WHERE id BETWEEN 301 AND 399;

-- INSERT ON CONFLICT, MERGE and COPY.
INSERT INTO items VALUES (3, '[0,0,0]'), (71, '[71,71,71]')
  ON CONFLICT (id) DO UPDATE SET v = '[70,70,70]';
INSERT INTO items VALUES (3, '[0,0,0]'), (72, '[72,72,72]') ON CONFLICT DO NOTHING;
MERGE INTO items USING (VALUES (3, '[73,73,73]'::vector), (74, '[74,74,74]')) AS new (id, v)
ON items.id = new.id
WHEN MATCHED THEN UPDATE SET v = new.v
WHEN NOT MATCHED THEN INSERT VALUES (new.id, new.v);
COPY items FROM stdin;
75	[75,75,75]
76	[76,76,76]
\.
SELECT id, v FROM items WHERE id < 1000 ORDER BY v <-> '[99,99,99]' LIMIT 6;
COPY items FROM stdin;
77	[77,77,77]
78	[78,78]
\.
SELECT id, v FROM items ORDER BY v <-> '[99,99,99]' LIMIT 1;
DROP TABLE items;

-- Beyond vseg.memtable_size rows are written in the middle of a statement; they are as invisible
-- to others, and to this transaction as visible, as those that wait.
CREATE TABLE items (id int PRIMARY KEY, v vector(3)) WITH (autovacuum_enabled = off);
CREATE INDEX items_v ON items USING vseg (v);
SET vseg.memtable_size = '64kB';
BEGIN;
INSERT INTO items SELECT i, pg_temp.made(i, 3) FROM generate_series(1, 100) i;
SELECT pg_temp.written() AS below_the_cap;
SAVEPOINT a;
INSERT INTO items SELECT i, pg_temp.made(i, 3) FROM generate_series(101, 10000) i;
SELECT pg_temp.written() BETWEEN 5000 AND 9999 AS above_the_cap;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]') found;
ROLLBACK TO a;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]') found;
INSERT INTO items SELECT i, pg_temp.made(i, 3) FROM generate_series(101, 6000) i;
COMMIT;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]') found;
-- The cap is for all indexes together.
TRUNCATE items;
CREATE INDEX items_v2 ON items USING vseg (v vector_l1_ops);
CREATE INDEX items_v3 ON items USING vseg (v vector_cosine_ops);
INSERT INTO items SELECT i, pg_temp.made(i, 3) FROM generate_series(1, 6000) i;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3]') found;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <+> '[1,2,3]') found;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <=> '[1,2,3]') found;
SELECT count(*) FROM items WHERE vector_norm(v) > 0;
-- A vector larger than the whole memtable.
CREATE TABLE wide (id int, v vector(16000));
CREATE INDEX wide_v ON wide USING vseg (v);
BEGIN;
INSERT INTO wide SELECT i, pg_temp.made(i, 16000) FROM generate_series(1, 5) i;
SELECT rows > 0 FROM vseg_segments('wide_v');
COMMIT;
SELECT rows FROM vseg_segments('wide_v');
RESET vseg.memtable_size;
DROP TABLE wide, items;

-- Rows that deferred triggers insert at commit are written as well.
CREATE TABLE items (id int, v vector(3));
CREATE INDEX items_v ON items USING vseg (v);
CREATE FUNCTION add_another() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF new.id < 4 THEN
    INSERT INTO items VALUES (new.id + 1, new.v + '[1,1,1]');
  END IF;
  RETURN new;
END
$$;
CREATE CONSTRAINT TRIGGER add_another AFTER INSERT ON items DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION add_another();
INSERT INTO items VALUES (1, '[1,1,1]');
SELECT * FROM items ORDER BY v <-> '[0,0,0]';
DROP TABLE items;
DROP FUNCTION add_another;

-- Parallel workers find the rows of the transaction that started them.
CREATE TABLE items (id int, v vector(3));
CREATE INDEX items_v ON items USING vseg (v);
INSERT INTO items SELECT i, pg_temp.made(i, 3) FROM generate_series(1, 1000) i;
BEGIN;
INSERT INTO items VALUES (2001, '[200,200,200]'), (2002, '[202,202,202]');
SET LOCAL force_parallel_mode = on;
EXPLAIN (COSTS OFF) SELECT id FROM items ORDER BY v <-> '[200,200,200]' LIMIT 2;
SELECT id FROM items ORDER BY v <-> '[200,200,200]' LIMIT 2;
COMMIT;
DROP TABLE items;

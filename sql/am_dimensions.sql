-- Every number of dimensions from 1 to 16,000 is stored, built, inserted, indexed and found,
-- also where a vector is larger than a page.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/am_helpers.psql'
\i :helpers
\set error_of :srcdir '/sql/include/error_of.psql'
\i :error_of

-- Twelve rows are there when the index is built, twelve come by one statement, three one by one.
CREATE PROCEDURE pg_temp.fill(dims int) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TABLE wide_%s (id int, v vector(%1$s))', dims);
  EXECUTE format('INSERT INTO wide_%s SELECT i, pg_temp.made(i, %1$s) FROM generate_series(1, 12) i',
                 dims);
  EXECUTE format('CREATE INDEX ON wide_%s USING vseg (v)', dims);
  EXECUTE format('INSERT INTO wide_%s SELECT i, pg_temp.made(i, %1$s) FROM generate_series(13, 24) i',
                 dims);
  COMMIT;
  FOR i IN 25..27 LOOP
    EXECUTE format('INSERT INTO wide_%s SELECT i, pg_temp.made(i, %1$s) FROM generate_series(%2$s, %2$s) i',
                   dims, i);
    COMMIT;
  END LOOP;
END
$$;

-- How many rows of each kind the index finds as their own nearest, and whether all rows come, in
-- the order of a sequential scan.
CREATE FUNCTION pg_temp.check_dimensions(dims int, OUT built bigint, OUT appended bigint,
                                         OUT came int, OUT order_equal boolean)
LANGUAGE plpgsql AS $$
DECLARE
  rel text := 'wide_' || dims;
BEGIN
  EXECUTE format($q$
    SELECT count(*) FILTER (WHERE id <= 12), count(*) FILTER (WHERE id > 12) FROM %s
    WHERE pg_temp.by_index(pg_temp.search(%1$L, '<->', v, 1)) = '{0}'$q$, rel)
  INTO built, appended;
  SELECT min(cardinality(pg_temp.by_index(search))),
         bool_and(pg_temp.by_index(search) = pg_temp.by_scan(search))
  INTO came, order_equal
  FROM generate_series(101, 103) seed,
       pg_temp.search(rel, '<->', pg_temp.made(seed, dims), 100) search;
END
$$;

CREATE TEMP TABLE tried AS SELECT unnest(
  -- Beside what is usual: around the sizes where one vector or two, alone or in a node, just fit
  -- into a page, and where a node takes a third page.
  ARRAY[1, 2, 3, 50, 986, 987, 1020, 1021, 2000, 2006, 2007, 2037, 2038, 2039, 2040, 2041, 4046,
        4047, 4080, 4081, 4096, 16000]) AS dims;
SELECT format('CALL pg_temp.fill(%s)', dims) FROM tried \gexec
SELECT dims, c.* FROM tried, pg_temp.check_dimensions(dims) c ORDER BY dims;

-- VACUUM and reindexing at every size.
SELECT format('DELETE FROM wide_%s WHERE id %% 3 = 0', dims) FROM tried \gexec
SELECT format('VACUUM wide_%s', dims) FROM tried \gexec
SELECT dims, c.* FROM tried, pg_temp.check_dimensions(dims) c ORDER BY dims;
SELECT format('INSERT INTO wide_%s SELECT i, pg_temp.made(i, %1$s) FROM generate_series(3, 12, 3) i', dims)
FROM tried \gexec
SELECT dims, c.* FROM tried, pg_temp.check_dimensions(dims) c ORDER BY dims;
SELECT format('REINDEX TABLE wide_%s', dims) FROM tried \gexec
SELECT dims, c.* FROM tried, pg_temp.check_dimensions(dims) c ORDER BY dims;
SELECT format('DROP TABLE wide_%s', dims) FROM tried \gexec

-- The other operator classes where a vector takes several pages.
CREATE TABLE wide (id int, v vector(4096));
INSERT INTO wide SELECT i, pg_temp.made(i, 4096) FROM generate_series(1, 10) i;
CREATE INDEX wide_ip ON wide USING vseg (v vector_ip_ops);
CREATE INDEX wide_cosine ON wide USING vseg (v vector_cosine_ops);
CREATE INDEX wide_l1 ON wide USING vseg (v vector_l1_ops);
INSERT INTO wide SELECT i, pg_temp.made(i, 4096) FROM generate_series(11, 20) i;
SELECT operator, bool_and(pg_temp.by_index(search) = pg_temp.by_scan(search)) AS order_equal
FROM unnest(ARRAY['<#>', '<+>', '<=>']) operator, generate_series(101, 103) seed,
     pg_temp.search('wide', operator, pg_temp.made(seed, 4096), 30) search
GROUP BY operator ORDER BY operator COLLATE "C";
DROP TABLE wide;

-- More is refused already by the type.
SELECT pg_temp.error_of('CREATE TABLE too_wide (v vector(16001))');

-- A column that does not say its dimensions cannot be indexed; a cast in an expression says them.
CREATE TABLE loose (id int, v vector);
INSERT INTO loose VALUES (1, '[1,2,3]'), (2, '[4,5,6]');
CREATE INDEX ON loose USING vseg (v);
SELECT pg_temp.error_of('CREATE INDEX ON loose USING vseg (v)');
SELECT count(*) FROM pg_index WHERE indrelid = 'loose'::regclass;
CREATE INDEX loose_v ON loose USING vseg ((v::vector(3)));
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM loose ORDER BY v::vector(3) <-> '[4,4,4]' LIMIT 1;
SELECT id FROM loose ORDER BY v::vector(3) <-> '[4,4,4]' LIMIT 1;
-- A row of another length does not fit the expression and leaves nothing behind.
SELECT pg_temp.error_of($$INSERT INTO loose VALUES (3, '[1,2]')$$);
INSERT INTO loose VALUES (4, '[4,4,4]');
SELECT id FROM loose ORDER BY v::vector(3) <-> '[4,4,4]';
SELECT sum(rows) FROM vseg_segments('loose_v');
-- An index cannot be built while such rows are there.
DROP INDEX loose_v;
INSERT INTO loose VALUES (5, '[1,2]');
SELECT pg_temp.error_of('CREATE INDEX ON loose USING vseg ((v::vector(3)))');
CREATE INDEX loose_v ON loose USING vseg ((v::vector(3))) WHERE vector_dims(v) = 3;
EXPLAIN (COSTS OFF)
SELECT id FROM loose WHERE vector_dims(v) = 3 ORDER BY v::vector(3) <-> '[4,4,4]' LIMIT 2;
SELECT id FROM loose WHERE vector_dims(v) = 3 ORDER BY v::vector(3) <-> '[4,4,4]' LIMIT 2;
DROP TABLE loose;

-- Wrong lengths and unfit values at insert and in a query are refused; the index is as before.
CREATE TABLE items (id int, v vector(3));
CREATE INDEX items_v ON items USING vseg (v);
INSERT INTO items VALUES (1, '[1,2,3]');
SELECT statement, pg_temp.error_of(statement) FROM unnest(ARRAY[
  $$INSERT INTO items VALUES (2, '[1,2]')$$,
  $$INSERT INTO items VALUES (2, '[1,1,1]'), (3, '[1,2,3,4]')$$,
  $$INSERT INTO items VALUES (2, '[1,2,NaN]')$$,
  $$INSERT INTO items VALUES (2, '[1,2,Infinity]')$$,
  $$INSERT INTO items VALUES (2, ARRAY[1,NULL,3])$$,
  $$UPDATE items SET v = '[1]'$$,
  $$SELECT id FROM items ORDER BY v <-> '[1,2]' LIMIT 1$$,
  $$SELECT id FROM items ORDER BY v <-> '[1,2,3,4]' LIMIT 1$$,
  $$SELECT id FROM items ORDER BY v <-> '[1,2,NaN]' LIMIT 1$$,
  $$SELECT id FROM items ORDER BY v <-> '{1,2,3}' LIMIT 1$$
]) WITH ORDINALITY AS statements (statement, place) ORDER BY place;
SELECT id FROM items ORDER BY v <-> '[1,1,1]';
SELECT sum(rows) FROM vseg_segments('items_v');
DROP TABLE items;

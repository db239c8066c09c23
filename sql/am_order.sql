-- Rows come in the order of their distance, for every operator class, whether they were there when
-- the index was built or came later.
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir '/sql/include/am_helpers.psql'
\i :helpers

CREATE TABLE points (id int PRIMARY KEY, v vector(2));
INSERT INTO points VALUES
  (1, '[0,0]'), (2, '[3,4]'), (3, NULL), (4, '[-1,1]'), (5, '[6,8]'), (6, NULL), (7, '[2,-2]');
SET enable_seqscan = off;

-- Euclidean distance, the default.
CREATE INDEX points_index ON points USING vseg (v);
EXPLAIN (COSTS OFF) SELECT id FROM points ORDER BY v <-> '[1,1]' LIMIT 3;
SELECT id, v, round((v <-> '[1,1]')::numeric, 3) AS distance FROM points ORDER BY v <-> '[1,1]';
INSERT INTO points VALUES (8, '[1,1]'), (9, NULL), (10, '[1,9]');
SELECT id FROM points ORDER BY v <-> '[1,1]';
-- The operands may come in either order.
EXPLAIN (COSTS OFF) SELECT id FROM points ORDER BY '[1,1]' <-> v LIMIT 3;
SELECT id FROM points ORDER BY '[1,1]' <-> v LIMIT 3;
DROP INDEX points_index;

-- Negative inner product.
CREATE INDEX points_index ON points USING vseg (v vector_ip_ops);
EXPLAIN (COSTS OFF) SELECT id FROM points ORDER BY v <#> '[1,3]' LIMIT 3;
SELECT id, v, v <#> '[1,3]' AS distance FROM points ORDER BY v <#> '[1,3]';
INSERT INTO points VALUES (11, '[-9,1]'), (12, '[9,9]');
SELECT id FROM points ORDER BY v <#> '[1,3]';
DROP INDEX points_index;

-- Cosine distance: a zero vector has no direction, and comes before the nulls.
CREATE INDEX points_index ON points USING vseg (v vector_cosine_ops);
EXPLAIN (COSTS OFF) SELECT id FROM points ORDER BY v <=> '[1,3]' LIMIT 3;
SELECT id, v, round((v <=> '[1,3]')::numeric, 3) AS distance FROM points
WHERE id NOT IN (5, 12) ORDER BY v <=> '[1,3]';
INSERT INTO points VALUES (13, '[0,0]'), (14, '[10,30.5]');
SELECT id FROM points WHERE id NOT IN (5, 12) ORDER BY v <=> '[1,3]';
SELECT sum(rows) FROM vseg_segments('points_index');
DROP INDEX points_index;

-- Taxicab distance.
CREATE INDEX points_index ON points USING vseg (v vector_l1_ops);
EXPLAIN (COSTS OFF) SELECT id FROM points ORDER BY v <+> '[0.5,-0.75]' LIMIT 3;
DELETE FROM points WHERE id = 13;
SELECT id, v, v <+> '[0.5,-0.75]' AS distance FROM points WHERE v IS NOT NULL ORDER BY v <+> '[0.5,-0.75]';
INSERT INTO points VALUES (15, '[2,3.5]'), (16, '[-5,-6]');
SELECT id FROM points WHERE v IS NOT NULL ORDER BY v <+> '[0.5,-0.75]';
SELECT sum(rows) FROM vseg_segments('points_index');
DROP INDEX points_index;

-- A null query is as near to every row, and so is a zero vector under cosine: all rows, any order.
CREATE INDEX points_index ON points USING vseg (v);
EXPLAIN (COSTS OFF) SELECT id FROM points ORDER BY v <-> (SELECT NULL::vector) LIMIT 100;
SELECT count(*) FROM (SELECT id FROM points ORDER BY v <-> (SELECT NULL::vector) LIMIT 100) found;
DROP INDEX points_index;
CREATE INDEX points_index ON points USING vseg (v vector_cosine_ops);
SELECT count(*) FROM (SELECT id FROM points ORDER BY v <=> '[0,0]' LIMIT 100) found;
DROP TABLE points;

-- The same answers as a sequential scan, over random rows: half of them built, half appended.
CREATE TABLE items (id int, v vector(6));
INSERT INTO items SELECT i, CASE WHEN i % 10 > 0 THEN pg_temp.made(i, 6) END
FROM generate_series(1, 400) i;
CREATE INDEX items_l2 ON items USING vseg (v vector_l2_ops);
CREATE INDEX items_ip ON items USING vseg (v vector_ip_ops);
CREATE INDEX items_cosine ON items USING vseg (v vector_cosine_ops);
CREATE INDEX items_l1 ON items USING vseg (v vector_l1_ops);
INSERT INTO items SELECT i, CASE WHEN i % 10 > 0 THEN pg_temp.made(i, 6) END
FROM generate_series(401, 800) i;
SET vseg.ef_search = 800;
SELECT operator, count(*) AS queries,
       count(*) FILTER (WHERE pg_temp.by_index(search) = pg_temp.by_scan(search)) AS equal
FROM unnest(ARRAY['<->', '<#>', '<+>']) operator, generate_series(9001, 9040) seed,
     pg_temp.search('items', operator, pg_temp.made(seed, 6), 50) search
GROUP BY operator ORDER BY operator COLLATE "C";
-- Cosine: rows nearer to each other than a float can tell may change places.
SELECT count(*) FILTER (WHERE deviation < 1e-6) AS equal
FROM generate_series(9001, 9040) seed,
     pg_temp.search('items', '<=>', pg_temp.made(seed, 6), 50) search,
     LATERAL (SELECT max(abs(found - exact)) AS deviation
              FROM unnest(pg_temp.by_index(search), pg_temp.by_scan(search)) AS pair (found, exact)) p;
DROP TABLE items;

-- Values so large that distances overflow to infinity, or are not numbers at all, do not hide rows.
CREATE TABLE huge (id int, v vector(2));
INSERT INTO huge VALUES (1, '[3e38,3e38]'), (2, '[3e38,-3e38]'), (3, '[-3e38,-3e38]'), (4, '[-3e38,3e38]');
INSERT INTO huge SELECT i, ARRAY[i, -i]::vector FROM generate_series(5, 100) i;
CREATE INDEX huge_l2 ON huge USING vseg (v vector_l2_ops);
CREATE INDEX huge_ip ON huge USING vseg (v vector_ip_ops);
CREATE INDEX huge_cosine ON huge USING vseg (v vector_cosine_ops);
CREATE INDEX huge_l1 ON huge USING vseg (v vector_l1_ops);
INSERT INTO huge SELECT id + 100, v FROM huge;
CREATE FUNCTION pg_temp.all_found(query text, operator text, OUT rows bigint, OUT ids bigint)
LANGUAGE plpgsql SET vseg.iterative_scan = relaxed_order SET vseg.ef_search = 40 SET enable_sort = off
AS $$
BEGIN
  EXECUTE format('SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM huge ORDER BY v %s %L) f',
                 operator, query) INTO rows, ids;
END
$$;
SELECT query, operator, f.* FROM
  unnest(ARRAY['[3e38,3e38]', '[3e38,-3e38]', '[1,2]']) query,
  unnest(ARRAY['<->', '<#>', '<=>', '<+>']) operator, pg_temp.all_found(query, operator) f
ORDER BY query COLLATE "C", operator COLLATE "C";
DROP TABLE huge;

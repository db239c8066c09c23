-- Comparison of vectors and the btree operator class.
SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt, vector_cmp(a, b)
FROM (VALUES ('[1,2]'::vector, '[1,2]'::vector), ('[1,2]', '[1,3]'), ('[2]', '[1,3]'), ('[1,2]', '[1,2,3]'),
             ('[1,2,3]', '[1,2]'), ('[-0]', '[0]'), ('[-1]', '[1]')) AS pairs (a, b);

CREATE TABLE ordered (v vector);
INSERT INTO ordered VALUES ('[0,0,0]'), ('[1,2,3]'), ('[1,1,1]'), (NULL), ('[1,2]'), ('[-1]'), ('[1,2,3]');
SELECT v FROM ordered ORDER BY v;
SELECT v FROM ordered ORDER BY v DESC NULLS LAST;
SELECT DISTINCT v FROM ordered ORDER BY v;
SELECT v, count(*) FROM ordered GROUP BY v ORDER BY v;

CREATE INDEX ordered_v ON ordered (v);
SET enable_seqscan = off;
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT v FROM ordered WHERE v = '[1,2,3]';
SELECT v FROM ordered WHERE v = '[1,2,3]';
SELECT v FROM ordered WHERE v > '[1,1,1]' AND v <= '[1,2,3]' ORDER BY v;
SELECT v FROM ordered WHERE v >= '[0]' AND v < '[1,2]' ORDER BY v;
SELECT v FROM ordered ORDER BY v LIMIT 2;
SELECT amvalidate(oid) FROM pg_opclass
  WHERE opcname = 'vector_ops' AND opcmethod = (SELECT oid FROM pg_am WHERE amname = 'btree');
RESET enable_seqscan;
RESET enable_sort;

-- The order is that of arrays.
CREATE TABLE random_vectors AS
  SELECT ARRAY(SELECT (hashint4(i * 100 + j) % 3)::real FROM generate_series(0, abs(hashint4(i)) % 4) j) AS numbers
  FROM generate_series(1, 200) i;
SELECT count(*) AS pairs,
       count(*) FILTER (WHERE btarraycmp(a.numbers, b.numbers) <> vector_cmp(a.numbers::vector, b.numbers::vector)) AS differ
FROM random_vectors a, random_vectors b;

CREATE TABLE unique_vectors (v vector PRIMARY KEY);
INSERT INTO unique_vectors VALUES ('[1,2]'), ('[1,2,3]');
INSERT INTO unique_vectors VALUES ('[1,2]') ON CONFLICT DO NOTHING;
INSERT INTO unique_vectors VALUES ('[1,2]');
SELECT * FROM unique_vectors a JOIN unique_vectors b USING (v) ORDER BY v;

DROP TABLE ordered, random_vectors, unique_vectors;

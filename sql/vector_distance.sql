-- The distance operators and functions.
\getenv srcdir PG_ABS_SRCDIR
\set error_of :srcdir '/sql/include/error_of.psql'
\i :error_of

SELECT '[1,2,3]'::vector <-> '[3,2,1]' AS l2, '[1,2,3]'::vector <#> '[4,5,6]' AS negative_inner_product,
       '[1,2]'::vector <=> '[2,4]' AS cosine, '[1,2,3]'::vector <+> '[3,2,0]' AS l1;
SELECT l2_distance('[0,0]'::vector, '[3,4]'), vector_l2_squared_distance('[0,0]', '[3,4]'),
       inner_product('[1,2]'::vector, '[3,4]'), vector_negative_inner_product('[1,2]', '[3,4]'),
       l1_distance('[0,0]'::vector, '[3,-4]');
SELECT cosine_distance('[1,1]'::vector, '[1,1]'), cosine_distance('[1,1]'::vector, '[-1,-1]'),
       cosine_distance('[1,0]'::vector, '[0,2]');
SELECT vector_spherical_distance('[1,0]', '[0,1]'), vector_spherical_distance('[1,0]', '[-1,0]'),
       vector_spherical_distance('[1,0]', '[1,0]'), vector_spherical_distance('[2,0]', '[2,0]') AS clamped;

-- No error: overflow is Infinity, a cosine with a zero vector NaN.
SELECT '[3e38]'::vector <-> '[-3e38]' AS l2, '[3e38]'::vector <#> '[3e38]' AS negative_inner_product,
       '[3e38]'::vector <+> '[-3e38]' AS l1, '[3e38]'::vector <=> '[3e38]' AS cosine;
SELECT '[0,0]'::vector <=> '[1,2]' AS one_zero, '[0,0]'::vector <=> '[0,0]' AS both_zero,
       '[1e-30]'::vector <=> '[1e-30]' AS underflow;

SELECT operator, pg_temp.error_of(format('SELECT ''[1,2]''::vector %s ''[3]''', operator)) AS error
FROM unnest(ARRAY['<->', '<#>', '<=>', '<+>']) operator;
SELECT function, pg_temp.error_of(format('SELECT %s(''[1,2]''::vector, ''[3]''::vector)', function)) AS error
FROM unnest(ARRAY['l2_distance', 'vector_l2_squared_distance', 'inner_product', 'vector_negative_inner_product',
                  'cosine_distance', 'vector_spherical_distance', 'l1_distance']) function;
SELECT NULL::vector <-> '[1]' IS NULL AND '[1]' <=> NULL::vector IS NULL AS strict;

-- Equal to the definitions, summed in double precision, at every length.
CREATE TABLE measured AS
  SELECT n, ARRAY(SELECT (hashint4(i) % 1000 / 500.0)::real FROM generate_series(1, n) i) AS a,
         ARRAY(SELECT (hashint4(-i) % 1000 / 500.0)::real FROM generate_series(1, n) i) AS b
  FROM unnest(ARRAY[1,2,3,4,5,7,8,9,15,16,17,31,32,33,63,64,65,100,768,1536,16000]) n;
SELECT count(*) AS lengths,
       count(*) FILTER (WHERE abs((a::vector <-> b::vector) / l2 - 1) > 1e-5) AS l2_differs,
       count(*) FILTER (WHERE abs(-(a::vector <#> b::vector) - ip) > 1e-5 * norms) AS ip_differs,
       count(*) FILTER (WHERE abs((a::vector <=> b::vector) - (1 - ip / norms)) > 1e-5) AS cosine_differs,
       count(*) FILTER (WHERE abs((a::vector <+> b::vector) / l1 - 1) > 1e-5) AS l1_differs
FROM measured, LATERAL (
  SELECT sqrt(sum((x::float8 - y) ^ 2)) AS l2, sum(x::float8 * y) AS ip, sum(abs(x::float8 - y)) AS l1,
         sqrt(sum(x::float8 ^ 2) * sum(y::float8 ^ 2)) AS norms
  FROM unnest(a, b) AS elements (x, y)) AS expected;

-- Nearest first, by an exact scan.
SELECT i FROM generate_series(1, 9) i ORDER BY ARRAY[i, i]::vector <-> '[4.2,4.4]' LIMIT 3;
DROP TABLE measured;

-- vseg 0.1.0
\echo Use "CREATE EXTENSION vseg" to load this file. \quit

------------------------------------------------------------------------------------------------
-- 1. Types
--
-- In a database that has pgvector, in whatever schema, its type, operators and functions are used,
-- and this section creates nothing. In any other database it brings a type of the same name, text,
-- binary and on-disk format, with functions and operators of the same names.
------------------------------------------------------------------------------------------------

DO $do$
BEGIN
IF EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') THEN
  -- Dumps must restore pgvector first.
  CREATE FUNCTION vseg_depend_on_pgvector() RETURNS void AS 'MODULE_PATHNAME' LANGUAGE C;
  PERFORM vseg_depend_on_pgvector();
  ALTER EXTENSION vseg DROP FUNCTION vseg_depend_on_pgvector();
  DROP FUNCTION vseg_depend_on_pgvector();
ELSE
  EXECUTE $types$

CREATE TYPE vector;

CREATE FUNCTION vector_in(cstring, oid, integer) RETURNS vector
	AS 'MODULE_PATHNAME', 'vseg_vector_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_in(cstring, oid, integer) IS
	'text input: [1,2.5,-3], 1 to 16000 finite numbers, each rounded to a 4-byte float';

CREATE FUNCTION vector_out(vector) RETURNS cstring
	AS 'MODULE_PATHNAME', 'vseg_vector_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_out(vector) IS
	'text output: [1,2.5,-3], with the shortest digits that read back as the same value';

CREATE FUNCTION vector_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME', 'vseg_vector_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_typmod_in(cstring[]) IS
	'type modifier: the number of dimensions, 1 to 16000';

CREATE FUNCTION vector_recv(internal, oid, integer) RETURNS vector
	AS 'MODULE_PATHNAME', 'vseg_vector_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_recv(internal, oid, integer) IS
	'binary input: int16 dimensions, int16 zero, then float4 elements, in network byte order';

CREATE FUNCTION vector_send(vector) RETURNS bytea
	AS 'MODULE_PATHNAME', 'vseg_vector_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_send(vector) IS
	'binary output: int16 dimensions, int16 zero, then float4 elements, in network byte order';

CREATE TYPE vector (
	INPUT = vector_in,
	OUTPUT = vector_out,
	TYPMOD_IN = vector_typmod_in,
	RECEIVE = vector_recv,
	SEND = vector_send,
	STORAGE = external
);
COMMENT ON TYPE vector IS
	'vector of 1 to 16000 finite 4-byte floats; vector(n) holds exactly n; takes 4 * n + 8 bytes';

-- Distances

CREATE FUNCTION l2_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'vseg_vector_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_distance(vector, vector) IS
	'Euclidean distance: 0 or more, Infinity on overflow; error if the dimensions differ';

CREATE FUNCTION inner_product(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'vseg_vector_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION inner_product(vector, vector) IS
	'inner product: any value, infinite on overflow; error if the dimensions differ';

CREATE FUNCTION cosine_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'vseg_vector_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cosine_distance(vector, vector) IS
	'1 - cosine of the angle: 0 to 2, NaN if either vector is zero; error if the dimensions differ';

CREATE FUNCTION l1_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'vseg_vector_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l1_distance(vector, vector) IS
	'taxicab distance: 0 or more, Infinity on overflow; error if the dimensions differ';

CREATE FUNCTION vector_l2_squared_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'vseg_vector_l2_squared_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_l2_squared_distance(vector, vector) IS
	'square of the Euclidean distance: 0 or more, Infinity on overflow; error if the dimensions differ';

CREATE FUNCTION vector_negative_inner_product(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'vseg_vector_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_negative_inner_product(vector, vector) IS
	'inner product times -1, so that the nearest comes first; error if the dimensions differ';

CREATE FUNCTION vector_spherical_distance(vector, vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'vseg_vector_spherical_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_spherical_distance(vector, vector) IS
	'angle between two vectors of length 1, in half turns: 0 to 1; error if the dimensions differ';

-- Functions of one vector

CREATE FUNCTION vector_dims(vector) RETURNS integer
	AS 'MODULE_PATHNAME', 'vseg_vector_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_dims(vector) IS 'number of dimensions: 1 to 16000';

CREATE FUNCTION vector_norm(vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'vseg_vector_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_norm(vector) IS 'Euclidean norm: 0 or more';

CREATE FUNCTION l2_normalize(vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'vseg_vector_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_normalize(vector) IS
	'the vector of Euclidean norm 1 in the same direction; a zero vector stays zero';

CREATE FUNCTION binary_quantize(vector) RETURNS bit
	AS 'MODULE_PATHNAME', 'vseg_vector_binary_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binary_quantize(vector) IS
	'one bit for each element: 1 where it is greater than zero';

CREATE FUNCTION subvector(vector, integer, integer) RETURNS vector
	AS 'MODULE_PATHNAME', 'vseg_vector_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subvector(vector, integer, integer) IS
	'elements from a start, counted from 1, as many as the count says and the vector has; error if none';

-- Arithmetic

CREATE FUNCTION vector_add(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'vseg_vector_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_add(vector, vector) IS
	'sums of the elements; error on overflow or if the dimensions differ';

CREATE FUNCTION vector_sub(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'vseg_vector_sub' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_sub(vector, vector) IS
	'differences of the elements; error on overflow or if the dimensions differ';

CREATE FUNCTION vector_mul(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'vseg_vector_mul' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_mul(vector, vector) IS
	'products of the elements; error on overflow, underflow or if the dimensions differ';

CREATE FUNCTION vector_concat(vector, vector) RETURNS vector
	AS 'MODULE_PATHNAME', 'vseg_vector_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_concat(vector, vector) IS
	'the elements of the first, then those of the second; error above 16000 dimensions';

-- Comparison

CREATE FUNCTION vector_lt(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vseg_vector_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_lt(vector, vector) IS 'implementation of < operator';

CREATE FUNCTION vector_le(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vseg_vector_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_le(vector, vector) IS 'implementation of <= operator';

CREATE FUNCTION vector_eq(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vseg_vector_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_eq(vector, vector) IS 'implementation of = operator';

CREATE FUNCTION vector_ne(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vseg_vector_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_ne(vector, vector) IS 'implementation of <> operator';

CREATE FUNCTION vector_ge(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vseg_vector_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_ge(vector, vector) IS 'implementation of >= operator';

CREATE FUNCTION vector_gt(vector, vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'vseg_vector_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_gt(vector, vector) IS 'implementation of > operator';

CREATE FUNCTION vector_cmp(vector, vector) RETURNS integer
	AS 'MODULE_PATHNAME', 'vseg_vector_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_cmp(vector, vector) IS
	'-1, 0 or 1: the first differing element decides, then the number of dimensions';

-- Aggregates

CREATE FUNCTION vector_accum(double precision[], vector) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'vseg_vector_accum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_accum(double precision[], vector) IS
	'aggregate transition function; the state is the number of rows, then the sum of each element';

CREATE FUNCTION vector_combine(double precision[], double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'vseg_vector_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_combine(double precision[], double precision[]) IS
	'aggregate combine function; the state is the number of rows, then the sum of each element';

CREATE FUNCTION vector_avg(double precision[]) RETURNS vector
	AS 'MODULE_PATHNAME', 'vseg_vector_avg' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_avg(double precision[]) IS
	'aggregate final function: the mean, NULL where the state counts no rows';

CREATE AGGREGATE avg(vector) (
	SFUNC = vector_accum,
	STYPE = double precision[],
	FINALFUNC = vector_avg,
	COMBINEFUNC = vector_combine,
	INITCOND = '{0}',
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(vector) IS
	'the mean of all input vectors that are not null, summed in double precision; error if their dimensions differ';

CREATE AGGREGATE sum(vector) (
	SFUNC = vector_add,
	STYPE = vector,
	COMBINEFUNC = vector_add,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE sum(vector) IS
	'the sum of all input vectors that are not null; error on overflow or if their dimensions differ';

-- Casts

CREATE FUNCTION vector(vector, integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'vseg_vector_to_typmod' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector(vector, integer, boolean) IS
	'the vector itself; error if it has not the expected dimensions';

CREATE FUNCTION array_to_vector(integer[], integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'vseg_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vector(integer[], integer, boolean) IS
	'one element for each of the array''s; error if it is not 1-D, contains nulls or has not the expected dimensions';

CREATE FUNCTION array_to_vector(real[], integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'vseg_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vector(real[], integer, boolean) IS
	'one element for each of the array''s; error if it is not 1-D, contains nulls, NaN or infinite values or has not the expected dimensions';

CREATE FUNCTION array_to_vector(double precision[], integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'vseg_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vector(double precision[], integer, boolean) IS
	'one element for each of the array''s, rounded; error if it is not 1-D, contains nulls, NaN or values beyond a 4-byte float''s range or has not the expected dimensions';

CREATE FUNCTION array_to_vector(numeric[], integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'vseg_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vector(numeric[], integer, boolean) IS
	'one element for each of the array''s, rounded; error if it is not 1-D, contains nulls, NaN or values beyond a 4-byte float''s range or has not the expected dimensions';

CREATE FUNCTION vector_to_float4(vector, integer, boolean) RETURNS real[]
	AS 'MODULE_PATHNAME', 'vseg_vector_to_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_to_float4(vector, integer, boolean) IS 'the elements, as a 1-D array';

CREATE CAST (vector AS vector)
	WITH FUNCTION vector(vector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (vector AS vector) IS 'checks the number of dimensions';
CREATE CAST (vector AS real[])
	WITH FUNCTION vector_to_float4(vector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (vector AS real[]) IS 'the elements, as a 1-D array';
CREATE CAST (integer[] AS vector)
	WITH FUNCTION array_to_vector(integer[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS vector) IS '1-D array without nulls, rounded to 4-byte floats';
CREATE CAST (real[] AS vector)
	WITH FUNCTION array_to_vector(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS vector) IS '1-D array of finite numbers, without nulls';
CREATE CAST (double precision[] AS vector)
	WITH FUNCTION array_to_vector(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS vector) IS
	'1-D array of finite numbers, without nulls, rounded to 4-byte floats';
CREATE CAST (numeric[] AS vector)
	WITH FUNCTION array_to_vector(numeric[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS vector) IS
	'1-D array of finite numbers, without nulls, rounded to 4-byte floats';

-- Operators

CREATE OPERATOR <-> (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = l2_distance, COMMUTATOR = '<->'
);
COMMENT ON OPERATOR <-> (vector, vector) IS 'Euclidean (L2) distance';
CREATE OPERATOR <#> (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_negative_inner_product,
	COMMUTATOR = '<#>'
);
COMMENT ON OPERATOR <#> (vector, vector) IS 'negative inner product';
CREATE OPERATOR <=> (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = cosine_distance, COMMUTATOR = '<=>'
);
COMMENT ON OPERATOR <=> (vector, vector) IS 'cosine distance';
CREATE OPERATOR <+> (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = l1_distance, COMMUTATOR = '<+>'
);
COMMENT ON OPERATOR <+> (vector, vector) IS 'taxicab (L1) distance';

CREATE OPERATOR + (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_add, COMMUTATOR = +
);
COMMENT ON OPERATOR + (vector, vector) IS 'add element by element';
CREATE OPERATOR - (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_sub
);
COMMENT ON OPERATOR - (vector, vector) IS 'subtract element by element';
CREATE OPERATOR * (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_mul, COMMUTATOR = *
);
COMMENT ON OPERATOR * (vector, vector) IS 'multiply element by element';
CREATE OPERATOR || (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_concat
);
COMMENT ON OPERATOR || (vector, vector) IS 'concatenate';

CREATE OPERATOR < (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_lt,
	COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (vector, vector) IS 'less than, element by element, then by dimensions';
CREATE OPERATOR <= (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_le,
	COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (vector, vector) IS
	'less than or equal, element by element, then by dimensions';
CREATE OPERATOR = (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_eq,
	COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR = (vector, vector) IS 'equal: same dimensions and same elements';
CREATE OPERATOR <> (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_ne,
	COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (vector, vector) IS 'not equal';
CREATE OPERATOR >= (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_ge,
	COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (vector, vector) IS
	'greater than or equal, element by element, then by dimensions';
CREATE OPERATOR > (
	LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_gt,
	COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (vector, vector) IS 'greater than, element by element, then by dimensions';

CREATE OPERATOR FAMILY vector_ops USING btree;
COMMENT ON OPERATOR FAMILY vector_ops USING btree IS
	'order of vectors: element by element, then by dimensions';
CREATE OPERATOR CLASS vector_ops
	DEFAULT FOR TYPE vector USING btree FAMILY vector_ops AS
	OPERATOR 1 < ,
	OPERATOR 2 <= ,
	OPERATOR 3 = ,
	OPERATOR 4 >= ,
	OPERATOR 5 > ,
	FUNCTION 1 vector_cmp(vector, vector);
COMMENT ON OPERATOR CLASS vector_ops USING btree IS
	'order of vectors: element by element, then by dimensions';

  $types$;
END IF;
END
$do$;

------------------------------------------------------------------------------------------------
-- 2. Access method
------------------------------------------------------------------------------------------------

CREATE FUNCTION vseg_handler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION vseg_handler(internal) IS 'handler of the vseg index access method';

CREATE ACCESS METHOD vseg TYPE INDEX HANDLER vseg_handler;
COMMENT ON ACCESS METHOD vseg IS
	'vector search: ORDER BY column <-> query LIMIT k, through an LSM tree of graph segments';

CREATE FUNCTION vseg_l2_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vseg_l2_support(internal) IS
	'operator class support: says that the metric is Euclidean distance';

CREATE FUNCTION vseg_ip_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vseg_ip_support(internal) IS
	'operator class support: says that the metric is the negative inner product';

CREATE FUNCTION vseg_cosine_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vseg_cosine_support(internal) IS
	'operator class support: says that the metric is cosine distance; zero vectors come last';

CREATE FUNCTION vseg_l1_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vseg_l1_support(internal) IS
	'operator class support: says that the metric is taxicab distance';

-- One operator class for each distance, on the type vector of pgvector's schema, or else ours.
-- pgvector has no <+> before 0.7.
DO $do$
DECLARE
  vector_schema CONSTANT name := coalesce(
    (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
     WHERE e.extname = 'vector'), current_schema());
  class record;
BEGIN
  FOR class IN
    SELECT * FROM (VALUES
      ('vector_l2_ops', 'DEFAULT', '<->', 'vseg_l2_support', 'Euclidean (L2) distance, <->'),
      ('vector_ip_ops', '', '<#>', 'vseg_ip_support', 'negative inner product, <#>'),
      ('vector_cosine_ops', '', '<=>', 'vseg_cosine_support', 'cosine distance, <=>'),
      ('vector_l1_ops', '', '<+>', 'vseg_l1_support', 'taxicab (L1) distance, <+>')
    ) AS classes (name, is_default, operator, support, meaning)
  LOOP
    IF class.operator = '<+>' AND
       to_regoperator(format('%1$I.<+>(%1$I.vector,%1$I.vector)', vector_schema)) IS NULL THEN
      RAISE WARNING 'pgvector has no operator <+>, so vseg has no operator class vector_l1_ops'
        USING HINT = 'Once pgvector has been updated to 0.7 or later, create it: CREATE OPERATOR CLASS '
          'vector_l1_ops FOR TYPE vector USING vseg AS OPERATOR 1 <+> (vector, vector) '
          'FOR ORDER BY float_ops, FUNCTION 1 vseg_l1_support(internal);';
      CONTINUE;
    END IF;
    EXECUTE format(
      'CREATE OPERATOR FAMILY %I USING vseg', class.name);
    EXECUTE format(
      'CREATE OPERATOR CLASS %1$I %2$s FOR TYPE %3$I.vector USING vseg FAMILY %1$I AS '
      'OPERATOR 1 %3$I.%4$s (%3$I.vector, %3$I.vector) FOR ORDER BY pg_catalog.float_ops, '
      'FUNCTION 1 %5$I(internal)',
      class.name, class.is_default, vector_schema, class.operator, class.support);
    EXECUTE format(
      'COMMENT ON OPERATOR FAMILY %I USING vseg IS %L', class.name, class.meaning);
    EXECUTE format(
      'COMMENT ON OPERATOR CLASS %I USING vseg IS %L', class.name, class.meaning);
  END LOOP;
END
$do$;

CREATE FUNCTION vseg_segments(
	index regclass,
	OUT segment_id int4, OUT kind text, OUT state text, OUT tier int4,
	OUT rows int8, OUT dead_rows int8, OUT bytes int8, OUT pages int8
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION vseg_segments(regclass) IS
	'what a vseg index consists of. kind and state: append chain, open for new rows; flat run, open while rows may still come, frozen until a job is sealing it; graph segment, sealed, or merging while a job replaces it (on the primary only); unranked rows, without a distance, where there are any: NULLs and, under cosine, zero vectors. tier: by live rows, as merges that this session has started count them. rows they hold, dead ones included; dead_rows that VACUUM has marked; size in bytes and in pages. A job at work is in pg_stat_progress_create_index. Error if it is not a vseg index';

CREATE FUNCTION vseg_stats(
	index regclass,
	OUT cause text, OUT runs int8, OUT failures int8, OUT rows int8, OUT distances int8,
	OUT page_bytes int8, OUT wal_bytes int8, OUT total_time float8,
	OUT row_amplification float8, OUT byte_amplification float8,
	OUT last_failure text, OUT last_failed timestamptz, OUT retry_at timestamptz,
	OUT late_rows int8, OUT since timestamptz
) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION vseg_stats(regclass) IS
	'what has been done to a vseg index since it was built, a row for each cause: build (CREATE INDEX, REINDEX), flush (rows of a transaction into append pages, usually in its COMMIT), seal (append pages into segments), merge (segments into others), stall (inserters held up), worker (background workers started), search (statements whose searches in strict order returned rows late). runs done to their end; failures: background jobs that an error ended, workers for which no slot was free; rows: vectors written; distances computed between vectors; page_bytes of pages made dirty; wal_bytes; total_time in milliseconds; row_amplification: rows over the rows that builds and flushes took in; byte_amplification: page_bytes and wal_bytes over the bytes of these rows; last_failure: message of the last background job that failed, and last_failed, when; retry_at: while background jobs fail, when the next one is started at the earliest; late_rows: rows returned after farther ones; since when all this is counted. Error if it is not a vseg index';

CREATE FUNCTION vseg_horizon(
	OUT holder text, OUT pid int4, OUT name text, OUT xid_age int4, OUT since timestamptz
) RETURNS SETOF record
	LANGUAGE sql VOLATILE PARALLEL RESTRICTED
BEGIN ATOMIC
	SELECT h.holder, h.pid, h.name, h.xid_age, h.since FROM (
		SELECT CASE a.backend_type WHEN 'walsender' THEN 'standby' ELSE 'transaction' END,
			a.pid, a.application_name, greatest(age(a.backend_xid), age(a.backend_xmin)), a.xact_start
		FROM pg_catalog.pg_stat_activity a
		WHERE (a.datid = (SELECT d.oid FROM pg_catalog.pg_database d
				WHERE d.datname = current_database()) OR a.backend_type = 'walsender')
			AND a.pid <> pg_backend_pid()
			AND a.pid NOT IN (SELECT v.pid FROM pg_catalog.pg_stat_progress_vacuum v)
		UNION ALL
		SELECT 'prepared transaction', NULL, p.gid, age(p.transaction), p.prepared
		FROM pg_catalog.pg_prepared_xacts p WHERE p.database = current_database()
		UNION ALL
		SELECT 'replication slot', s.active_pid, s.slot_name::text, age(s.xmin), NULL
		FROM pg_catalog.pg_replication_slots s
	) h(holder, pid, name, xid_age, since)
	WHERE h.xid_age IS NOT NULL
	ORDER BY h.xid_age DESC, h.since;
END;
COMMENT ON FUNCTION vseg_horizon() IS
	'who keeps replaced space of indexes in this database from being reused, and dead rows from being removed, oldest first: transaction (of another session), standby (by hot_standby_feedback), prepared transaction, replication slot. name: application_name, the global identifier or the slot; xid_age: transaction IDs since; since: when the transaction began or was prepared. Of other users'' transactions it shows what pg_stat_activity does';

CREATE FUNCTION vseg_space_used(
	index regclass,
	OUT bytes int8, OUT segment_bytes int8, OUT free_bytes int8,
	OUT waiting_bytes int8, OUT waiting_members int8, OUT waiting_since timestamptz
) RETURNS record
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION vseg_space_used(regclass) IS
	'what vseg_space shows of the index itself. Error if it is not a vseg index';

CREATE FUNCTION vseg_space(
	index regclass,
	OUT bytes int8, OUT segment_bytes int8, OUT free_bytes int8,
	OUT waiting_bytes int8, OUT waiting_members int8, OUT waiting_since timestamptz,
	OUT holder text, OUT holder_pid int4, OUT holder_name text, OUT holder_xid_age int4,
	OUT holder_since timestamptz
) RETURNS record
	LANGUAGE sql VOLATILE STRICT PARALLEL RESTRICTED
BEGIN ATOMIC
	SELECT s.*, h.*
	FROM vseg_space_used(index) s LEFT JOIN (SELECT * FROM vseg_horizon() LIMIT 1) h
		ON s.waiting_members > 0;
END;
COMMENT ON FUNCTION vseg_space(regclass) IS
	'the space of a vseg index: bytes of its file; segment_bytes of the segments that searches read; free_bytes to be reused; waiting_bytes of waiting_members that were replaced and that transactions may still read, the oldest waiting_since then; and, where anything waits, who holds the horizon, the first row of vseg_horizon. Error if it is not a vseg index';

CREATE PROCEDURE vseg_compact(index regclass)
	AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE vseg_compact(regclass) IS
	'turns the rows of a vseg index into as few graph segments as maintenance_work_mem allows, without dead rows, while the index is in use; for its owner, as a statement of its own';

# What the TAP tests share: a cluster with vseg, tables of vectors made in SQL, the comparison of an
# index's answers with those of a sequential scan, and a look at what reached the WAL.
package VsegTest;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(
  start_cluster
  create_extension_and_helpers
  create_items
  insert_items
  index_agrees
  sql_error
  wait_until wait_until_up
  wal_position
  index_wal_records
  rows_in_tail
  leaked_extents
  threads_of
);

# Vectors have whole coordinates below 1,024, so that squared distances are exact in single
# precision: an index and a sequential scan must return the same distances, digit for digit.
#
# disagreements(table) is empty when the index returns the rows that a sequential scan returns:
# the whole table, each row once, and the nearest k rows of some queries. All of it is read under
# one snapshot (the functions are STABLE), so it may be called while others write. ef_search is so
# large that a graph is walked to its end. relaxed_order returns every row; strict_order drops those
# that it finds late, which in a tail longer than ef_search are few, but some.
my $helpers = <<'SQL';
CREATE FUNCTION vector_of(seed int, dims int DEFAULT 8) RETURNS vector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_agg((hashint8(seed::int8 * 32768 + i) & 1023)::real ORDER BY i)::vector
  FROM generate_series(1, dims) i
$$;

CREATE FUNCTION index_answer(query text, q vector) RETURNS text LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_sort = off SET enable_bitmapscan = off
SET vseg.ef_search = 10000 SET vseg.iterative_scan = relaxed_order SET vseg.segment_search = graph AS $$
DECLARE answer text;
BEGIN
  EXECUTE query INTO answer USING q;
  RETURN answer;
END
$$;

CREATE FUNCTION exact_answer(query text, q vector) RETURNS text LANGUAGE plpgsql STABLE
SET enable_indexscan = off SET enable_bitmapscan = off
SET enable_seqscan = on SET enable_sort = on AS $$
DECLARE answer text;
BEGIN
  EXECUTE query INTO answer USING q;
  RETURN answer;
END
$$;

CREATE FUNCTION compare_answers(items regclass, queries int, k int) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
  dims int := (SELECT atttypmod FROM pg_attribute
               WHERE attrelid = items AND attname = 'embedding');
  whole text := format('SELECT array(SELECT id FROM (SELECT id FROM %s '
                       'ORDER BY embedding <-> $1) s ORDER BY id)', items);
  nearest text := format('SELECT array(SELECT embedding <-> $1 FROM %s '
                         'ORDER BY embedding <-> $1 LIMIT %s)', items, k);
  found text;
  expected text;
  seed int;
BEGIN
  FOR seed IN SELECT -i FROM generate_series(0, queries) i LOOP
    found := index_answer(CASE seed WHEN 0 THEN whole ELSE nearest END, vector_of(seed, dims));
    expected := exact_answer(CASE seed WHEN 0 THEN whole ELSE nearest END, vector_of(seed, dims));
    CONTINUE WHEN found IS NOT DISTINCT FROM expected;
    IF seed <> 0 THEN
      RETURN format('query %s: distances %s by index, %s by table', -seed, found, expected);
    END IF;
    RETURN (SELECT format('rows lost %s, rows too many %s',
      array(SELECT unnest(expected::int8[]) EXCEPT ALL SELECT unnest(found::int8[]) LIMIT 20),
      array(SELECT unnest(found::int8[]) EXCEPT ALL SELECT unnest(expected::int8[]) LIMIT 20)));
  END LOOP;
  RETURN '';
END
$$;

CREATE FUNCTION disagreements(items regclass, queries int DEFAULT 10, k int DEFAULT 10)
RETURNS text LANGUAGE plpgsql
SET enable_seqscan = off SET enable_sort = off SET enable_bitmapscan = off AS $$
DECLARE
  line text;
  used boolean := false;
BEGIN
  FOR line IN EXECUTE format('EXPLAIN SELECT id FROM %s ORDER BY embedding <-> vector_of(1, %s)',
      items, (SELECT atttypmod FROM pg_attribute
              WHERE attrelid = items AND attname = 'embedding')) LOOP
    used := used OR line LIKE '%Index Scan using%';
  END LOOP;
  IF NOT used THEN
    RETURN 'the index is not used';
  END IF;
  RETURN compare_answers(items, queries, k);
END
$$;
SQL

# A running cluster with the extension. `conf`: lines of postgresql.conf; `init`: arguments of
# PostgreSQL::Test::Cluster's init.
sub start_cluster
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(@{ $options{init} || [] });
	$node->append_conf('postgresql.conf', <<'CONF');
autovacuum = off
vseg.tail_seal_rows = 0    # tests of tails count on them
vseg.tail_idle_time = 0    # as often as they are searched
vseg.reuse_delay = 0    # tests of space count on it
max_prepared_transactions = 10
log_statement = none
wal_keep_size = 1GB    # of a standby that is behind when its primary crashes
jit = off    # costs of disabled plans would call for it
CONF
	$node->append_conf('postgresql.conf', $options{conf}) if $options{conf};
	$node->start;
	create_extension_and_helpers($node, 'postgres');
	return $node;
}

sub create_extension_and_helpers
{
	my ($node, $database) = @_;
	$node->safe_psql($database, "CREATE EXTENSION vseg;\n$helpers");
	return;
}

# Table `name` of `rows` rows with ids from 1, and a vseg index `name`_idx on them unless `index` is
# 0. `kind`: such as UNLOGGED; `dims`: of the vectors; `with`: options of the index. VACUUM tells the
# index of every dead row: by default it passes indexes over while dead rows are on less than 2 % of
# the table's pages, as those of one rollback may be.
sub create_items
{
	my ($node, $name, %options) = @_;
	my $dims = $options{dims} || 8;
	my $kind = $options{kind} || '';
	$node->safe_psql('postgres', "CREATE $kind TABLE $name (id int, embedding vector($dims))
	  WITH (vacuum_index_cleanup = on)");
	insert_items($node, $name, 1, $options{rows}) if $options{rows};
	return if defined $options{index} && !$options{index};
	my $with = $options{with} ? "WITH ($options{with})" : '';
	$node->safe_psql('postgres', "CREATE INDEX ${name}_idx ON $name USING vseg (embedding) $with");
	return;
}

sub insert_items
{
	my ($node, $name, $first, $last) = @_;
	$node->safe_psql('postgres', <<"SQL");
INSERT INTO $name SELECT i, vector_of(i, atttypmod)
FROM generate_series($first, $last) i, pg_attribute
WHERE attrelid = '$name'::regclass AND attname = 'embedding'
SQL
	return;
}

# `where` is a node or a background session.
sub index_agrees
{
	my ($where, $items, $test) = @_;
	my $query = "SELECT disagreements('$items')";
	my $found =
	  $where->can('query_safe') ? $where->query_safe($query) : $where->safe_psql('postgres', $query);
	return is($found, '', $test);
}

# The error of a statement as psql shows it, with its SQLSTATE; empty if there is none.
sub sql_error
{
	my ($node, $sql) = @_;
	my ($status, $stdout, $stderr) =
	  $node->psql('postgres', "\\set VERBOSITY verbose\n$sql", on_error_stop => 0);
	return $stderr;
}

# Waits until a query returns true, and says what was waited for when it does not.
sub wait_until
{
	my ($node, $query, $what) = @_;
	$node->poll_query_until('postgres', $query) or die "timed out waiting until $what";
	return;
}

# A psql that finds no server may end before it has read its query, which is an exception here.
sub wait_until_up
{
	my ($node) = @_;
	foreach (1 .. 100)
	{
		return if eval { $node->poll_query_until('postgres', 'SELECT true') };
		usleep(100_000);
	}
	die 'timed out waiting until the server is up';
}

# The end of the WAL, all of it flushed: pg_walinspect reads only what is.
sub wal_position
{
	my ($node) = @_;
	my $lsn = $node->safe_psql('postgres', 'SELECT pg_current_wal_insert_lsn()');
	$node->safe_psql('postgres', q{SELECT pg_logical_emit_message(true, 'vseg', 'flushed')});
	return $lsn;
}

# Number of WAL records from `start` on that change a page of `relation`.
sub index_wal_records
{
	my ($node, $relation, $start) = @_;
	my $end = wal_position($node);
	return $node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION IF NOT EXISTS pg_walinspect;
SELECT count(*) FROM pg_get_wal_records_info('$start', '$end')
WHERE block_ref ~ format('rel %s/%s/%s ', (SELECT dattablespace FROM pg_database
                                           WHERE datname = current_database()),
                         (SELECT oid FROM pg_database WHERE datname = current_database()),
                         pg_relation_filenode('$relation'))
SQL
}

# Rows in the append pages of an index, whatever became of their transactions.
sub rows_in_tail
{
	my ($node, $index) = @_;
	return $node->safe_psql('postgres',
		"SELECT sum(rows) FROM vseg_segments('$index') WHERE kind = 'append chain'");
}

# Extents that the allocation map says are taken and that the index does not consist of. Only right
# when its chains are empty, as after vseg_compact: each has a header page, and nothing else. The
# index has one map page, up to 34 GB.
sub leaked_extents
{
	my ($node, $index) = @_;
	return $node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION IF NOT EXISTS pageinspect;
SELECT greatest(0, bit_count(substr(get_raw_page('$index', 1), 25, 8160))
  - 1 - sum(CASE kind WHEN 'graph segment' THEN (pages + 63) / 64
  WHEN 'unranked rows' THEN (pages + 62) / 64 ELSE 1 END))
FROM vseg_segments('$index')
SQL
}

sub threads_of
{
	my ($pid) = @_;
	my @tasks = glob("/proc/$pid/task/*");
	return scalar(@tasks);
}

1;

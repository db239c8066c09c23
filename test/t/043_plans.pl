# The planner takes the index for the nearest rows whatever has become of it since it was built, and
# leaves it where another way is faster. Vectors are in the type's own storage: out of line from
# about 500 dimensions on.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $primary = start_cluster(
	'primary',
	init => [ allows_streaming => 1 ],
	conf => 'max_worker_processes = 8');

# A few rows are made; the others are these with their coordinates moved round, which is faster.
$primary->safe_psql('postgres', <<'SQL');
CREATE FUNCTION moved(v vector, by int) RETURNS vector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT vector_concat(subvector(v, by + 1, vector_dims(v) - by), subvector(v, 1, by))
$$;
CREATE FUNCTION fill(items regclass, dims int, first int, last int) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('INSERT INTO %s WITH made AS MATERIALIZED (
      SELECT i, vector_of(i, %s) v FROM generate_series(0, 49) i)
    SELECT id, moved(v, 1 + id / 50 %% (%2$s - 2)), id %% 100
    FROM generate_series(%s, %s) id JOIN made ON i = id %% 50', items, dims, first, last);
END
$$;
CREATE FUNCTION scan_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
    IF line ~ 'Scan' THEN
      RETURN substring(line FROM '(?:[[:alpha:]]+ )+Scan(?: using \w+)?');
    END IF;
  END LOOP;
END
$$;
CREATE FUNCTION nearest(items text, dims int, k text DEFAULT '10') RETURNS text LANGUAGE sql AS $$
  SELECT format('SELECT id FROM %s ORDER BY embedding <-> %L LIMIT %s', items, vector_of(-1, dims), k)
$$;
CREATE PROCEDURE make(items text, dims int, rows int) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TABLE %s (id int, embedding vector(%s), part int)', items, dims);
  PERFORM fill(items::regclass, dims, 1, rows);
  EXECUTE format('CREATE INDEX %1$s_idx ON %1$s USING vseg (embedding) '
                 'WITH (m = 8, ef_construction = 20)', items);
END
$$;
SQL

sub scan_is
{
	my ($node, $statement, $expected, $what) = @_;
	return is($node->safe_psql('postgres', "SELECT scan_of(\$s\$$statement\$s\$)"), $expected, $what);
}

sub nearest
{
	my ($items, $dims, $k) = @_;
	$k ||= 10;
	return $primary->safe_psql('postgres', "SELECT nearest('$items', $dims, '$k')");
}

# Tails of 1 to 40 %, and what VACUUM and compaction make of them.
my %rows = (32 => 6000, 128 => 4000, 384 => 4000, 768 => 1500, 1536 => 1000);
foreach my $dims (sort { $a <=> $b } keys %rows)
{
	my $items = "d$dims";
	my $rows = $rows{$dims};
	$primary->safe_psql('postgres', "CALL make('$items', $dims, $rows); ANALYZE $items");
	my $uses_index = sub {
		scan_is($primary, nearest($items, $dims), "Index Scan using ${items}_idx", "$rows x $dims: $_[0]");
	};
	$uses_index->('built');
	my $last = $rows;
	foreach my $percent (1, 5, 10, 20, 40)
	{
		my $next = $rows + $rows * $percent / 100;
		$primary->safe_psql('postgres', "SELECT fill('$items', $dims, $last + 1, $next)");
		$last = $next;
		$uses_index->("$percent % appended");
	}
	$primary->safe_psql('postgres', "DELETE FROM $items WHERE id % 20 = 0; VACUUM $items");
	$uses_index->('a twentieth deleted, and VACUUM without ANALYZE');
	$primary->safe_psql('postgres', "ANALYZE $items");
	$uses_index->('ANALYZE');
	$primary->safe_psql('postgres', "CALL vseg_compact('${items}_idx')");
	$uses_index->('compacted');
	$primary->safe_psql('postgres', "SELECT fill('$items', $dims, $last + 1, $last + 1)");
	$uses_index->('compacted, and a row appended');
	$primary->safe_psql('postgres', "VACUUM ANALYZE $items");
	$uses_index->('compacted, a row appended, and VACUUM ANALYZE');
	$primary->safe_psql('postgres', "UPDATE $items SET part = part + 1; VACUUM $items");
	$uses_index->('every row updated, and VACUUM without ANALYZE');
}

# Whatever the costs of pages are, and whatever plan is made for parameters.
foreach my $dims (128, 768)
{
	my $index = "Index Scan using d${dims}_idx";
	foreach my $cost (1, 1.1, 4, 40)
	{
		is( $primary->safe_psql('postgres',
				"SET random_page_cost = $cost; SELECT scan_of(\$s\$" . nearest("d$dims", $dims) . '$s$)'),
			$index, "$dims dimensions, random_page_cost $cost");
	}
	foreach my $mode ('force_generic_plan', 'force_custom_plan')
	{
		is( $primary->safe_psql('postgres', <<"SQL"), $index, "$dims dimensions, LIMIT \$2, $mode");
SET plan_cache_mode = $mode;
PREPARE p (vector, int) AS SELECT id FROM d$dims ORDER BY embedding <-> \$1 LIMIT \$2;
SELECT scan_of(format('EXECUTE p(%L, 10)', vector_of(-1, $dims)));
SQL
		# All rows are appended by now: at 128 dimensions both ways take about the same time.
		next if $dims == 128;
		is( $primary->safe_psql('postgres', <<"SQL"), $index, "$dims dimensions, a filter by \$2, $mode");
SET plan_cache_mode = $mode;
PREPARE p (vector, int) AS SELECT id FROM d$dims WHERE part > \$2 ORDER BY embedding <-> \$1 LIMIT 10;
SELECT scan_of(format('EXECUTE p(%L, 50)', vector_of(-1, $dims)));
SQL
	}
	is( $primary->safe_psql('postgres', <<"SQL"), 't', "$dims dimensions, LATERAL");
CREATE TEMP TABLE plan (line text);
DO \$\$
DECLARE line text;
BEGIN
  FOR line IN EXPLAIN (COSTS OFF) SELECT q.id, n.id FROM (SELECT * FROM d$dims WHERE id < 20) q,
      LATERAL (SELECT id FROM d$dims n ORDER BY n.embedding <-> q.embedding LIMIT 5) n LOOP
    INSERT INTO plan VALUES (line);
  END LOOP;
END
\$\$;
SELECT bool_or(line ~ '$index') FROM plan;
SQL
	is( $primary->safe_psql('postgres',
			'SELECT scan_of($s$' . nearest("d$dims", $dims) . ' OFFSET 20$s$)'),
		$index, "$dims dimensions, OFFSET");
}

# Partitions: each is searched by its own index.
$primary->safe_psql('postgres', <<'SQL');
CREATE TABLE parts (id int, embedding vector(768), part int) PARTITION BY HASH (id);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES WITH (MODULUS 3, REMAINDER 2);
CREATE INDEX parts_idx ON parts USING vseg (embedding) WITH (m = 8, ef_construction = 20);
SELECT fill('parts', 768, 1, 1500);
CREATE FUNCTION index_scans(statement text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  line text;
  scans int := 0;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
    scans := scans + (line ~ 'Index Scan using parts_._embedding_idx')::int;
  END LOOP;
  RETURN scans;
END
$$;
SQL
my $nearest_parts = nearest('parts', 768);
sub index_scans { $primary->safe_psql('postgres', "SELECT index_scans(\$s\$$nearest_parts\$s\$)") }
is(index_scans(), 3, 'partitions that have only a tail');
$primary->safe_psql('postgres', "SET vseg.tail_seal_rows = 0; VACUUM ANALYZE parts");
is(index_scans(), 3, 'partitions, analyzed');
$primary->safe_psql('postgres',
	join(';', map { "CALL vseg_compact('parts_${_}_embedding_idx')" } 0 .. 2)
	  . ";SELECT fill('parts', 768, 1501, 1700)");
is(index_scans(), 3, 'partitions, compacted, with a tail');

# While a merge is under way, and when it has displaced what it merged.
$primary->safe_psql('postgres', "SELECT fill('d768', 768, 5001, 5300)");
my $gate = $primary->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
my $compacting = $primary->background_psql('postgres');
$compacting->query_safe("SET vseg.fault_point = 'merge-written'");
$compacting->query_until(qr/started/, "\\echo started\nCALL vseg_compact('d768_idx');\n");
wait_until($primary, q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 1},
	'the merge is written');
scan_is($primary, nearest('d768', 768), 'Index Scan using d768_idx', 'while a merge is under way');
$gate->query_safe('SELECT pg_advisory_unlock_all()');
$compacting->quit;
$gate->quit;
scan_is($primary, nearest('d768', 768), 'Index Scan using d768_idx', 'after the merge');

# What another way answers faster.
$primary->safe_psql('postgres', <<'SQL');
CREATE INDEX d768_part ON d768 (part);
VACUUM ANALYZE d768;
CALL make('tiny', 3, 20);
ANALYZE tiny;
SQL
unlike($primary->safe_psql('postgres', "SELECT scan_of(\$s\$$_->[1]\$s\$)"), qr/_idx/, $_->[0])
  foreach (
	[ 'a selective filter', nearest('d768 WHERE part = 7', 768) ],
	[ 'a selective filter without an index of its own', nearest('d32 WHERE part = 7', 32) ],
	[ 'all rows in order', nearest('d768', 768, 'ALL') ],
	[ 'nearly all rows in order', nearest('d32', 32, 6000) ],
	[ 'a tiny table', nearest('tiny', 3) ]);
scan_is($primary, nearest('d768 WHERE part > 10', 768), 'Index Scan using d768_idx',
	'a filter that most rows pass');

# On a standby.
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
foreach my $dims (sort { $a <=> $b } keys %rows)
{
	$primary->safe_psql('postgres', "SELECT fill('d$dims', $dims, 10001, 10100)");
}
$primary->wait_for_catchup($standby);
scan_is($standby, nearest("d$_", $_), "Index Scan using d${_}_idx", "$_ dimensions, on a standby")
  foreach (sort { $a <=> $b } keys %rows);
$standby->stop;

# An index that cannot be read is an error, which says so, until index scans are forbidden.
my $path = $primary->safe_psql('postgres', "SELECT pg_relation_filepath('tiny_idx')");
$primary->stop;
open(my $file, '+<:raw', $primary->data_dir . "/$path") or die "could not open $path: $!";
print $file "\0" x 8192;
close($file);
$primary->start;
my $of_tiny = nearest('tiny', 3);
like(sql_error($primary, $of_tiny), qr/ERROR:  XX002: .*HINT:  REINDEX/s, 'a damaged index');
is(sql_error($primary, "SET enable_indexscan = off; $of_tiny"), '', 'a damaged index, not asked');

$primary->stop;
done_testing();

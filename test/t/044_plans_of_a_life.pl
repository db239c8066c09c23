# Eleven days of a table: rows come, change and go, VACUUM runs with and without ANALYZE, workers seal
# and merge. After each step the nearest rows are found by the index. The mix is the same every time:
# VSEG_SEED makes another.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $seed = $ENV{VSEG_SEED} || 11;
srand($seed);
diag("VSEG_SEED=$seed");

my $node = start_cluster('node', conf => <<'CONF');
max_worker_processes = 8
vseg.tail_seal_rows = 250
vseg.memtable_size = 64kB
CONF

# Rows are drawn from a pool, moved round by some coordinates, which makes new ones fast.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION moved(v vector, by int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
  SELECT vector_concat(subvector(v, by + 1, vector_dims(v) - by), subvector(v, 1, by))
$$;
CREATE FUNCTION is_by_index(items text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE format('EXPLAIN SELECT id FROM %1$s ORDER BY embedding <-> %2$L LIMIT 10',
      items, (SELECT embedding FROM pool WHERE vector_dims(embedding) =
        (SELECT atttypmod FROM pg_attribute
         WHERE attrelid = items::regclass AND attname = 'embedding') LIMIT 1)) LOOP
    IF line LIKE '%Index Scan using ' || items || '_idx%' THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END
$$;
CREATE TABLE pool (i int, embedding vector);
SQL

my %rows = (384 => 4000, 768 => 1500, 1536 => 1000);
my %last;

sub insert
{
	my ($dims, $count) = @_;
	my $first = $last{$dims} + 1;
	$last{$dims} += $count;
	my $turn = 1 + int(rand(300));
	return "INSERT INTO d$dims SELECT id, moved(p.embedding, $turn + id / 50 % 80), 'a text'
	  FROM generate_series($first, $last{$dims}) id JOIN pool p
	  ON p.i = id % 50 AND vector_dims(p.embedding) = $dims";
}

sub some_of
{
	my ($share) = @_;
	my $every = int(1 / $share);
	return "id % $every = " . int(rand($every));
}

sub step
{
	my ($dims) = @_;
	my $rows = $rows{$dims};
	my @steps = (
		sub { insert($dims, int($rows * (0.02 + rand() / 8))) },
		sub { insert($dims, 1) },
		sub { "UPDATE d$dims SET body = body || '.' WHERE " . some_of(0.1) },
		sub { "UPDATE d$dims SET embedding = moved(embedding, 1) WHERE " . some_of(0.05) },
		sub { "DELETE FROM d$dims WHERE " . some_of(0.05) },
		sub { "DELETE FROM d$dims WHERE id <= " . int($last{$dims} / 10) },
		sub { "BEGIN; " . insert($dims, int($rows / 10)) . '; ROLLBACK' },
		sub { "VACUUM d$dims" },
		sub { "VACUUM (INDEX_CLEANUP on) d$dims" },
		sub { "VACUUM ANALYZE d$dims" },
		sub { "CALL vseg_compact('d${dims}_idx')" });
	return $steps[int(rand(@steps))]->();
}

sub has_index
{
	my ($dims) = @_;
	return $node->safe_psql('postgres', "SELECT is_by_index('d$dims')") eq 't';
}

foreach my $dims (sort { $a <=> $b } keys %rows)
{
	$last{$dims} = 0;
	$node->safe_psql('postgres',
		"INSERT INTO pool SELECT i, vector_of(i, $dims) FROM generate_series(0, 49) i;
		 CREATE TABLE d$dims (id int PRIMARY KEY, embedding vector($dims), body text);" . insert($dims, $rows{$dims}) . ";
		 CREATE INDEX d${dims}_idx ON d$dims USING vseg (embedding) WITH (m = 8, ef_construction = 20);
		 ANALYZE d$dims");
	my @left;
	foreach my $day (1 .. 11)
	{
		# Each day ends as autovacuum ends it: without ANALYZE on most days.
		foreach my $sql ((map { step($dims) } 1 .. 4), insert($dims, int($rows{$dims} / 20)),
			($day % 4 == 0 ? 'VACUUM ANALYZE' : 'VACUUM') . " d$dims")
		{
			$node->safe_psql('postgres', $sql);
			push @left, "day $day, after $sql" unless has_index($dims);
		}
	}
	wait_until($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vseg worker'},
		'the workers are done');
	push @left, 'when the workers are done' unless has_index($dims);
	is_deeply(\@left, [], "$dims dimensions: the index is chosen on every day");
	cmp_ok(
		$node->safe_psql('postgres',
			"SELECT sum(runs) FROM vseg_stats('d${dims}_idx') WHERE cause IN ('seal', 'merge')"),
		'>', 0, "$dims dimensions: segments were sealed or merged meanwhile");
}

$node->stop;
done_testing();

# Background workers merge segments by size and drop dead rows, while others seal, insert and delete.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster('primary', conf => 'vseg.tail_seal_rows = 800');

sub no_worker
{
	wait_until($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vseg worker'},
		"no worker is at work: $_[0]");
	return;
}

sub set_fault_point
{
	my ($point) = @_;
	$node->safe_psql('postgres', "LOAD 'vseg'; ALTER SYSTEM SET vseg.fault_point = '$point'");
	$node->reload;
	wait_until($node, "SELECT coalesce(current_setting('vseg.fault_point', true), '') = '$point'",
		'the fault point is set');
	return;
}

sub segments_of
{
	my ($items, $what) = @_;
	return $node->safe_psql('postgres',
		"SELECT $what FROM vseg_segments('${items}_idx') WHERE kind = 'graph segment'");
}

# Seal after seal: the number of segments grows as the logarithm of the rows does.
create_items($node, 'items');
my $most = 0;
foreach my $round (1 .. 24)
{
	insert_items($node, 'items', 1000 * $round + 1, 1000 * $round + 1000);
	no_worker('seals');
	my $count = segments_of('items', 'count(*)');
	$most = $count if $count > $most;
}
is(segments_of('items', 'sum(rows)') + rows_in_tail($node, 'items_idx'), 24000, 'every row is there once');
cmp_ok($most, '<=', 9, "three segments a tier, three tiers: at most $most");
cmp_ok(segments_of('items', 'max(tier)'), '>=', 1, 'tiers are shown');
index_agrees($node, 'items', 'the index agrees after seals and merges');

# VACUUM has a segment with many dead rows written anew, and one with few left alone.
create_items($node, 'dying', rows => 3000);
$node->safe_psql('postgres', 'DELETE FROM dying WHERE id % 10 = 0; VACUUM dying');
no_worker('a tenth is dead');
is(segments_of('dying', 'sum(dead_rows)'), 300, 'a tenth of dead rows is left alone');
$node->safe_psql('postgres', 'DELETE FROM dying WHERE id % 10 < 3; VACUUM dying');
wait_until($node, q{SELECT sum(dead_rows) = 0 FROM vseg_segments('dying_idx')}, 'dead rows are dropped');
is(segments_of('dying', 'sum(rows)'), 2100, 'the living are kept');
index_agrees($node, 'dying', 'the index agrees after dead rows were dropped');
$node->safe_psql('postgres', 'ALTER INDEX dying_idx SET (compact_dead_fraction = 0.01)');
$node->safe_psql('postgres', 'DELETE FROM dying WHERE id % 10 = 5; VACUUM dying');
wait_until($node, q{SELECT sum(rows) = 1800 FROM vseg_segments('dying_idx')}, 'the option is heeded');
$node->safe_psql('postgres', 'DELETE FROM dying; VACUUM dying');
wait_until($node, q{SELECT count(*) = 1 FROM vseg_segments('dying_idx')}, 'a dead segment goes');
insert_items($node, 'dying', 1, 100);
index_agrees($node, 'dying', 'the index agrees after all rows had died');

# While one worker merges another one seals; what dies in the inputs meanwhile stays dead.
no_worker('before the long merge');
my $gate = $node->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
create_items($node, 'busy', rows => 2000);
set_fault_point('merge-written');
$node->safe_psql('postgres', 'DELETE FROM busy WHERE id % 3 = 0; VACUUM busy');
wait_until($node, q{SELECT count(*) = 1 FROM pg_locks JOIN pg_stat_activity USING (pid)
  WHERE locktype = 'advisory' AND objid = 1 AND query LIKE 'merging%'}, 'a worker merges');
set_fault_point('');
insert_items($node, 'busy', 3001, 5000);
wait_until($node, q{SELECT count(*) = 2 FROM vseg_segments('busy_idx') WHERE kind = 'graph segment'},
	'another worker seals');
$node->safe_psql('postgres', 'DELETE FROM busy WHERE id % 3 = 1; VACUUM busy');
insert_items($node, 'busy', 6001, 6700);
index_agrees($node, 'busy', 'the index agrees beside a merge');
$gate->query_safe('SELECT pg_advisory_unlock_all()');
no_worker('both are done');
index_agrees($node, 'busy', 'the index agrees after the merge');
is($node->safe_psql('postgres', q{SELECT sum(rows - dead_rows) FROM vseg_segments('busy_idx')}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM busy'), 'no row is lost, doubled or alive again');
$gate->quit;

# Everything at once.
my $dir = PostgreSQL::Test::Utils::tempdir;
append_to_file("$dir/write.sql", <<'SQL');
\set id random(100000, 100000000)
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(:id, :id + 60) i;
SQL
append_to_file("$dir/delete.sql", <<'SQL');
\set id random(10000, 100000000)
DELETE FROM items WHERE ctid IN (SELECT ctid FROM items ORDER BY embedding <-> vector_of(:id) LIMIT 60);
SQL
append_to_file("$dir/compare.sql", "SELECT 1 / (compare_answers('items', 2, 10) = '')::int;\n");
append_to_file("$dir/vacuum.sql", "VACUUM items;\n");
append_to_file("$dir/compact.sql", "CALL vseg_compact('items_idx');\n");
$node->command_checks_all(
	[
		'pgbench', '-n', '-c', '4', '-j', '2', '-T', '15',
		'-f', "$dir/write.sql\@30", '-f', "$dir/delete.sql\@20", '-f', "$dir/compare.sql\@3",
		'-f', "$dir/vacuum.sql\@2", '-f', "$dir/compact.sql\@1", 'postgres'
	],
	0,
	[qr/number of failed transactions: 0 /],
	[qr/\A\z/],
	'clients meet no error while everything goes on');
no_worker('afterwards');
index_agrees($node, 'items', 'the index agrees afterwards');
$node->safe_psql('postgres', 'VACUUM items');
no_worker('after VACUUM');
is($node->safe_psql('postgres', q{SELECT sum(rows - dead_rows) FROM vseg_segments('items_idx')}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM items'), 'no row is lost or doubled');
unlike(slurp_file($node->logfile), qr/PANIC|corrupt|leak/, 'no worker met an error');
$node->stop;
done_testing();

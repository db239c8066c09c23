# Several append chains: opened where inserters wait for one another, frozen together, right under
# concurrent inserts, VACUUM, a crash and on a standby.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster(
	'primary',
	init => [ allows_streaming => 1 ],
	conf => "wal_consistency_checking = 'all'\nrestart_after_crash = on");
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;

sub members
{
	my ($items) = @_;
	return $node->safe_psql('postgres', "SELECT string_agg(format('%s %s', count, kind), ', ' ORDER BY kind)
	  FROM (SELECT kind, count(*) FROM vseg_segments('${items}_idx') GROUP BY kind) k");
}

sub insert_rows
{
	my ($items, $first, $last) = @_;
	return "INSERT INTO $items SELECT i, vector_of(i, atttypmod) FROM generate_series($first, $last) i,
	  pg_attribute WHERE attrelid = '$items'::regclass AND attname = 'embedding';\n";
}

# Every lock of a tail counts as contended.
sub insert_contended
{
	my ($items, $first, $last) = @_;
	$node->safe_psql('postgres', "LOAD 'vseg'; SET vseg.fault_point = 'tail-contended';\n" . join '',
		map { insert_rows($items, 20 * $_ + $first, 20 * $_ + $first + 19) }
		  0 .. ($last - $first) / 20);
	return;
}

create_items($node, 'items', rows => 100);
is(members('items'), '1 append chain, 1 graph segment', 'an index begins with one chain');
insert_items($node, 'items', 101, 200);
is(members('items'), '1 append chain, 1 graph segment', 'an inserter that need not wait keeps it so');
insert_contended('items', 201, 600);
is(members('items'), '4 append chain, 1 graph segment', 'others are opened up to four');
index_agrees($node, 'items', 'the index agrees');
is(rows_in_tail($node, 'items_idx'), 500, 'each row is in one chain');
is($node->safe_psql('postgres', q{SELECT count(*) FROM vseg_segments('items_idx')
  WHERE kind = 'append chain' AND rows = 0}), 0, 'no chain was opened for nothing');

# What a backend has seen of one index says nothing of others.
create_items($node, 'quiet', rows => 100);
$node->safe_psql('postgres', "LOAD 'vseg'; SET vseg.fault_point = 'tail-contended';\n"
	  . insert_rows('items', 601, 620) . "RESET vseg.fault_point;\n"
	  . insert_rows('quiet', 101, 120) . insert_rows('quiet', 121, 140));
is(members('quiet'), '1 append chain, 1 graph segment', 'an index without contention keeps one chain');
is(members('items'), '4 append chain, 1 graph segment', 'four chains stay four');
index_agrees($node, $_, "$_: the index agrees") foreach 'items', 'quiet';

# VACUUM finds dead rows in all of them, and their space.
$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 3 = 0');
$node->safe_psql('postgres', 'VACUUM items');
insert_items($node, 'items', 1001, 1200);
index_agrees($node, 'items', 'the index agrees after addresses were reused');
$node->safe_psql('postgres', 'SELECT txid_current(); VACUUM items');
index_agrees($node, 'items', 'the index agrees after the sweep');

# A crash.
$node->stop('immediate');
$node->start;
is(members('items'), '4 append chain, 1 graph segment', 'a crash leaves them');
index_agrees($node, 'items', 'the index agrees after a crash');

# Frozen together: one chain follows.
$node->safe_psql('postgres', q{CALL vseg_compact('items_idx')});
is(members('items'), '1 append chain, 1 graph segment', 'all of them are sealed');
index_agrees($node, 'items', 'the index agrees after compaction');
is($node->safe_psql('postgres', q{SELECT sum(rows - dead_rows) FROM vseg_segments('items_idx')}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM items'), 'no row is lost or doubled');

# Interrupted behind the freeze: the runs are searched, and sealed by the next one.
insert_contended('items', 2001, 2400);
my $gate = $node->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$session->query_safe(q{LOAD 'vseg'; SET vseg.fault_point = 'chain-frozen'});
$session->query_until(qr/started/,
	"\\echo started\nCALL vseg_compact('items_idx');\n\\echo ended :SQLSTATE\n");
wait_until($node, "SELECT count(*) = 1 FROM pg_locks WHERE pid = $pid AND locktype = 'advisory'",
	'the chains are frozen');
is(members('items'), '1 append chain, 4 flat run, 1 graph segment', 'all chains are runs');
insert_items($node, 'items', 2501, 2600);
index_agrees($node, 'items', 'the index agrees meanwhile');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
like($session->query_until(qr/ended \w+/, ''), qr/ended 57014/, 'compaction is cancelled');
$gate->query_safe('SELECT pg_advisory_unlock_all()');
index_agrees($node, 'items', 'the index agrees after the interruption');
$node->safe_psql('postgres', q{CALL vseg_compact('items_idx')});
is(members('items'), '1 append chain, 1 graph segment', 'the next one seals chain and runs');
index_agrees($node, 'items', 'the index agrees after compaction');
$session->quit;

# A flush that has begun in a chain that is sealed meanwhile goes on in another, with that chain's
# own codes.
create_items($node, 'wide', rows => 50, dims => 300);
insert_items($node, 'wide', 51, 150);
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
my $writer = $node->background_psql('postgres');
$pid = $writer->query_safe('SELECT pg_backend_pid()');
$writer->query_safe(q{LOAD 'vseg'; SET vseg.fault_point = 'append-batch'});
$writer->query_until(qr/started/, "\\echo started\n" . insert_rows('wide', 151, 900) . "\\echo ended\n");
wait_until($node, "SELECT count(*) = 1 FROM pg_locks WHERE pid = $pid AND locktype = 'advisory'",
	'the first rows are written');
$node->safe_psql('postgres', q{CALL vseg_compact('wide_idx')});
insert_items($node, 'wide', 1001, 1040);
$gate->query_safe('SELECT pg_advisory_unlock_all()');
$writer->query_until(qr/ended/, '');
index_agrees($node, 'wide', 'the index agrees after a flush over two chains');
insert_items($node, 'wide', 2001, 2100);
index_agrees($node, 'wide', 'more rows follow');
is($node->safe_psql('postgres', q{SELECT sum(rows - dead_rows) FROM vseg_segments('wide_idx')}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM wide'), 'no row is lost or doubled');
$writer->quit;

# Many clients at once, while chains are frozen, vacuumed and searched.
create_items($node, 'busy', rows => 100);
my $dir = PostgreSQL::Test::Utils::tempdir;
append_to_file("$dir/write.sql", <<'SQL');
\set id random(10000, 100000000)
INSERT INTO busy SELECT i, vector_of(i) FROM generate_series(:id, :id + 40) i;
SQL
append_to_file("$dir/rollback.sql", <<'SQL');
\set id random(10000, 100000000)
BEGIN;
INSERT INTO busy SELECT i, vector_of(i) FROM generate_series(:id, :id + 40) i;
SELECT id FROM busy ORDER BY embedding <-> vector_of(:id) LIMIT 1;
ROLLBACK;
SQL
append_to_file("$dir/contended.sql", "SET vseg.fault_point = 'tail-contended';\n");
append_to_file("$dir/compare.sql", "SELECT 1 / (compare_answers('busy', 2, 10) = '')::int;\n");
append_to_file("$dir/vacuum.sql", "DELETE FROM busy WHERE id % 7 = 0;\nVACUUM busy;\n");
append_to_file("$dir/compact.sql", "CALL vseg_compact('busy_idx');\n");
$node->safe_psql('postgres', q{ALTER DATABASE postgres SET session_preload_libraries = 'vseg'});
$node->command_checks_all(
	[
		'pgbench', '-n', '-c', '6', '-j', '2', '-T', '10',
		'-f', "$dir/write.sql\@30", '-f', "$dir/rollback.sql\@5", '-f', "$dir/contended.sql\@5",
		'-f', "$dir/compare.sql\@3", '-f', "$dir/vacuum.sql\@1", '-f', "$dir/compact.sql\@1", 'postgres'
	],
	0,
	[qr/number of failed transactions: 0 /],
	[qr/\A\z/],
	'clients meet no error on several chains');
index_agrees($node, 'busy', 'the index agrees afterwards');
$node->safe_psql('postgres', 'VACUUM busy');
is($node->safe_psql('postgres', q{SELECT sum(rows - dead_rows) FROM vseg_segments('busy_idx')}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM busy'), 'no row is lost or doubled');

$node->wait_for_catchup($standby);
foreach my $items ('items', 'wide', 'busy')
{
	index_agrees($standby, $items, "$items: the index agrees on a standby");
}
unlike(slurp_file($node->logfile), qr/PANIC|corrupt|leak/, 'no error on the primary');
unlike(slurp_file($standby->logfile), qr/PANIC|FATAL.*inconsistent/, 'no error on the standby');
$gate->quit;
$standby->stop;
$node->stop;
done_testing();

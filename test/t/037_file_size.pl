# A small index is small, and VACUUM gives the end of the file back, while nobody reads the index,
# here and on a standby.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $primary = start_cluster('primary', init => [ allows_streaming => 1 ], conf => 'restart_after_crash = on');
sub pages { return $primary->safe_psql('postgres', "SELECT pg_relation_size('$_[0]') / 8192") }
sub agrees { return index_agrees($primary, $_[0], "$_[0]: $_[1]") }

# Some pages for what any index has, then its rows.
foreach my $rows (1, 50, 300)
{
	my $items = "small_$rows";
	create_items($primary, $items, rows => $rows, dims => 64);
	my $most = 12 + $rows / 5;
	cmp_ok(pages("${items}_idx"), '<=', $most, "an index of $rows rows is small");
	agrees($items, 'built');
	insert_items($primary, $items, 1001, 1040);
	agrees($items, 'inserts behind the segment');
	$primary->safe_psql('postgres', "REINDEX INDEX ${items}_idx");
	cmp_ok(pages("${items}_idx"), '<=', $most + 8, "an index of $rows rows is small after REINDEX");
	$primary->safe_psql('postgres', "DELETE FROM $items WHERE id > 1020; VACUUM $items");
	agrees($items, 'VACUUM');
	foreach my $round (1 .. 3)
	{
		insert_items($primary, $items, 2000 + $round, 2000 + $round);
		$primary->safe_psql('postgres', "CALL vseg_compact('${items}_idx'); SELECT txid_current(); VACUUM $items");
		agrees($items, "vseg_compact and VACUUM, round $round");
	}
	is(leaked_extents($primary, "${items}_idx"), 0, "$items: nothing is leaked");
}

# A first segment that goes on behind the metapage's extent, and a chain that begins elsewhere.
create_items($primary, 'items', rows => 4000, dims => 64);
insert_items($primary, 'items', 5001, 5010);
agrees('items', 'inserts');

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'max_standby_streaming_delay = 1s');
$standby->start;

# Several times the size that is needed, and its end free.
sub grow
{
	foreach my $round (1 .. 3)
	{
		$primary->safe_psql('postgres', 'UPDATE items SET id = id');
		$primary->safe_psql('postgres', q{CALL vseg_compact('items_idx')}) if $round < 3;
	}
	$primary->safe_psql('postgres',
		q{VACUUM (TRUNCATE off) items; CALL vseg_compact('items_idx'); SELECT txid_current()});
	return pages('items_idx');
}
sub needed
{
	return $primary->safe_psql('postgres', q{SELECT segment_bytes / 8192 FROM vseg_space('items_idx')});
}

$primary->safe_psql('postgres', 'ALTER TABLE items SET (vacuum_truncate = off)');
my $grown = grow();
$primary->safe_psql('postgres', 'VACUUM items; SELECT txid_current(); VACUUM items');
cmp_ok(pages('items_idx'), '>=', $grown, 'vacuum_truncate = off is obeyed');
$primary->safe_psql('postgres', 'ALTER TABLE items RESET (vacuum_truncate)');

my $reader = $primary->background_psql('postgres');
$reader->query_safe(q{SET enable_seqscan = off; SET vseg.iterative_scan = relaxed_order; BEGIN;
  DECLARE c CURSOR FOR SELECT id FROM items ORDER BY embedding <-> vector_of(7, 64); FETCH 3 FROM c});
$primary->safe_psql('postgres', 'VACUUM items');
cmp_ok(pages('items_idx'), '>=', $grown, 'the file of an index that is read stays');
my @rest = split /\n/, $reader->query_safe('FETCH ALL FROM c');
is(scalar(@rest), 4007, 'a cursor goes on');
$reader->query_safe('ROLLBACK');

# A query on the standby that reads something else is not disturbed.
$primary->wait_for_catchup($standby);
my $elsewhere = $standby->background_psql('postgres');
$elsewhere->query_safe('BEGIN; LOCK TABLE pg_class IN ACCESS SHARE MODE');
$reader->query_safe('SELECT 1');    # the backend knows where blocks were
$primary->safe_psql('postgres', 'SELECT txid_current(); VACUUM items');
cmp_ok(pages('items_idx'), '<=', 3 * needed(), 'VACUUM gives the end of the file back');
cmp_ok(pages('items_idx'), '<', $grown, 'which was larger');
agrees('items', 'after truncation');
index_agrees($reader, 'items', 'a backend that has read it before agrees');
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT pg_relation_size('items_idx') / 8192}), pages('items_idx'),
	'the standby truncates, too');
index_agrees($standby, 'items', 'the standby agrees');
is($elsewhere->query_safe('SELECT 1'), '1', 'a transaction that has not read the index goes on');
$elsewhere->quit;

# It grows again, into what was given back.
insert_items($primary, 'items', 10001, 12000);
$primary->safe_psql('postgres', q{CALL vseg_compact('items_idx')});
agrees('items', 'growing again');

# Errors and crashes around truncation.
foreach my $fault (qw(vacuum-truncating:error vacuum-truncating:kill vacuum-truncated:error vacuum-truncated:kill))
{
	grow();
	my $start = -s $primary->logfile;
	my ($status, $stdout, $stderr) = $primary->psql('postgres',
		"LOAD 'vseg';\nSET vseg.fault_point = '$fault';\nVACUUM items;\n\\echo state :SQLSTATE\n", on_error_stop => 0);
	if ($fault =~ /kill/)
	{
		unlike($stdout, qr/state/, $fault);
		$primary->wait_for_log(qr/all server processes terminated; reinitializing/, $start);
		wait_until_up($primary);
	}
	else
	{
		like($stdout, qr/state XX000/, $fault);
	}
	agrees('items', $fault);
	# A crash may have lost the last compaction, which nothing had flushed.
	$primary->safe_psql('postgres',
		q{CALL vseg_compact('items_idx'); SELECT txid_current(); VACUUM items});
	cmp_ok(pages('items_idx'), '<=', 3 * needed(), "$fault: VACUUM gives the end back");
	is(leaked_extents($primary, 'items_idx'), 0, "$fault: nothing is leaked");
	insert_items($primary, 'items', 20001, 20200);
	agrees('items', "$fault, inserts");
	$primary->safe_psql('postgres', 'DELETE FROM items WHERE id > 20000');
}
$primary->wait_for_catchup($standby);
index_agrees($standby, 'items', 'the standby agrees at the end');

# VACUUM with parallel workers must not truncate, and does not fail for it: a worker does.
create_items($primary, 'moved', rows => 3000, dims => 512);
$primary->safe_psql('postgres', 'CREATE INDEX ON moved (id)');    # one index has no parallel workers
# While a snapshot keeps all space from being reused, the file grows with each compaction.
sub grow_at_end
{
	my $old = $primary->background_psql('postgres');
	$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM moved');
	foreach my $round (1 .. 3)
	{
		$primary->safe_psql('postgres', q{UPDATE moved SET id = id; CALL vseg_compact('moved_idx')});
	}
	$old->quit;
	$primary->safe_psql('postgres', 'SELECT txid_current(); VACUUM (TRUNCATE off) moved');
	return;
}
grow_at_end();
$primary->safe_psql('postgres', q{CALL vseg_compact('moved_idx'); SELECT txid_current()});
my $before = pages('moved_idx');
$primary->safe_psql('postgres', 'SET min_parallel_index_scan_size = 0; VACUUM (PARALLEL 2) moved');
is(pages('moved_idx'), $before, 'a VACUUM with parallel workers leaves the end of the file alone');
agrees('moved', 'VACUUM with parallel workers');
$primary->safe_psql('postgres', 'VACUUM moved');
cmp_ok(pages('moved_idx'), '<', $before, 'which another one gives back');

# A segment at the end of a file that is mostly free is written anew where the file ends earlier.
grow_at_end();
my $live = $primary->safe_psql('postgres', q{SELECT segment_bytes / 8192 FROM vseg_space('moved_idx')});
$primary->safe_psql('postgres', 'VACUUM moved');
cmp_ok(pages('moved_idx'), '>', 2.6 * $live, 'a segment at the end keeps the file long');
$primary->safe_psql('postgres', 'ALTER SYSTEM SET vseg.tail_seal_rows = 1000; SELECT pg_reload_conf()');
my $pages;
foreach my $round (1 .. 30)
{
	$primary->safe_psql('postgres', 'SELECT txid_current()');
	$primary->safe_psql('postgres', 'VACUUM moved');
	$pages = pages('moved_idx');
	last if $pages <= 2.1 * $live;
	sleep 1;
}
cmp_ok($pages, '<=', 2.1 * $live, 'the file comes back to what the index needs');
wait_until($primary, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vseg worker'}, 'workers end');
my $moves = $primary->safe_psql('postgres', q{SELECT runs FROM vseg_stats('moved_idx') WHERE cause = 'merge'});
$primary->safe_psql('postgres', 'VACUUM moved; SELECT txid_current(); VACUUM moved');
sleep 2;
is($primary->safe_psql('postgres', q{SELECT runs FROM vseg_stats('moved_idx') WHERE cause = 'merge'}),
	$moves, 'and then nothing is moved any more');
agrees('moved', 'after moving');

$standby->stop;
$primary->stop;
done_testing();

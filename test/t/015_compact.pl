# vseg_compact turns tail and segments into one segment while rows are inserted, deleted, vacuumed
# and searched; what it replaced is reused, but not before every scan is done with it.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster('primary', conf => 'restart_after_crash = on');

sub directory_of
{
	my ($items) = @_;
	return $node->safe_psql('postgres',
		"SELECT string_agg(format('%s %s/%s', kind, rows, dead_rows), ', ' ORDER BY kind, rows)
		 FROM vseg_segments('${items}_idx')");
}

sub size_of
{
	my ($items) = @_;
	return $node->safe_psql('postgres', "SELECT pg_relation_size('${items}_idx') / 8192");
}

# A session in which vseg_compact waits at a fault point, until release() lets it go on.
my $gate = $node->background_psql('postgres');

sub compact_until
{
	my ($point, $items) = @_;
	$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_safe("SET vseg.fault_point = '$point'");
	$session->query_until(qr/started/,
		"\\echo started\nCALL vseg_compact('${items}_idx');\n\\echo ended :SQLSTATE\n");
	wait_until($node, "SELECT count(*) = 1 FROM pg_locks WHERE pid = $pid AND locktype = 'advisory'",
		"vseg_compact reaches $point");
	return ($session, $pid);
}

sub release
{
	my ($session, $sqlstate, $what) = @_;
	$gate->query_safe('SELECT pg_advisory_unlock_all()');
	like($session->query_until(qr/ended \w+/, ''), qr/ended $sqlstate/, $what);
	$session->quit;
	return;
}

# Burns transaction IDs, so that the horizon passes what was displaced, and lets VACUUM free it.
sub vacuum_and_free
{
	my ($items) = @_;
	$node->safe_psql('postgres', 'SELECT txid_current()');
	$node->safe_psql('postgres', "VACUUM $items");
	return;
}

# Tail and segment become one segment; dead rows go.
create_items($node, 'items', rows => 1000);
insert_items($node, 'items', 1001, 1600);
$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 4 = 0; VACUUM items');
$node->safe_psql('postgres', q{CALL vseg_compact('items_idx')});
is(directory_of('items'), 'append chain 0/0, graph segment 1200/0', 'one segment of the live rows');
index_agrees($node, 'items', 'the index agrees after compaction');
insert_items($node, 'items', 2001, 2300);
is(directory_of('items'), 'append chain 300/0, graph segment 1200/0', 'the new chain takes rows');
index_agrees($node, 'items', 'the index agrees after inserts into the new chain');

# With nothing to gain nothing is written.
$node->safe_psql('postgres', q{CALL vseg_compact('items_idx')});
my $start = wal_position($node);
$node->safe_psql('postgres', q{CALL vseg_compact('items_idx')});
cmp_ok(index_wal_records($node, 'items_idx', $start), '<=', 2, 'a compact index is left as it is');

# Space goes round: the index stays within three times its size.
vacuum_and_free('items');
my $before = size_of('items');
foreach my $round (1 .. 8)
{
	$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 8 = ' . ($round % 8));
	insert_items($node, 'items', 10000 * $round + 1, 10000 * $round + 190);
	vacuum_and_free('items');
	$node->safe_psql('postgres', q{CALL vseg_compact('items_idx')});
	vacuum_and_free('items');
	index_agrees($node, 'items', "round $round: the index agrees");
}
cmp_ok(size_of('items'), '<=', 3 * $before, 'space is reused');
is($node->safe_psql('postgres', q{SELECT sum(rows - dead_rows) FROM vseg_segments('items_idx')}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM items'),
	'the index has the rows of the table and no others');

# What happens while a merge has read its inputs, or written its segment, is not lost.
foreach my $point ('chain-frozen', 'merge-read', 'merge-written')
{
	my $items = 'during_' . ($point =~ s/-/_/r);
	create_items($node, $items, rows => 800);
	insert_items($node, $items, 801, 1000);
	my ($session, $pid) = compact_until($point, $items);
	insert_items($node, $items, 1001, 1300);
	$node->safe_psql('postgres', "DELETE FROM $items WHERE id % 3 = 0");
	index_agrees($node, $items, "$point: the index agrees after inserts and deletes");
	$node->safe_psql('postgres', "VACUUM $items");
	index_agrees($node, $items, "$point: the index agrees after VACUUM");
	# Addresses of dead rows go to others.
	insert_items($node, $items, 2001, 2300);
	index_agrees($node, $items, "$point: the index agrees after addresses were reused");
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_progress_create_index
	  WHERE index_relid = '${items}_idx'::regclass AND command IS NULL"), 1, "$point: progress is shown");
	is($node->safe_psql('postgres', "SELECT backend_xmin IS NULL AND backend_xid IS NULL
	  FROM pg_stat_activity WHERE pid = $pid"), 't', "$point: it holds back no horizon");
	release($session, '00000', "$point: vseg_compact succeeds");
	index_agrees($node, $items, "$point: the index agrees afterwards");
	is($node->safe_psql('postgres', "SELECT sum(rows - dead_rows) FROM vseg_segments('${items}_idx')"),
		$node->safe_psql('postgres', "SELECT count(*) FROM $items"),
		"$point: rows that died meanwhile are dead");
}

# An inserter that has read the directory before the chain was frozen goes on in the new chain; one
# that waits in memory until later writes there.
create_items($node, 'open', rows => 100);
insert_items($node, 'open', 101, 200);
my $writer = $node->background_psql('postgres');
$writer->query_safe('BEGIN; INSERT INTO open VALUES (1001, vector_of(1001))');
my ($session) = compact_until('merge-read', 'open');
$writer->query_safe('INSERT INTO open VALUES (1002, vector_of(1002)); COMMIT');
release($session, '00000', 'vseg_compact beside an open transaction');
$writer->quit;
index_agrees($node, 'open', 'rows of a transaction that was open meanwhile are found');

# An inserter that has read the directory, and is overtaken by all of a compaction, meets a closed
# tail, whose pages are still there, and turns to the chain that takes rows now.
create_items($node, 'overtaken', rows => 300);
insert_items($node, 'overtaken', 301, 500);
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
$writer = $node->background_psql('postgres');
$writer->query_safe(q{SET vseg.fault_point = 'append-begin'});
$writer->query_until(qr/inserting/,
	"\\echo inserting\nINSERT INTO overtaken VALUES (501, vector_of(501));\n\\echo inserted\n");
wait_until($node, q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 1},
	'the inserter has read the directory');
$node->safe_psql('postgres', q{CALL vseg_compact('overtaken_idx')});
vacuum_and_free('overtaken');
insert_items($node, 'overtaken', 601, 900);
$node->safe_psql('postgres', q{CALL vseg_compact('overtaken_idx')});
vacuum_and_free('overtaken');
$gate->query_safe('SELECT pg_advisory_unlock_all()');
$writer->query_until(qr/inserted/, '');
$writer->quit;
index_agrees($node, 'overtaken', 'the row of an inserter that was overtaken is found');
is(rows_in_tail($node, 'overtaken_idx'), 1, 'it is in the chain that takes rows');

# A scan that has begun goes on over what was displaced, which is not reused under it.
create_items($node, 'scanned', rows => 1500);
insert_items($node, 'scanned', 1501, 2000);
my $reader = $node->background_psql('postgres');
$reader->query_safe('SET enable_seqscan = off; SET enable_sort = off; SET vseg.iterative_scan = relaxed_order');
$reader->query_safe('BEGIN; DECLARE c CURSOR FOR SELECT id FROM scanned ORDER BY embedding <-> vector_of(-1)');
$reader->query_safe('FETCH 10 FROM c');
$node->safe_psql('postgres', q{CALL vseg_compact('scanned_idx')});
vacuum_and_free('scanned');
my $size = size_of('scanned');
insert_items($node, 'scanned', 3001, 4000);
$node->safe_psql('postgres', q{CALL vseg_compact('scanned_idx')});
is(scalar(() = $reader->query_safe('FETCH ALL FROM c') =~ /\d+/g),
	1990, 'a scan that began before two compactions returns every row');
cmp_ok(size_of('scanned'), '>', $size, 'its pages were not reused');
$reader->query_safe('COMMIT');
$reader->quit;
vacuum_and_free('scanned');
$size = size_of('scanned');
insert_items($node, 'scanned', 5001, 5200);
$node->safe_psql('postgres', q{CALL vseg_compact('scanned_idx')});
is(size_of('scanned'), $size, 'once it has ended they are');
index_agrees($node, 'scanned', 'the index agrees');

# Cancelled, at whatever place, again and again: the index stays right, what was written in vain is
# written over, and in the end one succeeds.
foreach my $point ('chain-frozen', 'merge-read', 'merge-written', 'merge-published')
{
	my $items = 'cancelled_' . ($point =~ s/-/_/r);
	create_items($node, $items, rows => 800);
	my @sizes;
	foreach my $round (1 .. 5)
	{
		insert_items($node, $items, 1000 * $round + 1, 1000 * $round + 10);
		my ($victim, $pid) = compact_until($point, $items);
		$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
		like($victim->query_until(qr/ended \w+/, ''), qr/ended 57014/, "$point: cancelled");
		is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE pid = $pid"),
			0, "$point: no lock is left");
		$victim->quit;
		$gate->query_safe('SELECT pg_advisory_unlock_all()');
		index_agrees($node, $items, "$point: the index agrees after the cancel");
		vacuum_and_free($items);
		push @sizes, size_of($items);
	}
	# Each round froze a chain, which takes an extent; a segment written in vain would be two or three.
	cmp_ok($sizes[4] - $sizes[1], '<', 4 * 64, "$point: space is reused: @sizes");
	$node->safe_psql('postgres', "CALL vseg_compact('${items}_idx')");
	is(directory_of($items), 'append chain 0/0, graph segment 850/0', "$point: the last one succeeds");
	index_agrees($node, $items, "$point: the index agrees");
}

# Killed, at whatever place.
foreach my $point ('chain-frozen', 'merge-read', 'merge-written', 'merge-published')
{
	my $items = 'killed_' . ($point =~ s/-/_/r);
	create_items($node, $items, rows => 800);
	insert_items($node, $items, 801, 1000);
	$node->safe_psql('postgres', "DELETE FROM $items WHERE id % 5 = 0; VACUUM $items");
	my ($victim, $pid) = compact_until($point, $items);
	insert_items($node, $items, 1001, 1100);
	kill 'KILL', $pid;
	$victim->{run}->finish;
	$gate->{run}->finish;
	wait_until_up($node);
	$gate = $node->background_psql('postgres');
	index_agrees($node, $items, "$point: the index agrees after kill -9");
	vacuum_and_free($items);
	$node->safe_psql('postgres', "CALL vseg_compact('${items}_idx')");
	is(directory_of($items), 'append chain 0/0, graph segment 900/0', "$point: compaction succeeds");
	index_agrees($node, $items, "$point: the index agrees");
}

# DROP INDEX waits for it, and takes nothing away from under it.
create_items($node, 'dropped', rows => 500);
insert_items($node, 'dropped', 501, 700);
($session) = compact_until('merge-read', 'dropped');
my $dropper = $node->background_psql('postgres');
$dropper->query_until(qr/dropping/, "\\echo dropping\nDROP INDEX dropped_idx;\n\\echo dropped\n");
wait_until($node, q{SELECT count(*) = 1 FROM pg_locks WHERE NOT granted
  AND relation = 'dropped_idx'::regclass}, 'DROP INDEX waits');
release($session, '00000', 'vseg_compact ends before DROP INDEX');
$dropper->query_until(qr/dropped/, '');
$dropper->quit;

# Two at once: one after the other.
create_items($node, 'twice', rows => 500);
insert_items($node, 'twice', 501, 700);
($session) = compact_until('merge-read', 'twice');
my $second = $node->background_psql('postgres');
$second->query_until(qr/begins/, "\\echo begins\nCALL vseg_compact('twice_idx');\n\\echo done\n");
release($session, '00000', 'the first of two compactions');
$second->query_until(qr/done/, '');
$second->quit;
is(directory_of('twice'), 'append chain 0/0, graph segment 700/0', 'the second had nothing to do');

# Little memory: segments are merged as far as it goes.
$node->safe_psql('postgres', 'CREATE TABLE small (id int, embedding vector(8))');
insert_items($node, 'small', 1, 8000);
$node->safe_psql('postgres', q{SET maintenance_work_mem = '1MB';
  CREATE INDEX small_idx ON small USING vseg (embedding)});
insert_items($node, 'small', 8001, 14000);
$node->safe_psql('postgres', 'DELETE FROM small WHERE id % 10 = 0; VACUUM small');
my ($status, $output, $warnings) = $node->psql('postgres',
	"SET maintenance_work_mem = '1MB';\nCALL vseg_compact('small_idx')");
is($status, 0, 'vseg_compact succeeds with little memory');
is($node->safe_psql('postgres', q{SELECT sum(rows) FROM vseg_segments('small_idx')
  WHERE kind = 'append chain'}), 0, 'no row is left in the tail');
index_agrees($node, 'small', 'the index agrees with little memory');
$node->safe_psql('postgres', q{CALL vseg_compact('small_idx')});
is(directory_of('small'), 'append chain 0/0, graph segment 12600/0', 'more memory makes one segment');
index_agrees($node, 'small', 'the index of one segment agrees');
($status, $output, $warnings) = $node->psql('postgres',
	"DELETE FROM small WHERE id % 10 = 1;\nVACUUM small;\n"
	  . "SET maintenance_work_mem = '1MB';\nCALL vseg_compact('small_idx')");
like($warnings, qr/WARNING:  maintenance_work_mem is too small to compact all segments/,
	'a segment too large for memory is left alone, with a warning');
index_agrees($node, 'small', 'the index agrees');

# All rows dead; no rows; temporary and unlogged tables.
$node->safe_psql('postgres', $_) foreach ('DELETE FROM small', 'VACUUM small', q{CALL vseg_compact('small_idx')});
is(directory_of('small'), 'append chain 0/0', 'nothing is left of dead rows');
index_agrees($node, 'small', 'the empty index agrees');
insert_items($node, 'small', 1, 300);
index_agrees($node, 'small', 'the emptied index takes rows');
create_items($node, 'empty');
$node->safe_psql('postgres', q{CALL vseg_compact('empty_idx')});
is(directory_of('empty'), 'append chain 0/0', 'an empty index stays so');
create_items($node, 'volatile', kind => 'UNLOGGED', rows => 300);
insert_items($node, 'volatile', 301, 500);
$node->safe_psql('postgres', q{CALL vseg_compact('volatile_idx')});
index_agrees($node, 'volatile', 'the index of an unlogged table agrees');
is($node->safe_psql('postgres', <<'SQL'), '', 'the index of a temporary table agrees');
CREATE TEMP TABLE passing (id int, embedding vector(8));
INSERT INTO passing SELECT i, vector_of(i) FROM generate_series(1, 500) i;
CREATE INDEX passing_idx ON passing USING vseg (embedding);
INSERT INTO passing SELECT i, vector_of(i) FROM generate_series(501, 700) i;
CALL vseg_compact('passing_idx');
SELECT disagreements('passing');
SQL

# In the transaction that made the index, and in one that is rolled back.
is($node->safe_psql('postgres', <<'SQL'), '', 'compaction amid a transaction');
CREATE TABLE fresh (id int, embedding vector(8));
BEGIN;
CREATE INDEX fresh_idx ON fresh USING vseg (embedding);
INSERT INTO fresh SELECT i, vector_of(i) FROM generate_series(1, 500) i;
SAVEPOINT a;
INSERT INTO fresh SELECT i, vector_of(i) FROM generate_series(501, 600) i;
CALL vseg_compact('fresh_idx');
ROLLBACK TO a;
INSERT INTO fresh SELECT i, vector_of(i) FROM generate_series(601, 700) i;
COMMIT;
SELECT disagreements('fresh');
SQL

# What is around the CALL is not committed with it.
$node->safe_psql('postgres', <<'SQL');
CREATE PROCEDURE compact_all() LANGUAGE plpgsql AS $$ BEGIN CALL vseg_compact('fresh_idx'); END $$;
CREATE FUNCTION compact_some() RETURNS int LANGUAGE plpgsql AS $$
BEGIN CALL vseg_compact('fresh_idx'); RETURN 1; END $$;
SQL
my $inside = qr/ERROR:  25001: vseg_compact\(\) cannot be executed from a function, procedure or DO block/;
like(sql_error($node, $_), $inside, "not to be compacted in: $_") foreach (
	q{DO $$ BEGIN INSERT INTO fresh VALUES (9999, vector_of(1)); CALL vseg_compact('fresh_idx'); ROLLBACK; END $$},
	'CALL compact_all()', 'BEGIN; CALL compact_all()', 'SELECT compact_some()');
is($node->safe_psql('postgres', 'SELECT count(*) FROM fresh WHERE id = 9999'), 0,
	'a DO block is not committed by what it calls');
$node->safe_psql('postgres', <<'SQL');
BEGIN;
INSERT INTO fresh VALUES (9998, vector_of(1));
CALL vseg_compact('fresh_idx');
ROLLBACK;
SQL
is($node->safe_psql('postgres', 'SELECT count(*) FROM fresh WHERE id = 9998'), 0,
	'nor is a transaction block');
$node->psql('postgres', q{INSERT INTO fresh VALUES (9997, vector_of(1))\; CALL vseg_compact('fresh_idx')\; SELECT 1/0});
is($node->safe_psql('postgres', 'SELECT count(*) FROM fresh WHERE id = 9997'), 0,
	'nor are statements that the client sends together');
like(sql_error($node, "$_ CALL vseg_compact('fresh_idx')"),
	qr/ERROR:  25006: cannot execute vseg_compact\(\) in a read-only transaction/, "not to be compacted: $_")
  foreach ('BEGIN READ ONLY;', 'SET default_transaction_read_only = on;');
index_agrees($node, 'fresh', 'the index agrees');

# Who may.
$node->safe_psql('postgres', 'CREATE ROLE stranger; CREATE INDEX plain ON items (id)');
like(sql_error($node, q{SET ROLE stranger; CALL vseg_compact('items_idx')}),
	qr/ERROR:  42501: must be owner of index items_idx/, 'only the owner compacts');
# A lock of theirs would stand in the way of others.
my $owner = $node->background_psql('postgres');
$owner->query_safe('BEGIN; LOCK TABLE items; ALTER INDEX items_idx SET (m = 16)');
like(sql_error($node, "SET ROLE stranger; SET lock_timeout = '5s'; $_('items_idx')"),
	qr/ERROR:  42501/, "they do not wait for a lock: $_")
  foreach ('CALL vseg_compact', 'SELECT * FROM vseg_segments', 'SELECT * FROM vseg_stats');
$owner->query_safe('ROLLBACK');
$owner->quit;
like(sql_error($node, q{CALL vseg_compact('plain')}),
	qr/ERROR:  42809: "plain" is not a vseg index/, 'only a vseg index is compacted');
like(sql_error($node, q{LOAD 'vseg'; SET ROLE stranger; SET vseg.fault_point = 'merge-read'}),
	qr/ERROR:  42501/, 'only superusers set fault points');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|leak/, 'nothing leaked, nothing panicked');
$gate->quit;
$node->stop;
done_testing();

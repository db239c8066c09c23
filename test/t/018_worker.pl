# Background workers seal the tail, without preloading and without being asked, and get out of the
# way of whoever wants the index or the database.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;
use VsegTest;

my $node = start_cluster(
	'primary',
	conf => "vseg.tail_seal_rows = 2000\nrestart_after_crash = on\nmax_worker_processes = 4");

# Where background workers wait, by the configuration: they take no SET.
sub set_fault_point
{
	my ($point) = @_;
	$node->safe_psql('postgres', "LOAD 'vseg'; ALTER SYSTEM SET vseg.fault_point = '$point'");
	$node->reload;
	# A new connection has what the postmaster has read.
	wait_until($node, "SELECT coalesce(current_setting('vseg.fault_point', true), '') = '$point'",
		'the fault point is set');
	return;
}

sub worker_waits
{
	my ($what) = @_;
	wait_until($node, q{SELECT count(*) = 1 FROM pg_locks JOIN pg_stat_activity USING (pid)
	  WHERE locktype = 'advisory' AND objid = 1 AND backend_type = 'vseg worker'}, $what);
	return $node->safe_psql('postgres',
		q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'vseg worker'});
}

sub no_worker
{
	my ($what) = @_;
	wait_until($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vseg worker'},
		$what);
	return;
}

sub sealed_rows
{
	my ($items) = @_;
	return $node->safe_psql('postgres', "SELECT coalesce(sum(rows), 0) FROM vseg_segments('${items}_idx')
	  WHERE kind = 'graph segment'");
}

# Below the threshold nothing happens; what crosses it starts a worker.
create_items($node, 'items');
insert_items($node, 'items', 1, 1500);
no_worker('a short tail starts no worker');
is(sealed_rows('items'), 0, 'a short tail stays as it is');
my $next_id = 'SELECT pg_snapshot_xmax(pg_current_snapshot())';
my $first_id = $node->safe_psql('postgres', $next_id);
insert_items($node, 'items', 1501, 6000);
wait_until($node, q{SELECT sum(rows) = 6000 FROM vseg_segments('items_idx') WHERE kind = 'graph segment'},
	'the tail is sealed');
no_worker('the worker is gone');
cmp_ok($node->safe_psql('postgres', $next_id) - $first_id, '>=', 2,
	'it has used up a transaction ID, for what it displaced to become free where nobody else writes');
index_agrees($node, 'items', 'the index agrees after a background seal');
is(rows_in_tail($node, 'items_idx'), 0, 'the tail is empty');

# Row by row, by several clients, while others search and delete.
my $dir = PostgreSQL::Test::Utils::tempdir;
append_to_file("$dir/write.sql", <<'SQL');
\set id random(10000, 100000000)
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(:id, :id + 40) i;
SQL
append_to_file("$dir/delete.sql", <<'SQL');
\set id random(10000, 100000000)
DELETE FROM items WHERE ctid IN (SELECT ctid FROM items ORDER BY embedding <-> vector_of(:id) LIMIT 20);
SQL
append_to_file("$dir/compare.sql", "SELECT 1 / (compare_answers('items', 2, 10) = '')::int;\n");
append_to_file("$dir/vacuum.sql", "VACUUM items;\n");
$node->command_checks_all(
	[
		'pgbench', '-n', '-c', '4', '-j', '2', '-T', '10',
		'-f', "$dir/write.sql\@30", '-f', "$dir/delete.sql\@5", '-f', "$dir/compare.sql\@3",
		'-f', "$dir/vacuum.sql\@1", 'postgres'
	],
	0,
	[qr/number of failed transactions: 0 /],
	[qr/\A\z/],
	'clients meet no error while tails are sealed');
no_worker('workers are done');
cmp_ok($node->safe_psql('postgres', q{SELECT runs FROM vseg_stats('items_idx') WHERE cause = 'seal'}),
	'>', 2, 'tails were sealed meanwhile');
index_agrees($node, 'items', 'the index agrees afterwards');
$node->safe_psql('postgres', 'VACUUM items');
is($node->safe_psql('postgres', q{SELECT sum(rows - dead_rows) FROM vseg_segments('items_idx')}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM items'), 'no row is lost or doubled');

# VACUUM starts one, on a table that only saw inserts as well.
create_items($node, 'vacuumed');
$node->safe_psql('postgres', 'SET vseg.tail_seal_rows = 0; INSERT INTO vacuumed SELECT i, vector_of(i)
  FROM generate_series(1, 3000) i');
no_worker('0 starts no worker');
is(sealed_rows('vacuumed'), 0, '0 leaves the tail alone');
$node->safe_psql('postgres', 'ANALYZE vacuumed');
no_worker('ANALYZE starts no worker');
is(sealed_rows('vacuumed'), 0, 'ANALYZE leaves the tail alone');
$node->safe_psql('postgres', 'VACUUM vacuumed');
wait_until($node, q{SELECT sum(rows) = 3000 FROM vseg_segments('vacuumed_idx') WHERE kind = 'graph segment'},
	'VACUUM has the tail sealed');
index_agrees($node, 'vacuumed', 'the index agrees');

# A search does, where the tail is a tenth as long and has not grown for vseg.tail_idle_time.
create_items($node, 'idle');
my $find = q{SET enable_seqscan = off; SELECT id FROM idle ORDER BY embedding <-> vector_of(1) LIMIT 1};
insert_items($node, 'idle', 1, 190);
insert_items($node, 'idle', 191, 205);
Time::HiRes::sleep(2.1);
$node->safe_psql('postgres', $find);
$node->safe_psql('postgres', "SET vseg.tail_idle_time = 3600; $find");
$node->safe_psql('postgres', "SET vseg.tail_idle_time = 1; SET vseg.tail_seal_rows = 0; $find");
$node->safe_psql('postgres', "SET vseg.tail_idle_time = 1; SET vseg.tail_seal_rows = 2060; $find");
is($node->safe_psql('postgres', q{SELECT runs FROM vseg_stats('idle_idx') WHERE cause = 'worker'}), 0,
	'a search starts no worker for a tail that is too short or too young, or where it is not to');
$node->safe_psql('postgres', "SET vseg.tail_idle_time = 1; $find");
wait_until($node, q{SELECT sum(rows) = 205 FROM vseg_segments('idle_idx') WHERE kind = 'graph segment'},
	'a search has the tail sealed');
no_worker('the worker that a search has started is gone');
index_agrees($node, 'idle', 'the index agrees');

# Not while rows come in, nor again and again where no worker is to be had.
$node->safe_psql('postgres', q{LOAD 'vseg'; ALTER SYSTEM SET vseg.max_workers = 0});
$node->reload;
my $searcher = $node->background_psql('postgres');
wait_until($node, q{SELECT current_setting('vseg.max_workers', true) = '0'}, 'no worker is allowed');
my $refused = q{SELECT failures FROM vseg_stats('idle_idx') WHERE cause = 'worker'};
insert_items($node, 'idle', 301, 600);
$searcher->query_safe("SET vseg.tail_idle_time = 3600; $find");
is($searcher->query_safe($refused), 0, 'a tail that has grown lately is left alone');
Time::HiRes::sleep(5.1);
$searcher->query_safe("SET vseg.tail_idle_time = 4; $find") foreach 1 .. 3;
$node->safe_psql('postgres', "SET vseg.tail_idle_time = 4; $find") foreach 1 .. 3;
is($searcher->query_safe($refused), 1, 'searches ask for a worker once in vseg.tail_idle_time');

# A search that was begun before rows came looks at the tail as it is.
$searcher->query_safe("BEGIN; SET vseg.tail_idle_time = 1; DECLARE c CURSOR FOR SELECT id FROM idle
  ORDER BY embedding <-> vector_of(1); FETCH c");
Time::HiRes::sleep(2.1);
insert_items($node, 'idle', 601, 601);
$searcher->query_safe('COMMIT');
is($searcher->query_safe($refused), 1, 'a tail that has grown since a search began is left alone');
$searcher->quit;
$node->safe_psql('postgres', q{LOAD 'vseg'; ALTER SYSTEM RESET vseg.max_workers});
$node->reload;

# A worker holds back no horizon, lets VACUUM work, and carries over what died meanwhile.
my $gate = $node->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
set_fault_point('merge-written');
create_items($node, 'held', rows => 100);
insert_items($node, 'held', 101, 3100);
my $pid = worker_waits('the worker has written its segment');
is($node->safe_psql('postgres', "SELECT backend_xmin IS NULL AND backend_xid IS NULL
  FROM pg_stat_activity WHERE pid = $pid"), 't', 'a worker holds back no horizon');
is(threads_of($pid), 1, 'a worker that waits has one thread');
is($node->safe_psql('postgres', "SELECT string_agg(mode, ' ') FROM pg_locks
  WHERE pid = $pid AND locktype = 'relation'"), 'RowExclusiveLock',
	'a worker locks the index, not the table');
$node->safe_psql('postgres', 'DELETE FROM held WHERE id % 3 = 0');
$node->safe_psql('postgres', 'VACUUM held');
insert_items($node, 'held', 5001, 5500);
index_agrees($node, 'held', 'the index agrees while a worker has not published');
set_fault_point('');
$gate->query_safe('SELECT pg_advisory_unlock_all()');
no_worker('the worker is done');
index_agrees($node, 'held', 'the index agrees after it has');
is($node->safe_psql('postgres', q{SELECT sum(rows - dead_rows) FROM vseg_segments('held_idx')}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM held'), 'rows that died meanwhile are dead');

# A statement that is kept waiting fails.
sub run_soon
{
	return $node->safe_psql('postgres', "SET lock_timeout = '20s';\n$_[0]");
}

# SIGTERM, DROP INDEX, VACUUM FULL, TRUNCATE, REINDEX, DROP DATABASE do not wait for a worker.
sub soon
{
	my ($what, $action) = @_;
	$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
	set_fault_point('merge-read');
	create_items($node, 'wanted', rows => 100);
	insert_items($node, 'wanted', 101, 3100);
	my $worker = worker_waits("a worker is at work: $what");
	my $start = Time::HiRes::time();
	$action->($worker);
	no_worker("the worker is gone: $what");
	cmp_ok(Time::HiRes::time() - $start, '<', 10, "$what is not kept waiting");
	set_fault_point('');
	$gate->query_safe('SELECT pg_advisory_unlock_all()');
	if ($node->safe_psql('postgres', q{SELECT count(*) FROM pg_class WHERE relname = 'wanted_idx'}))
	{
		index_agrees($node, 'wanted', "$what: the index agrees");
		insert_items($node, 'wanted', 10001, 13000);
		no_worker('the next worker is done');
		index_agrees($node, 'wanted', "$what: the index agrees after the next seal");
		# The worker may only be coming up.
		wait_until($node,
			q{SELECT coalesce(sum(rows), 0) = 0 FROM vseg_segments('wanted_idx') WHERE kind <> 'graph segment'},
			"$what: the next worker seals");
	}
	$node->safe_psql('postgres', 'DROP TABLE wanted');
	return;
}
soon('pg_terminate_backend', sub { $node->safe_psql('postgres', "SELECT pg_terminate_backend($_[0])") });
soon('DROP INDEX', sub { run_soon('DROP INDEX wanted_idx') });
soon('VACUUM FULL', sub { run_soon('VACUUM FULL wanted') });
soon('TRUNCATE', sub { run_soon('TRUNCATE wanted') });
soon('REINDEX', sub { run_soon('REINDEX TABLE wanted') });
soon('REINDEX CONCURRENTLY', sub { run_soon('REINDEX TABLE CONCURRENTLY wanted') });

$gate->query_safe('SELECT pg_advisory_unlock_all()');
$node->safe_psql('postgres', 'CREATE DATABASE other');
create_extension_and_helpers($node, 'other');
my $other_gate = $node->background_psql('other');
$other_gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
set_fault_point('merge-read');
$node->safe_psql('other', <<'SQL');
CREATE TABLE items (id int, embedding vector(8));
CREATE INDEX items_idx ON items USING vseg (embedding);
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(1, 3000) i;
SQL
worker_waits('a worker is at work in another database');
# The session that keeps it waiting goes, too; the worker finds its database wanted before it ends.
my $drop = $node->background_psql('postgres', on_error_stop => 0);
$drop->query_until(qr/dropping/, "\\echo dropping\nDROP DATABASE other;\n\\echo dropped :SQLSTATE\n");
wait_until($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vseg worker'},
	'the worker leaves the database');
$other_gate->quit;
like($drop->query_until(qr/dropped \w+/, ''), qr/dropped 00000/, 'DROP DATABASE succeeds');
$drop->quit;
set_fault_point('');

# Rows that have all died since a worker read them need no graph.
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
set_fault_point('merge-read');
create_items($node, 'doomed', rows => 100);
insert_items($node, 'doomed', 101, 3100);
worker_waits('a worker has read rows that die');
$node->safe_psql('postgres', 'DELETE FROM doomed WHERE id > 100; VACUUM doomed');
set_fault_point('');
$gate->query_safe('SELECT pg_advisory_unlock_all()');
no_worker('the worker has made nothing of them');
is($node->safe_psql('postgres', q{SELECT runs, distances FROM vseg_stats('doomed_idx') WHERE cause = 'seal'}),
	'1|0', 'no graph was built over dead rows');
is($node->safe_psql('postgres', q{SELECT sum(rows) FROM vseg_segments('doomed_idx')}), 100, 'they are gone');
index_agrees($node, 'doomed', 'the index agrees without them');

# Without a free slot nothing is lost, and the next one does it.
$node->safe_psql('postgres', q{ALTER SYSTEM SET max_worker_processes = 0});
$node->restart;
create_items($node, 'waiting');
insert_items($node, 'waiting', 1, 3000);
is(sealed_rows('waiting'), 0, 'without workers the tail waits');
index_agrees($node, 'waiting', 'the index agrees without workers');
$node->safe_psql('postgres', q{ALTER SYSTEM RESET max_worker_processes});
$node->restart;
insert_items($node, 'waiting', 3001, 5000);
wait_until($node, q{SELECT sum(rows) = 5000 FROM vseg_segments('waiting_idx') WHERE kind = 'graph segment'},
	'the next inserts have it sealed');
index_agrees($node, 'waiting', 'the index agrees');

# A worker killed: the server restarts, the index is right.
$gate = $node->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
set_fault_point('merge-written');
create_items($node, 'killed', rows => 100);
insert_items($node, 'killed', 101, 3100);
my $written = worker_waits('the worker has written its segment');
$node->safe_psql('postgres', 'CREATE TABLE flushed ()');    # and with it the WAL of the freeze
kill 'KILL', $written;
$gate->{run}->finish;
wait_until_up($node);
index_agrees($node, 'killed', 'the index agrees after a worker was killed');
is(rows_in_tail($node, 'killed_idx'), 0, 'it has left a run behind');
set_fault_point('');
$node->safe_psql('postgres', 'VACUUM killed');
wait_until($node, q{SELECT count(*) = 0 FROM vseg_segments('killed_idx') WHERE kind = 'flat run'},
	'the worker that VACUUM starts seals the run');
index_agrees($node, 'killed', 'the index agrees after the run was sealed');

unlike(slurp_file($node->logfile), qr/PANIC|corrupt|leak|ERROR:.*vseg/, 'no worker met an error');
$node->stop;
done_testing();

# Whoever wants to drop, rebuild, rewrite or move an index does not wait for the worker that seals or
# merges it, be it amid building a graph with several threads or at any step of publishing one. No
# worker is left behind, and whatever is left of the table is indexed as it is.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;
use VsegTest;

my $node = start_cluster('primary',
	conf => "allow_in_place_tablespaces = on\nvseg.merge_threads = 2\nmax_worker_processes = 4");
$node->safe_psql('postgres', q{CREATE TABLESPACE elsewhere LOCATION ''});
# Graphs of so many candidates take seconds.
my $slow = 'm = 48, ef_construction = 1000';
my $fast = 'm = 8, ef_construction = 20';
my $rows = 10000;
create_items($node, 'source', rows => $rows, index => 0);

# Waits until a worker of the table's index is at work, where `query` says; returns its process.
sub worker_at
{
	my ($node, $query, $what) = @_;
	wait_until($node, "SELECT count(*) = 1 FROM ($query) s", $what);
	return $node->safe_psql('postgres', $query);
}

sub no_worker
{
	my ($what) = @_;
	wait_until($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vseg worker'},
		$what);
	return;
}

# Has a worker started on table `wanted`, by a session with these settings. The graph takes as `with`
# says, until the index is rebuilt.
sub start_worker
{
	my ($settings, $with) = @_;
	$node->safe_psql('postgres', <<"SQL");
LOAD 'vseg';
CREATE TABLE wanted (id int PRIMARY KEY, embedding vector(8));
CREATE INDEX wanted_idx ON wanted USING vseg (embedding) WITH ($with);
ALTER INDEX wanted_idx SET ($fast);
SET vseg.tail_seal_rows = 1000;
$settings
INSERT INTO wanted SELECT * FROM source;
SQL
	return;
}

# Amid the graph: more than one thread is at work.
sub worker_amid_graph
{
	start_worker('', $slow);
	my $pid = worker_at($node, q{SELECT pid FROM pg_stat_progress_create_index
	  WHERE phase LIKE 'building index%' AND tuples_done > 500}, 'a worker builds a graph');
	cmp_ok(threads_of($pid), '>', 1, 'by several threads');
	return $pid;
}

my $gate = $node->background_psql('postgres');

sub worker_held_at
{
	my ($point) = @_;
	$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
	start_worker("SET vseg.fault_point = '$point';", $fast);
	return worker_at($node, q{SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
	  WHERE locktype = 'advisory' AND objid = 1 AND backend_type = 'vseg worker'},
		"a worker is held at $point");
}

# The same for a worker that writes a segment anew because many of its rows are dead.
sub merger_held_at
{
	my ($point) = @_;
	$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
	start_worker('SET vseg.tail_seal_rows = 0;', $fast);
	$node->safe_psql('postgres', q{CALL vseg_compact('wanted_idx')});
	$node->safe_psql('postgres', <<"SQL");
DELETE FROM wanted WHERE id % 3 = 0;
SET vseg.tail_seal_rows = 1000000;
SET vseg.fault_point = '$point';
VACUUM wanted;
SQL
	return worker_at($node, q{SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
	  WHERE locktype = 'advisory' AND objid = 1 AND backend_type = 'vseg worker' AND query LIKE 'merging%'},
		"a worker that merges is held at $point");
}

# What is left of the table after `what`, and after it is sealed at last.
sub check_wanted
{
	my ($what) = @_;
	no_worker("no worker is left: $what");
	$gate->query_safe('SELECT pg_advisory_unlock_all()');
	if ($node->safe_psql('postgres', q{SELECT count(*) FROM pg_class WHERE relname = 'wanted_idx'}))
	{
		index_agrees($node, 'wanted', "$what: the index agrees");
		$node->safe_psql('postgres', q{DELETE FROM wanted WHERE id > 1000; VACUUM wanted});
		$node->safe_psql('postgres', q{CALL vseg_compact('wanted_idx')});
		is(rows_in_tail($node, 'wanted_idx'), 0, "$what: the rest is compacted");
		index_agrees($node, 'wanted', "$what: the index agrees when it is");
	}
	$node->safe_psql('postgres', 'DROP TABLE IF EXISTS wanted');
	return;
}

my @statements = (
	'DROP INDEX wanted_idx',
	'DROP INDEX CONCURRENTLY wanted_idx',
	'DROP TABLE wanted',
	'TRUNCATE wanted',
	'REINDEX INDEX wanted_idx',
	'ALTER TABLE wanted ADD COLUMN rewritten float DEFAULT random()',
	'ALTER TABLE wanted ALTER COLUMN embedding TYPE vector(8) USING embedding::text::vector',
	'ALTER INDEX wanted_idx SET TABLESPACE elsewhere',
	'ALTER TABLE wanted SET UNLOGGED',
	'CLUSTER wanted USING wanted_pkey');
# Not those where nothing looks whether to give way.
my @points = qw(freeze-begin chain-frozen run-closed merge-read merge-built merge-written merge-carried
  merge-published merge-stamped);

# Runs a statement, which fails where it is kept waiting.
sub run_soon
{
	my ($statement, $what) = @_;
	my ($status, $stdout, $stderr) = $node->psql('postgres', "SET lock_timeout = '2s';\n$statement");
	is($stderr, '', $what);
	return;
}

foreach my $statement (@statements)
{
	my $what = "$statement amid the graph";
	worker_amid_graph();
	run_soon($statement, $what);
	check_wanted($what);
}
my $turn = 0;
foreach my $point (@points)
{
	my $statement = $statements[ $turn++ % @statements ];
	my $what = "$statement at $point";
	worker_held_at($point);
	run_soon($statement, $what);
	check_wanted($what);
}
foreach my $point ('merge-read', 'merge-built', 'merge-written', 'merge-published')
{
	my $statement = $statements[ $turn++ % @statements ];
	my $what = "$statement amid a merge at $point";
	merger_held_at($point);
	run_soon($statement, $what);
	check_wanted($what);
}

# While it writes: rows of 16,000 dimensions, whose codes one thread computes 512 at a time, take long
# enough to write. Whoever comes is already waiting when the worker, held at its first pages, goes on.
create_items($node, 'wide_source', rows => 0, dims => 16000, index => 0);
$node->safe_psql('postgres', q{ALTER TABLE wide_source ALTER embedding SET STORAGE EXTERNAL;
  INSERT INTO wide_source SELECT i, array_fill(i::real, ARRAY[16000])::vector FROM generate_series(1, 1900) i});

# Has someone want the index, in a transaction that is rolled back, and then lets go of whoever is held
# while it writes. `wanted`: tells that someone waits.
sub want_amid_writing
{
	my ($statement, $what) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_until(qr/started/, "\\echo started\nBEGIN;\n$statement;\nROLLBACK;\n\\echo ended :SQLSTATE\n");
	wait_until($node, "SELECT count(*) > 0 FROM pg_locks WHERE pid = $pid AND NOT granted", "$what: it waits");
	$gate->query_safe('SELECT pg_advisory_unlock_all()');
	like($session->query_until(qr/ended \w+/, ''), qr/ended 00000/, $what);
	$session->quit;
	return;
}

sub wide_table
{
	$node->safe_psql('postgres', <<"SQL");
CREATE TABLE wide (LIKE wide_source);
ALTER TABLE wide ALTER embedding SET STORAGE EXTERNAL;
CREATE INDEX wide_idx ON wide USING vseg (embedding) WITH ($fast);
SQL
	$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
	return;
}

foreach my $statement ('DROP INDEX wide_idx', 'TRUNCATE wide', 'LOCK TABLE wide; REINDEX INDEX wide_idx')
{
	my $what = "$statement while a worker writes";
	wide_table();
	$node->safe_psql('postgres', q{LOAD 'vseg'; SET vseg.tail_seal_rows = 1000; SET vseg.fault_point = 'merge-writing';
	  INSERT INTO wide SELECT * FROM wide_source});
	worker_at($node, q{SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
	  WHERE locktype = 'advisory' AND objid = 1 AND backend_type = 'vseg worker'}, 'a worker is held while it writes');
	want_amid_writing($statement, $what);
	no_worker("no worker is left: $what");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM vseg_segments('wide_idx') WHERE kind = 'graph segment'}),
		0, "$what: it gave way");
	$node->safe_psql('postgres', 'DROP TABLE wide');
}

# An inserter that seals, since there are no workers: who waits for its transaction waits no longer
# than the insert takes.
$node->safe_psql('postgres', q{LOAD 'vseg'; ALTER SYSTEM SET vseg.max_workers = 0});
$node->reload;
wait_until($node, q{SELECT current_setting('vseg.max_workers', true) = '0'}, 'there are no workers');
wide_table();
$node->safe_psql('postgres', 'SET vseg.tail_seal_rows = 0; INSERT INTO wide SELECT * FROM wide_source');
my $inserter = $node->background_psql('postgres', on_error_stop => 0);
my $inserter_pid = $inserter->query_safe('SELECT pg_backend_pid()');
$inserter->query_safe(q{LOAD 'vseg'; SET vseg.tail_seal_rows = 1000; SET vseg.tail_slowdown_rows = 1000;
  SET client_min_messages = error; SET vseg.fault_point = 'merge-writing'});
$inserter->query_until(qr/started/,
	"\\echo started\nINSERT INTO wide SELECT * FROM wide_source LIMIT 1;\n\\echo ended :SQLSTATE\n");
wait_until($node, "SELECT count(*) = 1 FROM pg_locks WHERE pid = $inserter_pid AND locktype = 'advisory'",
	'an inserter is held while it writes');
want_amid_writing('DROP INDEX wide_idx', 'DROP INDEX while an inserter writes');
like($inserter->query_until(qr/ended \w+/, ''), qr/ended 00000/, 'the insert is done');
is($node->safe_psql('postgres', q{SELECT count(*) FROM vseg_segments('wide_idx') WHERE kind = 'graph segment'}),
	0, 'it gave way');
is($node->safe_psql('postgres', 'SELECT count(*) FROM wide'), 1901, 'its row is there');
$inserter->quit;
$node->safe_psql('postgres', 'DROP TABLE wide; DROP TABLE wide_source');
$node->safe_psql('postgres', q{LOAD 'vseg'; ALTER SYSTEM RESET vseg.max_workers});
$node->reload;
wait_until($node, q{SELECT coalesce(current_setting('vseg.max_workers', true), '') IN ('', '3')}, 'there are workers again');

# What signals a worker.
foreach my $signal ('pg_cancel_backend', 'pg_terminate_backend')
{
	foreach my $place ('graph', 'chain-frozen', 'merge-written', 'merge-published')
	{
		my $pid = $place eq 'graph' ? worker_amid_graph() : worker_held_at($place);
		is($node->safe_psql('postgres', "SELECT $signal($pid)"), 't', "$signal at $place");
		check_wanted("$signal at $place");
	}
}

# The same for who compacts by hand.
foreach my $signal ('pg_cancel_backend', 'pg_terminate_backend')
{
	start_worker('SET vseg.tail_seal_rows = 0;', $slow);
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_until(qr/started/,
		"\\echo started\nCALL vseg_compact('wanted_idx');\n\\echo ended :SQLSTATE\n");
	my $pid = worker_at($node, q{SELECT pid FROM pg_stat_progress_create_index
	  WHERE phase LIKE 'building index%' AND tuples_done > 500}, 'vseg_compact builds a graph');
	$node->safe_psql('postgres', "SELECT $signal($pid)");
	if ($signal eq 'pg_cancel_backend')
	{
		like($session->query_until(qr/ended \w+/, ''), qr/ended 57014/, 'vseg_compact is cancelled');
		$session->quit;
	}
	else
	{
		wait_until($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid", 'it is gone');
		$session->{run}->finish;
	}
	check_wanted("$signal, vseg_compact");
}

# DROP DATABASE, with a worker amid its graph; and the server's end.
$node->safe_psql('postgres', 'CREATE DATABASE other');
create_extension_and_helpers($node, 'other');
$node->safe_psql('other', <<"SQL");
CREATE TABLE wanted (id int, embedding vector(8));
CREATE INDEX wanted_idx ON wanted USING vseg (embedding) WITH ($slow);
SET vseg.tail_seal_rows = 1000;
INSERT INTO wanted SELECT i, vector_of(i) FROM generate_series(1, $rows) i;
SQL
wait_until($node, q{SELECT count(*) = 1 FROM pg_stat_activity
  WHERE backend_type = 'vseg worker' AND query LIKE 'sealing%'}, 'a worker seals');
$node->safe_psql('postgres', 'DROP DATABASE other');
no_worker('no worker is left: DROP DATABASE');
worker_amid_graph();
$gate->quit;
$node->restart;
index_agrees($node, 'wanted', 'the index agrees after a shutdown amid a graph');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|corrupt|leak|terminated by signal/,
	'nothing crashed, nothing leaked');
$node->stop;
done_testing();

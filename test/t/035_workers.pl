# How many background workers there are, and what they know of the sessions that start them.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster(
	'primary',
	conf => <<'CONF');
vseg.tail_seal_rows = 1000
vseg.max_workers = 1
CONF

sub no_worker
{
	my ($what) = @_;
	wait_until($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vseg worker'}, $what);
	return;
}

sub workers
{
	my ($where, $items) = @_;
	my $query = "SELECT runs, failures FROM vseg_stats('${items}_idx') WHERE cause = 'worker'";
	return $where->can('query_safe') ? $where->query_safe($query) : $where->safe_psql('postgres', $query);
}

sub states
{
	my ($items) = @_;
	return $node->safe_psql('postgres', "SELECT string_agg(kind || ' ' || state, ', ' ORDER BY kind, segment_id)
	  FROM vseg_segments('${items}_idx')");
}

sub insertion
{
	my ($items, $first, $last) = @_;
	return "INSERT INTO $items SELECT i, vector_of(i) FROM generate_series($first, $last) i";
}

sub set_and_reload
{
	my ($setting, $value) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET $setting = '$value'");
	$node->reload;
	wait_until($node, "SELECT current_setting('$setting', true) = '$value'", "$setting is set");
	return;
}

# A session that holds up whoever reaches the fault point.
my $gate = $node->background_psql('postgres');
my $session = $node->background_psql('postgres');
$session->query_safe(q{LOAD 'vseg'; SET vseg.fault_point = 'merge-read'});

sub worker_waits
{
	my ($what) = @_;
	wait_until($node, q{SELECT count(*) = 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid)
	  WHERE l.locktype = 'advisory' AND l.classid = 1987274087 AND l.objid = 1 AND l.database <> 0
	    AND a.backend_type = 'vseg worker'}, $what);
	return;
}

# While one is at work no second one is started, in any database.
create_items($node, $_) foreach 'first', 'second';
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
$session->query_safe(insertion('first', 1, 1500));
worker_waits('a worker seals');
$node->safe_psql('postgres', insertion('second', 1, 1500));
is(states('first'), 'append chain open, flat run sealing', 'vseg_segments shows what is being sealed');
is(workers($node, 'second'), '0|1', 'all of vseg.max_workers are taken');
set_and_reload('vseg.max_workers', 2);
$node->safe_psql('postgres', insertion('second', 1501, 3000));
wait_until($node, q{SELECT sum(rows) = 3000 FROM vseg_segments('second_idx') WHERE kind = 'graph segment'},
	'another one is allowed');
$gate->query_safe('SELECT pg_advisory_unlock_all()');
no_worker('both are gone');
index_agrees($node, 'second', 'the index agrees');

# None at all.
set_and_reload('vseg.max_workers', 0);
$node->safe_psql('postgres', insertion('second', 3001, 5000));
is(workers($node, 'second'), '1|2', '0 starts none');
set_and_reload('vseg.max_workers', 3);

# A session that goes on inserting while its worker has yet to come up starts no others: here the
# postmaster starts nothing at all for a while.
create_items($node, 'busy');
$session->query_safe(q{SET vseg.fault_point = ''});
kill 'STOP', $node->{_pid};
foreach my $i (1 .. 6)
{
	$session->query_safe(insertion('busy', 2000 * $i + 1, 2000 * $i + 2000));
}
my $started = workers($session, 'busy');
kill 'CONT', $node->{_pid};
is($started, '1|0', 'one worker is started');
wait_until($node, q{SELECT sum(rows) = 12000 FROM vseg_segments('busy_idx') WHERE kind = 'graph segment'},
	'it seals all');
no_worker('it is gone');
index_agrees($node, 'busy', 'the index agrees after that');

# A worker sorts segments into tiers as the session that started it does, not as the configuration
# says: 1900 rows and 1500 are no tier of seals of 100, but one of seals of 1000.
create_items($node, 'tiers', rows => 1900, with => 'merge_factor = 2');
$session->query_safe('SET vseg.tail_seal_rows = 100');
$session->query_safe(insertion('tiers', 2001, 3500));
wait_until($node, q{SELECT sum(rows) = 3400 FROM vseg_segments('tiers_idx') WHERE kind = 'graph segment'},
	'the tail is sealed');
no_worker('the worker has looked for merges');
is($session->query_safe(q{SELECT string_agg(rows || ' in tier ' || tier, ', ' ORDER BY rows)
  FROM vseg_segments('tiers_idx') WHERE kind = 'graph segment'}), '1500 in tier 3, 1900 in tier 4',
	"tiers are the session's");

# A worker that has begun to seal goes on by a configuration that was changed meanwhile: two segments
# of 4000 rows are merged within 64MB, not within 1MB.
create_items($node, 'reloaded', rows => 4000, with => 'merge_factor = 2');
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
$session->query_safe(q{RESET vseg.tail_seal_rows; SET vseg.fault_point = 'merge-read'});
$session->query_safe(insertion('reloaded', 4001, 8000));
worker_waits('a worker seals');
set_and_reload('maintenance_work_mem', '1MB');
$gate->query_safe('SELECT pg_advisory_unlock_all()');
no_worker('it has looked for merges');
is(states('reloaded'), 'append chain open, graph segment sealed, graph segment sealed', 'it knows the new configuration');
set_and_reload('maintenance_work_mem', '64MB');
$session->query_safe(q{SET vseg.fault_point = ''});
$node->safe_psql('postgres', 'VACUUM reloaded');
wait_until($node, q{SELECT count(*) = 1 FROM vseg_segments('reloaded_idx') WHERE kind = 'graph segment'},
	'the next one merges');

# While a worker has a merge to do another merges what is small, and leaves alone what the first has.
create_items($node, 'aside', rows => 1500, with => 'merge_factor = 8');
$node->safe_psql('postgres', insertion('aside', 2001, 3500));
wait_until($node, q{SELECT count(*) = 2 FROM vseg_segments('aside_idx') WHERE kind = 'graph segment'}, 'two segments');
no_worker('there is no merge to do');
$node->safe_psql('postgres', q{ALTER INDEX aside_idx SET (merge_factor = 2)});
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
$session->query_safe(q{SET vseg.fault_point = 'merge-read'});
$session->query_safe('VACUUM aside');
worker_waits('a worker merges');
foreach my $first (4001, 6001)
{
	$node->safe_psql('postgres', insertion('aside', $first, $first + 1499));
	wait_until($node, q{SELECT count(*) = 0 FROM vseg_segments('aside_idx') WHERE kind = 'flat run' OR rows >= 1500 AND
	  kind = 'append chain'}, 'another one seals');
}
wait_until($node, q{SELECT count(*) = 3 FROM vseg_segments('aside_idx') WHERE kind = 'graph segment'}, 'and merges');
is($node->safe_psql('postgres', q{SELECT string_agg(rows || ' ' || state, ', ' ORDER BY segment_id)
  FROM vseg_segments('aside_idx') WHERE kind = 'graph segment'}),
	'1500 merging, 1500 merging, 3000 sealed', 'each has segments of its own');
index_agrees($node, 'aside', 'the index agrees while two merge');
$gate->query_safe('SELECT pg_advisory_unlock_all()');
wait_until($node, q{SELECT count(*) = 1 FROM vseg_segments('aside_idx') WHERE kind = 'graph segment'},
	'what both have made is merged');
no_worker('nobody is left');
index_agrees($node, 'aside', 'the index agrees afterwards');
$session->query_safe(q{SET vseg.fault_point = ''});

# The states of members: a run that a load may go on with, one that a cancelled job has closed, and
# what a merge, but not one of another index, has taken.
create_items($node, 'shown', rows => 100);
is(states('shown'), 'append chain open, graph segment sealed', 'at rest');
$session->query_safe('BEGIN; SET LOCAL vseg.tail_seal_rows = 20000; SET LOCAL vseg.memtable_size = 64');
$session->query_safe(insertion('shown', 101, 4100));
is(states('shown'), 'append chain open, flat run open, graph segment sealed', 'a load is under way');
$session->query_safe('COMMIT');

sub compact_until_read
{
	$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
	my $compaction = $node->background_psql('postgres', on_error_stop => 0);
	my $pid = $compaction->query_safe('SELECT pg_backend_pid()');
	$compaction->query_safe(q{LOAD 'vseg'; SET vseg.fault_point = 'merge-read'});
	$compaction->query_until(qr/started/,
		"\\echo started\nCALL vseg_compact('shown_idx');\n\\echo ended :SQLSTATE\n");
	wait_until($node, "SELECT count(*) = 1 FROM pg_locks WHERE pid = $pid AND locktype = 'advisory'",
		'the compaction waits');
	return ($compaction, $pid);
}
my ($compaction, $pid) = compact_until_read();
is(states('shown'), 'append chain open, flat run sealing, graph segment merging', 'both are being replaced');
is(states('tiers'), 'append chain open, graph segment sealed, graph segment sealed', 'another index is not');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
like($compaction->query_until(qr/ended \w+/, ''), qr/ended 57014/, 'the compaction is cancelled');
is(states('shown'), 'append chain open, flat run frozen, graph segment sealed', 'nobody is at it any more');
$gate->query_safe('SELECT pg_advisory_unlock_all()');
$compaction->quit;
$session->query_safe(q{BEGIN; CALL vseg_compact('shown_idx')});
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE locktype = 'tuple'}), 0,
	'a job that is done claims nothing, even before its transaction ends');
$session->query_safe('COMMIT');

$gate->quit;
$session->quit;
unlike(slurp_file($node->logfile), qr/PANIC|corrupt|leak|ERROR:.*vseg/, 'no worker met an error');
$node->stop;
done_testing();

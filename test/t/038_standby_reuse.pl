# Sealing and merging reuse space late, so that they do not cancel the queries of a standby as they
# go; what waits long enough, and what VACUUM finds, is reused, and then they are.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $primary = start_cluster(
	'primary',
	init => [ allows_streaming => 1 ],
	conf => "vseg.reuse_delay = '1h'\nvseg.tail_seal_rows = 500");
create_items($primary, 'items', rows => 1000);
$primary->safe_psql('postgres', 'CREATE TABLE others AS SELECT 1 AS id');
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'max_standby_streaming_delay = 0');
$standby->start;

# A query of the same database that has nothing to do with the index.
sub start_report
{
	$primary->wait_for_catchup($standby);
	my $report = $standby->background_psql('postgres', on_error_stop => 0);
	$report->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM others');
	return $report;
}
sub is_cancelled
{
	my ($report) = @_;
	my $answer = eval { $report->query(q{SELECT 'alive'}) } // '';
	return 0 if $answer =~ /alive/;
	eval { $report->{run}->kill_kill };
	return 1;
}
my $next = 10001;
sub load
{
	foreach my $commit (1 .. 8)
	{
		insert_items($primary, 'items', $next, $next + 999);
		$next += 1000;
		wait_until($primary,
			q{SELECT sum(rows) FILTER (WHERE kind <> 'graph segment') < 500 FROM vseg_segments('items_idx')},
			'a worker seals');
	}
	wait_until($primary, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'vseg worker'},
		'the workers are done');
	return;
}
sub waiting
{
	return $primary->safe_psql('postgres', q{SELECT waiting_members FROM vseg_space('items_idx')});
}

my $report = start_report();
load();
$primary->wait_for_catchup($standby);
cmp_ok(waiting(), '>=', 8, 'what was sealed and merged waits');
ok(!is_cancelled($report), 'a query on the standby lives through inserts, seals and merges');
$report->quit;
index_agrees($standby, 'items', 'the standby agrees');

# VACUUM of a table reuses what nobody on the primary can read.
$report = start_report();
load();
# The session starts no worker, which might replace the segment at the end of the file.
$primary->safe_psql('postgres', 'SELECT txid_current(); SET vseg.tail_seal_rows = 0; VACUUM items');
$primary->wait_for_catchup($standby);
is(waiting(), 0, 'VACUUM reuses all of it');
ok(is_cancelled($report), 'an older query on the standby is cancelled then');

# Without the delay jobs reuse.
$primary->safe_psql('postgres', 'ALTER SYSTEM SET vseg.reuse_delay = 0');
$primary->reload;
$report = start_report();
load();
$primary->wait_for_catchup($standby);
cmp_ok(waiting(), '<', 8, 'without a delay seals and merges reuse space');
ok(is_cancelled($report), 'and an older query is cancelled');
index_agrees($standby, 'items', 'the standby agrees at the end');
index_agrees($primary, 'items', 'the primary agrees at the end');

$standby->stop;
$primary->stop;
done_testing();

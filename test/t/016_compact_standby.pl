# A standby answers as its primary does while members are frozen, merged and their space reused; a
# scan on the standby that could still read reused space is cancelled before, never misled.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $primary = start_cluster(
	'primary',
	init => [ allows_streaming => 1 ],
	conf => "wal_consistency_checking = 'all'\nwal_keep_size = 512MB");
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = '200ms'");
$standby->start;

sub standby_agrees
{
	my ($items, $what) = @_;
	$primary->wait_for_catchup($standby);
	index_agrees($standby, $items, "standby agrees: $items, $what");
	return;
}

sub vacuum_and_free
{
	my ($items) = @_;
	$primary->safe_psql('postgres', 'SELECT txid_current()');
	$primary->safe_psql('postgres', "VACUUM $items");
	return;
}

# The whole life, round after round, in space that goes round.
create_items($primary, 'items', rows => 1200);
foreach my $round (1 .. 5)
{
	my $first = 10000 * $round;
	insert_items($primary, 'items', $first + 1, $first + 400);
	$primary->safe_psql('postgres', "DELETE FROM items WHERE id % 6 = $round");
	$primary->safe_psql('postgres', 'VACUUM items') if $round % 2 == 0;
	$primary->safe_psql('postgres', q{CALL vseg_compact('items_idx')});
	standby_agrees('items', "round $round, compacted");
	vacuum_and_free('items');
	insert_items($primary, 'items', $first + 1001, $first + 1100);
	standby_agrees('items', "round $round, space freed");
}
# What the primary has extended the file by, but for what it has not written to yet: less than an extent.
my $size = $primary->safe_psql('postgres', q{SELECT pg_relation_size('items_idx')});
my $replayed = $standby->safe_psql('postgres', q{SELECT pg_relation_size('items_idx')});
cmp_ok($replayed, '<=', $size, 'the standby has no more pages');
cmp_ok($replayed, '>', $size - 64 * 8192, 'the standby has the same extents');

# An open scan on the standby: what it reads is displaced on the primary, freed and overwritten. No
# row dies, so that nothing but the index can be what it conflicts with.
sub start_scan
{
	my $reader = $standby->background_psql('postgres', on_error_stop => 0);
	$reader->query_safe('SET enable_seqscan = off; SET enable_sort = off; SET vseg.iterative_scan = relaxed_order');
	$reader->query_safe('BEGIN; DECLARE c CURSOR FOR SELECT id FROM scanned ORDER BY embedding <-> vector_of(-1)');
	$reader->query_safe('FETCH 10 FROM c');
	return $reader;
}

sub overwrite_space
{
	my ($first) = @_;
	$primary->safe_psql('postgres', q{CALL vseg_compact('scanned_idx')});
	vacuum_and_free('scanned');
	insert_items($primary, 'scanned', $first, $first + 500);
	$primary->safe_psql('postgres', q{CALL vseg_compact('scanned_idx')});
	insert_items($primary, 'scanned', $first + 501, $first + 510);
	return;
}
my $conflicts = q{SELECT confl_snapshot FROM pg_stat_database_conflicts
  WHERE datname = current_database()};

create_items($primary, 'scanned', rows => 1500);
insert_items($primary, 'scanned', 1501, 2000);
$primary->wait_for_catchup($standby);
my $before = $standby->safe_psql('postgres', $conflicts);
my $reader = start_scan();
$primary->safe_psql('postgres', q{CALL vseg_compact('scanned_idx')});
$primary->wait_for_catchup($standby);
like($reader->query('FETCH 10 FROM c'), qr/\d/, 'a scan goes on over what was displaced');
overwrite_space(3001);
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $conflicts) - $before,
	1, 'the scan was cancelled before its pages were overwritten');
eval { $reader->quit };
standby_agrees('scanned', 'after the conflict');

# With feedback the primary waits for the scan instead.
$standby->append_conf('postgresql.conf',
	"hot_standby_feedback = on\nwal_receiver_status_interval = '1s'");
$standby->reload;
$reader = start_scan();
wait_until($primary, 'SELECT count(backend_xmin) = 1 FROM pg_stat_replication',
	'the primary knows of the scan');
$before = $standby->safe_psql('postgres', $conflicts);
my $rows = $standby->safe_psql('postgres', 'SELECT count(*) FROM scanned');
overwrite_space(5001);
vacuum_and_free('scanned');
$primary->wait_for_catchup($standby);
is(scalar(() = $reader->query_safe('FETCH ALL FROM c') =~ /\d+/g),
	$rows - 10, 'with feedback the scan returns every row');
is($standby->safe_psql('postgres', $conflicts), $before, 'with feedback nothing is cancelled');
$reader->quit;
standby_agrees('scanned', 'with feedback');

unlike(slurp_file($standby->logfile), qr/inconsistent page found|PANIC/, 'replay met no difference');

# The standby takes over amid a merge and goes on from there.
my $gate = $primary->background_psql('postgres');
$gate->query_safe('SELECT pg_advisory_lock(1987274087, 0)');
my $session = $primary->background_psql('postgres', on_error_stop => 0);
$session->query_safe(q{SET vseg.fault_point = 'merge-written'});
insert_items($primary, 'scanned', 7001, 7300);
$session->query_until(qr/started/, "\\echo started\nCALL vseg_compact('scanned_idx');\n");
wait_until($primary, q{SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 1},
	'the segment is written');
insert_items($primary, 'scanned', 8001, 8100);
$primary->wait_for_catchup($standby);
$primary->stop('immediate');
$_->{run}->finish foreach ($gate, $session);
$standby->promote;
index_agrees($standby, 'scanned', 'the promoted standby agrees');
$standby->safe_psql('postgres', q{CALL vseg_compact('scanned_idx')});
$standby->safe_psql('postgres', 'SELECT txid_current()');
$standby->safe_psql('postgres', 'VACUUM scanned');
insert_items($standby, 'scanned', 9001, 9300);
index_agrees($standby, 'scanned', 'the promoted standby compacts and reuses space');
$standby->stop;
done_testing();

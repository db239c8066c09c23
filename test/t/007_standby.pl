# A standby answers as its primary does, and every change of a page is in the WAL.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;
use VsegTest;

# Each page that replay changes is compared with the primary's: a difference stops the standby.
my $primary = start_cluster(
	'primary',
	init => [ allows_streaming => 1 ],
	conf => "wal_consistency_checking = 'all'\nwal_keep_size = 512MB");
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

sub standby_agrees
{
	my ($items, $what) = @_;
	$primary->wait_for_catchup($standby);
	index_agrees($standby, $items, "standby agrees: $items, $what");
	# The two have the same pages, so that they return the same rows in the same order.
	my $search = <<"SQL";
SET enable_seqscan = off;
SELECT q, array(SELECT id FROM $items ORDER BY embedding <-> vector_of(-q, 8) LIMIT 10)
FROM generate_series(1, 20) q ORDER BY q
SQL
	is($standby->safe_psql('postgres', $search),
		$primary->safe_psql('postgres', $search), "standby answers as the primary: $items, $what");
	return;
}

create_items($primary, 'built', rows => 2000);
create_items($primary, 'filled');
my $file = PostgreSQL::Test::Utils::tempdir . '/items.copy';
foreach my $round (1 .. 3)
{
	foreach my $items ('built', 'filled')
	{
		standby_agrees($items, "round $round, at the start");
		my $first = 10000 * $round;
		insert_items($primary, $items, $first + $_, $first + $_) foreach (1 .. 10);
		insert_items($primary, $items, $first + 100, $first + 400);
		standby_agrees($items, "round $round, inserts");
		$primary->safe_psql('postgres', <<"SQL");
COPY (SELECT i, vector_of(i) FROM generate_series($first + 1000, $first + 2500) i) TO '$file';
COPY $items FROM '$file';
SQL
		standby_agrees($items, "round $round, COPY");
		$primary->safe_psql('postgres', <<"SQL");
DELETE FROM $items WHERE id % 5 = $round;
UPDATE $items SET embedding = vector_of(-1000 - id) WHERE id % 7 = $round;
SQL
		standby_agrees($items, "round $round, DELETE and UPDATE");
		$primary->safe_psql('postgres', "VACUUM $items");
		standby_agrees($items, "round $round, VACUUM");
	}
}
$primary->safe_psql('postgres', 'REINDEX TABLE filled; TRUNCATE built');
standby_agrees($_, 'REINDEX or TRUNCATE') foreach ('built', 'filled');
insert_items($primary, 'built', 1, 300);
standby_agrees('built', 'inserts after TRUNCATE');

# A standby made from a running primary restarts amid replay.
$standby->stop('immediate');
insert_items($primary, 'filled', 50001, 51000);
$standby->start;
standby_agrees('filled', 'restart of the standby');

# What others did not commit before the switch is gone; the new primary goes on.
my $open = $primary->background_psql('postgres');
$open->query_safe('BEGIN; INSERT INTO filled VALUES (90001, vector_of(90001))');
$open->query_safe(q{SELECT disagreements('filled')});    # writes the row
insert_items($primary, 'filled', 60001, 60100);
$primary->wait_for_catchup($standby);
$primary->stop('immediate');
$open->{run}->finish;
Time::HiRes::sleep(2.1);
$standby->safe_psql('postgres', q{SET enable_seqscan = off; SET vseg.tail_seal_rows = 1000; SET vseg.tail_idle_time = 1;
  SELECT id FROM built ORDER BY embedding <-> vector_of(1) LIMIT 1});
$standby->promote;
index_agrees($standby, 'filled', 'the promoted standby agrees');
insert_items($standby, 'filled', 70001, 70500);
$standby->safe_psql('postgres', 'DELETE FROM filled WHERE id % 11 = 0; VACUUM filled');
insert_items($standby, 'filled', 80001, 80500);
index_agrees($standby, 'filled', 'the promoted standby takes inserts and VACUUM');
is(rows_in_tail($standby, 'built_idx'), 300, 'a search on a standby has had nothing sealed, not even after promotion');
unlike(slurp_file($standby->logfile), qr/inconsistent page found/, 'replay met no difference');

$standby->stop;
done_testing();

# Rows without a distance survive a crash, reach standbys, and are found whoever else writes.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

# Each page that replay changes is compared with the primary's: a difference stops the standby.
my $primary = start_cluster(
	'primary',
	init => [ allows_streaming => 1 ],
	conf => "wal_consistency_checking = 'all'");
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

sub agree
{
	my ($what) = @_;
	index_agrees($primary, 'items', "primary agrees: $what");
	$primary->wait_for_catchup($standby);
	index_agrees($standby, 'items', "standby agrees: $what");
	return;
}

# Every third row has a vector.
sub rows
{
	my ($first, $last) = @_;
	return "INSERT INTO items SELECT i, CASE WHEN i % 3 = 0 THEN vector_of(i) END "
	  . "FROM generate_series($first, $last) i";
}

create_items($primary, 'items', rows => 100);
$primary->safe_psql('postgres', rows(101, 110));
agree('a few rows');
$primary->safe_psql('postgres', rows(1001, 6000));
agree('rows of several pages');

# A crash in the middle of a transaction, one that has written and one that has not.
my @open = map { $primary->background_psql('postgres') } (1 .. 2);
$_->query_safe('BEGIN') foreach (@open);
$open[0]->query_safe(rows(10001, 10100));
$open[1]->query_safe(rows(10101, 10200));
$open[1]->query_safe(q{SELECT disagreements('items')});
$primary->safe_psql('postgres', 'BEGIN; ' . rows(10201, 10210) . q{; PREPARE TRANSACTION 'kept'});
$primary->safe_psql('postgres', rows(10301, 10302));
$primary->stop('immediate');
$_->{run}->finish foreach (@open);
$primary->start;
agree('after a crash');
$primary->safe_psql('postgres', q{COMMIT PREPARED 'kept'});
is($primary->safe_psql('postgres', 'SELECT count(*) FROM items'),
	100 + 10 + 5000 + 2 + 10, 'committed rows survive, others do not');
agree('a prepared transaction');

# VACUUM, whose places are given to later rows; with an old snapshot that still sees the dead.
sub pages
{
	return $primary->safe_psql('postgres',
		q{SELECT pages FROM vseg_segments('items_idx') WHERE kind = 'unranked rows'});
}
my $pages = pages();
my $old = $primary->background_psql('postgres');
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $count = $old->query_safe('SELECT count(*) FROM items');
$primary->safe_psql('postgres', 'DELETE FROM items WHERE id % 2 = 0; VACUUM items');
is($old->query_safe(q{SELECT disagreements('items')}), '', 'an old snapshot still sees them all');
is($old->query_safe('SELECT count(*) FROM items'), $count, 'and so in the table');
$old->query_safe('COMMIT');
$primary->safe_psql('postgres', 'VACUUM items');
agree('VACUUM');
$primary->safe_psql('postgres', rows(20001, 22000));
agree('rows in the places of dead ones');
is(pages(), $pages, 'no page more is taken');

# Inserters side by side, and one that fills pages while VACUUM empties them.
my @inserters;
foreach my $first (30000, 40000, 50000)
{
	my $session = $primary->background_psql('postgres');
	$session->query_until(qr/started/, "\\echo started\n"
		  . join('', map { rows($first + 100 * $_ + 1, $first + 100 * $_ + 100) . ";\n" } (0 .. 29)));
	push @inserters, $session;
}
foreach my $round (1 .. 5)
{
	$primary->safe_psql('postgres', "DELETE FROM items WHERE id % 7 = $round; VACUUM items");
	index_agrees($primary, 'items', "primary agrees beside inserters, round $round");
}
$_->quit foreach (@inserters);
agree('inserters side by side');

# CREATE INDEX CONCURRENTLY beside one of them; and what a crash has leaked is swept, no page of
# theirs with it.
my $session = $primary->background_psql('postgres');
$session->query_until(qr/started/,
	"\\echo started\n" . join('', map { rows(60000 + 50 * $_ + 1, 60000 + 50 * $_ + 50) . ";\n" } (0 .. 19)));
$primary->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY items_idx');
$session->quit;
agree('REINDEX CONCURRENTLY');

# What a failed job leaves is swept, and their pages stay theirs.
my ($status) = $primary->psql('postgres',
	"LOAD 'vseg'; SET vseg.fault_point = 'merge-written:error'; CALL vseg_compact('items_idx')");
isnt($status, 0, 'a merge fails');
$primary->safe_psql('postgres', q{VACUUM items; CALL vseg_compact('items_idx'); SELECT txid_current(); VACUUM items});
is(leaked_extents($primary, 'items_idx'), 0, 'no extent is lost');
$primary->safe_psql('postgres', rows(70001, 75000));
agree('after a sweep');

# A flush that fails when it has written some.
foreach my $fault ('error', 'out_of_memory')
{
	($status) = $primary->psql('postgres',
		"SET vseg.fault_point = 'unranked-appended:$fault'; " . rows(80001, 83000));
	isnt($status, 0, "a flush fails: $fault");
	agree("a failed flush: $fault");
}
is($primary->safe_psql('postgres', 'SELECT count(*) FROM items WHERE id > 80000'), 0, 'none of its rows is there');

done_testing();

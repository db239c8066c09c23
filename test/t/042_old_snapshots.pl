# old_snapshot_threshold: VACUUM may remove rows that an old snapshot sees, so a search by it fails
# where pages have changed since, and does not leave them out. With a threshold of 0, for tests,
# PostgreSQL removes none of those in fact, but minds other changes all the same.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster('primary', conf => 'old_snapshot_threshold = 0');

my $count = 'BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL enable_seqscan = off;
  SELECT count(*) FROM (SELECT id FROM %s ORDER BY embedding <-> vector_of(-1)) s';

# Rows in a graph segment, in append pages, and in what becomes one segment.
create_items($node, 'segment', rows => 200);
create_items($node, 'tail');
insert_items($node, 'tail', 1, 200);
create_items($node, 'merged', rows => 100);
insert_items($node, 'merged', 101, 200);

$node->safe_psql('postgres', join(';', map { "DELETE FROM $_ WHERE id % 2 = 0" } ('segment', 'tail', 'merged')));

my %old;
foreach my $items ('segment', 'tail', 'merged')
{
	$old{$items} = $node->background_psql('postgres', on_error_stop => 0);
	is($old{$items}->query_safe(sprintf($count, $items)), 100, "$items: a snapshot sees its rows");
}
sleep(6);    # PostgreSQL grants them 5 seconds even so
foreach my $items ('segment', 'tail', 'merged')
{
	$node->safe_psql('postgres', "VACUUM $items");
	$node->safe_psql('postgres', "CALL vseg_compact('${items}_idx')") if $items eq 'merged';
	is($old{$items}->query(sprintf($count =~ s/^.*?; //r, $items)), '', "$items: later it gets no answer");
	like($old{$items}->{stderr}, qr/snapshot too old/, "$items: but an error");
	$old{$items}->{stderr} = '';
	$old{$items}->quit;
	is($node->safe_psql('postgres', sprintf($count, $items)), 100, "$items: another one sees them");
}

$node->stop;
done_testing();

# Searches count in PostgreSQL's statistics and keep their pages in shared buffers.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster('primary', conf => 'shared_buffers = 64MB');
create_items($node, 'items', rows => 3000, dims => 128);
$node->safe_psql('postgres', 'CREATE EXTENSION pg_buffercache');

# Runs so many searches in one session, in which blocks are soon found without a look-up.
sub search
{
	my ($times) = @_;
	$node->safe_psql('postgres', "SET enable_seqscan = off; SET enable_memoize = off;
	  SELECT count(n.id) FROM generate_series(1, $times) i, LATERAL (SELECT id FROM items
	    ORDER BY embedding <-> vector_of(i % 10, 128) LIMIT 10) n");
	return;
}

my $fetched = q{SELECT idx_blks_hit + idx_blks_read FROM pg_statio_user_indexes
  WHERE indexrelname = 'items_idx'};
search(10);
my $before = $node->safe_psql('postgres', $fetched);
search(10);
my $per_search = ($node->safe_psql('postgres', $fetched) - $before) / 10;
cmp_ok($per_search, '>', 40, 'a search of 40 nodes fetches as many blocks and more');

# The nodes that these queries lead to: after 100 searches for each their buffers have the greatest
# usage count there is. What a session reads for the plan, once, is not a search's.
search(1000);
cmp_ok(($node->safe_psql('postgres', $fetched) - $before) / 1010, '>', $per_search * 0.9,
	'each fetch is counted');
is( $node->safe_psql('postgres', q{SELECT idx_blks_read < 1000 FROM pg_statio_user_indexes
  WHERE indexrelname = 'items_idx'}), 't', 'what is found in shared buffers is a hit');
my $hottest = $node->safe_psql('postgres', q{SELECT count(*) FROM pg_buffercache
  WHERE relfilenode = pg_relation_filenode('items_idx') AND usagecount = 5});
cmp_ok($hottest, '>', 40, 'the pages that searches read have the greatest usage count');

$node->stop;
done_testing();

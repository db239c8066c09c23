# The preloaded launcher finds what is due in tables that nobody touches any more, in every database.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;
use VsegTest;

my $node = start_cluster(
	'primary',
	conf => <<'CONF');
shared_preload_libraries = 'vseg'
vseg.launcher_naptime = 1s
vseg.tail_seal_rows = 1000
CONF
$node->safe_psql('postgres', 'CREATE DATABASE other');
create_extension_and_helpers($node, 'other');

my $fill = <<'SQL';
SET vseg.tail_seal_rows = 0;    -- this session starts no worker
CREATE TABLE items (id int, embedding vector(8));
CREATE INDEX items_idx ON items USING vseg (embedding);
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(1, 3000) i;
CREATE TABLE short (id int, embedding vector(8));
CREATE INDEX short_idx ON short USING vseg (embedding);
INSERT INTO short SELECT i, vector_of(i) FROM generate_series(1, 90) i;
SQL
foreach my $database ('postgres', 'other')
{
	$node->safe_psql($database, $fill);
	ok($node->poll_query_until($database, q{SELECT sum(rows) = 3000 FROM vseg_segments('items_idx')
	  WHERE kind = 'graph segment'}), "a tail is sealed in database $database");
	is($node->safe_psql($database, q{SELECT sum(rows) FROM vseg_segments('short_idx')
	  WHERE kind = 'append chain'}), 90, "a short tail stays in database $database");
}
index_agrees($node, 'items', 'the index agrees');

is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity
  WHERE backend_type = 'vseg launcher' AND datname IS NULL AND backend_xmin IS NULL}), 1,
	'the launcher belongs to no database and holds back no horizon');

# It stands in nobody's way.
my $start = Time::HiRes::time();
$node->safe_psql('postgres', 'DROP DATABASE other');
cmp_ok(Time::HiRes::time() - $start, '<', 10, 'DROP DATABASE does not wait for it');
$node->safe_psql('postgres', 'DROP EXTENSION vseg CASCADE');
sleep 2;
$node->safe_psql('postgres', 'ALTER SYSTEM SET vseg.launcher_naptime = 3600');
$node->reload;
$node->stop('fast');
unlike(slurp_file($node->logfile), qr/PANIC|FATAL: (?!.*(?:terminating|starting up|shutting down|does not exist))|ERROR/, 'no process met an error');
done_testing();

# pg_dump and pg_restore of a database with vseg, alone and beside pgvector.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster('primary');
my $dir = PostgreSQL::Test::Utils::tempdir;

sub fill
{
	my ($database) = @_;
	$node->safe_psql($database, <<'SQL');
CREATE TABLE items (id int, embedding vector(8));
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(1, 300) i;
CREATE INDEX items_idx ON items USING vseg (embedding) WITH (m = 8, ef_construction = 50);
CREATE INDEX items_l1 ON items USING vseg (embedding vector_l1_ops);
CREATE INDEX items_near ON items USING vseg (embedding vector_cosine_ops) WHERE id < 100;
INSERT INTO items SELECT i, vector_of(i) FROM generate_series(301, 400) i;
SQL
	return;
}

sub survives_dump
{
	my ($database, $what) = @_;
	my $indexes = q{SELECT indexdef FROM pg_indexes WHERE tablename = 'items' ORDER BY indexname};
	$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/$database.dump", $database ],
		"$what: pg_dump runs");
	$node->safe_psql('postgres', "CREATE DATABASE ${database}_restored");
	$node->command_ok(
		[ 'pg_restore', '--exit-on-error', '-d', "${database}_restored", "$dir/$database.dump" ],
		"$what: pg_restore runs");
	is($node->safe_psql("${database}_restored", $indexes),
		$node->safe_psql($database, $indexes), "$what: indexes are restored as they were");
	is($node->safe_psql("${database}_restored", 'SELECT sum(id), count(*) FROM items'),
		'80200|400', "$what: rows are restored");
	is($node->safe_psql("${database}_restored", q{SELECT disagreements('items')}),
		'', "$what: the restored index agrees");
	return;
}

fill('postgres');
survives_dump('postgres', 'vseg alone');

SKIP:
{
	skip 'pgvector is not installed', 5
	  if $node->safe_psql('postgres',
		q{SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'}) == 0;
	$node->safe_psql('postgres', 'CREATE DATABASE beside');
	$node->safe_psql('beside', 'CREATE EXTENSION vector');
	create_extension_and_helpers($node, 'beside');
	fill('beside');
	survives_dump('beside', 'beside pgvector');
}

$node->stop;
done_testing();

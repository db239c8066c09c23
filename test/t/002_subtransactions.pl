# Rows in memory follow the subtransaction that inserted them.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster('primary');

# The row that a subtransaction inserted and lost is dead at once: VACUUM frees its address, and
# another session's row takes it, all while the transaction is open. An index entry that survived
# would lead to the other's row.
my %ways_to_lose_a_row = (
	'ROLLBACK TO' => ['SAVEPOINT a', 'INSERT', 'ROLLBACK TO a'],
	'ROLLBACK TO after RELEASE of an inner savepoint' =>
	  [ 'SAVEPOINT a', 'SAVEPOINT b', 'INSERT', 'RELEASE b', 'ROLLBACK TO a' ],
	'ROLLBACK TO an outer savepoint' => [ 'SAVEPOINT a', 'SAVEPOINT b', 'INSERT', 'ROLLBACK TO a' ],
	'an exception caught in PL/pgSQL' => [
		'DO $$ BEGIN INSERT INTO items VALUES (2, vector_of(2)); RAISE division_by_zero; '
		  . 'EXCEPTION WHEN division_by_zero THEN NULL; END $$'
	],
);

foreach my $way (sort keys %ways_to_lose_a_row)
{
	create_items($node, 'items');
	my $session = $node->background_psql('postgres');
	$session->query_safe('BEGIN');
	$session->query_safe('INSERT INTO items VALUES (1, vector_of(1))');
	foreach my $step (@{ $ways_to_lose_a_row{$way} })
	{
		$step = 'INSERT INTO items VALUES (2, vector_of(2))' if $step eq 'INSERT';
		$session->query_safe($step);
	}
	$node->safe_psql('postgres', 'VACUUM items');
	$node->safe_psql('postgres', 'INSERT INTO items VALUES (3, vector_of(3))');
	is($node->safe_psql('postgres', 'SELECT ctid FROM items WHERE id = 3'),
		'(0,2)', "$way: another row takes the lost row's address");
	$session->query_safe('INSERT INTO items VALUES (4, vector_of(4))');
	$session->query_safe('COMMIT');
	is($node->safe_psql('postgres', 'SELECT array_agg(id ORDER BY id) FROM items'),
		'{1,3,4}', "$way: the table has the rows it should");
	index_agrees($node, 'items', "$way: no entry of the lost row is left");
	$session->quit;
	$node->safe_psql('postgres', 'DROP TABLE items');
}

# Rows of a subtransaction that commits stay.
create_items($node, 'items');
$node->safe_psql('postgres', <<'SQL');
BEGIN;
SAVEPOINT a;
INSERT INTO items VALUES (1, vector_of(1));
SAVEPOINT b;
INSERT INTO items VALUES (2, vector_of(2));
RELEASE b;
INSERT INTO items VALUES (3, vector_of(3));
SAVEPOINT b;
INSERT INTO items VALUES (4, vector_of(4));
ROLLBACK TO b;
INSERT INTO items VALUES (5, vector_of(5));
RELEASE a;
COMMIT;
SQL
is(rows_in_tail($node, 'items_idx'), 4, 'rows of released savepoints are written, others are not');
index_agrees($node, 'items', 'rows of released savepoints are found');

# A chain of 300 subtransactions, every third one rolled back.
$node->safe_psql('postgres', <<'SQL');
DO $$
BEGIN
  FOR i IN 101 .. 400 LOOP
    BEGIN
      INSERT INTO items VALUES (i, vector_of(i));
      IF i % 3 = 0 THEN RAISE division_by_zero; END IF;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
  END LOOP;
END
$$
SQL
is($node->safe_psql('postgres', 'SELECT count(*) FROM items'), 204, 'two thirds of the rows stay');
index_agrees($node, 'items', 'the index has exactly the rows that stay');

# An index that came and went with a savepoint takes its waiting rows along.
$node->safe_psql('postgres', <<'SQL');
BEGIN;
SAVEPOINT a;
CREATE INDEX second_idx ON items USING vseg (embedding);
INSERT INTO items VALUES (1001, vector_of(1001));
ROLLBACK TO a;
INSERT INTO items VALUES (1002, vector_of(1002));
COMMIT;
SQL
index_agrees($node, 'items', 'CREATE INDEX undone by ROLLBACK TO leaves the other index right');

$node->stop;
done_testing();

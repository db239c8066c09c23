# Rows in memory are written before anything looks for them in the index's pages.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster('primary');
my $session = $node->background_psql('postgres');
my $nearest = 'SELECT id FROM items ORDER BY embedding <-> vector_of(%d) LIMIT 1';

sub insert_rows
{
	my ($first, $last) = @_;
	return "INSERT INTO items SELECT i, vector_of(i) FROM generate_series($first, $last) i";
}

create_items($node, 'items', rows => 500);

# PREPARE TRANSACTION.
$session->query_safe('BEGIN');
$session->query_safe(insert_rows(1001, 1020));
$session->query_safe(q{PREPARE TRANSACTION 'kept'});
$session->query_safe('BEGIN');
$session->query_safe(insert_rows(2001, 2020));
$session->query_safe(q{PREPARE TRANSACTION 'lost'});
index_agrees($node, 'items', 'rows of prepared transactions are not found');
$node->safe_psql('postgres', q{COMMIT PREPARED 'kept'});
index_agrees($node, 'items', 'rows are found after COMMIT PREPARED');
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'lost'});
index_agrees($node, 'items', 'rows are not found after ROLLBACK PREPARED');
is($node->safe_psql('postgres', 'SELECT count(*) FROM items'), 520, 'one transaction was kept');

# The session goes on after PREPARE: its memtable is empty and works.
$session->query_safe(insert_rows(2501, 2520));
index_agrees($node, 'items', 'rows inserted after PREPARE TRANSACTION are found');

# Own searches.
$session->query_safe('SET enable_seqscan = off');
$session->query_safe('BEGIN');
foreach my $id (3001 .. 3005)
{
	$session->query_safe(insert_rows($id, $id));
	is($session->query_safe(sprintf($nearest, $id)),
		$id, "the transaction finds its own row $id at once");
}
$session->query_safe('COMMIT');

# A search whose executor state outlives several inserts: each rescan looks for the rows of before.
is($session->query_safe(<<'SQL'), '10', 'a function finds the row it has inserted just before');
CREATE FUNCTION insert_and_find(i int) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO items VALUES (i, vector_of(i));
  RETURN i = (SELECT id FROM items ORDER BY embedding <-> vector_of(i) LIMIT 1);
END
$$;
SELECT count(*) FROM generate_series(3101, 3110) i WHERE insert_and_find(i);
SQL

# Others' rows, committed just now.
foreach my $id (4001 .. 4005)
{
	$node->safe_psql('postgres', insert_rows($id, $id));
	is($session->query_safe(sprintf($nearest, $id)), $id, "another session's row $id is found at once");
}

# Parallel workers cannot see the leader's memory.
$session->query_safe('SET force_parallel_mode = on');
$session->query_safe('SET max_parallel_workers_per_gather = 2');
$session->query_safe('BEGIN');
$session->query_safe(insert_rows(5001, 5001));
like($session->query_safe('EXPLAIN (COSTS OFF) ' . sprintf($nearest, 5001)),
	qr/Gather.*Index Scan using items_idx/s, 'the search runs in a parallel worker');
$session->query_safe(insert_rows(5002, 5002));
is($session->query_safe(sprintf($nearest, 5002)),
	5002, 'a parallel worker finds the row its transaction has inserted');
$session->query_safe('COMMIT');
$session->query_safe('RESET force_parallel_mode');

# A cursor opened before rows were inserted and written.
$session->query_safe('BEGIN');
$session->query_safe(insert_rows(6001, 6100));
$session->query_safe('SET LOCAL vseg.ef_search = 10000');
$session->query_safe(
	'DECLARE c CURSOR FOR SELECT id FROM items ORDER BY embedding <-> vector_of(6050)');
my $rows = $session->query_safe('SELECT count(*) FROM items');
my @fetched = split(/\n/, $session->query_safe('FETCH 5 FROM c'));
is($fetched[0], 6050, 'the cursor starts with the nearest row');
$session->query_safe(insert_rows(6201, 6300));
$session->query_safe(sprintf($nearest, 6201));    # writes the rows
$session->query_safe('DELETE FROM items WHERE id BETWEEN 6001 AND 6010');
push @fetched, split(/\n/, $session->query_safe('FETCH ALL FROM c'));
is(scalar(@fetched), $rows, 'the cursor returns as many rows as there were when it was opened');
my %distinct = map { $_ => 1 } @fetched;
is(scalar(keys %distinct), $rows, 'the cursor returns no row twice');
is(scalar(grep { $_ > 6200 && $_ <= 6300 } @fetched), 0, 'the cursor returns no later row');
$session->query_safe('COMMIT');

# A holdable cursor runs at COMMIT.
$session->query_safe('BEGIN');
$session->query_safe(insert_rows(6401, 6401));
$session->query_safe('DECLARE h CURSOR WITH HOLD FOR ' . sprintf($nearest, 6401));
$session->query_safe('COMMIT');
is($session->query_safe('FETCH ALL FROM h'), 6401, 'a holdable cursor finds rows of its transaction');

# Deferred triggers fire at COMMIT, before rows are written.
$session->query_safe(<<'SQL');
CREATE TABLE orders (id int);
CREATE FUNCTION add_item() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO items VALUES (NEW.id, vector_of(NEW.id));
  RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER add_item AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION add_item();
SQL
$session->query_safe('BEGIN');
$session->query_safe(insert_rows(7001, 7010));
$session->query_safe('INSERT INTO orders SELECT generate_series(7101, 7110)');
$session->query_safe('COMMIT');
is($session->query_safe(sprintf($nearest, 7105)), 7105, 'a row of a deferred trigger is found');

# A transaction that ends inside a procedure.
$session->query_safe(<<'SQL');
CREATE PROCEDURE insert_and_commit() LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 8001 .. 8030 LOOP
    INSERT INTO items VALUES (i, vector_of(i));
    IF i % 10 = 0 THEN ROLLBACK; ELSIF i % 5 = 0 THEN COMMIT; END IF;
  END LOOP;
END
$$;
SQL
$session->query_safe('CALL insert_and_commit()');
index_agrees($node, 'items', 'rows are as the commits and rollbacks of a procedure left them');

# Two indexes, one of them dropped by a savepoint that stays.
$session->query_safe('CREATE INDEX items_l1 ON items USING vseg (embedding vector_l1_ops)');
$session->query_safe('BEGIN');
$session->query_safe(insert_rows(9001, 9010));
$session->query_safe('DROP INDEX items_l1');
$session->query_safe('COMMIT');
index_agrees($node, 'items', 'rows waiting for a dropped index do not disturb the other index');

$session->quit;
$node->stop;
done_testing();

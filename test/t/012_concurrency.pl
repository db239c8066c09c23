# Clients that insert, delete, update, search and VACUUM at once meet no error, and every search
# answers as a sequential scan under the same snapshot does.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use VsegTest;

my $node = start_cluster('primary');
my %scripts = (
	'insert@20' => <<'SQL',
\set id random(10000, 100000000)
INSERT INTO :items SELECT i, vector_of(i) FROM generate_series(:id, :id + 5) i;
SQL
	'transaction@10' => <<'SQL',
\set id random(10000, 100000000)
BEGIN;
INSERT INTO :items VALUES (:id, vector_of(:id));
SELECT id FROM :items ORDER BY embedding <-> vector_of(:id + 1) LIMIT 10;
SAVEPOINT a;
INSERT INTO :items VALUES (-:id, vector_of(-:id));
ROLLBACK TO a;
INSERT INTO :items VALUES (:id + 7, vector_of(:id + 7));
END;
SQL
	'delete@15' => <<'SQL',
\set id random(10000, 100000000)
DELETE FROM :items WHERE ctid IN
  (SELECT ctid FROM :items ORDER BY embedding <-> vector_of(:id) LIMIT 5);
SQL
	'update@5' => <<'SQL',
\set id random(10000, 100000000)
UPDATE :items SET embedding = vector_of(:id) WHERE id = :id % 500;
SQL
	'compare@5' => "SELECT 1 / (compare_answers(':items', 2, 10) = '')::int;\n",
	'vacuum@2' => "VACUUM :items;\n",
);
my $dir = PostgreSQL::Test::Utils::tempdir;
foreach my $items ('built', 'appended')
{
	create_items($node, $items, rows => $items eq 'built' ? 2000 : 0);
	insert_items($node, $items, 1, 500) if $items eq 'appended';
	my @files;
	foreach my $script (sort keys %scripts)
	{
		my ($name, $weight) = split(/@/, $script);
		(my $sql = $scripts{$script}) =~ s/:items/$items/g;
		append_to_file("$dir/$items.$name.sql", $sql);
		push @files, '-f', "$dir/$items.$name.sql\@$weight";
	}
	$node->command_checks_all(
		[ 'pgbench', '-n', '-c', '4', '-j', '2', '-T', '8', @files, 'postgres' ],
		0,
		[qr/number of failed transactions: 0 /],
		[qr/\A\z/],
		"$items: four clients meet no error");
	index_agrees($node, $items, "$items: the index agrees afterwards");
	$node->safe_psql('postgres', "VACUUM $items");
	index_agrees($node, $items, "$items: the index agrees after VACUUM");
	is($node->safe_psql('postgres',
			"SELECT sum(rows - dead_rows) FROM vseg_segments('${items}_idx')"),
		$node->safe_psql('postgres', "SELECT count(*) FROM $items"),
		"$items: the index has the rows of the table and no others");
}

$node->stop;
done_testing();

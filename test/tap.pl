# Runs TAP tests as prove does and writes how many passed, failed and were skipped to a file.
#
#   tap.pl COUNTS-FILE TEST...
use strict;
use warnings;
use TAP::Harness;

my ($counts_file, @tests) = @ARGV;
my $results = TAP::Harness->new({ timer => 1, failures => 1 })->runtests(@tests);

my ($passed, $failed, $skipped) = (0, 0, 0);
foreach my $test ($results->descriptions)
{
	my ($parser) = $results->parsers($test);
	# A script that died, or ran another number of tests than planned, counts as a failed test.
	my $failures = $parser->failed || ($parser->has_problems ? 1 : 0);
	my $skips = $parser->skip_all ? 1 : $parser->skipped;
	$passed += $parser->passed - $parser->skipped;
	$failed += $failures;
	$skipped += $skips;
}

open(my $file, '>', $counts_file) or die "could not open $counts_file: $!";
print $file "$passed $failed $skipped\n";
close($file) or die "could not write $counts_file: $!";
exit($results->all_passed ? 0 : 1);

#!/usr/bin/perl
use strict;
use warnings;
# A comment
my %pages = (title => 'it\'s', views => 10);
my @words = qw(a b c);
sub count {
    my ($page, $by) = @_;
    if ($page->{title} =~ m/^draft\d+/i and $by % 2 == 0) {
        (my $copy = $page) =~ s/a/b/g;
        print "Views: $pages{views}\n";
    }
    return scalar(@words) / 2;
}

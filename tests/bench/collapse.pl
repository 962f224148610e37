#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
# `perf script` text on stdin to folded stacks: what a recording → folded run is measured against where no stackcollapse-perf.pl is
# installed. One line a distinct stack, `comm;root;…;leaf N`.
use strict;
use warnings;

my (%n, $comm, @stack);
while (my $line = <STDIN>) {
	if ($line =~ /^\s*[0-9a-f]+ (.+) \([^()]*(?:\([^()]*\))?[^()]*\)$/) {
		my $name = $1;
		$name =~ s/\+0x[0-9a-f]+$//;
		$name =~ tr/;/:/;
		push @stack, $name;
	} elsif ($line =~ /^\s*$/) {
		$n{join(';', $comm, reverse @stack)}++ if defined $comm;
		($comm, @stack) = (undef);
	} elsif ($line =~ /^(\S.*?)\s+\d+(?:\/\d+)?\s/) {
		$comm = $1;
		@stack = ();
	}
}
$n{join(';', $comm, reverse @stack)}++ if defined $comm;
print "$_ $n{$_}\n" for sort keys %n;

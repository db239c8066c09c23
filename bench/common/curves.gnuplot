# Recall against queries per second. Called with curve (input), output, heading and rate
# (what the queries per second are of) set.
set terminal svg size 800,560 enhanced background rgb 'white'
set output output
set title heading noenhanced
set xlabel 'recall'
set ylabel 'queries per second, '.rate
set logscale y
set grid
set key top right
stats curve using 1:2 nooutput
plot for [block = 0:STATS_blocks - 2] curve index block using 1:2 with linespoints \
  linewidth 2 pointtype 7 pointsize 0.5 title columnheader(1)

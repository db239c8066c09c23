#Measured values over the time of a run.Called with series(input), output, heading, across and
#upward(what the axes show) set.
set terminal svg size 800,480 enhanced background rgb 'white'
set output output
set title heading noenhanced
set xlabel across noenhanced
set ylabel upward noenhanced
set yrange [0:*]
set grid
set key top left
stats series using 1:2 nooutput
plot for [block = 0:STATS_blocks - 2] series index block using 1:2 with linespoints \
  linewidth 2 pointtype 7 pointsize 0.3 title columnheader(2)

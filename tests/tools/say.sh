#!/bin/sh
# Says what make does: say.sh FILE COUNT WHAT; without WHAT, that it has built everything. On a terminal a build of many
# files shows in one line that moves how many are compiled, of COUNT, how long it has taken, and the one at hand; elsewhere
# each step has a line. FILE is where it counts: the second in which the build began, then a line for each file.
file=$1
count=$2
what=${3:-}
if [ "$count" -lt 10 ] || [ ! -t 1 ]; then
    [ -z "$what" ] || echo "$what"
    exit
fi
now=$(date +%s)
[ -s "$file" ] || echo "$now" >"$file"
case $what in CC* | CXX*) echo "$what" >>"$file" ;; esac
read -r begun <"$file"
seconds=$((now - begun))
if [ -z "$what" ]; then
    printf '\r\033[Kcompiled %d files in %d s\n' "$count" "$seconds"
    rm -f "$file"
else
    printf '\r\033[K%d of %d, %d s  %.60s' "$(($(wc -l <"$file") - 1))" "$count" "$seconds" "$what"
fi

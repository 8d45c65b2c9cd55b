#!/bin/sh
# Counts lines, words and bytes of what comes on stdin.
set -eu

text=$(mktemp) # in the TMPDIR that each container has for itself
trap 'rm -f "$text"' EXIT

echo "task ${TASK_ID:-unknown}: reading" >&2 # stderr is for progress
cat >"$text"

for what in lines words bytes; do
    echo "counting $what" >&2
    case $what in
    lines) count=$(wc -l <"$text") ;;
    words) count=$(wc -w <"$text") ;;
    bytes) count=$(wc -c <"$text") ;;
    esac
    echo "$what $((count))" # stdout is the answer; $((…)) drops the blanks that some wc put before a number
done

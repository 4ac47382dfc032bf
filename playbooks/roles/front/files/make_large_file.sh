#!/bin/sh
# make_large_file FILE OCTETS: a file of so many octets that looks random and is the same everywhere. Says when it made it.
set -eu
file=$1 octets=$2
[ "$(stat -c %s "$file" 2>/dev/null)" = "$octets" ] && exit 0
zeros=00000000000000000000000000000000
openssl enc -aes-128-ctr -K $zeros -iv $zeros -in /dev/zero 2>/dev/null | head -c "$octets" >"$file.new"
chmod 644 "$file.new"
mv "$file.new" "$file"
echo "made $file"

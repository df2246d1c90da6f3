#!/bin/sh
# embed.sh - prints the files of a folder as the C table of console.h.
#
#     server/console/embed.sh server/console/page > build/obj/server/console/console_files.c
#
# Needs only what every Debian has: find, od, sed, sha256sum.  The same files give the same bytes.
set -eu
export LC_ALL=C
folder=$1

type_of() {
    case $1 in
    *.html) echo 'text/html; charset=utf-8' ;;
    *.css) echo 'text/css; charset=utf-8' ;;
    *.js) echo 'text/javascript; charset=utf-8' ;;
    *.svg) echo 'image/svg+xml' ;;
    *.txt) echo 'text/plain; charset=utf-8' ;;
    *) echo "embed.sh: no type for $1" >&2 && exit 1 ;;
    esac
}

path_of() {
    if [ "$1" = index.html ]; then echo /; else echo "/console/$1"; fi
}

files=$(cd "$folder" && find . -type f | sed 's|^\./||' | sort)
echo '/* console_files.c - made by embed.sh from the files of the console; see console.h. */'
echo '#include "console/console.h"'
number=0
for file in $files; do
    echo "static const uint8_t file_$number[] = {"
    od -An -v -tu1 "$folder/$file" | sed 's/  *\([0-9][0-9]*\)/\1,/g'
    echo '};'
    number=$((number + 1))
done
echo 'const console_file console_files[] = {'
number=0
for file in $files; do
    type=$(type_of "$file")
    etag=$(sha256sum "$folder/$file" | cut -c1-20)
    echo "    {\"$(path_of "$file")\", \"$type\", \"\\\"$etag\\\"\", file_$number, sizeof file_$number},"
    number=$((number + 1))
done
echo '};'
echo "const size_t console_file_count = $number;"

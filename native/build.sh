#!/bin/sh
# Compiles the native helper from every C file beside this script into one static program.
#
#   build.sh [OUTPUT]     default: build/native/devenv-helper in the repository
#
# Uses $CC, else the first of cc, gcc, clang. Exit status 3: there is no C compiler; 1: it does not compile.
# The program is put in place by one rename, so that a running helper is never half-written.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
output=${1:-$(dirname "$here")/build/native/devenv-helper}

compiler=${CC:-}
if [ -z "$compiler" ]; then
	for candidate in cc gcc clang; do
		if command -v "$candidate" >/dev/null 2>&1; then
			compiler=$candidate
			break
		fi
	done
fi
if [ -z "$compiler" ]; then
	echo "build.sh: no C compiler (cc, gcc or clang) found; bwrap will be used where it is installed" >&2
	exit 3
fi

mkdir -p "$(dirname "$output")"
new="$output.new.$$"
trap 'rm -f "$new" "$new.log"' EXIT

compile() {
	# shellcheck disable=SC2086 # CC and CFLAGS are word lists
	$compiler -O2 -std=gnu11 -Wall -Wextra -D_GNU_SOURCE ${CFLAGS:-} "$@" -o "$new" "$here"/*.c 2>"$new.log"
}

# Static, since the helper also runs where another root lies over the one it was compiled in; a libc without its static
# archive (some distributions ship it apart) gives a program that works on the host only.
if compile -static; then
	:
elif grep -q 'lc$\|-lc[ :]\|libc\.a' "$new.log" && compile; then
	echo "build.sh: the C library cannot be linked statically; the helper is linked dynamically" >&2
else
	cat "$new.log" >&2
	exit 1
fi
if [ -s "$new.log" ]; then cat "$new.log" >&2; fi
mv -f "$new" "$output"

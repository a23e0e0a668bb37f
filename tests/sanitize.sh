#!/usr/bin/env bash
# The C library's tests with every memory access checked: built with the address and undefined-behaviour
# sanitizers, with this CPU's instruction sets and without vectors, in a temporary folder.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

flags="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -Og -g1"
preload="$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so)"

under_sanitizer() { # leaks are not looked for: torch and Python never free some of what they take
    LD_PRELOAD=$preload ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 "$@"
}

# That it sees anything: one number beyond a tensor's memory.
echo 'void beyond(float *p, long n) { p[n] += 1; }' >"$work/control.c"
# shellcheck disable=SC2086
gcc $flags -shared -fPIC -o "$work/control.so" "$work/control.c"
if under_sanitizer python >"$work/control.log" 2>&1 - "$work/control.so" <<'EOF'; then
import ctypes, sys, torch
tensor = torch.zeros(5)
ctypes.CDLL(sys.argv[1]).beyond(ctypes.c_void_p(tensor.data_ptr()), ctypes.c_long(5))
EOF
    echo "the sanitizer sees no access beyond a tensor's memory" >&2
    exit 1
fi
grep -q heap-buffer-overflow "$work/control.log"

build() { # the package with its library, from a copy of the sources: $1 the folder, $2 more flags
    mkdir "$work/$1"
    cp -r pyproject.toml README.md LICENSE rnnswap "$work/$1"
    cd "$work/$1"
    rm -f rnnswap/ops/_native/*.so
    # With these grains the smallest shapes are shared out among threads, too.
    RNNSWAP_CFLAGS="$flags -DRNNSWAP_GRAIN=1 -DRNNSWAP_STEP_GRAIN=1 $2" \
        python -W ignore -c 'import setuptools; setuptools.setup()' -q build_ext --inplace \
        >build.log 2>&1 || cat build.log
    test -f rnnswap/ops/_native/librnnswap.so
}

build vectors "" &
one=$!
build portable "-DRNNSWAP_PORTABLE -DRNNSWAP_CACHED=0" &
wait $one
wait $!

for kind in vectors portable; do
    # pytest, not python -m pytest, which would find the sources before the build. Waiting threads
    # do not spin: there are more of them than cores. Large shapes share out no more than small ones.
    under_sanitizer env PYTHONPATH="$work/$kind" OMP_WAIT_POLICY=passive \
        pytest -q -p no:cacheprovider --capture=sys tests/ops -k "(native or no_initial or packed) and not build and not repeats_bitwise" "$@"
done

#!/bin/sh
# What happens around the library: `make install` and `make uninstall`, folders with blanks in their names, what make
# refuses, README's program against the installed library, and plug-ins that a program opens and closes.
# From the environment: CHECK_CC, CHECK_CFLAGS, CHECK_LIBS, CHECK_BUILD.
set -u
export QUIET=1
MAKEFLAGS=$(printf '%s' "${MAKEFLAGS:-}" | sed -e 's/ *--jobserver-[a-z]*=[^ ]*//g' -e 's/ *-j[0-9]*//g')
export MAKEFLAGS
unset MAKELEVEL MFLAGS
root=$(pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
prefix="$work/a prefix"
passed=0
failed=0

verdict() {   # verdict STATUS WHAT: shows the log of what failed
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
        echo "ok    $2"
    else
        failed=$((failed + 1))
        echo "FAIL  $2"
        cat "$work/log"
    fi
}

check() {   # check WHAT COMMAND...
    what=$1
    shift
    "$@" >"$work/log" 2>&1
    verdict $? "$what"
}

skip() { echo "--    $1"; }

is_there() { for file in "$@"; do [ -e "$file" ] || { echo "there is no $file"; return 1; }; done; }
is_gone() { left=$(find "$1" ! -type d) && [ -z "$left" ] || { echo "left: $left"; return 1; }; }

# ---- install and uninstall ----
install_all() {
    make -s install PREFIX="$prefix" DESTDIR= &&
        is_there "$prefix/include/tapegrad/tapegrad.h" "$prefix/lib/libtapegrad.a" "$prefix/lib/libtapegrad.so" \
            "$prefix/lib/pkgconfig/tapegrad.pc"
}
stage() {
    make -s install PREFIX=/usr/local DESTDIR="$work/a stage" &&
        is_there "$work/a stage/usr/local/lib/libtapegrad.so" &&
        grep -x 'prefix=/usr/local' "$work/a stage/usr/local/lib/pkgconfig/tapegrad.pc"
}
unstage() { make -s uninstall PREFIX=/usr/local DESTDIR="$work/a stage" && is_gone "$work/a stage"; }
check "make install PREFIX='a prefix'" install_all
check "make install DESTDIR='a stage'" stage
check "make uninstall" unstage

# ---- README's first program, as it says to compile it ----
awk '/^```c$/ && !n { n = 1; next } n == 1 && /^```$/ { exit } n == 1' README.md >"$work/program.c"
case $CHECK_CFLAGS in *-fsanitize=*) sanitized=1 ;; *) sanitized= ;; esac

program() {   # program FLAGS of pkg-config: compiles it and starts it, the loader being told nothing
    flags=$(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config "$@" tapegrad) &&
        (cd "$work" && eval "$CHECK_CC program.c $flags -o 'a program'") &&
        env -u LD_LIBRARY_PATH "$work/a program" >"$work/out" && grep 'below 0.01: yes' "$work/out"
}
if [ -n "$sanitized" ]; then
    skip "built with sanitizers: README's program and plug-ins are not tried"
elif ! command -v pkg-config >/dev/null 2>&1; then
    skip "no pkg-config: README's program is not compiled against the installed library"
else
    check "README's program starts after make install" program --cflags --libs
fi

# ---- a plug-in that is closed before the thread that used it ends; the program knows neither the library nor OpenMP ----
cat >"$work/plugin.c" <<'END'
#include <tapegrad.h>
int plugin(void);
int plugin(void)
{
    tg_set_num_threads(THREADS);
    const tg_scope scope = tg_scope_begin();
    tg_tensor *a = tg_ones(tg_shape(300, 300));
    const double sum = tg_item(tg_sum(tg_matmul(a, a)));
    tg_scope_end(scope);
    return sum == 300.0 * 300 * 300 ? 0 : 1;
}
END
cat >"$work/host.c" <<'END'
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static int failure = 1;
static void *use(void *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL), *symbol = library ? dlsym(library, "plugin") : NULL;
    int (*plugin)(void);
    if (!symbol) return fprintf(stderr, "%s\n", dlerror()), NULL;
    memcpy(&plugin, &symbol, sizeof plugin);
    failure = plugin();
    dlclose(library);
    usleep(20000); /* threads of the library would go to sleep meanwhile, in code that may be gone */
    return NULL;
}
int main(int argc, char **argv)
{
    pthread_t thread;
    for (int i = 1; i < argc && pthread_create(&thread, NULL, use, argv[i]) == 0; i++) pthread_join(thread, NULL);
    return failure;
}
END
plugins() {
    cd "$work" && $CHECK_CC host.c -o host -pthread -ldl &&
        $CHECK_CC -DTHREADS=2 -shared -fPIC plugin.c -o shared.so -I"$prefix/include/tapegrad" \
            -L"$prefix/lib" -Wl,-rpath,"$prefix/lib" -ltapegrad &&
        ./host ./shared.so ./shared.so || return
    cd "$root" && $CHECK_CC $CHECK_CFLAGS -DTHREADS=2 -shared -fPIC "$work/plugin.c" -o "$work/static.so" $CHECK_LIBS &&
        "$work/host" "$work/static.so" "$work/static.so"
}
[ -n "$sanitized" ] || check "a plug-in may be closed before its thread ends" plugins
cd "$root" || exit 1

# ---- a checkout with a blank in its name: this one, under another name ----
case $CHECK_BUILD in
/*) skip "the build folder is elsewhere: no checkout with a blank in its name" ;;
*)
    mkdir "$work/a checkout"
    for entry in *; do ln -s "$root/$entry" "$work/a checkout/$entry"; done
    in_checkout() {
        cd "$work/a checkout" && make -s all && make -s test ONLY=test_binding && make -s check-calls &&
            make -s install PREFIX="$work/b prefix" DESTDIR= && is_there "$work/b prefix/lib/libtapegrad.so"
    }
    check "a checkout with a blank in its name" in_checkout
    cd "$root" || exit 1
    ;;
esac

# ---- refused, in one sentence ----
refused() {   # refused SENTENCE ARGUMENTS of make
    sentence=$1
    shift
    if make -s "$@"; then echo "it was not refused"; return 1; fi 2>&1
    make -s "$@" 2>&1 | grep -v '^make: \*\*\* \[' >"$work/said"
    cat "$work/said"
    [ "$(wc -l <"$work/said")" = 1 ] && grep -q "$sentence" "$work/said"
}
check "BUILD with a blank is refused" refused 'cannot build in a folder with a blank in its name' BUILD="$work/a build"
if [ "$(echo __SIZEOF_POINTER__ | $CHECK_CC -m32 -E -P - 2>/dev/null | tail -n 1)" = 4 ]; then
    check "-m32 is refused" refused 'tapegrad needs a 64-bit processor' CFLAGS=-m32 BUILD="$work/narrow"
    echo '#include "core/base.h"' >"$work/narrow.c"
    narrow() { ! $CHECK_CC -m32 -I. -fsyntax-only "$work/narrow.c" 2>"$work/said" && grep 'needs a 64-bit' "$work/said"; }
    check "a program for 32 bits is refused" narrow
else
    skip "this compiler has no -m32"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

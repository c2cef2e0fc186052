#!/bin/sh
# Finds CMocka, installing it with the system's package manager if need be, and writes how to use it as two shell
# variables: find_cmocka.sh OUT. CC and FLAGS come from the environment.
set -u
out=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cat >"$work/try.c" <<'END'
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
int main(void) { return cmocka_run_group_tests((const struct CMUnitTest *)NULL, NULL, NULL) == 12345; }
END
# `cmocka_run_group_tests` is a macro over an array: the function under it is what must link.
sed -i.bak 's/cmocka_run_group_tests(.*NULL, NULL, NULL)/_cmocka_run_group_tests("", NULL, 0, NULL, NULL)/' "$work/try.c"

try() {   # try CFLAGS LIBS
    $CC $FLAGS $1 -o "$work/try" "$work/try.c" $2 >/dev/null 2>&1 || return 1
    printf "CMOCKA_CFLAGS='%s'\nCMOCKA_LIBS='%s'\n" "$1" "$2" >"$out"
}

find_it() {
    if command -v pkg-config >/dev/null 2>&1 && pkg-config --exists cmocka 2>/dev/null; then
        try "$(pkg-config --cflags cmocka)" "$(pkg-config --libs cmocka)" && return 0
    fi
    try '' -lcmocka && return 0
    command -v brew >/dev/null 2>&1 || return 1
    prefix=$(brew --prefix) && try "-I$prefix/include" "-L$prefix/lib -lcmocka"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        sudo "$@"
    else
        return 1
    fi
}

install_it() {
    if command -v apt-get >/dev/null 2>&1; then
        as_root apt-get -q -o DPkg::Lock::Timeout=120 update &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 \
                install --no-install-recommends libcmocka-dev
    elif command -v dnf >/dev/null 2>&1; then
        as_root dnf -y install libcmocka-devel
    elif command -v apk >/dev/null 2>&1; then
        as_root apk add --no-interactive cmocka-dev
    elif command -v pacman >/dev/null 2>&1; then
        as_root pacman -Sy --noconfirm --needed cmocka
    elif command -v zypper >/dev/null 2>&1; then
        as_root zypper --non-interactive install libcmocka-devel
    elif command -v brew >/dev/null 2>&1; then
        brew install cmocka
    else
        return 1
    fi
}

find_it && exit 0
echo "CMocka is not here; installing it ..."
if install_it >"$work/log" 2>&1 && find_it; then
    echo "CMocka is installed."
    exit 0
fi
tail -n 15 "$work/log" >&2
echo "The tests need CMocka: install libcmocka-dev (Debian, Ubuntu), libcmocka-devel (Fedora, openSUSE), cmocka-dev (Alpine)" \
    "or cmocka (Arch, Homebrew), then run make test again." >&2
exit 1

#!/bin/sh
# Installs the public headers (those tapegrad.h reads, and no other), both libraries and the pkg-config file.
# From the environment: PREFIX, DESTDIR, VERSION, SOVERSION, PRIVATE (what a static link needs), CHECK_CC, CHECK_BUILD.
set -eu
include=${DESTDIR:-}$PREFIX/include/tapegrad
lib=${DESTDIR:-}$PREFIX/lib

mkdir -p "$include" "$lib/pkgconfig"
for header in $($CHECK_CC -std=c11 -I. -DTG_HEADER_WARNINGS -MM tapegrad.h | sed -e 's/^[^:]*://' -e 's/\\$//'); do
    mkdir -p "$include/$(dirname "$header")"
    cp "$header" "$include/$header"
    chmod 644 "$include/$header"
done

cp "$CHECK_BUILD/libtapegrad.a" "$CHECK_BUILD/libtapegrad.so.$SOVERSION" "$lib/"
chmod 644 "$lib/libtapegrad.a"
chmod 755 "$lib/libtapegrad.so.$SOVERSION"
ln -sf "libtapegrad.so.$SOVERSION" "$lib/libtapegrad.so"

# Programs find the shared library where it lies, unless the system looks there anyway.
run_path=
case $PREFIX/lib in /lib | /usr/lib) ;; *) run_path=' -Wl,-rpath,${libdir}' ;; esac
cat >"$lib/pkgconfig/tapegrad.pc" <<END
prefix=$(printf '%s' "$PREFIX" | sed 's/[ \\]/\\&/g')
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: tapegrad
Description: a small PyTorch in C: tensors, a dynamic tape, modules, optimisers
Version: $VERSION
Cflags: -I\${includedir}/tapegrad
Libs: -L\${libdir}$run_path -ltapegrad
Libs.private: $PRIVATE
END

# The loader's own list, where it has this folder on it.
if [ -z "${DESTDIR:-}" ] && [ "$(id -u)" = 0 ] && command -v ldconfig >/dev/null 2>&1; then
    if ldconfig -v -N -X 2>/dev/null | grep -q "^$lib:"; then ldconfig || :; fi
fi
echo "installed under ${DESTDIR:-}$PREFIX"

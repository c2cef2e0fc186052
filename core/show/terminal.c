/* terminal.c: see terminal_impl.h. The environment is read, not the program's locale: a program that never calls
 * setlocale is in "C" whatever its terminal can show. */
#include "terminal_impl.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { USUAL = 80, MOST = 10000 };

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

bool tgi_is_terminal(FILE *file)
{
    const int descriptor = file ? fileno(file) : -1;
    return descriptor >= 0 && isatty(descriptor);
}

int tgi_terminal_columns(FILE *file)
{
    char *end;
    const long asked = strtol(variable("COLUMNS"), &end, 10);
    if (*end == '\0' && asked > 0 && asked <= MOST) return (int)asked;
#ifdef TIOCGWINSZ
    struct winsize size = { 0 };
    const int descriptor = file ? fileno(file) : -1;
    if (descriptor >= 0 && ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
#endif
    return USUAL;
}

bool tgi_terminal_moves(FILE *file) { return tgi_is_terminal(file) && strcmp(variable("TERM"), "dumb") != 0; }

bool tgi_terminal_colors(FILE *file) { return tgi_terminal_moves(file) && *variable("TERM") && !*variable("NO_COLOR"); }

bool tgi_terminal_unicode(void)
{
    const char *locale = variable("LC_ALL");
    if (!*locale) locale = variable("LC_CTYPE");
    if (!*locale) locale = variable("LANG");
    if (strcmp(variable("TERM"), "linux") == 0) return false;
    for (; *locale; locale++)
        if (strncasecmp(locale, "utf-8", 5) == 0 || strncasecmp(locale, "utf8", 4) == 0) return true;
    return false;
}

/* csv_error.c: what is wrong with a table, and where. */
#include "csv_impl.h"

#include "core/text.h"
#include "core/thread.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *tgi_csv_shown(const char *field, char shown[TGI_SHOWN])
{
    int n = 0;
    for (; field[n] && n < TGI_SHOWN - 4; n++)
        shown[n] = (unsigned char)field[n] < ' ' || field[n] == 0x7f ? '?' : field[n];
    while (field[n] && n > 0 && ((unsigned char)field[n] & 0xc0) == 0x80) n--; /* half a character of UTF-8 */
    snprintf(shown + n, 4, "%s", field[n] ? "..." : "");
    return shown;
}

const char *tgi_csv_names_shown(const tg_csv *csv, char shown[TGI_NAMES_SHOWN])
{
    char name[TGI_SHOWN];
    size_t used = 0;
    shown[0] = '\0';
    for (int64_t i = 0; i < csv->columns; i++) {
        const char *next = tgi_csv_shown(csv->names[i], name);
        const bool room = used + strlen(next) + sizeof ", , ..." <= TGI_NAMES_SHOWN;
        used += (size_t)snprintf(shown + used, TGI_NAMES_SHOWN - used, "%s%s", i ? ", " : "", room ? next : "...");
        if (!room) break;
    }
    return shown;
}

bool tgi_csv_fail(const tg_csv *csv, const char *function, int64_t line, int64_t column, const char *format, ...)
{
    char what[TGI_MESSAGE], place[160], shown[TGI_SHOWN];
    va_list arguments;
    va_start(arguments, format);
    tgi_vformat(what, sizeof what, format, arguments);
    va_end(arguments);
    int n = snprintf(place, sizeof place, "line %lld", (long long)line);
    if (column >= 0 && csv->names && column < csv->columns && csv->names[column] && !csv->numerals)
        snprintf(place + n, sizeof place - (size_t)n, ", column '%s' (%lld)", tgi_csv_shown(csv->names[column], shown),
                 (long long)column + 1);
    else if (column >= 0)
        snprintf(place + n, sizeof place - (size_t)n, ", column %lld", (long long)column + 1);
    const tgi_input in = { .function = function, .path = csv->path, .fd = -1 };
    return tgi_input_fail(&in, TGI_NOWHERE, place, "%s", what);
}

int64_t tgi_csv_line(const tg_csv *csv, int64_t row)
{
    int64_t low = 0, high = csv->jump_count; /* the last jump that is not behind the row */
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        *(csv->jumps[middle].row <= row ? &low : &high) = middle;
    }
    return csv->jump_count ? csv->jumps[low].line + (row - csv->jumps[low].row) : 0;
}

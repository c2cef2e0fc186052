/* svg_text.c: texts and numbers in a picture. Nobody knows the fonts of those who look at it: widths are those of
 * the wider ones among the usual sans-serifs. */
#include "svg_impl.h"

#include "core/text.h"
#include "core/utf8_impl.h"

#include <math.h>
#include <string.h>

/* In ems. */
static double code_width(uint32_t code)
{
    if (code >= 0x80) return code < 0x2000 ? 0.65 : tgi_utf8_columns(code) > 1 ? 1.05 : 0.75;
    if (strchr("ijl.,:;'|!", (int)code)) return 0.33;
    if (strchr("ft()[]{}-rI/\\ \"", (int)code)) return 0.43;
    if (strchr("mMW@%", (int)code)) return 0.97;
    if (code == 'w' || (code >= 'A' && code <= 'Z')) return 0.73;
    return 0.63;
}

double tgi_svg_width(const char *text, double font)
{
    double width = 0;
    for (uint32_t code; (code = tgi_clean_next(&text)) != 0;)
        if (tgi_utf8_columns(code) > 0) width += code_width(code);
    return width * font;
}

const char *tgi_svg_cut(char copy[TGI_SVG_CUT], const char *text, double width, double font)
{
    if (tgi_svg_width(text, font) <= width) return text;
    double taken = 0.9 * font;
    char *end = copy;
    for (uint32_t code; (code = tgi_clean_next(&text)) != 0;) {
        taken += tgi_utf8_columns(code) > 0 ? code_width(code) * font : 0;
        if (taken > width) break;
        end += tgi_utf8_put(end, code);
    }
    memcpy(end, "…", sizeof "…");
    return copy;
}

/* To a tenth of a pixel. */
void tgi_svg_number(tgi_page *page, double value)
{
    const double tenths = nearbyint(value * 10);
    if (fmod(tenths, 10) == 0)
        tgi_page_format(page, "%.0f", tenths == 0 ? 0 : tenths / 10);
    else
        tgi_page_format(page, "%.1f", tenths / 10);
}

void tgi_svg_attribute(tgi_page *page, const char *name, double value)
{
    tgi_page_format(page, " %s=\"", name);
    tgi_svg_number(page, value);
    tgi_page_put(page, "\"");
}

void tgi_svg_text(tgi_page *page, double x, double y, const char *anchor, const char *more, const char *text)
{
    tgi_page_put(page, "<text");
    tgi_svg_attribute(page, "x", x);
    tgi_svg_attribute(page, "y", y);
    if (strcmp(anchor, "start") != 0) tgi_page_format(page, " text-anchor=\"%s\"", anchor);
    tgi_page_put(page, more);
    tgi_page_put(page, ">");
    tgi_page_xml(page, text);
    tgi_page_put(page, "</text>\n");
}

void tgi_svg_tick_labels(tgi_page *page, const tgi_axis *axis, double x, double top, double bottom, const char *anchor)
{
    for (int i = 0; i < axis->count; i++) {
        const double y = bottom - tgi_axis_at(axis, axis->ticks[i]) * (bottom - top);
        tgi_svg_text(page, x, y + 4, anchor, "", axis->labels[i]);
    }
}

double tgi_svg_labels_width(const tgi_axis *axis)
{
    double width = 0;
    for (int i = 0; i < axis->count; i++) width = fmax(width, tgi_svg_width(axis->labels[i], TGI_SMALL_FONT));
    return width;
}

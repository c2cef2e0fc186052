/* player_file.c: the page of a run as a file: what the library brings (player_page.c) around the run's JSON and its
 * numbers. */
#include "player_impl.h"
#include "player_page.h"

#include "core/error.h"
#include "core/file/output_impl.h"

#include <string.h>

/* What a page of a large tape should not exceed: a tensor has fewer heat maps for it, and they are coarser. */
enum { GOAL = 5000000 };

static const struct {
    int side, maps;
} sizes[] = { { TGI_HEAT_SIDE, TGI_HEAT_MAPS },
              { TGI_HEAT_SIDE, 16 },
              { TGI_HEAT_SIDE, 4 },
              { 12, 4 },
              { 9, 2 },
              { 7, 1 },
              { 6, 1 },
              { 5, 1 },
              { 4, 1 } };
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static void write_base64(tgi_output *out, const tgi_page *numbers)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = (const unsigned char *)numbers->text, *const end = at + numbers->length;
    char text[4096];
    size_t used = 0;
    for (; at < end; at += 3) {
        const int64_t rest = end - at;
        const unsigned bits = (unsigned)at[0] << 16 | (rest > 1 ? (unsigned)at[1] << 8 : 0) | (rest > 2 ? at[2] : 0u);
        text[used++] = letters[bits >> 18];
        text[used++] = letters[bits >> 12 & 63];
        text[used++] = rest > 1 ? letters[bits >> 6 & 63] : '=';
        text[used++] = rest > 2 ? letters[bits & 63] : '=';
        if (used == sizeof text && !tgi_output_write(out, text, used)) return;
        used %= sizeof text;
    }
    tgi_output_write(out, text, used);
}

static bool write_file(const char *function, const char *path, const tgi_page *json, const tgi_page *numbers,
                       int64_t *bytes)
{
    tgi_output out;
    if (!tgi_output_open(&out, function, path)) return false;
    tgi_output_write(&out, tgi_player_head, strlen(tgi_player_head));
    tgi_output_write(&out, json->text, (size_t)json->length);
    tgi_output_write(&out, tgi_player_between, strlen(tgi_player_between));
    write_base64(&out, numbers);
    tgi_output_write(&out, tgi_player_tail, strlen(tgi_player_tail));
    *bytes = out.written;
    return tgi_output_commit(&out);
}

static int64_t size_of_page(const tgi_page *json, const tgi_page *numbers)
{
    return (int64_t)(strlen(tgi_player_head) + strlen(tgi_player_between) + strlen(tgi_player_tail)) + json->length +
           (numbers->length + 2) / 3 * 4;
}

/* With heat maps of that size. `too_large`: nothing was written, since the next size would be smaller. */
static bool write_with(const char *function, const char *path, const tgi_player_run *run,
                       const tg_tape_html_options *options, int size, int64_t *bytes, bool *too_large)
{
    tgi_page json = { .text = NULL };
    tgi_values values = { .most = sizes[size].side, .most_maps = sizes[size].maps };
    tgi_player_json(&json, run, &values, options);
    *too_large = !json.failed && size + 1 < SIZES && size_of_page(&json, &values.numbers) > GOAL;
    const bool ok =
        !json.failed && !tg_failed() && (*too_large || write_file(function, path, &json, &values.numbers, bytes));
    tgi_page_free(&json);
    tgi_values_free(&values);
    return ok;
}

static bool write_page(const char *function, const char *path, const tgi_player_run *run,
                       const tg_tape_html_options *options, int64_t *bytes)
{
    bool too_large = true, ok = true;
    for (int size = 0; ok && too_large; size++) ok = write_with(function, path, run, options, size, bytes, &too_large);
    return ok;
}

bool tgi_player_write(const char *function, const char *path, const tg_node *root, int output, const tg_tensor *value,
                      const tg_tape_html_options *options, tgi_player_written *written)
{
    tgi_player_run run;
    const bool ok =
        tgi_player_collect(&run, root, output, value) && write_page(function, path, &run, options, &written->bytes);
    written->nodes = run.node_count;
    tgi_player_run_free(&run);
    return ok;
}

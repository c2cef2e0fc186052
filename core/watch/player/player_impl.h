/* player_impl.h: how the page of a run is made (core/watch/player/FORMAT.md says what is in it). Internal.
 *
 * player.c makes the walk, if none was, player_file.c the file; player_collect.c finds what belongs to the run;
 * player_steps.c the steps in time; player_values.c the numbers; player_sources.c the program's text; player_json.c
 * writes all that down. */
#ifndef TG_CORE_WATCH_PLAYER_PLAYER_IMPL_H
#define TG_CORE_WATCH_PLAYER_PLAYER_IMPL_H

#include "player.h"
#include "core/watch/tape/watch.h"

#include "core/show/page_impl.h"
#include "core/watch/tape/tools_impl.h"

TG_EXTERN_C_BEGIN

/* ---- hashed.c: what is numbered, found by a hash ---- */

typedef struct tgi_hashed {
    struct tgi_hashed_slot *slots;
    int64_t slot_count, count;
} tgi_hashed;

typedef bool (*tgi_same_fn)(const void *context, int64_t entry);
uint64_t tgi_hash_of(const void *bytes, size_t count);
/* The entry of that hash that `same` says is it; -1: none. */
int64_t tgi_hashed_find(const tgi_hashed *table, uint64_t hash, tgi_same_fn same, const void *context);
/* False with an error pending. */
bool tgi_hashed_add(tgi_hashed *table, uint64_t hash, int64_t entry);
void tgi_hashed_free(tgi_hashed *table);

/* Things, each once, found by their address. */
typedef struct tgi_pointers {
    const void **items;
    int64_t count, capacity;
    tgi_hashed table;
} tgi_pointers;

/* Its number, and that of one that may be new; -1: not there, or an error is pending. */
int64_t tgi_pointers_find(const tgi_pointers *set, const void *item);
int64_t tgi_pointers_add(tgi_pointers *set, const void *item);
void tgi_pointers_free(tgi_pointers *set);

/* ---- player_values.c ---- */

/* All elements, or heat maps of rows by columns with what is known of the elements: FORMAT.md's V. */
typedef struct tgi_value {
    int64_t offset;         /* in the numbers */
    int32_t count, size;    /* of all elements; count -1: they are heat maps */
    int32_t maps, rows, columns;
    double low, mean, high; /* of those that are finite */
    int64_t nonfinite;
    bool any_finite, single;
} tgi_value;

enum { TGI_HEAT_SIDE = 16, TGI_HEAT_MAPS = 64 };

typedef struct tgi_values {
    int most, most_maps;    /* the sides of heat maps, and how many of a tensor: TGI_HEAT_SIDE, TGI_HEAT_MAPS or less */
    bool left_out;          /* of some tensor not all matrices are here */
    tgi_page numbers;       /* their bytes */
    tgi_pointers tensors;   /* whose value values[i] is; of the same numbers the same place */
    tgi_value *values;
    int64_t capacity;
    struct tgi_chunk *chunks;
    int64_t chunk_count, chunk_capacity;
    tgi_hashed found;
} tgi_values;

/* The number of t's value; -1 with an error pending. */
int64_t tgi_values_add(tgi_values *v, const tg_tensor *t);
void tgi_values_free(tgi_values *v);

/* ---- player_collect.c ---- */

/* A node on the page. */
typedef struct tgi_player_node {
    const tg_node *node;
    int32_t first_output;   /* where the values of its outputs begin */
    int32_t place;          /* -1: none */
    int32_t source, line;   /* -1, 0: not known */
    int32_t step;           /* -1: none */
} tgi_player_node;

typedef struct tgi_player_place {
    const tg_place *place;
    int32_t outer;          /* -1: none */
    bool is_step;           /* a step in time */
} tgi_player_place;

typedef struct tgi_player_leaf {
    bool written;           /* since a node read it */
    const tg_tensor *grad, *before; /* of the walk; NULL: none */
} tgi_player_leaf;

typedef struct tgi_player_source {
    const char *path;       /* `length` bytes of some node's place */
    int64_t length;
} tgi_player_source;

typedef struct tgi_player_run {
    const tg_node *root;
    int root_output;
    int32_t *numbers;       /* [index of a node of the tape, up to the root]: on the page; -1: it is not there */
    tgi_player_node *nodes;
    int64_t node_count;
    const tg_tensor **values; /* of all outputs; NULL: not known */
    int64_t value_count;
    tgi_pointers leaves, constants, places_seen;
    tgi_player_leaf *leaf_facts;
    tgi_player_place *places;
    tgi_player_source *sources;
    int64_t leaf_capacity, place_capacity, source_count, source_capacity;
    tgi_hashed sources_found;
    bool has_walk;          /* the latest one is this run's */
    bool watched;           /* some of its nodes were, when they were recorded */
    int64_t unknown, written; /* outputs without a value, and leaves */
} tgi_player_run;

/* False with an error pending. `value` is the root's, or NULL. */
bool tgi_player_collect(tgi_player_run *run, const tg_node *root, int output, const tg_tensor *value);
/* Whether the latest walk is of a backward from there and nothing else. */
bool tgi_player_walk_is_from(const tg_node *root, int output);
/* The number of a node on the page; -1. */
int32_t tgi_player_number(const tgi_player_run *run, const tg_node *node);
void tgi_player_run_free(tgi_player_run *run);

/* ---- player_steps.c, player_infer.c ---- say to which step in time each node belongs. False with an error pending */
bool tgi_player_steps(tgi_player_run *run);
bool tgi_player_infer_steps(tgi_player_run *run);

/* ---- player_sources.c ---- */
/* The number of the file that a place names, and the line there; -1, and 0. False with an error pending. */
bool tgi_player_source_of(tgi_player_run *run, const char *where, int32_t *source, int32_t *line);
/* The text of a file, in the innermost scope's memory; NULL: it was not found, or an error is pending. */
const char *tgi_player_source_text(const tgi_player_source *source, const char *root);
/* The path of the running program; "": not known. */
enum { TGI_PROGRAM_PATH = 4096 };
const char *tgi_program_path(char path[TGI_PROGRAM_PATH]);

/* ---- player_json.c ---- */
/* A text in quotation marks as JSON in HTML wants it; null for NULL. */
void tgi_json_put(tgi_page *page, const char *text);
void tgi_player_json(tgi_page *page, const tgi_player_run *run, tgi_values *values, const tg_tape_html_options *options);

/* ---- player_file.c ---- */
typedef struct tgi_player_written {
    int64_t nodes, bytes;
} tgi_player_written;
/* The page of a run whose walk, if any, is the latest. False with an error pending. */
bool tgi_player_write(const char *function, const char *path, const tg_node *root, int output, const tg_tensor *value,
                      const tg_tape_html_options *options, tgi_player_written *written);

TG_EXTERN_C_END

#endif

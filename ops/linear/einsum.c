/* einsum.c: sums of products in Einstein's notation.
 *
 * The equation is read into a label for each dimension of each operand; then operands are contracted from left to right,
 * each label summed over as soon as nothing needs it any more. PyTorch's rules and words. */
#include "ops/base/call.h"
#include "contract.h"
#include "ops/base/iterate.h"
#include "ops/base/layout.h"
#include "ops/products.h"
#include "ops/view.h"

#include <inttypes.h>
#include <string.h>

/* Labels: capitals, then small letters, so that their order is PyTorch's alphabet; then the dimensions of the ellipsis,
 * counted from its end. */
enum { LETTERS = 52, ELLIPSIS = LETTERS, LABELS = LETTERS + TG_MAX_DIMS };

typedef struct reader {
    const char *equation, *at;
    tg_tensor_list operands;
    tgi_term *terms;
    int64_t size[LABELS]; /* of each label so far; -1: not seen */
    int occurrences[LABELS];
    int ellipsis; /* how many dimensions it covers at most */
    int output[TG_MAX_DIMS];
    int outputs;
} reader;

#define FAIL(r, ...) (tg_op_fail(&tgi_op_einsum, (r)->operands, "einsum(): " __VA_ARGS__), false)

static int label_of(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    return c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1;
}

static char letter_of(int label) { return (char)(label < 26 ? 'A' + label : 'a' + label - 26); }

/* ---- the operands ---- */

/* The subscripts of one operand: labels, and ELLIPSIS for "...". */
typedef struct subscripts {
    int count, labels[LETTERS + 1];
    bool ellipsis;
} subscripts;

static bool fail_letter(const reader *r)
{
    return FAIL(r, "invalid subscript given at index %d in the equation string, subscripts must be in [a-zA-Z]",
                (int)(r->at - r->equation));
}

/* Up to a comma, an arrow or the end. */
static bool read_subscripts(reader *r, int64_t operand, subscripts *s)
{
    for (*s = (subscripts){ .count = 0 }; *r->at && *r->at != ',' && strncmp(r->at, "->", 2) != 0; r->at++) {
        if (*r->at == ' ') continue;
        int label = label_of(*r->at);
        if (*r->at == '.') {
            if (s->ellipsis)
                return FAIL(r, "found '.' for operand %" PRId64 " for which an ellipsis was already found", operand);
            if (strncmp(r->at, "...", 3) != 0)
                return FAIL(r, "found '.' for operand %" PRId64 " that is not part of any ellipsis", operand);
            r->at += 2;
            s->ellipsis = true;
            label = ELLIPSIS;
        } else if (label < 0)
            return fail_letter(r);
        if (s->count == LETTERS + 1) return FAIL(r, "too many subscripts for operand %" PRId64, operand);
        s->labels[s->count++] = label;
    }
    return true;
}

/* A dimension of `label`: its size must be 1 or what was seen before. */
static bool note_size(reader *r, int64_t operand, int label, int64_t size, int dim)
{
    int64_t *seen = &r->size[label];
    r->occurrences[label]++;
    if (*seen < 0 || *seen == 1) *seen = size;
    if (*seen == size || size == 1) return true;
    if (label >= ELLIPSIS)
        return FAIL(r,
                    "dimension %d covered by ellipsis in operand %" PRId64 "has size %" PRId64
                    " which does not broadcast with previously seen ellipsis with size %" PRId64
                    " for the respective dimension",
                    dim, operand, size, *seen);
    return FAIL(r,
                "subscript %c has size %" PRId64 " for operand %" PRId64
                " which does not broadcast with previously seen size %" PRId64,
                letter_of(label), size, operand, *seen);
}

/* Gives each dimension of the operand its label, takes diagonals where a label comes twice. */
static bool name_dims(reader *r, int64_t operand, const subscripts *s)
{
    tgi_term *term = &r->terms[operand];
    tg_tensor *t = r->operands.items[operand];
    const int named = s->count - s->ellipsis, covered = t->ndim - named;
    if (covered < 0 && s->ellipsis)
        return FAIL(
            r,
            "the number of subscripts in the equation (%d) is more than the number of dimensions (%d) for operand "
            "%" PRId64,
            named, t->ndim, operand);
    if (covered != 0 && !s->ellipsis)
        return FAIL(r,
                    "the number of subscripts in the equation (%d) does not match the number of dimensions (%d) for "
                    "operand %" PRId64 " and no ellipsis was given",
                    named, t->ndim, operand);
    if (covered > r->ellipsis) r->ellipsis = covered;
    term->t = t;
    for (int i = 0, d = 0; i < s->count; i++) {
        if (s->labels[i] != ELLIPSIS) term->labels[d++] = s->labels[i];
        for (int k = covered - 1; s->labels[i] == ELLIPSIS && k >= 0; k--) term->labels[d++] = ELLIPSIS + k;
    }
    return true;
}

static bool take_diagonals(reader *r, int64_t operand)
{
    tgi_term *term = &r->terms[operand];
    for (int d = 0; d < term->t->ndim; d++) {
        int first = 0;
        while (term->labels[first] != term->labels[d]) first++;
        if (first == d) continue;
        const int label = term->labels[d], ndim = term->t->ndim;
        r->occurrences[label]++;
        if (term->t->dims[d] != term->t->dims[first])
            return FAIL(r,
                        "subscript %c is repeated for operand %" PRId64 " but the sizes don't match, %" PRId64
                        " != %" PRId64,
                        letter_of(label), operand, term->t->dims[d], term->t->dims[first]);
        if (!(term->t = tg_diagonal(term->t, .dim1 = first, .dim2 = d))) return false; /* it comes last */
        int n = 0;
        for (int k = 0; k < ndim; k++)
            if (k != first && k != d) term->labels[n++] = term->labels[k];
        term->labels[n] = label;
        d = -1; /* the order has changed */
    }
    for (int d = 0; d < term->t->ndim; d++)
        if (!note_size(r, operand, term->labels[d], term->t->dims[d], d)) return false;
    return true;
}

static bool read_operands(reader *r)
{
    subscripts s;
    for (int64_t i = 0; i < r->operands.count; i++) {
        if (!read_subscripts(r, i, &s)) return false;
        const bool last = i + 1 == r->operands.count, comma = *r->at == ',';
        if (comma && last) return FAIL(r, "fewer operands were provided than specified in the equation");
        if (!comma && !last) return FAIL(r, "more operands were provided than specified in the equation");
        if (!name_dims(r, i, &s)) return false;
        r->at += comma;
    }
    for (int64_t i = 0; i < r->operands.count; i++)
        if (!take_diagonals(r, i)) return false;
    return true;
}

/* ---- the result ---- */

static bool put_out(reader *r, int label)
{
    if (r->outputs == TG_MAX_DIMS) return tgi_op_can_grow(&tgi_op_einsum, r->operands, TG_MAX_DIMS);
    r->output[r->outputs++] = label;
    return true;
}

static bool put_ellipsis_out(reader *r)
{
    for (int k = r->ellipsis - 1; k >= 0; k--)
        if (!put_out(r, ELLIPSIS + k)) return false;
    return true;
}

/* Without an arrow: the ellipsis, then the labels that occur once. */
static bool implicit_output(reader *r)
{
    if (!put_ellipsis_out(r)) return false;
    for (int label = 0; label < LETTERS; label++)
        if (r->occurrences[label] == 1 && !put_out(r, label)) return false;
    return true;
}

static bool put_letter_out(reader *r, int label)
{
    if (label < 0) return fail_letter(r);
    for (int i = 0; i < r->outputs; i++)
        if (r->output[i] == label)
            return FAIL(r, "output subscript %c appears more than once in the output", letter_of(label));
    if (r->occurrences[label] == 0)
        return FAIL(r, "output subscript %c does not appear in the equation for any input operand", letter_of(label));
    return put_out(r, label);
}

static bool read_output(reader *r)
{
    if (!*r->at) return implicit_output(r);
    bool ellipsis = false;
    for (r->at += 2; *r->at; r->at++) {
        if (*r->at == ' ') continue;
        if (*r->at != '.') {
            if (!put_letter_out(r, label_of(*r->at))) return false;
            continue;
        }
        if (ellipsis) return FAIL(r, "found '.' for output but an ellipsis (...) was already found");
        if (strncmp(r->at, "...", 3) != 0)
            return FAIL(r, "found '.' for output that is not part of any ellipsis (...)");
        r->at += 2;
        ellipsis = true;
        if (!put_ellipsis_out(r)) return false;
    }
    return true;
}

/* ---- the sum ---- */

/* The labels that operands from `next` on, or the result, still need. */
static uint64_t needed_from(const reader *r, int64_t next)
{
    uint64_t needed = 0;
    for (int i = 0; i < r->outputs; i++) needed |= (uint64_t)1 << r->output[i];
    for (int64_t i = next; i < r->operands.count; i++)
        for (int d = 0; d < r->terms[i].t->ndim; d++) needed |= (uint64_t)1 << r->terms[i].labels[d];
    return needed;
}

static tg_tensor *evaluate(const reader *r)
{
    tgi_term sum = r->terms[0];
    for (int64_t i = 1; i < r->operands.count && sum.t; i++)
        sum = tgi_contract(&tgi_op_einsum, r->operands, sum, r->terms[i], needed_from(r, i + 1));
    if (sum.t && r->operands.count == 1) sum = tgi_sum_labels(sum, needed_from(r, 1));
    return sum.t ? tgi_in_order(sum, r->output) : NULL;
}

tg_tensor *tg_einsum_at(const char *where, const char *equation, tg_tensor_list operands)
{
    if (!tg_op_begin(where, &tgi_op_einsum, operands)) return NULL;
    if (!equation || operands.count == 0)
        return tg_op_fail(
            &tgi_op_einsum, operands,
            "einsum(): must specify the equation string and at least one operand, or at least one operand "
            "and its subscripts list");
    const size_t bytes = (size_t)operands.count * sizeof(tgi_term);
    reader r = { .equation = equation, .at = equation, .operands = operands, .terms = tgi_calloc(bytes) };
    for (int i = 0; i < LABELS; i++) r.size[i] = -1;
    tg_tensor *y = r.terms && read_operands(&r) && read_output(&r) ? evaluate(&r) : NULL;
    tgi_free(r.terms, bytes);
    return tgi_ordinary(y, operands); /* a permutation or a diagonal of one operand is a view of it */
}

static tg_tensor_list einsum_call(const tg_value *v)
{
    return tgi_result(tg_einsum_at(TG_HERE, v[0].as.string, v[1].as.tensors));
}

const tg_op tgi_op_einsum = {
    .name = "einsum",
    .schema = "einsum(str equation, Tensor[] operands) -> Tensor",
    .formula = "y = the sum over the labels that are not in the result of the product of the operands",
    .gradient = "that of the products, permutations, diagonals and sums it is made of",
    .doc = "sums of products in Einstein's notation: \"bij,bjk->bik\"; operands are multiplied from left to right",
    .shapes = "as the equation says",
    .composite = true,
    .call = einsum_call,
    .samples = (const char *const[]){ "einsum('ij,jk->ik', [f(2, 3), f(3, 4)])",
                                      "einsum('ij,jk', [f(2, 3), f(3, 4)])",
                                      "einsum('ij,kj->ik', [f(2, 3), f(4, 3)])",
                                      "einsum('bsi,oi->bso', [f(2, 2, 3), f(2, 3)])",
                                      "einsum('bij,bjk->bik', [f(2, 3, 2), f(2, 2, 2)])",
                                      "einsum('bhqd,bhkd->bhqk', [f(2, 1, 2, 3), f(2, 1, 3, 3)])",
                                      "einsum('bhqk,bhkd->bqhd', [f(1, 2, 2, 3), f(1, 2, 3, 2)])",
                                      "einsum('ii->i', [f(3, 3)])",
                                      "einsum('ii', [f(3, 3)])",
                                      "einsum('iji->j', [f(2, 3, 2)])",
                                      "einsum('iij,jk->ki', [f(2, 2, 3), f(3, 2)])",
                                      "einsum('iii->i', [f(2, 2, 2)])",
                                      "einsum('ij->ji', [f(2, 3)])",
                                      "einsum('ij->', [f(2, 3)])",
                                      "einsum('ij->j', [f(2, 3)])",
                                      "einsum('bA,A', [f(2, 3), f(3)])",
                                      "einsum('bA,aB', [f(2, 2), f(3, 2)])",
                                      "einsum('i,j->ij', [f(2), f(3)])",
                                      "einsum('i,i->i', [f(3), f(3)])",
                                      "einsum('i,i->', [f(3), f(3)])",
                                      "einsum('ij,ij->', [f(2, 3), f(2, 3)])",
                                      "einsum('bn,anm,bm->ba', [f(2, 3), f(2, 3, 2), f(2, 2)])",
                                      "einsum('ij,jk,kl->il', [f(2, 3), f(3, 2), f(2, 2)])",
                                      "einsum('...ij,...jk->...ik', [f(2, 2, 3), f(3, 2)])",
                                      "einsum('...i,...i', [f(2, 1, 3), f(2, 3)])",
                                      "einsum('i...->...', [f(2, 3)])",
                                      "einsum('...i->i', [f(2, 3)])",
                                      "einsum('i...j->j...i', [f(2, 3, 4)])",
                                      "einsum('ij,jk', [f(2, 1), f(2, 3)])",
                                      "einsum('ij,ij->ij', [f(2, 1), f(1, 3)])",
                                      "einsum('ij,jk->ik', [f(2, 1), f(1, 3)])",
                                      "einsum(' i j , j -> i ', [f(2, 3), f(3)])",
                                      "einsum('', [f()])",
                                      "einsum(',i->i', [f(), f(3)])",
                                      "einsum('ij,jk->ik', [f(2, 0), f(0, 3)])",
                                      "einsum('ij,jk->ik', [f(0, 2), f(2, 3)])",
                                      "einsum('i->...', [f(3)])",
                                      "einsum('ij,jk->ik', [i(2, 3), i(3, 2)])",
                                      "einsum('ii->', [b(2, 2)])",
                                      "einsum('i,i->i', [b(2), b(2)])",
                                      "einsum('i,k,jk->ij', [f(2), f(2), f(3, 2)])",
                                      NULL },
    .errors =
        (const tg_error_sample[]){
            { "einsum('ij,jk->ik', [f(2, 3)])",
              "einsum(): fewer operands were provided than specified in the equation" },
            { "einsum('ij', [f(2, 3), f(2)])", "einsum(): more operands were provided than specified in the equation" },
            { "einsum('ij->ijk', [f(2, 3)])",
              "einsum(): output subscript k does not appear in the equation for any input operand" },
            { "einsum('ij->ii', [f(2, 3)])", "einsum(): output subscript i appears more than once in the output" },
            { "einsum('i', [f(2, 3)])",
              "einsum(): the number of subscripts in the equation (1) does not match the number of dimensions (2) for "
              "operand 0 and no ellipsis was given" },
            { "einsum('i...jk', [f(2, 3)])",
              "einsum(): the number of subscripts in the equation (3) is more than the number of dimensions (2) for operand "
              "0" },
            { "einsum('i..j', [f(2, 3)])", "einsum(): found '.' for operand 0 that is not part of any ellipsis" },
            { "einsum('i...j...', [f(2, 3)])",
              "einsum(): found '.' for operand 0 for which an ellipsis was already found" },
            { "einsum('i1', [f(2, 3)])",
              "einsum(): invalid subscript given at index 1 in the equation string, subscripts must be in [a-zA-Z]" },
            { "einsum('i->1', [f(2)])", "einsum(): invalid subscript given at index 3 in the equation string" },
            { "einsum('i->i->i', [f(2)])", "einsum(): invalid subscript given at index 4 in the equation string" },
            { "einsum('i->i..', [f(2)])", "einsum(): found '.' for output that is not part of any ellipsis (...)" },
            { "einsum('i->i......', [f(2)])",
              "einsum(): found '.' for output but an ellipsis (...) was already found" },
            { "einsum('ii', [f(2, 3)])",
              "einsum(): subscript i is repeated for operand 0 but the sizes don't match, 3 != 2" },
            { "einsum('ij,jk', [f(2, 3), f(2, 3)])",
              "einsum(): subscript j has size 2 for operand 1 which does not broadcast with previously seen size 3" },
            { "einsum('...i,...i->...', [f(2, 3), f(4, 3)])",
              "einsum(): dimension 0 covered by ellipsis in operand 1has size 4 which does not broadcast with previously "
              "seen ellipsis with size 2 for the respective dimension" },
            { "einsum('ij,jk->ik', [f(2, 3), i(3, 2)])", "expected scalar type Double but found Long" },
            { "einsum('ij', [])", "einsum(): must specify the equation string and at least one operand" },
            { NULL, NULL } },
    .own_errors = (const tg_error_sample[]){ { "einsum('abcd,efghi', [f(1, 1, 1, 1), f(1, 1, 1, 1, 1)])",
                                               "a tensor has at most 8 dimensions" },
                                             { NULL, NULL } },
};

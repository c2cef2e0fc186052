/* base.h: what every header of tapegrad stands on.
 *
 * Public names begin with tg_ (functions, types) or TG_ (macros, constants). Names that begin with tgi_ are shared
 * between the library's own files and are not exported. */
#ifndef TG_CORE_BASE_H
#define TG_CORE_BASE_H

#if defined(__SIZEOF_POINTER__) && __SIZEOF_POINTER__ < 8
#error "tapegrad needs a 64-bit processor"
#endif

#include "options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define TG_EXTERN_C_BEGIN extern "C" {
#define TG_EXTERN_C_END   }
#define TG_LITERAL(type)  type      /* TG_LITERAL(tg_shape){ 2, { 3, 4 } } reads as C's compound literal in both languages */
#else
#define TG_EXTERN_C_BEGIN
#define TG_EXTERN_C_END
#define TG_LITERAL(type) (type)
#endif

/* Public headers stand between these two: the library is compiled with hidden visibility, and only they open it. */
#define TG_BEGIN_DECLS TG_EXTERN_C_BEGIN _Pragma("GCC visibility push(default)")
#define TG_END_DECLS   _Pragma("GCC visibility pop") TG_EXTERN_C_END

#define TG_STRINGIZE_(x) #x
#define TG_STRINGIZE(x)  TG_STRINGIZE_(x)
#define TG_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define TG_MUST_USE            __attribute__((warn_unused_result))
#define TG_RARE                __attribute__((cold)) /* what leads to a call of it is laid out of the way */

/* The place of a call, "file.c:42". Most functions are macros that pass it to a plain function of the same name with
 * `_at` behind it, so that an error names the line the user wrote. The library's own calls pass NULL, which means "the
 * line already known": an error deep inside a module still names the user's line. Other languages pass NULL or a place
 * of their own. */
#ifdef TG_LIBRARY
#define TG_HERE ((const char *)NULL)
#else
#define TG_HERE __FILE__ ":" TG_STRINGIZE(__LINE__)
#endif

#ifdef __cplusplus /* options.h, the part that -Wpedantic dislikes */
#define TG_OPTIONS(type, defaults, ...)                                                                               \
    (tgi_options<type>(type{ defaults } __VA_OPT__(, {) __VA_ARGS__ __VA_OPT__(})))
#endif

/* A trailing argument that may be left out: TG_OR(default, args...) is the first of args, or the default. */
#define TG_OR(value, ...)     TG_FIRST_(__VA_OPT__(__VA_ARGS__,) value, )
#define TG_FIRST_(first, ...) first
/* The same for the second of args. */
#define TG_OR2(value, ...)             TG_SECOND_(__VA_OPT__(__VA_ARGS__,) value, value, value)
#define TG_SECOND_(first, second, ...) second

/* The number of arguments, 0 to 64. */
#define TG_COUNT(...)                                                                                                 \
    TG_COUNT_(0 __VA_OPT__(,) __VA_ARGS__,                                                                            \
              64, 63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40,     \
              39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15,     \
              14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define TG_COUNT_(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21, \
                  a22, a23, a24, a25, a26, a27, a28, a29, a30, a31, a32, a33, a34, a35, a36, a37, a38, a39, a40, a41, \
                  a42, a43, a44, a45, a46, a47, a48, a49, a50, a51, a52, a53, a54, a55, a56, a57, a58, a59, a60, a61, \
                  a62, a63, a64, count, ...) count
/* The same as a number; of more arguments none, and what has it does not compile. */
#define TGI_COUNTED(...) ((int)sizeof(char[TG_COUNT(__VA_ARGS__) + 1]) - 1)

/* The number of any arguments, but what is more than two, or three, counts as that. */
#define TGI_UP_TO_2(...)               TG_OR(0 __VA_OPT__(, TGI_1_OR(2, __VA_ARGS__)))
#define TGI_UP_TO_3(...)               TG_OR(0 __VA_OPT__(, TGI_1_OR(TGI_2_OR_3(__VA_ARGS__), __VA_ARGS__)))
#define TGI_1_OR(more, first, ...)     TG_OR(1 __VA_OPT__(, more))
#define TGI_2_OR_3(first, ...)         TGI_2_OR_3_(__VA_ARGS__)
#define TGI_2_OR_3_(second, ...)       TG_OR(2 __VA_OPT__(, 3))

/* 1 of more than 64 arguments, otherwise 0. */
#define TGI_BEYOND_64(...)   TGI_BEYOND_64_(TGI_DROP_16(TGI_DROP_16(TGI_DROP_16(TGI_DROP_16(__VA_ARGS__)))))
#define TGI_BEYOND_64_(...)  TG_OR(0 __VA_OPT__(, 1))
#define TGI_DROP_16(...)     TGI_DROP_4(TGI_DROP_4(TGI_DROP_4(TGI_DROP_4(__VA_ARGS__))))
#define TGI_DROP_4(...)      TGI_DROP_1(TGI_DROP_1(TGI_DROP_1(TGI_DROP_1(__VA_ARGS__))))
#define TGI_DROP_1(...)      TGI_DROP(__VA_ARGS__)
#define TGI_DROP(first, ...) __VA_ARGS__

/* f of each argument, with commas between them; 64 at most. */
#define TGI_EACH(f, ...)         __VA_OPT__(TGI_SCAN_3(TGI_EACH_(f, __VA_ARGS__)))
#define TGI_EACH_(f, first, ...) f(first) __VA_OPT__(, TGI_EACH_AGAIN TGI_PARENTHESES (f, __VA_ARGS__))
#define TGI_EACH_AGAIN()         TGI_EACH_
#define TGI_PARENTHESES          ()
#define TGI_SCAN_3(...)          TGI_SCAN_2(TGI_SCAN_2(TGI_SCAN_2(TGI_SCAN_2(__VA_ARGS__))))
#define TGI_SCAN_2(...)          TGI_SCAN_1(TGI_SCAN_1(TGI_SCAN_1(TGI_SCAN_1(__VA_ARGS__))))
#define TGI_SCAN_1(...)          TGI_SCAN_0(TGI_SCAN_0(TGI_SCAN_0(TGI_SCAN_0(__VA_ARGS__))))
#define TGI_SCAN_0(...)          __VA_ARGS__

/* The elements and the bytes of an array; -1 of a pointer. */
#ifdef __cplusplus
template <class T> struct tgi_array { static const int64_t length = -1, bytes = -1; };
template <class T, size_t N> struct tgi_array<T[N]> { static const int64_t length = N, bytes = sizeof(T[N]); };
#define TGI_LENGTH_OF(array) (int64_t{ tgi_array<__typeof__(array)>::length })
#define TGI_BYTES_OF(array)  (int64_t{ tgi_array<__typeof__(array)>::bytes })
#else
#define TGI_IS_ARRAY(value)  (!__builtin_types_compatible_p(__typeof__(value), __typeof__(((void)0, (value)))))
#define TGI_LENGTH_OF(array) (TGI_IS_ARRAY(array) ? TGI_BYTES_OF(array) / (int64_t)sizeof(*(array)) : INT64_C(-1))
#define TGI_BYTES_OF(array)  (TGI_IS_ARRAY(array) ? (int64_t)sizeof(__typeof__(array)) : INT64_C(-1))
#endif

TG_BEGIN_DECLS

typedef struct tg_tensor tg_tensor;
typedef struct tg_node tg_node;
typedef struct tg_op tg_op;

/* Functions that return no tensor say how it went. The message is in tg_error_message(). */
typedef enum tg_status { TG_OK = 0, TG_FAILED = -1 } tg_status;

/* A copy of so many bytes that lives as long as the innermost scope: where lists of C++ lie. NULL on error. */
void *tg_copy_in_scope(const void *items, int64_t bytes);

TG_END_DECLS

/* Lists in C++, `tg_texts("a", "b")`: their arrays live as long as the innermost scope, as temporaries would go at the
 * end of the statement. The arguments stand in braces, and may be in braces themselves. */
#ifdef __cplusplus
struct tgi_nothing {};
template <class T, size_t N> inline const T *tgi_array_in_scope(const T (&items)[N])
{
    return static_cast<const T *>(tg_copy_in_scope(items, sizeof items));
}
template <class T> inline const T *tgi_array_in_scope(tgi_nothing)
{
    const T none[1] = {};
    return tgi_array_in_scope<T>(none);
}
template <class List, class T, size_t N> inline List tgi_list_in_scope(const T (&items)[N])
{
    const T *const kept = tgi_array_in_scope<T>(items);
    return List{ kept, kept ? int64_t{ N } : 0 };
}
template <class List, class T> inline List tgi_list_in_scope(tgi_nothing) { return List{ nullptr, 0 }; }
#endif

#endif

/* rows_dtypes.h: FOR_dtypes(code) is the code if the dtype at hand is one of those that a row takes (see dtype.inc and
 * ../rows_begin.def). Macros only, taken back by rows_dtypes_end.h. */
#if IS_FLOATING
#define FOR_FLOATING(...)   __VA_ARGS__
#define FOR_FLOAT_ONLY(...) __VA_ARGS__
#define FOR_NUMERIC(...)    __VA_ARGS__
#define FOR_COUNTING(...)   __VA_ARGS__
#define FOR_INT64(...)
#define FOR_INTEGRAL(...)
#else
#define FOR_FLOATING(...)
#define FOR_FLOAT_ONLY(...)
#define FOR_INTEGRAL(...)   __VA_ARGS__
#if IS_BOOL
#define FOR_NUMERIC(...)
#define FOR_COUNTING(...)
#define FOR_INT64(...)
#else
#define FOR_NUMERIC(...)    __VA_ARGS__
#define FOR_COUNTING(...)   __VA_ARGS__
#define FOR_INT64(...)      __VA_ARGS__
#endif
#endif
#define FOR_ANY(...)        __VA_ARGS__

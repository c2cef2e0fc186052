/* dtype.h: sets the dtype at hand for the templates (*.inc) that follow. Included once for each, after `#define
 * DTYPE` 0 to 3 (in the order of tg_dtype); it takes back what it defined the time before.
 *
 * NAME(x)      x with the dtype's suffix, for what a template defines
 * OP(x)        x with the suffix of its arithmetic: the operators of scalar.h and vecmath.h
 * T, MEM       the type of the arithmetic; the type in memory
 * LOAD, STORE  from one to the other
 * SUM          the type sums are made in; unsigned for integers, which wrap
 * PARAMETER    the type that a row's parameters have in memory
 * LARGEST, LOWEST  the finite numbers at the ends of T */
#undef NAME
#undef OP
#undef T
#undef MEM
#undef LOAD
#undef STORE
#undef SUM
#undef PARAMETER
#undef LARGEST
#undef LOWEST
#undef IS_FLOATING
#undef IS_F32
#undef IS_BOOL

#if DTYPE == 0
#define NAME(x)      x##_f32
#define OP(x)        x##_f32
#define T            float
#define MEM          tgi_mem_f32
#define LOAD(memory) ((float)(memory))
#define STORE(value) ((float)(value))
#define SUM          float
#define PARAMETER    tgi_mem_f64
#define LARGEST      0x1.fffffep127f
#define LOWEST       (-LARGEST)
#define IS_FLOATING  1
#define IS_F32       1
#define IS_BOOL      0
#elif DTYPE == 1
#define NAME(x)      x##_f64
#define OP(x)        x##_f64
#define T            double
#define MEM          tgi_mem_f64
#define LOAD(memory) ((double)(memory))
#define STORE(value) ((double)(value))
#define SUM          double
#define PARAMETER    tgi_mem_f64
#define LARGEST      0x1.fffffffffffffp1023
#define LOWEST       (-LARGEST)
#define IS_FLOATING  1
#define IS_F32       0
#define IS_BOOL      0
#elif DTYPE == 2
#define NAME(x)      x##_i64
#define OP(x)        x##_i64
#define T            int64_t
#define MEM          tgi_mem_i64
#define LOAD(memory) ((int64_t)(memory))
#define STORE(value) ((int64_t)(value))
#define SUM          uint64_t
#define PARAMETER    tgi_mem_i64
#define LARGEST      INT64_MAX
#define LOWEST       INT64_MIN
#define IS_FLOATING  0
#define IS_F32       0
#define IS_BOOL      0
#else
#define NAME(x)      x##_bool
#define OP(x)        x##_i64
#define T            int64_t
#define MEM          tgi_mem_bool
#define LOAD(memory) load_bool(memory)
#define STORE(value) ((uint8_t)((value) != 0))
#define SUM          uint64_t
#define PARAMETER    tgi_mem_i64
#define LARGEST      INT64_MAX
#define LOWEST       INT64_MIN
#define IS_FLOATING  0
#define IS_F32       0
#define IS_BOOL      1
#endif
#undef DTYPE

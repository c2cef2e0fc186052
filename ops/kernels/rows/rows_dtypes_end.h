/* rows_dtypes_end.h: takes back what rows_dtypes.h defined. */
#undef FOR_FLOATING
#undef FOR_FLOAT_ONLY
#undef FOR_NUMERIC
#undef FOR_COUNTING
#undef FOR_INT64
#undef FOR_INTEGRAL
#undef FOR_ANY

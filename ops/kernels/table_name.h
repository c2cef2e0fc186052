/* table_name.h: the name of a family's table for the instruction set at hand, ISA: TGI_TABLE(softmax) is
 * tgi_softmax_kernels_avx2. And its rows: the kernels that a template (dtype.inc) made of floats, of numbers, of
 * all. */
#ifndef TG_OPS_KERNELS_TABLE_NAME_H
#define TG_OPS_KERNELS_TABLE_NAME_H

#define TGI_TABLE(family)        TGI_TABLE_(family, ISA)
#define TGI_TABLE_(family, isa)  TGI_TABLE__(family, isa)
#define TGI_TABLE__(family, isa) tgi_##family##_kernels_##isa

#define TGI_FLOATS(name)  { name##_f32, name##_f64 }
#define TGI_NUMBERS(name) { name##_f32, name##_f64, name##_i64 }
#define TGI_ALL(name)     { name##_f32, name##_f64, name##_i64, name##_bool }

#endif

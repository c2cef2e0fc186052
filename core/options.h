/* options.h: keyword arguments: `TG_OPTIONS(type, DEFAULTS, .lr = 0.1)` is a `type` with the caller's designated
 * initialisers over PyTorch's defaults, so that an explicit zero is a zero and never "use the default".
 *
 * An options struct ends with TG_OPTIONS_END, on which an argument without a name lands: being a struct it takes none,
 * not even a 0, and `tg_sum(x, 1)` does not compile. In C++ the caller passes a whole struct or nothing:
 * `tg_adam_options o = { TG_ADAM_DEFAULTS }; o.lr = 0.1; tg_adam_new(params, o);`. There the last member can only be
 * made by the DEFAULTS: `{}`, `{ .lr = 0.1 }` and no initialiser at all would make zeros of the other options, and do
 * not compile. The names here are chosen to be read in the compiler's messages.
 *
 * tapegrad.h makes system headers of the others, so that a program may be compiled with any warnings. What is said of
 * wrong options must be heard, so this one comes before; it holds nothing that -Wpedantic dislikes. */
#ifndef TG_CORE_OPTIONS_H
#define TG_CORE_OPTIONS_H

#ifdef __clang__ /* of `tg_sum(x)`, that the options are left out; clang takes the place to be the program's own */
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#endif

#ifdef __cplusplus
/* Copied as C's struct is, and so passed as that is. */
struct options_in_cxx_begin_with_their_DEFAULTS {
    const void *nothing;
    struct given {};
    explicit options_in_cxx_begin_with_their_DEFAULTS(given) : nothing() {}
};
#define TG_OPTIONS_END  options_in_cxx_begin_with_their_DEFAULTS options_must_be_named;
#define TG_DEFAULTS_END                                                                                               \
    , options_in_cxx_begin_with_their_DEFAULTS(options_in_cxx_begin_with_their_DEFAULTS::given())
/* What is not such a struct, be it `1` or `.lr = 0.1`, leads to a message with the name of this one. */
template <class T> struct options_in_cxx_are_a_struct_with_its_DEFAULTS_then_assigned {
    T given;
    options_in_cxx_are_a_struct_with_its_DEFAULTS_then_assigned(const T &options) : given(options) {}
};
template <class T> inline T tgi_options(T defaults) { return defaults; }
template <class T> inline T tgi_options(T, options_in_cxx_are_a_struct_with_its_DEFAULTS_then_assigned<T> options)
{
    return options.given;
}
#else
struct tg_options_must_be_named {
    const void *nothing;
};
#define TG_OPTIONS_END struct tg_options_must_be_named options_must_be_named;
#define TG_DEFAULTS_END
#ifdef __clang__
#define TGI_OVERRIDE "clang diagnostic ignored \"-Winitializer-overrides\""
#else
#define TGI_OVERRIDE "GCC diagnostic ignored \"-Woverride-init\""
#endif
#define TG_OPTIONS(type, ...) __extension__({ TGI_DECLARE_OPTIONS(type, __VA_ARGS__) tg_options_must_be_named_; })
/* Literals in the arguments live as long as the block this stands in. */
#define TGI_DECLARE_OPTIONS(type, ...)                                                                                \
    _Pragma("GCC diagnostic push") _Pragma(TGI_OVERRIDE) _Pragma("GCC diagnostic ignored \"-Wshadow\"")               \
    _Pragma("GCC diagnostic ignored \"-Wmissing-field-initializers\"")                                                \
    _Pragma("GCC diagnostic error \"-Wint-conversion\"") _Pragma("GCC diagnostic error \"-Wmissing-braces\"")         \
    _Pragma("GCC diagnostic error \"-Wincompatible-pointer-types\"")                                                  \
    type tg_options_must_be_named_ = { __VA_ARGS__ };                                                                 \
    _Pragma("GCC diagnostic pop")
#endif

#endif

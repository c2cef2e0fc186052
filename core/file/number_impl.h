/* number_impl.h: numbers in files of text, read and written the same in every locale. Internal. */
#ifndef TG_CORE_FILE_NUMBER_IMPL_H
#define TG_CORE_FILE_NUMBER_IMPL_H

#include "core/base.h"

TG_EXTERN_C_BEGIN

typedef enum tgi_number_kind { TGI_NO_NUMBER, TGI_WHOLE, TGI_REAL } tgi_number_kind;

/* What the whole text is, but for blanks around it. A whole number goes to *whole; a real one, which is rounded to the
 * nearest double, to *real: one with a point (`decimal`) or an exponent, beyond int64, -0, and in any case of letters
 * inf, infinity and nan. The text is as it was when it returns. */
tgi_number_kind tgi_number_read(char *text, char decimal, int64_t *whole, double *real);

/* The shortest text that reads back as the same double or, if `single`, as the same float (though not of NaNs the
 * payload), always one of a real: "1.0", "0.1", "1e+30", "-inf", "nan". Its length. */
enum { TGI_NUMBER_TEXT = 32 };
int tgi_number_text(char text[TGI_NUMBER_TEXT], double value, bool single);

/* The same of a finite number with printf's looks of %.15g, of a float %.6g, or of as many more digits as it takes:
 * "1", "0.1", "1e+15", "-0". Of several texts as short it is the nearest. */
enum { TGI_SHORTEST = TGI_NUMBER_TEXT - 2 }; /* which has room for ".0" */
int tgi_shortest(char text[TGI_SHORTEST], double value, bool single);

TG_EXTERN_C_END

#endif

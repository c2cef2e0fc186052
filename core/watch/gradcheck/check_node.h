/* check_node.h: an op's gradient against differences, on the very data that the op was used on. Internal.
 *
 * The op is called again in float64 on copies of its inputs, as it was called when its node was recorded (tg_op.again).
 * Its backward is compared with difference quotients along a random direction through all elements of an input, which
 * costs a few calls whatever the size; elements are looked at one by one where the direction leads over a kink, and to
 * name one that is wrong. Elements at kinks are passed over. */
#ifndef TG_CORE_WATCH_GRADCHECK_CHECK_NODE_H
#define TG_CORE_WATCH_GRADCHECK_CHECK_NODE_H

#include "core/observe.h"

TG_EXTERN_C_BEGIN

typedef enum tgi_checked {
    TGI_CHECKED_RIGHT,
    TGI_CHECKED_WRONG,
    TGI_CHECKED_NOT,    /* it could not be checked */
    TGI_CHECKED_FAILED  /* an error is pending: no memory */
} tgi_checked;

/* For an observer's `computed`. `text` says what is wrong or why nothing was checked; "" when all is right. It draws no
 * random numbers and writes nothing that was there before; what it makes is gone when it returns. */
enum { TGI_CHECK_TEXT = 512 };
tgi_checked tgi_check_node(const tg_computed *what, char text[TGI_CHECK_TEXT]);

/* Calls the op of a node again on other inputs, as many and of the same shapes. False: it cannot be, and `why` says so,
 * or an error is pending. */
bool tgi_call_again(const tg_computed *what, tg_tensor_list inputs, tg_tensor_list *outputs, const char **why);

TG_EXTERN_C_END

#endif

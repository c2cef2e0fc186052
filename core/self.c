/* self.c: what tapegrad remembers for the calling thread (thread.h): the thread's state, and the user's place in it. */
#include "thread.h"

_Static_assert(sizeof(tgi_thread) <= 256, "thread-local memory at a fixed place is scarce");
__thread TGI_NEAR tgi_thread tgi_self;

const char *tgi_where(void) { return tgi_self.where; }

void tgi_begin(const char *where, const char *name)
{
    if (where) tgi_self.where = where;
    tgi_self.op = name;
}

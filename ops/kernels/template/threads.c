/* threads.c: see threads.h. */
#include "threads.h"

int tgi_thread_limit;
__thread bool tgi_in_task;

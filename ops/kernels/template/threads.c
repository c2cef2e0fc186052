/* threads.c: see threads.h. */
#include "threads.h"

int tgi_thread_limit;
_Thread_local bool tgi_in_task;

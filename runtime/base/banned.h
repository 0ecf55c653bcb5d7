/* banned.h - functions that fail to compile here, because base/ has better.  Included before
 * every file by the build. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets atoi atol atoll
#pragma GCC poison localtime gmtime asctime ctime system tmpnam mktemp

/* Not poisoned: a macro of libevent's headers names it, and a poisoned name may not even be
 * mentioned. */
char *strerror(int errnum) /* NOLINT(readability-redundant-declaration) */
    __attribute__((deprecated("use text_errno()")));

#endif

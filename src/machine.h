/*
 * The limits of this machine that many listeners run into. Relies on nothing; asked by
 * `check` and at the start of `serve`.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdint.h>

/* How many descriptors this process could have at most. */
uint64_t machine_nofile(void);
/* Lets it have them all. Returns how many it may have now. */
uint64_t machine_nofile_raise(void);
/* Says what is too small for so many connections (limits.connections_max; 0: as many as
 * there may be), and what to set: a sentence a call. */
void machine_warn(
    int64_t connections, void (*warn)(void *arg, const char *sentence), void *arg);

#endif

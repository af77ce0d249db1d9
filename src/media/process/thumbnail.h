/*
 * One picture, by libvips. Runs in a process that has given up its rights and ends
 * afterwards.
 */
#ifndef MEDIA_PROCESS_THUMBNAIL_H
#define MEDIA_PROCESS_THUMBNAIL_H

#include "media/picture_wire.h"

/* Once in the process that forks the others; starts no thread. False: libvips fails. */
bool thumbnail_init(const char *argv0);
/* Reads in from its first byte, writes out from its first. */
void thumbnail_make(
    const struct wire_ask *ask, int in, int out, struct wire_answer *answer);

#endif

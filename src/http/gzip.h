/*
 * gzip for answers: for bodies that are worth it.
 */
#ifndef HTTP_GZIP_H
#define HTTP_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

#define GZIP_MIN 1024 /* smaller bodies go as they are */

/* *body (malloc'ed) becomes its gzip form if that is smaller; true if it did. */
bool gzip_body(char **body, size_t *n);
/* The same, a little larger, in half of the time: for what is made often. */
bool gzip_body_quick(char **body, size_t *n);

/* A checksum of bytes: not against whoever wants two of them to be alike. */
uint64_t gzip_checksum(const void *bytes, size_t n);

/* What a stream of blocks begins with, once for each connection. */
#define GZIP_HEADER "\x1f\x8b\x08\0\0\0\0\0\0\xff"
#define GZIP_HEADER_N 10
/* Appends the block packed so that it can follow any other behind one header: nothing
 * in it refers to what came before, and it ends at a byte (RFC 1951, a full flush). */
void gzip_block(struct buf *out, const char *bytes, size_t n);
/* The same without packing them: for bytes that would take too long. */
void gzip_block_stored(struct buf *out, const char *bytes, size_t n);

#endif

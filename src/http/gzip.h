/*
 * gzip for answers: by zlib, for bodies that are worth it.
 */
#ifndef HTTP_GZIP_H
#define HTTP_GZIP_H

#include <stdbool.h>
#include <stddef.h>

#define GZIP_MIN 1024 /* smaller bodies go as they are */

/* *body (malloc'ed) becomes its gzip form if that is smaller; true if it did. */
bool gzip_body(char **body, size_t *n);

#endif

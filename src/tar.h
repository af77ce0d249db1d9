/*
 * A minimal writer of tar archives (POSIX ustar): regular files of mode 0600, one
 * behind the other, to a descriptor. For `parlour backup`.
 */
#ifndef TAR_H
#define TAR_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

#define TAR_NAME_MAX 100

/* Adds a file's head: size_bytes of content must follow by tar_data. All: false with
 * errno set. */
bool tar_head(int fd, const char *name, uint64_t size_bytes, int64_t mtime_s) MUST_USE;
/* Adds the whole content, and what fills its last block. */
bool tar_data(int fd, const void *data, uint64_t size_bytes) MUST_USE;
/* The same out of another descriptor, from where it stands; EIO if it is shorter. */
bool tar_copy(int fd, int from_fd, uint64_t size_bytes) MUST_USE;
/* Two empty blocks: the end. */
bool tar_end(int fd) MUST_USE;

#endif

/*
 * What the files core/media*.c share; not for others.
 */
#ifndef CORE_MEDIA_INSIDE_H
#define CORE_MEDIA_INSIDE_H

#include "core/media.h"

/* Shared; files is constant once it is open. */
struct media {
	struct files *files;
	int64_t swept_ms; /* clock_mono_ms; the keeper's own */
	/* Of media_stats. What is in files that rows name: counted behind the write, so
	 * perhaps as gone a moment before it is counted; hence signed. */
	_Atomic int64_t contents, stored_bytes;
	_Atomic uint64_t uploads, downloads, bytes_in, bytes_out;
};

/* Drops those files that no row names. On the writer thread, when everything of before
 * is durable and before anything else is written: neither a row that is being written
 * nor one whose removal fails after all loses its file. A few at a time: whoever writes
 * waits behind it. */
enum mx_err media_drop(
    struct ctx *ctx, const uint8_t (*hashes)[SHA256_LEN], int n) MUST_USE;

#endif

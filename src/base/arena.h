/*
 * Memory that lives as long as a request: allocated by bumping a pointer, never freed
 * one by one. Relies on nothing. Every worker keeps one arena and resets it per
 * request.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena; /* Owned by one thread at a time. */

struct arena *arena_new(void);
void arena_free(struct arena *arena);

/* Forgets all allocations; keeps at most 64 KiB for the next round, returns the rest.
 */
void arena_reset(struct arena *arena);

/* Zeroed, aligned to 16. Never NULL: out of memory aborts. size 0 is allowed. */
void *arena_alloc(struct arena *arena, size_t size);
/* The same, not zeroed. */
void *arena_raw(struct arena *arena, size_t size);
void *arena_dup(struct arena *arena, const void *data, size_t size);
/* A NUL-terminated copy of n bytes. */
char *arena_strndup(struct arena *arena, const char *s, size_t n);
char *arena_strdup(struct arena *arena, const char *s);
char *arena_printf(struct arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *fmt, va_list ap);
/* Bytes handed out since the last reset. */
size_t arena_used(const struct arena *arena);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, n) ((type *)arena_alloc((arena), sizeof(type) * (n)))

#endif

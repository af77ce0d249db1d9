/*
 * The request's memory: a chain of chunks, a pointer bumped through the newest one.
 * Relies on malloc, and on ASan's poisoning to find overruns in sanitized builds.
 * First thing a request gets, last thing it gives back.
 */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/str.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define poison(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define unpoison(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#define RED_ZONE 16 /* between two allocations, so that running over hits it */
#else
#define poison(p, n) ((void)(p), (void)(n))
#define unpoison(p, n) ((void)(p), (void)(n))
#define RED_ZONE 0
#endif

#define ALIGN 16
#define CHUNK_MIN 8192
#define CHUNK_MAX (1024 * 1024)
#define KEEP_MAX (64 * 1024)

struct chunk {
	struct chunk *next;
	size_t size; /* of the whole, this header included */
	size_t at;   /* offset of the first free byte */
} __attribute__((aligned(ALIGN)));

struct arena {
	struct chunk *chunks; /* the one being filled first */
	struct chunk *spare;  /* kept by the last reset, empty */
	size_t next_size;     /* of the next ordinary chunk */
	size_t used;
};

struct arena *
arena_new(void)
{
	struct arena *arena = xcalloc(1, sizeof *arena);

	arena->next_size = CHUNK_MIN;
	return arena;
}

static void
chunk_clear(struct chunk *chunk)
{
	chunk->at = sizeof *chunk;
	poison(chunk + 1, chunk->size - sizeof *chunk);
}

static struct chunk *
chunk_new(size_t size)
{
	struct chunk *chunk = xmalloc(size);

	chunk->next = NULL;
	chunk->size = size;
	chunk_clear(chunk);
	return chunk;
}

static void
chunk_free(struct chunk *chunk)
{
	unpoison(chunk, chunk->size);
	free(chunk);
}

static void
chunks_free(struct chunk *chunk)
{
	while (chunk != NULL) {
		struct chunk *next = chunk->next;

		chunk_free(chunk);
		chunk = next;
	}
}

void
arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	chunks_free(arena->chunks);
	chunks_free(arena->spare);
	free(arena);
}

void
arena_reset(struct arena *arena)
{
	struct chunk *chunk = arena->chunks, *next;
	size_t kept = 0;

	for (struct chunk *c = arena->spare; c != NULL; c = c->next)
		kept += c->size;
	for (; chunk != NULL; chunk = next) {
		next = chunk->next;
		if (kept + chunk->size > KEEP_MAX) {
			chunk_free(chunk);
			continue;
		}
		kept += chunk->size;
		chunk_clear(chunk);
		chunk->next = arena->spare;
		arena->spare = chunk;
	}
	arena->chunks = NULL;
	arena->next_size = CHUNK_MIN;
	arena->used = 0;
}

static struct chunk *
spare_take(struct arena *arena, size_t need)
{
	for (struct chunk **at = &arena->spare; *at != NULL; at = &(*at)->next) {
		struct chunk *chunk = *at;

		if (chunk->size - sizeof *chunk >= need) {
			*at = chunk->next;
			return chunk;
		}
	}
	return NULL;
}

/* A chunk with room for need bytes, linked in. */
static struct chunk *
arena_grow(struct arena *arena, size_t need)
{
	struct chunk *chunk = spare_take(arena, need);

	if (chunk == NULL && need > arena->next_size / 2) {
		chunk = chunk_new(sizeof *chunk + need);
		if (arena->chunks != NULL) {
			/* Behind the one being filled, which still has room. */
			chunk->next = arena->chunks->next;
			arena->chunks->next = chunk;
			return chunk;
		}
	} else if (chunk == NULL) {
		chunk = chunk_new(arena->next_size);
	}
	if (arena->next_size < CHUNK_MAX)
		arena->next_size *= 2;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	return chunk;
}

void *
arena_raw(struct arena *arena, size_t size)
{
	struct chunk *chunk = arena->chunks;
	size_t rounded;
	char *p;

	if (size > SIZE_MAX / 2) {
		fprintf(stderr, "arena: %zu bytes asked for\n", size);
		abort();
	}
	rounded = size == 0 ? ALIGN : (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (chunk == NULL || chunk->size - chunk->at < rounded + RED_ZONE)
		chunk = arena_grow(arena, rounded + RED_ZONE);
	p = (char *)chunk + chunk->at;
	chunk->at += rounded + RED_ZONE;
	arena->used += rounded;
	unpoison(p, size);
	return p;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	return memset(arena_raw(arena, size), 0, size);
}

void *
arena_dup(struct arena *arena, const void *data, size_t size)
{
	void *p = arena_raw(arena, size);

	if (size > 0)
		memcpy(p, data, size);
	return p;
}

char *
arena_strndup(struct arena *arena, const char *s, size_t n)
{
	char *p = arena_raw(arena, n + 1);

	if (n > 0)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *
arena_strdup(struct arena *arena, const char *s)
{
	return arena_dup(arena, s, strlen(s) + 1);
}

char *
arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = arena_vprintf(arena, fmt, ap);
	va_end(ap);
	return s;
}

char *
arena_vprintf(struct arena *arena, const char *fmt, va_list ap)
{
	char small[256], *s;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof small, fmt, ap);
	if (n < 0) {
		fprintf(stderr, "arena: bad format %s\n", fmt);
		abort();
	}
	if ((size_t)n < sizeof small) {
		s = arena_dup(arena, small, (size_t)n + 1);
	} else {
		s = arena_raw(arena, (size_t)n + 1);
		vsnprintf(s, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	return s;
}

size_t
arena_used(const struct arena *arena)
{
	return arena->used;
}

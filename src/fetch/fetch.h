/*
 * Asking the web for what a stranger has named: GET alone, of http and https, from
 * addresses of the internet alone, with limits on everything. The address is judged
 * when it is connected to, so that neither a name nor a redirect leads elsewhere.
 */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define FETCH_REDIRECTS_MAX 5
#define FETCH_HEADERS_MAX (64 << 10) /* bytes, of one answer and its redirects */

struct fetch_setup {
	int time_limit_ms;	 /* for all that one fetcher does */
	bool private_too;	 /* whatever the address: for tests */
	const atomic_bool *stop; /* set: whatever is under way ends */
};

/* Owned by one thread. Keeps its connections and certificates from one fetch to the
 * next. */
struct fetcher;

struct fetcher *fetcher_new(const struct fetch_setup *setup);
void fetcher_free(struct fetcher *f);

enum fetch_result {
	FETCH_DONE,
	FETCH_CUT,	 /* fetch->take wanted no more */
	FETCH_FORBIDDEN, /* its address is not one of the internet */
	FETCH_FAILED,	 /* nobody there, no 2xx, too slow, too many redirects ... */
};

struct fetch {
	const char *link;   /* of link_read */
	const char *accept; /* the header's value */
	/* Is given the body of a 2xx in pieces, unpacked; false ends it. content_type
	 * NULL: none was given. */
	bool (*take)(void *arg, const char *content_type, const void *bytes, size_t n);
	void *arg;
};

/* Blocks. *link_out: where the redirects have led, in the arena. */
enum fetch_result fetch_get(struct fetcher *f, struct arena *arena,
    const struct fetch *fetch, const char **link_out);

#endif

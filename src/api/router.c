/*
 * The route table, compiled once into buckets by segment count and first literal, so
 * that a request is compared with a handful of rows.
 * Stands between http (a raw path) and the handlers; called on io threads.
 */
#include "api/router.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/client/handlers.h"
#include "base/log.h"

static const struct route client_routes[] = {
/* HTTP_HEAD comes as GET: the server leaves the body out. */
#define ROUTE(method, versions, path, who, limit, run, handler)                        \
	{ HTTP_##method, versions, path, who, limit, run, handler },
#include "api/client/routes.def"
#undef ROUTE
};

#define CLIENT_ROUTES ((int)(sizeof client_routes / sizeof client_routes[0]))
#define ROUTES_MAX 512
#define SEGMENTS_MAX 12
#define BUCKETS 256

/* A row's path, split. */
struct compiled {
	struct str segments[SEGMENTS_MAX]; /* of a parameter: p NULL */
	int count;
	bool last_may_be_empty; /* {stateKey}: "/state/m.room.name/" */
	int next;		/* in its bucket; -1: none */
};

static struct route routes[ROUTES_MAX];
static struct compiled compiled[ROUTES_MAX];
static int route_count;
static int buckets[BUCKETS];

static const struct {
	const char *api, *first, *second; /* /_matrix/API/FIRST/SECOND; NULL: none */
	enum api_version version;
} prefixes[] = {
	{ "client", "v3", NULL, V3 },
	{ "client", "v1", NULL, V1 },
	{ "client", "r0", NULL, R0 },
	{ "client", "api", "v1", A1 },
	{ "client", "v2_alpha", NULL, A2 },
	{ "client", "api", "v2_alpha", A2 },
	{ "client", "unstable", NULL, UNSTABLE },
	{ "media", "r0", NULL, M_R0 },
	{ "media", "v1", NULL, M_V1 },
	{ "media", "v3", NULL, M_V3 },
};

static unsigned
bucket_of(int count, struct str first)
{
	unsigned hash = 2166136261u;

	for (size_t i = 0; i < first.n; i++)
		hash = (hash ^ (unsigned char)first.p[i]) * 16777619u;
	return (hash + (unsigned)count * 31) % BUCKETS;
}

static bool
is_param(struct str segment)
{
	return segment.n > 2 && segment.p[0] == '{' && segment.p[segment.n - 1] == '}';
}

static void
compile(const struct route *route, struct compiled *out)
{
	struct uri_path path;
	int params = 0;

	if (!uri_split(str_of(route->path), &path) || path.count > SEGMENTS_MAX) {
		log_error("router: the row %s is malformed", route->path);
		abort();
	}
	out->count = path.count;
	for (int i = 0; i < path.count; i++) {
		out->segments[i] = path.segments[i];
		if (is_param(path.segments[i])) {
			out->last_may_be_empty = i == path.count - 1 &&
						 str_is(path.segments[i], "{stateKey}");
			out->segments[i] = (struct str){ NULL, 0 };
			params++;
		}
	}
	assert(params <= REQ_PARAMS_MAX && !is_param(path.segments[0]));
}

static void
add_table(const struct route *table, int count)
{
	assert(route_count + count <= ROUTES_MAX);
	for (int i = 0; i < count; i++)
		routes[route_count++] = table[i];
}

void
router_setup(const struct route *more, int more_count)
{
	route_count = 0;
	add_table(client_routes, CLIENT_ROUTES);
	add_table(more, more_count);
	for (int b = 0; b < BUCKETS; b++)
		buckets[b] = -1;
	/* From behind, so that a bucket keeps the order of the table. */
	for (int i = route_count - 1; i >= 0; i--) {
		unsigned b;

		compile(&routes[i], &compiled[i]);
		b = bucket_of(compiled[i].count, compiled[i].segments[0]);
		compiled[i].next = buckets[b];
		buckets[b] = i;
	}
}

static bool
matches(const struct compiled *c, const struct str *segments, int count,
    struct router_match *out)
{
	int params = 0;

	if (c->count != count)
		return false;
	for (int i = 0; i < count; i++) {
		if (c->segments[i].p != NULL) { /* a literal, "" behind a last slash */
			if (!str_eq(c->segments[i], segments[i]))
				return false;
			continue;
		}
		if (segments[i].n == 0 && !(c->last_may_be_empty && i == count - 1))
			return false;
		out->params[params++] = segments[i];
	}
	out->param_count = params;
	return true;
}

static enum router_result
search(enum http_method method, enum api_version version, const struct str *segments,
    int count, struct router_match *out)
{
	enum router_result result = ROUTE_UNKNOWN;
	int i;

	if (count < 1 || count > SEGMENTS_MAX)
		return ROUTE_UNKNOWN;
	i = buckets[bucket_of(count, segments[0])];
	for (; i >= 0; i = compiled[i].next) {
		if (!(routes[i].versions & (int)version) ||
		    !matches(&compiled[i], segments, count, out))
			continue;
		if (routes[i].method == method) {
			out->route = &routes[i];
			out->version = version;
			return ROUTE_FOUND;
		}
		result = ROUTE_OTHER_METHOD;
	}
	return result;
}

/* How many segments the version takes behind /_matrix/API; 0: none that we know. */
static int
version_of(const struct uri_path *path, enum api_version *version_out)
{
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
		int n = prefixes[i].second == NULL ? 1 : 2;

		if (path->count > 2 + n && str_is(path->segments[1], prefixes[i].api) &&
		    str_is(path->segments[2], prefixes[i].first) &&
		    (n == 1 || str_is(path->segments[3], prefixes[i].second))) {
			*version_out = prefixes[i].version;
			return n;
		}
	}
	return 0;
}

enum router_result
router_find(enum http_method method, struct str raw, struct router_match *out)
{
	enum router_result result = ROUTE_UNKNOWN;
	enum api_version version;
	struct uri_path path;

	if (!uri_split(raw, &path))
		return ROUTE_UNKNOWN;
	if (method == HTTP_HEAD)
		method = HTTP_GET;
	if (path.count > 3 && str_is(path.segments[0], "_matrix")) {
		int n = version_of(&path, &version);

		if (n > 0)
			result = search(method, version, path.segments + 2 + n,
			    path.count - 2 - n, out);
	}
	return result != ROUTE_UNKNOWN
		   ? result
		   : search(method, ROOT, path.segments, path.count, out);
}

const struct route *
router_routes(int *count_out)
{
	*count_out = route_count;
	return routes;
}

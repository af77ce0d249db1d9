/*
 * From a path to a row of the route table. The tables (client/routes.def ...) are the
 * server's table of contents. Pure once built.
 */
#ifndef API_ROUTER_H
#define API_ROUTER_H

#include "api/req.h"

/* Compiles the tables, those of the layer above among them (borrowed for good); once,
 * at start. Aborts if a row is malformed. */
void router_setup(const struct route *more, int more_count);

enum router_result { ROUTE_FOUND, ROUTE_UNKNOWN, ROUTE_OTHER_METHOD };

struct router_match {
	const struct route *route;
	enum api_version version;
	struct str params[REQ_PARAMS_MAX]; /* raw, in the path's order */
	int param_count;
};

enum router_result router_find(
    enum http_method method, struct str path, struct router_match *out);

/* All rows, for tests and `parlour routes`. */
const struct route *router_routes(int *count_out);

#endif

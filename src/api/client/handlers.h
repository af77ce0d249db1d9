/*
 * The prototypes of all client-server handlers, out of the route table.
 */
#ifndef API_CLIENT_HANDLERS_H
#define API_CLIENT_HANDLERS_H

#include "api/req.h"

#define ROUTE(method, versions, path, who, limit, run, handler)                        \
	enum mx_err handler(struct req *req);
#include "api/client/routes.def"
#undef ROUTE

#endif

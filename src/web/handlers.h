/*
 * The handlers of routes.def, and what else struct server_pages names.
 */
#ifndef WEB_HANDLERS_H
#define WEB_HANDLERS_H

#include "api/req.h"

struct page_news;

#define ROUTE(method, versions, path, who, limit, run, handler)                        \
	enum mx_err handler(struct req *req);
#include "web/routes.def"
#undef ROUTE

enum mx_err web_news(
    void *arg, struct ctx *ctx, struct arena *arena, struct page_news *news);

#endif

/*
 * What the files of web/ share.
 */
#ifndef WEB_INSIDE_H
#define WEB_INSIDE_H

#include <stdatomic.h>

#include "api/req.h"
#include "http/server.h"
#include "web/template.h"
#include "web/web.h"

struct lines;
struct kept_pages;

/* An asset as it goes out. */
struct asset {
	const char *url;  /* whole, with public_base_url */
	const char *path; /* its last segment: "room.0123456789ab.js" */
	const char *content_type;
	struct http_shared *bytes, *packed;
};

/* Shared; constant after web_new but for what guards itself. */
struct web {
	struct core *core;
	struct web_settings set;
	const char *base; /* public_base_url */
	struct asset *assets;
	int asset_count;
	const struct asset *style, *icon;
	char *scripts;		 /* the addresses of all of them, a blank before each */
	char *script_tags;	 /* HTML that loads them */
	struct lines *lines;	 /* web/lines: renderings of events */
	struct kept_pages *kept; /* web/kept: whole pages */
	/* kept_age + 1 at which it was found that the server ignores nobody, and never
	 * has; 0: that is not known. Most never do. */
	_Atomic uint64_t ignores_nobody;
	_Atomic uint64_t pages_made, pages_kept, lines_made;
};

/* The viewer behind a request. */
static inline struct web *
web_of(const struct req *req)
{
	return server_pages_arg(req->server);
}

#endif

/*
 * The viewer put together. Stands on top of api/, which runs its routes as its own.
 */
#include "web/web.h"

#include <stdlib.h>

#include "web/assets.h"
#include "web/handlers.h"
#include "web/kept.h"
#include "web/lines.h"
#include "web/sheet.h"

static const struct route routes[] = {
#define ROUTE(method, versions, path, who, limit, run, handler)                        \
	{ HTTP_##method, versions, path, who, limit, run, handler },
#include "web/routes.def"
#undef ROUTE
};

struct web *
web_new(struct core *core, const struct web_settings *settings)
{
	struct web *web = xcalloc(1, sizeof *web);

	templates_setup();
	web->core = core;
	web->set = *settings;
	web->base = core->set.public_base_url;
	assets_setup(web);
	web->lines = lines_new();
	web->kept = kept_new();
	return web;
}

void
web_free(struct web *web)
{
	kept_free(web->kept);
	lines_free(web->lines);
	assets_free(web);
	free(web);
}

static void
forget(void *arg)
{
	kept_forget(((struct web *)arg)->kept);
}

static void
stats(void *arg, struct server_page_stats *out)
{
	struct web *web = arg;

	*out = (struct server_page_stats){ .made = atomic_load(&web->pages_made),
		.kept = atomic_load(&web->pages_kept),
		.lines_made = atomic_load(&web->lines_made),
		.line_bytes = lines_bytes(web->lines) };
}

struct server_pages
web_pages(struct web *web)
{
	return (struct server_pages){ .routes = routes,
		.route_count = sizeof routes / sizeof *routes,
		.news = web_news,
		.error = page_error,
		.forget = forget,
		.stats = stats,
		.arg = web };
}

/*
 * GET /_parlour/assets/{name}, answered out of memory by the io thread.
 * Relies on web/embedded for the bytes.
 */
#include "web/assets.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/gzip.h"
#include "web/embedded.h"
#include "web/handlers.h"
#include "web/markup.h"

static const char *
type_of(const char *name)
{
	if (ends_with(name, ".js"))
		return "text/javascript; charset=utf-8";
	if (ends_with(name, ".css"))
		return "text/css; charset=utf-8";
	assert(ends_with(name, ".svg"));
	return "image/svg+xml";
}

static void
set_up(const struct web *web, const struct embedded *from, struct asset *out)
{
	const char *dot = strrchr(from->name, '.');
	char path[128], url[512];
	size_t n = from->n;
	char *packed = xmalloc(n);

	snprintf(path, sizeof path, "%.*s.%s%s", (int)(dot - from->name), from->name,
	    from->hash, dot);
	snprintf(url, sizeof url, "%s/_parlour/assets/%s", web->base, path);
	out->path = xstrdup(path);
	out->url = xstrdup(url);
	out->content_type = type_of(from->name);
	out->bytes = http_bytes_new(from->bytes, from->n);
	memcpy(packed, from->bytes, n);
	if (gzip_body(&packed, &n))
		out->packed = http_bytes_new(packed, n);
	free(packed);
}

static const struct asset *
find(const struct web *web, const char *start)
{
	for (int i = 0; i < web->asset_count; i++)
		if (starts_with(web->assets[i].path, start))
			return &web->assets[i];
	abort();
}

/* Each is a module of its own, which imports nothing: names carry hashes. */
static void
name_scripts(struct web *web)
{
	struct buf addresses = { 0 }, tags = { 0 };

	for (int i = 0; i < web->asset_count; i++) {
		const char *url = web->assets[i].url;

		if (!ends_with(url, ".js"))
			continue;
		buf_printf(&addresses, " %s", url);
		buf_lit(&tags, "<script type=\"module\" src=\"");
		markup_escape(&tags, url, strlen(url));
		buf_lit(&tags, "\"></script>\n");
	}
	web->scripts = buf_take(&addresses, NULL);
	web->script_tags = buf_take(&tags, NULL);
}

void
assets_setup(struct web *web)
{
	web->asset_count = embedded_asset_count;
	web->assets = xcalloc((size_t)web->asset_count, sizeof *web->assets);
	for (int i = 0; i < web->asset_count; i++)
		set_up(web, &embedded_assets[i], &web->assets[i]);
	name_scripts(web);
	web->style = find(web, "page.");
	web->icon = find(web, "icon.");
}

void
assets_free(struct web *web)
{
	for (int i = 0; i < web->asset_count; i++) {
		free((char *)web->assets[i].path);
		free((char *)web->assets[i].url);
		http_shared_unref(web->assets[i].bytes);
		http_shared_unref(web->assets[i].packed);
	}
	free(web->assets);
	free(web->scripts);
	free(web->script_tags);
}

enum mx_err
web_asset(struct req *req)
{
	const struct web *web = web_of(req);
	const char *name = req_path(req, "name");

	for (int i = 0; i < web->asset_count; i++) {
		const struct asset *asset = &web->assets[i];

		if (strcmp(asset->path, name) != 0)
			continue;
		req->content_type = asset->content_type;
		reply_header(
		    req, "Cache-Control", "public, max-age=31536000, immutable");
		reply_header(req, "X-Content-Type-Options", "nosniff");
		reply_header(req, "Cross-Origin-Resource-Policy", "cross-origin");
		return reply_shared(req, asset->bytes, asset->packed);
	}
	return M_NOT_FOUND;
}

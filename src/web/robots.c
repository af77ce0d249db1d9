/*
 * What search engines are told: /robots.txt, and in /rooms/sitemap.xml the rooms that
 * ask to be found.
 */
#include "core/public_rooms.h"
#include "web/handlers.h"
#include "web/markup.h"
#include "web/open.h"
#include "web/sheet.h"

#define ROOMS_EACH 1000
#define SITEMAP_BYTES (5 << 20) /* 50,000 addresses are all that one may hold */

enum mx_err
web_robots(struct req *req)
{
	struct buf out = { 0 };

	buf_lit(&out, "User-agent: *\n"
		      "Allow: /rooms\n"
		      "Disallow: /rooms/*/search\n"
		      "Disallow: /_matrix/\n\nSitemap: ");
	page_url(web_of(req), &out, "sitemap.xml", NULL);
	buf_char(&out, '\n');
	req->content_type = "text/plain; charset=utf-8";
	reply_header(req, "Cache-Control", "public, max-age=3600");
	return reply_buf(req, &out);
}

static void
add_entry(const struct web *web, const struct shown *shown, struct buf *out)
{
	struct buf url = { 0 };

	page_url(web, &url, shown->address, NULL);
	buf_lit(out, "<url><loc>");
	markup_escape(out, url.p, url.n);
	buf_lit(out, "</loc></url>\n");
	buf_free(&url);
}

static enum mx_err
add_entries(struct req *req, const struct public_query *query, struct buf *out)
{
	struct web *web = web_of(req);

	for (int i = 0; i < query->count; i++) {
		struct shown shown;
		struct room *room;
		enum mx_err err = room_get(req->ctx, query->rooms[i].room_id, &room);

		if (err == M_OK)
			err = shown_open_room(web, req->ctx, req->arena, room, &shown);
		if (err != M_OK && err != M_NOT_FOUND)
			return err;
		if (err == M_NOT_FOUND)
			continue;
		if (shown.may_index) {
			shown_describe(web, &shown);
			add_entry(web, &shown, out);
		}
		shown_close(&shown);
	}
	return M_OK;
}

/* On a slow worker: it goes through the whole directory. */
enum mx_err
web_sitemap(struct req *req)
{
	struct public_query query = { .limit = ROOMS_EACH, .readable_only = true };
	struct buf out = { 0 };
	enum mx_err err;

	buf_lit(&out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
	do {
		err = public_rooms_page(req->ctx, req->arena, &query);
		if (err == M_OK)
			err = add_entries(req, &query, &out);
		query.since = query.next;
		query.count = 0;
	} while (err == M_OK && query.since != NULL && out.n < SITEMAP_BYTES);
	buf_lit(&out, "</urlset>\n");
	if (err != M_OK) {
		buf_free(&out);
		return err;
	}
	req->content_type = "application/xml; charset=utf-8";
	reply_header(req, "Cache-Control", "public, max-age=10");
	return reply_buf(req, &out);
}

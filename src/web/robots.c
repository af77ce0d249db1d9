/*
 * What search engines are told: /robots.txt, and in /rooms/sitemap.xml the rooms that
 * ask to be found.
 */
#include "core/public_rooms.h"
#include "web/handlers.h"
#include "web/markup.h"
#include "web/open.h"
#include "web/sheet.h"

#define SITEMAP_MAX 1000

enum mx_err
web_robots(struct req *req)
{
	struct buf out = { 0 };

	buf_lit(&out, "User-agent: *\n"
		      "Allow: /rooms\n"
		      "Disallow: /rooms/*/search\n"
		      "Disallow: /rooms/*/day/\n"
		      "Disallow: /rooms/*/days\n"
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

enum mx_err
web_sitemap(struct req *req)
{
	struct public_query query = { .limit = SITEMAP_MAX, .readable_only = true };
	struct web *web = web_of(req);
	struct buf out = { 0 };
	enum mx_err err = public_rooms_page(req->ctx, req->arena, &query);

	buf_lit(&out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n");
	for (int i = 0; err == M_OK && i < query.count; i++) {
		struct shown shown;
		struct room *room;

		err = room_get(req->ctx, query.rooms[i].room_id, &room);
		if (err == M_OK)
			err = shown_open_room(web, req->ctx, req->arena, room, &shown);
		if (err == M_OK) {
			if (shown.may_index)
				add_entry(web, &shown, &out);
			shown_close(&shown);
		}
		if (err == M_NOT_FOUND)
			err = M_OK;
	}
	buf_lit(&out, "</urlset>\n");
	if (err != M_OK) {
		buf_free(&out);
		return err;
	}
	req->content_type = "application/xml; charset=utf-8";
	reply_header(req, "Cache-Control", "public, max-age=60");
	return reply_buf(req, &out);
}

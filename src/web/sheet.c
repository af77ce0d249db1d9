/*
 * The frame of all pages and what stands beside them in an answer.
 * Relies on web/template; the last step of every handler here.
 */
#include "web/sheet.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/error.h"
#include "http/gzip.h"
#include "http/uri.h"
#include "web/kept.h"

#define HTML "text/html; charset=utf-8"

enum language
page_language(const struct req *req)
{
	const struct web *web = web_of(req);
	const struct str *accept = http_header(&req->http->head, "accept-language");
	const char *wanted = req_query(req, "lang");
	enum language language;

	if (wanted != NULL && language_of_code(str_of(wanted), &language) &&
	    (web->set.languages >> language & 1))
		return language;
	return language_accepted(accept == NULL ? str_of(NULL) : *accept,
	    web->set.languages, (enum language)web->set.language);
}

void
sheet_init(struct sheet *sheet, struct req *req)
{
	*sheet = (struct sheet){ .req = req, .web = web_of(req) };
	sheet->age = kept_age(sheet->web->kept);
	sheet->language = page_language(req);
	sheet->f.language = sheet->language;
}

void
sheet_fini(struct sheet *sheet)
{
	buf_free(&sheet->body);
	buf_free(&sheet->url);
}

/* --- addresses --- */

/* RFC 3986 3.3: these stand as they are in a segment and in a query alike. */
void
page_encode(struct buf *out, const char *text)
{
	uri_encode(out, text, strlen(text), "!$:@");
}

static void
add_url(const struct web *web, struct buf *out, const char *room, va_list parts)
{
	const char *part;

	buf_str(out, web->base);
	buf_lit(out, "/rooms");
	for (part = room; part != NULL; part = va_arg(parts, const char *)) {
		buf_char(out, '/');
		page_encode(out, part);
	}
}

void
page_url(const struct web *web, struct buf *out, const char *room, ...)
{
	va_list parts;

	va_start(parts, room);
	add_url(web, out, room, parts);
	va_end(parts);
}

const char *
page_link(const struct web *web, struct arena *arena, const char *room, ...)
{
	struct buf url = { 0 };
	const char *link;
	va_list parts;

	va_start(parts, room);
	add_url(web, &url, room, parts);
	va_end(parts);
	link = arena_strndup(arena, url.p, url.n);
	buf_free(&url);
	return link;
}

const char *
page_time(struct arena *arena, int64_t ts_ms, const char *format)
{
	char text[64] = "";
	time_t at = (time_t)(ts_ms / 1000);
	struct tm tm;

	/* A server may claim any moment: what no calendar has is shown as none. */
	if (gmtime_r(&at, &tm) == NULL || tm.tm_year < 70 || tm.tm_year > 8098)
		return "";
	strftime(text, sizeof text, format, &tm);
	return arena_strdup(arena, text);
}

const char *
page_cut(struct arena *arena, const char *text, size_t max)
{
	size_t n = strlen(text), fit = utf8_fit(text, n, max);

	return fit == n ? text : arena_printf(arena, "%.*s…", (int)fit, text);
}

/* --- the frame --- */

/* This page in another language. */
static const char *
in_language(const struct req *req, const char *code)
{
	static const char *const known[] = { "q", "before", "after", "since" };
	struct buf query = { 0 };
	const char *link;

	buf_printf(&query, "?lang=%s", code);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		const char *value = req_query(req, known[i]);

		if (value == NULL)
			continue;
		buf_printf(&query, "&%s=", known[i]);
		page_encode(&query, value);
	}
	link = arena_strndup(req->arena, query.p, query.n);
	buf_free(&query);
	return link;
}

/* One entry for each language that is offered; the page's own is told apart. */
static void
write_languages(struct sheet *sheet, struct buf *out)
{
	for (int i = 0; i < LANGUAGE_COUNT; i++) {
		struct filling f = { .language = sheet->language };
		const char *code = language_code((enum language)i);

		if (!(sheet->web->set.languages >> i & 1))
			continue;
		fill(&f, SLOT_lang, code);
		fill(&f, SLOT_name, language_name((enum language)i));
		fill(&f, SLOT_here, i == (int)sheet->language ? "" : NULL);
		fill(&f, SLOT_href, in_language(sheet->req, code));
		template_write(out, TEMPLATE_language, &f);
	}
}

static void
write_frame(struct sheet *sheet, struct buf *out)
{
	struct filling *f = &sheet->f;
	struct buf languages = { 0 };

	write_languages(sheet, &languages);
	fill(f, SLOT_lang, language_code(sheet->language));
	fill(f, SLOT_dir, language_direction(sheet->language));
	fill(f, SLOT_style, sheet->web->style->url);
	fill(f, SLOT_icon, sheet->web->icon->url);
	fill(f, SLOT_scripts, sheet->web->script_tags);
	fill(f, SLOT_home, page_link(sheet->web, sheet->req->arena, NULL, NULL));
	fill(f, SLOT_noindex, sheet->may_index ? NULL : "");
	fill_buf(f, SLOT_canonical, &sheet->url);
	fill_buf(f, SLOT_body, &sheet->body);
	fill_buf(f, SLOT_languages, &languages);
	template_write(out, TEMPLATE_page, f);
	buf_free(&languages);
}

static const char *
etag_of(struct arena *arena, const void *bytes, size_t n)
{
	/* Weak: packed or not, it is the same page. */
	return arena_printf(arena, "W/\"%zx-%" PRIx64 "\"", n, gzip_checksum(bytes, n));
}

bool
page_is_known(const struct req *req, const char *etag)
{
	return req_names_etag(req, "if-none-match", etag + strlen("W/"));
}

/* Scripts and styles by their exact addresses: uploads share the origin. */
static const char *
policy(const struct req *req)
{
	const struct web *web = web_of(req);

	return arena_printf(req->arena,
	    "default-src 'none'; script-src%s; style-src %s; img-src %s %s/rooms/; "
	    "media-src %s/rooms/; connect-src %s/rooms/; form-action %s/rooms "
	    "%s/rooms/; "
	    "base-uri 'none'; frame-ancestors 'none'",
	    web->scripts, web->style->url, web->icon->url, web->base, web->base,
	    web->base, web->base, web->base);
}

static void
safe_headers(struct req *req)
{
	reply_header(req, "Content-Security-Policy", policy(req));
	reply_header(req, "X-Content-Type-Options", "nosniff");
	reply_header(req, "Referrer-Policy", "no-referrer");
	reply_header(req, "Permissions-Policy", "interest-cohort=()");
}

void
page_headers(struct req *req, bool may_index)
{
	req->content_type = HTML;
	safe_headers(req);
	reply_header(req, "Cache-Control", PAGE_CACHE_CONTROL);
	/* Also where it is not packed, or not sent: a cache keeps what a 304 says. */
	reply_header(req, "Vary", "Accept-Language, Accept-Encoding");
	if (!may_index)
		reply_header(req, "X-Robots-Tag", "noindex");
}

/* Once, for the client and for whoever comes behind it. */
static struct packed
pack(const struct req *req, const struct buf *page)
{
	struct packed packed = { .is_tried = req->http->head.accepts_gzip };

	if (!packed.is_tried)
		return packed;
	packed.n = page->n;
	packed.p = xmalloc(page->n);
	memcpy(packed.p, page->p, page->n);
	if (!gzip_body_quick(&packed.p, &packed.n)) {
		free(packed.p);
		packed.p = NULL;
	}
	return packed;
}

/* Takes over the packed form, if there is one. */
static enum mx_err
reply_page(struct req *req, struct buf *page, struct packed *packed)
{
	struct buf small = { packed->p, packed->n, packed->n };

	if (packed->p == NULL)
		return reply_buf(req, page);
	buf_free(page);
	req->is_packed = true;
	return reply_buf(req, &small);
}

enum mx_err
sheet_answer(struct sheet *sheet)
{
	struct req *req = sheet->req;
	struct buf out = { 0 };
	struct packed packed;
	const char *etag;

	write_frame(sheet, &out);
	atomic_fetch_add(&sheet->web->pages_made, 1);
	etag = etag_of(req->arena, out.p, out.n);
	page_headers(req, sheet->may_index);
	reply_header(req, "ETag", etag);
	packed = pack(req, &out);
	if (sheet->keep_key != NULL)
		kept_add(sheet->web->kept, sheet->age, sheet->room_age, sheet->keep_key,
		    sheet->room, sheet->position, etag, sheet->may_index, &out,
		    &packed);
	sheet_fini(sheet);
	if (!page_is_known(req, etag))
		return reply_page(req, &out, &packed);
	buf_free(&out);
	free(packed.p);
	req->status = 304;
	return M_OK;
}

/* --- errors --- */

enum mx_err
page_refuse(struct req *req, int status, enum word title, enum word about,
    const char *href, const char *link)
{
	struct buf out = { 0 };
	struct sheet sheet;

	sheet_init(&sheet, req);
	fill(&sheet.f, SLOT_title, word(title, sheet.language));
	fill(&sheet.f, SLOT_text, word(about, sheet.language));
	fill(&sheet.f, SLOT_href, href);
	fill(&sheet.f, SLOT_name, link);
	template_write(&sheet.body, TEMPLATE_error, &sheet.f);
	write_frame(&sheet, &out);
	req->status = status;
	req->content_type = HTML;
	safe_headers(req);
	reply_header(req, "Cache-Control", "no-store");
	reply_header(req, "X-Robots-Tag", "noindex");
	sheet_fini(&sheet);
	return reply_buf(req, &out);
}

void
page_error(void *arg, struct req *req, enum mx_err err)
{
	const struct web *web = web_of(req);
	enum word title = WORD_went_wrong, about = WORD_went_wrong_about;
	enum mx_err refused;

	error_write(req, err); /* status, Retry-After */
	buf_reset(&req->out);
	if (req->status == 404) {
		title = WORD_not_found;
		about = WORD_not_found_about;
	} else if (req->status == 429) {
		title = WORD_too_fast;
		about = WORD_too_fast_about;
	} else if (req->status < 500) {
		title = WORD_bad_request;
		about = WORD_bad_request_about;
	}
	refused = page_refuse(req, req->status, title, about,
	    page_link(web, req->arena, NULL, NULL),
	    word(WORD_rooms, page_language(req)));
	(void)refused; /* M_OK */
}

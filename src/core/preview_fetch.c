/*
 * A page and what it names: its oEmbed where the page itself does not say enough, its
 * picture. That becomes a file of the server's own, so that readers' clients need not
 * ask for it where the page would have them. Below core/preview.
 */
#include "core/preview_fetch.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/media_inside.h"
#include "core/preview.h"
#include "core/preview_page.h"
#include "fetch/link.h"

#define ANY_SIDE (1 << 20)

/* What is being taken in: a page into memory, or a picture into a file. */
struct taking {
	struct ctx *ctx;
	enum { TAKES_NOTHING_YET, TAKES_PAGE, TAKES_IMAGE, TAKES_NONE } kind;
	bool page_too; /* not a picture alone */
	struct buf page;
	char content_type[256];
	struct file_new file;
	bool has_file;
	char first[16];
	size_t first_n;
	enum mx_err err;
};

/* --- pieces as they come --- */

static bool
is_type(const char *content_type, const char *type)
{
	size_t n = strcspn(content_type, "; \t");

	return n == strlen(type) && strncasecmp(content_type, type, n) == 0;
}

static bool
is_page(const char *content_type)
{
	return is_type(content_type, "text/html") ||
	       is_type(content_type, "application/xhtml+xml");
}

static bool
take_page(struct taking *t, const void *bytes, size_t n)
{
	size_t room = PREVIEW_PAGE_MAX - t->page.n;

	buf_add(&t->page, bytes, n < room ? n : room);
	return n < room;
}

static bool
take_image(struct taking *t, const void *bytes, size_t n)
{
	size_t room = sizeof t->first - t->first_n, first = n < room ? n : room;
	int64_t max = t->ctx->core->set.media_upload_max;

	if (!t->has_file) {
		t->err = media_begin(t->ctx, &t->file);
		t->has_file = t->err == M_OK;
	}
	memcpy(t->first + t->first_n, bytes, first);
	t->first_n += first;
	if (t->err == M_OK)
		t->err = file_add(&t->file, bytes, n);
	return t->err == M_OK && t->file.size <= PREVIEW_IMAGE_MAX &&
	       t->file.size <= max;
}

static bool
take(void *arg, const char *content_type, const void *bytes, size_t n)
{
	struct taking *t = arg;

	if (t->kind == TAKES_NOTHING_YET) {
		bool is_image =
		    content_type != NULL && strncasecmp(content_type, "image/", 6) == 0;

		if (content_type != NULL)
			snprintf(t->content_type, sizeof t->content_type, "%s",
			    content_type);
		t->kind =
		    is_image ? TAKES_IMAGE
		    : !t->page_too || (content_type != NULL && !is_page(content_type))
			? TAKES_NONE
			: TAKES_PAGE;
	}
	switch (t->kind) {
	case TAKES_PAGE:
		return take_page(t, bytes, n);
	case TAKES_IMAGE:
		return take_image(t, bytes, n);
	default:
		return false;
	}
}

static void
taking_fini(struct taking *t)
{
	buf_free(&t->page);
	if (t->has_file)
		file_end(&t->file);
}

/* --- a picture --- */

/* Asks the process that decodes pictures, since a head that says so makes none.
 * M_REFUSED, M_TOO_LARGE: it is none that clients could show. */
static enum mx_err
measure(struct ctx *ctx, int fd, struct picture_made *out)
{
	struct picture_ask ask = { .width = ANY_SIDE,
		.height = ANY_SIDE,
		.method = PICTURE_SCALE,
		.original_will_do = true };
	struct file_new unused;
	enum mx_err err = media_begin(ctx, &unused);

	if (err != M_OK)
		return err;
	err = pictures_thumbnail(ctx->core->media->pictures, fd, &ask, unused.fd, out);
	file_end(&unused);
	return err;
}

static void
set_image(struct ctx *ctx, struct arena *arena, struct json *out, const char *media_id,
    const char *type, int64_t size, const struct picture_made *made)
{
	json_set_str(arena, out, "og:image",
	    arena_printf(arena, "mxc://%s/%s", ctx->core->set.server_name, media_id));
	json_set_str(arena, out, "og:image:type", type);
	json_set_int(arena, out, "matrix:image:size", size);
	if (made->width <= 0 || made->height <= 0)
		return;
	json_set_int(arena, out, "og:image:width", made->width);
	json_set_int(arena, out, "og:image:height", made->height);
}

/* A picture that has come; what is none is left out. */
static enum mx_err
keep_image(struct arena *arena, struct taking *t, struct json *out)
{
	const char *type = picture_type(t->first, t->first_n), *media_id;
	struct picture_made made = { 0 };
	enum mx_err err;

	if (type == NULL)
		return M_OK;
	err = measure(t->ctx, t->file.fd, &made);
	if (err == M_REFUSED || err == M_TOO_LARGE)
		return M_OK;
	if (err != M_OK && err != M_UNKNOWN) /* none to ask: kept without measures */
		return err;
	if (err == M_UNKNOWN)
		made = (struct picture_made){ 0 };
	err = media_add_own(t->ctx, arena, &t->file, type, &media_id);
	if (err == M_OK)
		set_image(t->ctx, arena, out, media_id, type, t->file.size, &made);
	return err;
}

static enum mx_err
add_image(struct ctx *ctx, struct arena *arena, struct fetcher *fetcher,
    const char *link, struct json *out)
{
	struct taking t = { .ctx = ctx };
	struct fetch fetch = { .link = link,
		.accept = "image/webp,image/png,image/jpeg,image/gif",
		.take = take,
		.arg = &t };
	const char *from;
	enum fetch_result result = fetch_get(fetcher, arena, &fetch, &from);
	enum mx_err err = t.err;

	if (err == M_OK && result == FETCH_DONE && t.has_file)
		err = keep_image(arena, &t, out);
	taking_fini(&t);
	return err;
}

/* --- oEmbed --- */

static bool
take_json(void *arg, const char *content_type, const void *bytes, size_t n)
{
	struct buf *json = arg;

	if (json->n + n > PREVIEW_PAGE_MAX)
		return false;
	buf_add(json, bytes, n);
	return true;
}

static void
add_oembed(struct arena *arena, struct fetcher *fetcher, const char *link,
    struct page_facts *facts)
{
	struct buf json = { 0 };
	struct fetch fetch = { .link = link,
		.accept = "application/json",
		.take = take_json,
		.arg = &json };
	const char *from;

	if (fetch_get(fetcher, arena, &fetch, &from) == FETCH_DONE)
		page_read_oembed(arena, (struct str){ json.p, json.n }, facts);
	buf_free(&json);
}

/* --- a page --- */

static void
set_text(struct arena *arena, struct json *out, const char *name, const char *text)
{
	if (text != NULL)
		json_set_str(arena, out, name, text);
}

static struct json *
answer_of(struct arena *arena, const struct page_facts *facts, const char *base)
{
	struct json *out = json_object(arena);

	set_text(arena, out, "og:title", facts->title);
	set_text(arena, out, "og:description", facts->description);
	set_text(arena, out, "og:site_name", facts->site_name);
	set_text(arena, out, "og:type", facts->type);
	set_text(arena, out, "og:locale", facts->locale);
	if (facts->url != NULL)
		set_text(arena, out, "og:url", link_read(arena, base, facts->url));
	return out;
}

/* What the page's links are relative to. */
static const char *
base_of(struct arena *arena, const struct page_facts *facts, const char *from)
{
	const char *base =
	    facts->base == NULL ? NULL : link_read(arena, from, facts->base);

	return base == NULL ? from : base;
}

static enum mx_err
read_page(struct ctx *ctx, struct arena *arena, struct fetcher *fetcher,
    const struct taking *t, const char *from, struct json **out)
{
	struct page_facts facts;
	const char *base, *link;
	enum mx_err err = M_OK;

	page_read(arena, (struct str){ t->page.p, t->page.n },
	    t->content_type[0] == '\0' ? NULL : t->content_type, &facts);
	base = base_of(arena, &facts, from);
	link = facts.oembed == NULL ? NULL : link_read(arena, base, facts.oembed);
	if (link != NULL && (facts.title == NULL || facts.image == NULL))
		add_oembed(arena, fetcher, link, &facts);
	*out = answer_of(arena, &facts, base);
	link = facts.image == NULL ? NULL : link_read(arena, base, facts.image);
	if (link != NULL)
		err = add_image(ctx, arena, fetcher, link, *out);
	if (err == M_OK && json_get(*out, "og:image") != NULL)
		set_text(arena, *out, "og:image:alt", facts.image_alt);
	return err;
}

enum mx_err
preview_fetch(struct ctx *ctx, struct arena *arena, struct fetcher *fetcher,
    const char *link, enum fetch_result *result, struct json **out)
{
	struct taking t = { .ctx = ctx, .page_too = true };
	struct fetch fetch = { .link = link,
		.accept = "text/html,application/xhtml+xml,image/*;q=0.8,*/*;q=0.1",
		.take = take,
		.arg = &t };
	const char *from;
	enum mx_err err;

	*out = json_object(arena);
	*result = fetch_get(fetcher, arena, &fetch, &from);
	err = t.err;
	if (err == M_OK && *result == FETCH_DONE && t.kind == TAKES_IMAGE)
		err = keep_image(arena, &t, *out);
	if (*result == FETCH_CUT) /* of a long page its beginning does */
		*result = FETCH_DONE;
	if (err == M_OK && *result == FETCH_DONE && t.kind == TAKES_PAGE)
		err = read_page(ctx, arena, fetcher, &t, from, out);
	taking_fini(&t);
	return err;
}

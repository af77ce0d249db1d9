/*
 * What was said: messages of every kind, stickers, polls, what is encrypted or gone.
 * Relies on web/markup for people's own HTML.
 * Spec: client-server-api/#mroommessage-msgtypes, #sticker-messages
 */
#include <stdio.h>
#include <string.h>

#include "web/line_inside.h"

#define SIDE_MAX 4096 /* pixels that a picture may say it has */
#define SHOWN_WIDTH 480
#define SHOWN_HEIGHT 360
#define TEXT_MAX 12288	   /* bytes of a text that is shown whole among others */
#define BEGINNING_MAX 2000 /* of one that is longer */

/* --- text --- */

/* Where a picture of a body is to be had. */
struct body_arg {
	const struct making *m;
	const char *event_id;
};

static bool
add_picture(void *arg, struct buf *out, int n, const char *mxc, int width, int height)
{
	const struct body_arg *body = arg;
	char what[32];

	if (body->event_id == NULL)
		return false;
	snprintf(what, sizeof what, "picture-%d", n);
	page_url(body->m->scene->web, out, body->m->scene->shown->room->room_id,
	    "media", body->event_id, what, NULL);
	return true;
}

static bool
is_html(const struct json *content)
{
	const char *format = json_get_str(content, "format");

	return format != NULL && strcmp(format, "org.matrix.custom.html") == 0 &&
	       json_get_str(content, "formatted_body") != NULL;
}

/* Of a plain reply: the lines in which old clients quote what it answers.
 * Spec: #fallbacks-for-rich-replies */
static const char *
without_fallback(const struct json *content, const char *body)
{
	if (json_at(content, "m.relates_to", "m.in_reply_to", NULL) == NULL ||
	    !starts_with(body, "> "))
		return body;
	while (body[0] == '>') {
		const char *end = strchr(body, '\n');

		if (end == NULL)
			return "";
		body = end + 1;
	}
	return body[0] == '\n' ? body + 1 : body;
}

static void
add_plain(struct buf *out, const struct json *content)
{
	const char *body = json_get_str(content, "body");

	if (body == NULL)
		return;
	body = without_fallback(content, body);
	markup_text(out, body, strlen(body));
}

/* Of what is very long its beginning, and where the rest is. */
static void
add_beginning(struct making *m, struct buf *out, const struct json *content)
{
	struct filling f = { .language = m->f.language };

	buf_lit(out, "<p>");
	line_excerpt(out, content, BEGINNING_MAX);
	buf_lit(out, "</p>");
	fill(&f, SLOT_href,
	    page_link(m->scene->web, m->arena, m->scene->shown->room->room_id, "event",
		m->e->stored.event_id, NULL));
	template_write(out, TEMPLATE_read_on, &f);
	m->about.is_cut = true;
}

static size_t
length_of(const struct json *content)
{
	const char *text =
	    json_get_str(content, is_html(content) ? "formatted_body" : "body");

	return text == NULL ? 0 : strlen(text);
}

/* event_id: whose pictures are shown; NULL: none are. */
static void
add_text(
    struct making *m, struct buf *out, const struct json *content, const char *event_id)
{
	struct body_arg arg = { m, event_id };
	struct markup_ask ask = { .picture = add_picture,
		.arg = &arg,
		.spoiler_word = making_word(m, WORD_spoiler) };
	size_t before = out->n;

	if (length_of(content) > TEXT_MAX && !m->scene->is_whole) {
		add_beginning(m, out, content);
		return;
	}
	if (is_html(content)) {
		const char *html = json_get_str(content, "formatted_body");

		markup_html(out, html, strlen(html), &ask);
	}
	/* Also where nothing was left of the HTML. */
	if (out->n == before)
		add_plain(out, content);
}

/* --- files --- */

static const char *
number(struct making *m, int64_t n)
{
	return arena_printf(m->arena, "%lld", (long long)n);
}

/* The room it takes on the page before it has come. */
static void
fill_sides(struct making *m, struct filling *f, const struct json *info)
{
	int64_t w = 0, h = 0;

	if (!json_get_int(info, "w", &w) || !json_get_int(info, "h", &h) || w < 1 ||
	    h < 1 || w > SIDE_MAX * 16 || h > SIDE_MAX * 16)
		return;
	if (w > SHOWN_WIDTH) {
		h = h * SHOWN_WIDTH / w;
		w = SHOWN_WIDTH;
	}
	if (h > SHOWN_HEIGHT) {
		w = w * SHOWN_HEIGHT / h;
		h = SHOWN_HEIGHT;
	}
	fill(f, SLOT_width, number(m, w < 1 ? 1 : w));
	fill(f, SLOT_height, number(m, h < 1 ? 1 : h));
}

static const char *
size_text(struct making *m, const struct json *info)
{
	int64_t size;

	if (!json_get_int(info, "size", &size) || size < 0)
		return NULL;
	if (size < 1024)
		return arena_printf(m->arena, "%lld B", (long long)size);
	if (size < 1024 * 1024)
		return arena_printf(m->arena, "%.1f KB", (double)size / 1024);
	return arena_printf(m->arena, "%.1f MB", (double)size / (1024 * 1024));
}

static bool
has_mxc(const struct json *content, const char *field)
{
	const char *url = json_get_str(content, field);

	return url != NULL && starts_with(url, "mxc://");
}

/* What it is called: body is a caption where filename says something else.
 * Spec: #media-captions */
static const char *
file_name(const struct json *content, bool *has_caption_out)
{
	const char *name = json_get_str(content, "filename");
	const char *body = json_get_str(content, "body");

	*has_caption_out = name != NULL && body != NULL && strcmp(name, body) != 0;
	return name != NULL ? name : body;
}

static void
add_file(struct making *m, struct buf *out, const struct json *content,
    enum template_name template, enum word what)
{
	const struct json *info = json_get_object(content, "info");
	struct filling f = { .language = m->f.language };
	const char *name;
	bool has_caption;

	name = file_name(content, &has_caption);
	fill(&f, SLOT_name,
	    name == NULL || name[0] == '\0' ? making_word(m, what)
					    : page_cut(m->arena, name, NAME_BYTES));
	fill(&f, SLOT_kind, making_word(m, what));
	fill(&f, SLOT_size, size_text(m, info));
	if (has_mxc(content, "url")) {
		fill(&f, SLOT_href, making_media(m, m->shown_id, "file"));
		fill(&f, SLOT_src, making_media(m, m->shown_id, "thumb"));
	}
	if (has_mxc(info, "thumbnail_url"))
		fill(&f, SLOT_poster, making_media(m, m->shown_id, "poster"));
	fill_sides(m, &f, info);
	template_write(out, template, &f);
	if (has_caption)
		add_text(m, out, content, m->shown_id);
}

/* --- a place --- */

/* "geo:48.85,2.35;u=10": latitude and longitude are numbers and nothing else. */
static bool
read_place(const char *uri, double *latitude, double *longitude)
{
	int used = 0;

	return uri != NULL && starts_with(uri, "geo:") &&
	       strspn(uri + 4, "0123456789.,-+;=abcdefghijklmnopqrstuvwxyz") ==
		   strlen(uri + 4) &&
	       strlen(uri) < 100 &&
	       sscanf(uri, "geo:%lf,%lf%n", latitude, longitude, &used) == 2 &&
	       *latitude >= -90 && *latitude <= 90 && *longitude >= -180 &&
	       *longitude <= 180;
}

static void
add_location(struct making *m, struct buf *out, const struct json *content)
{
	struct filling f = { .language = m->f.language };
	const char *name = json_get_str(content, "body");
	double latitude, longitude;

	if (name != NULL)
		fill(&f, SLOT_name, page_cut(m->arena, name, NAME_BYTES));
	if (read_place(json_get_str(content, "geo_uri"), &latitude, &longitude))
		fill(&f, SLOT_href,
		    arena_printf(m->arena,
			"https://www.openstreetmap.org/?mlat=%.5f&mlon=%.5f#map=15/"
			"%.5f/%.5f",
			latitude, longitude, latitude, longitude));
	template_write(out, TEMPLATE_location, &f);
}

/* --- all kinds --- */

static void
add_word(struct making *m, struct buf *out, const char *class, enum word which)
{
	buf_printf(out, "<span class=\"%s\">", class);
	buf_str(out, making_word(m, which));
	buf_lit(out, "</span>");
}

static void
add_message(struct making *m, struct buf *out, const struct json *content)
{
	const char *type = json_get_str(content, "msgtype");

	if (type == NULL)
		type = "";
	if (json_get_object(content, "file") != NULL)
		add_word(m, out, "lock", WORD_encrypted);
	else if (strcmp(type, "m.image") == 0)
		add_file(m, out, content, TEMPLATE_image, WORD_image);
	else if (strcmp(type, "m.video") == 0)
		add_file(m, out, content, TEMPLATE_video, WORD_video);
	else if (strcmp(type, "m.audio") == 0)
		add_file(m, out, content, TEMPLATE_audio, WORD_audio);
	else if (strcmp(type, "m.file") == 0)
		add_file(m, out, content, TEMPLATE_file, WORD_file);
	else if (strcmp(type, "m.location") == 0)
		add_location(m, out, content);
	else
		add_text(m, out, content, m->shown_id);
}

static const char *
class_of(const struct json *content)
{
	const char *type = json_get_str(content, "msgtype");

	if (type == NULL)
		return NULL;
	return strcmp(type, "m.emote") == 0    ? "emote"
	       : strcmp(type, "m.notice") == 0 ? "notice"
					       : NULL;
}

static bool
is_poll(const char *type)
{
	return strcmp(type, "m.poll.start") == 0 ||
	       strcmp(type, "org.matrix.msc3381.poll.start") == 0;
}

bool
line_body(struct making *m)
{
	const char *type = m->e->type;

	if (line_is_redacted(m->e)) {
		fill(&m->f, SLOT_class, "gone");
		buf_str(&m->text, making_word(m, WORD_deleted));
	} else if (strcmp(type, "m.room.encrypted") == 0) {
		add_word(m, &m->text, "lock", WORD_encrypted);
	} else if (strcmp(type, "m.sticker") == 0) {
		add_file(m, &m->text, m->content, TEMPLATE_sticker, WORD_sticker);
	} else if (strcmp(type, "m.room.message") == 0) {
		fill(&m->f, SLOT_class, class_of(m->content));
		add_message(m, &m->text, m->content);
	} else if (is_poll(type)) {
		line_poll(m);
	} else {
		return false;
	}
	return true;
}

/* What is said of a message that has no text of its own. */
static enum word
kind_of(const struct json *content)
{
	static const struct {
		const char *type;
		enum word word;
	} kinds[] = { { "m.image", WORD_image }, { "m.video", WORD_video },
		{ "m.audio", WORD_audio }, { "m.file", WORD_file },
		{ "m.location", WORD_location } };
	const char *type = json_get_str(content, "msgtype");

	for (size_t i = 0; type != NULL && i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(type, kinds[i].type) == 0)
			return kinds[i].word;
	return WORD_COUNT;
}

void
line_summary(struct buf *out, const char *type, const struct json *content,
    enum language language, size_t max)
{
	size_t before = out->n;
	enum word kind = kind_of(content);

	if (strcmp(type, "m.room.encrypted") == 0)
		kind = WORD_encrypted;
	else if (strcmp(type, "m.sticker") == 0)
		kind = WORD_sticker;
	else if (is_poll(type))
		kind = WORD_poll;
	if (kind != WORD_COUNT)
		buf_str(out, word(kind, language));
	if (kind != WORD_encrypted) {
		const char *question = is_poll(type) ? poll_question(content) : NULL;
		size_t at = out->n;

		if (kind != WORD_COUNT)
			buf_lit(out, ": ");
		if (question != NULL)
			markup_escape(
			    out, question, utf8_fit(question, strlen(question), max));
		else
			line_excerpt(out, content, max);
		if (out->n == at + 2 && kind != WORD_COUNT)
			out->n = at; /* it has no text */
	}
	if (out->n == before)
		markup_escape(out, type, strlen(type));
}

void
line_plain(struct buf *out, const struct json *content, size_t max)
{
	const char *body = json_get_str(content, "body");
	size_t n, fit;

	if (is_html(content)) {
		const char *html = json_get_str(content, "formatted_body");

		markup_plain(out, html, strlen(html), max);
	} else if (body != NULL) {
		body = without_fallback(content, body);
		n = strlen(body);
		fit = utf8_fit(body, n, max);
		buf_add(out, body, fit);
		if (fit < n)
			buf_lit(out, "…");
	}
}

void
line_excerpt(struct buf *out, const struct json *content, size_t max)
{
	struct buf plain = { 0 };

	line_plain(&plain, content, max);
	markup_escape(out, plain.p, plain.n);
	buf_free(&plain);
}

/*
 * By libxml2's parser of HTML, which is fed the page in pieces and hands its elements
 * over one by one: no tree is made. It is ended when it has seen enough, or when a page
 * is made to keep it busy. Below core/preview.
 */
#include "core/preview_page.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/html.h"
#include "base/json.h"
#include "core/preview_text.h"
#include "fetch/link.h"

#define TAG_BYTES_MAX (32 << 10)
#define ELEMENTS_MAX 20000
#define CPU_MAX_MS 500
#define TITLE_BYTES_MAX 4096 /* before blanks are taken out */

/* Where a text may come from: the higher is believed. */
enum source { FROM_NOTHING, FROM_HTML, FROM_TWITTER, FROM_OPENGRAPH };

struct reading {
	struct arena *arena;
	struct page_facts *facts;
	htmlParserCtxtPtr parser;
	enum source title, description, image;
	struct buf title_text; /* of <title> */
	bool is_in_title, has_title;
	int elements;
	int64_t cpu_ms; /* of this thread, when the page was begun */
};

/* --- what meta says --- */

/* A field of page_facts, the names that give it, and which field says whence it is. */
struct meta {
	const char *name;
	size_t field;
	enum source source;
	size_t from; /* in struct reading; 0: the first one is it */
	int max;     /* characters; 0: a link */
};

#define FIELD(name) offsetof(struct page_facts, name)
#define FROM(name) offsetof(struct reading, name)

static const struct meta metas[] = {
	{ "og:title", FIELD(title), FROM_OPENGRAPH, FROM(title), PREVIEW_TITLE_MAX },
	{ "og:description", FIELD(description), FROM_OPENGRAPH, FROM(description),
	    PREVIEW_TEXT_MAX },
	{ "og:image", FIELD(image), FROM_OPENGRAPH, FROM(image), 0 },
	{ "og:image:url", FIELD(image), FROM_OPENGRAPH, FROM(image), 0 },
	{ "og:image:secure_url", FIELD(image), FROM_OPENGRAPH, FROM(image), 0 },
	{ "og:image:alt", FIELD(image_alt), FROM_OPENGRAPH, 0, PREVIEW_TEXT_MAX },
	{ "og:site_name", FIELD(site_name), FROM_OPENGRAPH, 0, PREVIEW_WORD_MAX },
	{ "og:type", FIELD(type), FROM_OPENGRAPH, 0, PREVIEW_WORD_MAX },
	{ "og:locale", FIELD(locale), FROM_OPENGRAPH, 0, PREVIEW_WORD_MAX },
	{ "og:url", FIELD(url), FROM_OPENGRAPH, 0, 0 },
	{ "twitter:title", FIELD(title), FROM_TWITTER, FROM(title), PREVIEW_TITLE_MAX },
	{ "twitter:description", FIELD(description), FROM_TWITTER, FROM(description),
	    PREVIEW_TEXT_MAX },
	{ "twitter:image", FIELD(image), FROM_TWITTER, FROM(image), 0 },
	{ "twitter:image:src", FIELD(image), FROM_TWITTER, FROM(image), 0 },
	{ "description", FIELD(description), FROM_HTML, FROM(description),
	    PREVIEW_TEXT_MAX },
};

/* A link has no blanks around it, and is not shortened: a part of it leads nowhere. */
static const char *
read_link(struct arena *arena, const char *text)
{
	return strlen(text) > LINK_MAX ? NULL
				       : preview_shorten(arena, str_of(text), LINK_MAX);
}

static const char *
read_text(struct arena *arena, const char *text, int max)
{
	return max == 0 ? read_link(arena, text)
			: preview_shorten(arena, str_of(text), max);
}

static void
set(struct reading *r, const struct meta *meta, const char *content)
{
	const char **field = (const char **)((char *)r->facts + meta->field);
	enum source *from = (enum source *)((char *)r + meta->from);
	const char *text;

	if (meta->from == 0 ? *field != NULL : *from >= meta->source)
		return;
	text = read_text(r->arena, content, meta->max);
	if (text == NULL)
		return;
	*field = text;
	if (meta->from != 0)
		*from = meta->source;
}

/* --- elements --- */

static const char *
attribute(const xmlChar **attributes, const char *name)
{
	for (; attributes != NULL && attributes[0] != NULL; attributes += 2)
		if (strcasecmp((const char *)attributes[0], name) == 0)
			return (const char *)attributes[1];
	return NULL;
}

static void
on_meta(struct reading *r, const xmlChar **attributes)
{
	const char *name = attribute(attributes, "property");
	const char *content = attribute(attributes, "content");

	if (name == NULL)
		name = attribute(attributes, "name");
	if (name == NULL || content == NULL)
		return;
	for (size_t i = 0; i < sizeof metas / sizeof metas[0]; i++)
		if (strcasecmp(name, metas[i].name) == 0)
			set(r, &metas[i], content);
}

static void
on_link(struct reading *r, const xmlChar **attributes)
{
	const char *type = attribute(attributes, "type");
	const char *href = attribute(attributes, "href");

	if (type == NULL || href == NULL || r->facts->oembed != NULL ||
	    strcasecmp(type, "application/json+oembed") != 0)
		return;
	r->facts->oembed = read_link(r->arena, href);
}

static void
on_base(struct reading *r, const xmlChar **attributes)
{
	const char *href = attribute(attributes, "href");

	if (href != NULL && r->facts->base == NULL)
		r->facts->base = read_link(r->arena, href);
}

static int64_t
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static bool
is_enough(const struct reading *r)
{
	return r->elements > ELEMENTS_MAX || r->parser->nameNr > HTML_DEPTH_MAX ||
	       cpu_ms() - r->cpu_ms > CPU_MAX_MS;
}

static void
on_start(void *arg, const xmlChar *name, const xmlChar **attributes)
{
	struct reading *r = arg;
	const char *element = (const char *)name;

	r->elements++;
	if (is_enough(r)) {
		xmlStopParser(r->parser);
		return;
	}
	r->is_in_title = !r->has_title && strcmp(element, "title") == 0;
	if (strcmp(element, "meta") == 0)
		on_meta(r, attributes);
	else if (strcmp(element, "link") == 0)
		on_link(r, attributes);
	else if (strcmp(element, "base") == 0)
		on_base(r, attributes);
}

static void
on_end(void *arg, const xmlChar *name)
{
	struct reading *r = arg;

	if (r->is_in_title)
		r->has_title = true;
	r->is_in_title = false;
}

static void
on_text(void *arg, const xmlChar *text, int n)
{
	struct reading *r = arg;

	if (r->is_in_title && r->title_text.n < TITLE_BYTES_MAX)
		buf_add(&r->title_text, text, (size_t)n);
}

/* --- a page --- */

static void
feed(struct reading *r, struct str text)
{
	while (text.n > 0 && !html_is_in_long_tag(r->parser, TAG_BYTES_MAX)) {
		size_t n = text.n < HTML_PIECE_BYTES ? text.n : HTML_PIECE_BYTES;

		if (r->parser->disableSAX || is_enough(r))
			return;
		html_feed(r->parser, text.p, n);
		text.p += n;
		text.n -= n;
	}
	if (text.n == 0 && !html_is_in_long_tag(r->parser, TAG_BYTES_MAX))
		html_end(r->parser);
}

static void
parse(struct reading *r, struct str text)
{
	static const struct html_ear ear = { on_start, on_end, on_text };

	r->parser = html_parser_new(HTML_PAGE, &ear, r);
	r->cpu_ms = cpu_ms();
	feed(r, text);
	htmlFreeParserCtxt(r->parser);
}

/* What the parser hands over is UTF-8 still; of what it makes of broken entities we are
 * not as sure. */
static void
drop_if_broken(const char **text)
{
	if (*text != NULL && !utf8_valid(*text, strlen(*text)))
		*text = NULL;
}

void
page_read(struct arena *arena, struct str page, const char *content_type,
    struct page_facts *out)
{
	struct reading r = { .arena = arena, .facts = out };
	struct buf text = { 0 };

	*out = (struct page_facts){ 0 };
	preview_decode(&text, page, content_type);
	parse(&r, (struct str){ text.p, text.n });
	if (out->title == NULL)
		out->title = preview_shorten(arena,
		    (struct str){ r.title_text.p, r.title_text.n }, PREVIEW_TITLE_MAX);
	buf_free(&r.title_text);
	buf_free(&text);
	for (size_t at = 0; at < sizeof *out; at += sizeof(const char *))
		drop_if_broken((const char **)((char *)out + at));
}

/* --- oEmbed --- */

static void
fill(struct arena *arena, const struct json *json, const char *name, int max,
    const char **field)
{
	const char *text = json_get_str(json, name);

	if (*field == NULL && text != NULL)
		*field = read_text(arena, text, max);
}

void
page_read_oembed(struct arena *arena, struct str text, struct page_facts *out)
{
	const struct json *json =
	    json_parse_copy(arena, text.p, text.n, JSON_LENIENT | JSON_LAST_WINS, NULL);
	const char *type = json_get_str(json, "type");

	fill(arena, json, "title", PREVIEW_TITLE_MAX, &out->title);
	fill(arena, json, "provider_name", PREVIEW_WORD_MAX, &out->site_name);
	if (type != NULL && strcmp(type, "photo") == 0)
		fill(arena, json, "url", 0, &out->image);
	fill(arena, json, "thumbnail_url", 0, &out->image);
}

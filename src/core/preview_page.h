/*
 * What a page says of itself, for a preview: OpenGraph, Twitter's cards, its title and
 * its description. Pure functions, made for hostile pages.
 */
#ifndef CORE_PREVIEW_PAGE_H
#define CORE_PREVIEW_PAGE_H

#include "base/arena.h"
#include "base/str.h"

#define PREVIEW_TITLE_MAX 200 /* characters */
#define PREVIEW_TEXT_MAX 500
#define PREVIEW_WORD_MAX 100

/* NULL: it does not say. All of it is well-formed UTF-8 of limited length, in the
 * arena; links as they stand in the page. */
struct page_facts {
	const char *title, *description, *site_name, *type, *locale, *image_alt;
	const char *url, *image;
	const char *oembed; /* where JSON of it is found */
	const char *base;   /* what its links are relative to, if not to itself */
};

/* page: as it came; content_type NULL: not given. */
void page_read(struct arena *arena, struct str page, const char *content_type,
    struct page_facts *out);
/* The answer of an oEmbed provider fills in what is not there yet.
 * Spec: oembed.com/#section2.3 */
void page_read_oembed(struct arena *arena, struct str json, struct page_facts *out);

#endif

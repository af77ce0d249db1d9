/*
 * The table of elements, searched by name. Relies on nothing; for web/markup_read,
 * which hears names, and web/markup_build, which writes them.
 */
#include "web/markup_tag.h"

#include <stdlib.h>
#include <string.h>

static const struct tag {
	const char *name, *start, *end;
	enum markup_kind kind;
} tags[] = {
#define X(id, name, kind) { name, "<" name ">", "</" name ">", KIND_##kind },
	MARKUP_TAGS(X)
#undef X
};

static int
by_name(const void *name, const void *tag)
{
	return strcmp(name, ((const struct tag *)tag)->name);
}

enum markup_tag
markup_tag(const char *name)
{
	const struct tag *tag = bsearch(name, tags, TAG_COUNT, sizeof tags[0], by_name);

	return tag == NULL ? TAG_COUNT : (enum markup_tag)(tag - tags);
}

enum markup_kind
markup_kind(enum markup_tag tag)
{
	return tags[tag].kind;
}

const char *
markup_tag_start(enum markup_tag tag)
{
	return tag == TAG_STRIKE ? "<s>" : tags[tag].start;
}

const char *
markup_tag_end(enum markup_tag tag)
{
	return tag == TAG_STRIKE ? "</s>" : tags[tag].end;
}

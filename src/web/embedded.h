/*
 * The files that are part of the program: templates and assets (tools/embed_web makes
 * the tables).
 */
#ifndef WEB_EMBEDDED_H
#define WEB_EMBEDDED_H

#include "base/str.h"

struct embedded {
	const char *name; /* without .html; of an asset "room.js" */
	const char *hash; /* of an asset's bytes: 12 hexadecimal digits */
	const char *bytes;
	size_t n;
};

extern const struct embedded embedded_templates[], embedded_assets[];
extern const int embedded_template_count, embedded_asset_count;

static inline bool
embedded_template(const char *name, struct str *out)
{
	for (int i = 0; i < embedded_template_count; i++)
		if (strcmp(embedded_templates[i].name, name) == 0) {
			*out = (struct str){ embedded_templates[i].bytes,
				embedded_templates[i].n };
			return true;
		}
	return false;
}

#endif

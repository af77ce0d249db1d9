/*
 * What a bucket's store answers in XML: a page of names, or why not. Bytes from
 * outside, in and out. For media/bucket.
 */
#ifndef MEDIA_BUCKET_PAGE_H
#define MEDIA_BUCKET_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/vec.h"

struct bucket_page {
	VEC(char *) names;
	char *next; /* where the next page begins; NULL: this was the last */
};

/* ListBucketResult. False: it is something else; then out is empty. */
bool bucket_page_read(const char *xml, size_t n, struct bucket_page *out);
void bucket_page_fini(struct bucket_page *page);
/* The text of the first element of that name, malloc'ed; NULL: there is none. */
char *bucket_page_text(const char *xml, size_t n, const char *element);

#endif

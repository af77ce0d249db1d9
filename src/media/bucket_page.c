/*
 * By libxml2's reader, without entities, network or tree.
 */
#include "media/bucket_page.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <libxml/xmlreader.h>

#include "base/str.h"

#define TEXT_MAX 2048 /* a key has 1,024 bytes at most, each perhaps escaped */

static xmlTextReaderPtr
open_reader(const char *xml, size_t n)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, xmlInitParser);
	if (n == 0 || n > INT_MAX)
		return NULL;
	return xmlReaderForMemory(xml, (int)n, NULL, NULL,
	    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
}

static bool
is_element(xmlTextReaderPtr reader, const char *name)
{
	const xmlChar *local = xmlTextReaderConstLocalName(reader);

	return xmlTextReaderNodeType(reader) == XML_READER_TYPE_ELEMENT &&
	       local != NULL && strcmp((const char *)local, name) == 0;
}

/* Of the element that the reader stands on; malloc'ed. */
static char *
text_of(xmlTextReaderPtr reader)
{
	xmlChar *text = xmlTextReaderReadString(reader);
	char *copy = text == NULL ? xstrdup("") : xstrndup((char *)text, TEXT_MAX);

	xmlFree(text);
	return copy;
}

char *
bucket_page_text(const char *xml, size_t n, const char *element)
{
	xmlTextReaderPtr reader = open_reader(xml, n);
	char *text = NULL;

	if (reader == NULL)
		return NULL;
	while (text == NULL && xmlTextReaderRead(reader) == 1)
		if (is_element(reader, element))
			text = text_of(reader);
	xmlFreeTextReader(reader);
	return text;
}

static void
set_next(struct bucket_page *page, char *next)
{
	free(page->next);
	page->next = next;
	if (next[0] == '\0') {
		free(next);
		page->next = NULL;
	}
}

/* Names alone lie in Contents, so that no depth needs to be looked at. */
static int
read_nodes(xmlTextReaderPtr reader, struct bucket_page *page, bool *is_list)
{
	int more;

	while ((more = xmlTextReaderRead(reader)) == 1)
		if (is_element(reader, "ListBucketResult"))
			*is_list = true;
		else if (is_element(reader, "Key"))
			vec_push(&page->names, text_of(reader));
		else if (is_element(reader, "NextContinuationToken"))
			set_next(page, text_of(reader));
	return more;
}

bool
bucket_page_read(const char *xml, size_t n, struct bucket_page *out)
{
	xmlTextReaderPtr reader = open_reader(xml, n);
	bool is_list = false, is_whole;

	*out = (struct bucket_page){ 0 };
	if (reader == NULL)
		return false;
	is_whole = read_nodes(reader, out, &is_list) == 0;
	xmlFreeTextReader(reader);
	if (is_list && is_whole)
		return true;
	bucket_page_fini(out);
	return false;
}

void
bucket_page_fini(struct bucket_page *page)
{
	for (size_t i = 0; i < page->names.n; i++)
		free(page->names.v[i]);
	vec_free(&page->names);
	free(page->next);
	*page = (struct bucket_page){ 0 };
}

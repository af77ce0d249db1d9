/*
 * Fuzzes what a store says in XML.
 */
#include "media/bucket_page.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bucket_page page;
	const char *xml = (const char *)data;

	if (bucket_page_read(xml, size, &page))
		assert(page.next == NULL || page.next[0] != '\0');
	else
		assert(page.names.n == 0 && page.next == NULL);
	bucket_page_fini(&page);
	free(bucket_page_text(xml, size, "Code"));
	return 0;
}

/*
 * libFuzzer: any bytes as a request, read by us and by llhttp.
 * Relies on http/parse_llhttp.c for what counts as a difference.
 * Never in the server; `./dev fuzz` runs it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "http/parse_llhttp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *why;

	if (llhttp_compare((const char *)data, n, &why) == DIFFER) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	return 0;
}

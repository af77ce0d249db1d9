/*
 * libFuzzer: any bytes as a configuration. What is taken prints as one that is taken
 * too. Relies on config. Never in the server; `./dev fuzz` runs it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
read_again(const struct buf *text)
{
	char *error = NULL;
	struct config *config = config_parse("printed", text->p, text->n, &error);

	if (config == NULL)
		abort();
	config_free(config);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *error = NULL;
	struct config *config = config_parse("fuzz", (const char *)data, n, &error);
	struct buf text = { 0 };

	if (config == NULL) {
		if (error == NULL || *error == '\0' || error[strlen(error) - 1] == '\n')
			abort();
		free(error);
		return 0;
	}
	config_print(config, &text);
	read_again(&text);
	buf_free(&text);
	config_free(config);
	return 0;
}

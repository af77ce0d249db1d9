/*
 * What the server itself reads of a stranger's picture, and of the process that decoded
 * it: first bytes, chunks of a PNG, answers. Seeds: tests/corpus/pictures.
 */
#include <assert.h>
#include <string.h>

#include "media/picture_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
try_box(const struct wire_answer *a, enum picture_method method)
{
	struct picture_ask ask = { .width = 1 + (a->size & 0xffff),
		.height = 1 + (a->size >> 16 & 0xffff),
		.method = method };
	struct picture_box box = picture_box(a->width, a->height, &ask);

	assert(box.width >= 1 && box.left >= 0);
	assert(
	    box.left + box.width <= box.scaled_width && box.scaled_width <= a->width);
	assert(box.height >= 1 && box.top >= 0);
	assert(box.top + box.height <= box.scaled_height);
	assert(box.scaled_height <= a->height);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct wire_answer answer = { 0 };
	struct wire_ask ask = { 0 };
	const char *type = picture_type(data, n);

	assert(type == NULL || picture_format_type(picture_format(data, n)) == type);
	(void)picture_png_may_move(data, n);
	memcpy(&ask, data, n < sizeof ask ? n : sizeof ask);
	(void)wire_ask_is_sane(&ask, n);
	memcpy(&answer, data, n < sizeof answer ? n : sizeof answer);
	answer.version = WIRE_VERSION;
	if (!wire_answer_is_sane(&answer, sizeof answer))
		return 0;
	if (answer.outcome == WIRE_MADE || answer.outcome == WIRE_ORIGINAL) {
		assert(picture_format_type(answer.format) != NULL);
		try_box(&answer, PICTURE_SCALE);
		try_box(&answer, PICTURE_CROP);
	}
	return 0;
}

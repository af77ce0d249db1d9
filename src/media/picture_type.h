/*
 * What a picture is by its first bytes; and the sizes of a thumbnail. Pure functions,
 * both for the server and for the process that decodes.
 * Spec: client-server-api/#thumbnails
 */
#ifndef MEDIA_PICTURE_TYPE_H
#define MEDIA_PICTURE_TYPE_H

#include "media/pictures.h"

enum picture_format {
	FORMAT_NONE,
	FORMAT_JPEG,
	FORMAT_PNG,
	FORMAT_GIF,
	FORMAT_WEBP,
	FORMAT_COUNT
};

enum picture_format picture_format(const void *first_bytes, size_t n);
const char *picture_format_type(enum picture_format format); /* NULL of FORMAT_NONE */
/* May a PNG that begins so be an animated one? True if its image data is further off.
 */
bool picture_png_may_move(const void *first_bytes, size_t n);

/* The picture is brought to scaled_width x scaled_height; of this, width x height is
 * cut out, beginning at left, top. Nothing is larger than in the original. */
struct picture_box {
	int scaled_width, scaled_height;
	int left, top, width, height;
};

/* width and height are the picture's, upright; all are 1 or more. */
struct picture_box picture_box(int width, int height, const struct picture_ask *ask);

#endif

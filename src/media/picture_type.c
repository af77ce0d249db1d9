/*
 * How pictures begin, and what a thumbnail measures.
 */
#include "media/picture_type.h"

#include <string.h>

static bool
has(const unsigned char *p, size_t n, size_t at, const char *bytes, size_t count)
{
	return n >= at + count && memcmp(p + at, bytes, count) == 0;
}

enum picture_format
picture_format(const void *first_bytes, size_t n)
{
	const unsigned char *p = first_bytes;

	if (has(p, n, 0, "\xff\xd8\xff", 3))
		return FORMAT_JPEG;
	if (has(p, n, 0, "\x89PNG\r\n\x1a\n", 8))
		return FORMAT_PNG;
	if (has(p, n, 0, "GIF87a", 6) || has(p, n, 0, "GIF89a", 6))
		return FORMAT_GIF;
	if (has(p, n, 0, "RIFF", 4) && has(p, n, 8, "WEBP", 4))
		return FORMAT_WEBP;
	return FORMAT_NONE;
}

const char *
picture_format_type(enum picture_format format)
{
	static const char *const types[FORMAT_COUNT] = {
		[FORMAT_JPEG] = "image/jpeg",
		[FORMAT_PNG] = "image/png",
		[FORMAT_GIF] = "image/gif",
		[FORMAT_WEBP] = "image/webp",
	};

	return format < FORMAT_COUNT ? types[format] : NULL;
}

const char *
picture_type(const void *first_bytes, size_t n)
{
	return picture_format_type(picture_format(first_bytes, n));
}

bool
picture_png_may_move(const void *first_bytes, size_t n)
{
	const unsigned char *p = first_bytes;

	/* Chunks: length, name, data, checksum. acTL stands before IDAT. */
	for (size_t at = 8; at + 8 <= n;) {
		size_t length = (size_t)p[at] << 24 | (size_t)p[at + 1] << 16 |
				(size_t)p[at + 2] << 8 | (size_t)p[at + 3];

		if (has(p, n, at + 4, "acTL", 4))
			return true;
		if (has(p, n, at + 4, "IDAT", 4))
			return false;
		at += length + 12;
	}
	return true;
}

/* part * by / whole, rounded, and from 1 to most. */
static int
share(int part, int by, int whole, int most)
{
	int64_t n = ((int64_t)part * by + whole / 2) / whole;

	return n < 1 ? 1 : n > most ? most : (int)n;
}

/* Is width : height broader than that : these? */
static bool
is_broader(int width, int height, int that, int these)
{
	return (int64_t)width * these > (int64_t)height * that;
}

/* As large as fits into what was asked. */
static struct picture_box
scale(int width, int height, const struct picture_ask *ask)
{
	struct picture_box box = { .width = width, .height = height };

	if (width > ask->width || height > ask->height) {
		if (is_broader(width, height, ask->width, ask->height)) {
			box.width = ask->width;
			box.height = share(height, ask->width, width, height);
		} else {
			box.height = ask->height;
			box.width = share(width, ask->height, height, width);
		}
	}
	box.scaled_width = box.width;
	box.scaled_height = box.height;
	return box;
}

/* As small as covers what was asked, and what is too much cut off on both sides. Where
 * the picture does not cover it, the largest part of it that has the asked shape. */
static struct picture_box
crop(int width, int height, const struct picture_ask *ask)
{
	struct picture_box box = { .scaled_width = width, .scaled_height = height };

	if (is_broader(width, height, ask->width, ask->height)) {
		if (height > ask->height) {
			box.scaled_height = ask->height;
			box.scaled_width = share(width, ask->height, height, width);
		}
		box.height = box.scaled_height;
		box.width =
		    share(ask->width, box.height, ask->height, box.scaled_width);
	} else {
		if (width > ask->width) {
			box.scaled_width = ask->width;
			box.scaled_height = share(height, ask->width, width, height);
		}
		box.width = box.scaled_width;
		box.height =
		    share(ask->height, box.width, ask->width, box.scaled_height);
	}
	box.left = (box.scaled_width - box.width) / 2;
	box.top = (box.scaled_height - box.height) / 2;
	return box;
}

struct picture_box
picture_box(int width, int height, const struct picture_ask *ask)
{
	return ask->method == PICTURE_CROP ? crop(width, height, ask)
					   : scale(width, height, ask);
}

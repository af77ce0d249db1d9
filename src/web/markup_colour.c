/*
 * Twelve colours, and which of them is nearest to another. Pure functions, relying on
 * nothing. Under web/markup_element; the style sheet has shades of each for both
 * themes.
 */
#include "web/markup_colour.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

struct rgb {
	int r, g, b;
};

static const struct rgb palette[MARKUP_COLOURS] = {
	{ 0x00, 0x00, 0x00 }, /* black */
	{ 0x80, 0x80, 0x80 }, /* grey */
	{ 0xff, 0xff, 0xff }, /* white */
	{ 0xe0, 0x10, 0x10 }, /* red */
	{ 0xff, 0x8c, 0x00 }, /* orange */
	{ 0xf0, 0xe0, 0x20 }, /* yellow */
	{ 0x10, 0xa0, 0x20 }, /* green */
	{ 0x00, 0xc0, 0xc0 }, /* cyan */
	{ 0x10, 0x40, 0xf0 }, /* blue */
	{ 0x80, 0x20, 0xc0 }, /* violet */
	{ 0xf0, 0x40, 0xb0 }, /* pink */
	{ 0x80, 0x48, 0x10 }, /* brown */
};

/* HTML 4's sixteen, and those that clients put on buttons. */
static const struct {
	const char *name, *value;
} names[] = {
	{ "black", "#000000" },
	{ "silver", "#c0c0c0" },
	{ "gray", "#808080" },
	{ "grey", "#808080" },
	{ "white", "#ffffff" },
	{ "maroon", "#800000" },
	{ "red", "#ff0000" },
	{ "purple", "#800080" },
	{ "fuchsia", "#ff00ff" },
	{ "magenta", "#ff00ff" },
	{ "green", "#008000" },
	{ "lime", "#00ff00" },
	{ "olive", "#808000" },
	{ "yellow", "#ffff00" },
	{ "navy", "#000080" },
	{ "blue", "#0000ff" },
	{ "teal", "#008080" },
	{ "aqua", "#00ffff" },
	{ "cyan", "#00ffff" },
	{ "orange", "#ffa500" },
	{ "pink", "#ffc0cb" },
	{ "brown", "#a52a2a" },
	{ "gold", "#ffd700" },
	{ "violet", "#ee82ee" },
	{ "indigo", "#4b0082" },
};

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at =
	    c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c);

	return at == NULL ? -1 : (int)(at - digits);
}

/* One of `digits` hexadecimal digits; -1 if it is none. */
static int
part(const char *p, int digits)
{
	int high = hex_digit(p[0]);
	int low = digits == 1 || high < 0 ? high : hex_digit(p[1]);

	return low < 0 ? -1 : high * 16 + low;
}

static int
read_hex(const char *text, struct rgb *out)
{
	size_t n = strlen(text);
	int digits = n == 4 ? 1 : 2;

	if (text[0] != '#' || (n != 4 && n != 7))
		return -1;
	out->r = part(text + 1, digits);
	out->g = part(text + 1 + digits, digits);
	out->b = part(text + 1 + 2 * digits, digits);
	return out->r < 0 || out->g < 0 || out->b < 0 ? -1 : 0;
}

/* As eyes see it, nearly: en.wikipedia.org/wiki/Color_difference, "redmean". */
static int
distance(struct rgb a, struct rgb b)
{
	int mean = (a.r + b.r) / 2, r = a.r - b.r, g = a.g - b.g, c = a.b - b.b;

	return (512 + mean) * r * r / 256 + 4 * g * g + (767 - mean) * c * c / 256;
}

static int
nearest(struct rgb colour)
{
	int best = 0;

	for (int i = 1; i < MARKUP_COLOURS; i++)
		if (distance(colour, palette[i]) < distance(colour, palette[best]))
			best = i;
	return best;
}

int
markup_colour(const char *text)
{
	struct rgb colour;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcasecmp(text, names[i].name) == 0)
			text = names[i].value;
	return read_hex(text, &colour) < 0 ? -1 : nearest(colour);
}

/*
 * The chunked transfer coding (RFC 9112 7.1), decoded as the bytes arrive.
 * Relies on nothing; its state is one small struct that the connection keeps.
 * Stands between a request's head (http/parse.c) and its body, on the io thread.
 */
#include <sys/param.h>
#include "http/chars.h"
#include "http/parse.h"

#define SIZE_LINE_MAX 256 /* bytes of a size line, its extensions included */
#define TRAILERS_MAX 8192

enum {
	AT_SIZE,
	IN_SIZE,
	AT_EXT_NAME,
	IN_EXT_NAME,
	AT_EXT_VALUE,
	IN_EXT_VALUE,
	IN_EXT_QUOTED,
	IN_EXT_ESCAPE,
	AFTER_EXT_QUOTED,
	AT_SIZE_LF,
	IN_DATA,
	AT_DATA_CR,
	AT_DATA_LF,
	AT_TRAILER,
	IN_TRAILER_NAME,
	IN_TRAILER_VALUE,
	AT_TRAILER_LF,
	AT_LAST_LF,
	DONE,
	FAILED,
};

/* At least one digit, and below 2^60: more is no size but an attack. */
static uint8_t
next_in_size(struct http_chunks *c, char ch)
{
	unsigned digit;

	if (ch >= '0' && ch <= '9')
		digit = (unsigned)(ch - '0');
	else if ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'f')
		digit = (unsigned)((ch | 0x20) - 'a' + 10);
	else if (c->state == IN_SIZE && ch == ';')
		return AT_EXT_NAME;
	else if (c->state == IN_SIZE && ch == '\r')
		return AT_SIZE_LF;
	else
		return FAILED;
	if (c->left >> 56 != 0)
		return FAILED;
	c->left = c->left << 4 | digit;
	return IN_SIZE;
}

static uint8_t
after_ext(char ch)
{
	return ch == ';' ? AT_EXT_NAME : ch == '\r' ? AT_SIZE_LF : FAILED;
}

/* RFC 9112 7.1.1, without the blanks that it calls bad. What they say is ignored. */
static uint8_t
next_in_ext(uint8_t state, char ch)
{
	switch (state) {
	case AT_EXT_NAME:
		return is_token(ch) ? IN_EXT_NAME : FAILED;
	case IN_EXT_NAME:
		if (is_token(ch))
			return IN_EXT_NAME;
		return ch == '=' ? AT_EXT_VALUE : after_ext(ch);
	case AT_EXT_VALUE:
		if (ch == '"')
			return IN_EXT_QUOTED;
		return is_token(ch) ? IN_EXT_VALUE : FAILED;
	case IN_EXT_VALUE:
		return is_token(ch) ? IN_EXT_VALUE : after_ext(ch);
	case IN_EXT_QUOTED:
		if (ch == '"')
			return AFTER_EXT_QUOTED;
		if (ch == '\\')
			return IN_EXT_ESCAPE;
		return is_text(ch) ? IN_EXT_QUOTED : FAILED;
	case IN_EXT_ESCAPE:
		return is_text(ch) ? IN_EXT_QUOTED : FAILED;
	default:
		return after_ext(ch);
	}
}

/* RFC 9112 7.1.2: a trailer must be well formed; then it is dropped. */
static uint8_t
next_in_trailers(uint8_t state, char ch)
{
	switch (state) {
	case AT_TRAILER:
		if (ch == '\r')
			return AT_LAST_LF;
		return is_token(ch) ? IN_TRAILER_NAME : FAILED;
	case IN_TRAILER_NAME:
		if (ch == ':')
			return IN_TRAILER_VALUE;
		return is_token(ch) ? IN_TRAILER_NAME : FAILED;
	case IN_TRAILER_VALUE:
		if (ch == '\r')
			return AT_TRAILER_LF;
		return is_text(ch) ? IN_TRAILER_VALUE : FAILED;
	case AT_TRAILER_LF:
		return ch == '\n' ? AT_TRAILER : FAILED;
	default:
		return ch == '\n' ? DONE : FAILED;
	}
}

static uint8_t
next_state(struct http_chunks *c, char ch)
{
	switch (c->state) {
	case AT_SIZE:
	case IN_SIZE:
		return next_in_size(c, ch);
	case AT_SIZE_LF:
		if (ch != '\n')
			return FAILED;
		c->line = 0;
		return c->left > 0 ? IN_DATA : AT_TRAILER;
	case AT_DATA_CR:
		return ch == '\r' ? AT_DATA_LF : FAILED;
	case AT_DATA_LF:
		c->line = 0;
		return ch == '\n' ? AT_SIZE : FAILED;
	default:
		return c->state < AT_SIZE_LF ? next_in_ext(c->state, ch)
					     : next_in_trailers(c->state, ch);
	}
}

enum http_parse
http_parse_chunks(struct http_chunks *c, const char *p, size_t n, size_t *used_out,
    size_t *data_at_out, size_t *data_n_out)
{
	size_t i = 0;

	*data_at_out = *data_n_out = 0;
	while (i < n && c->state < DONE && c->state != IN_DATA) {
		if (++c->line > (c->state < IN_DATA ? SIZE_LINE_MAX : TRAILERS_MAX)) {
			c->state = FAILED;
			*used_out = i;
			return HTTP_BAD_TOO_LARGE;
		}
		c->state = next_state(c, p[i++]);
	}
	if (c->state == IN_DATA && i < n) {
		*data_at_out = i;
		*data_n_out = MIN(c->left, n - i);
		i += *data_n_out;
		c->left -= *data_n_out;
		if (c->left == 0)
			c->state = AT_DATA_CR;
	}
	*used_out = i;
	if (c->state == FAILED)
		return HTTP_BAD;
	return c->state == DONE ? HTTP_PARSED : HTTP_MORE;
}

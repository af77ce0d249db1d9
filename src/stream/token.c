/*
 * Tokens: written for answers, read from requests, here alone. Pure functions.
 */
#include "stream/token.h"

#include <string.h>

/* Digits up to the end or the next '_'; moves *at behind them. */
static bool
number(const char **at, int64_t *out)
{
	size_t n = strcspn(*at, "_");
	struct str digits = { *at, n };

	/* str_int takes "-0" and leading zeros; one place has one token. */
	if (n == 0 || n > 20 || !str_int(digits, out))
		return false;
	if (n > 1 && ((*at)[0] == '0' || ((*at)[0] == '-' && (*at)[1] == '0')))
		return false;
	*at += n;
	return true;
}

/* A part that may be missing; false: it is there and no number. */
static bool
part(const char **at, const char *name, int64_t *out)
{
	if (!starts_with(*at, name))
		return true;
	*at += 2;
	return number(at, out) && *out >= 0;
}

bool
token_parse(const char *text, struct stream_token *out)
{
	const char *at = text;

	*out = token_at(0);
	if (at == NULL || !starts_with(at, "s1_e"))
		return false;
	at += 4;
	if (!number(&at, &out->events) || out->events < 0)
		return false;
	return part(&at, "_t", &out->typing) && part(&at, "_p", &out->presence) &&
	       *at == '\0';
}

bool
token_parse_place(const char *text, struct place *out)
{
	struct stream_token stream;
	const char *at = text;

	if (token_parse(text, &stream)) {
		if (stream.events == INT64_MAX)
			return false;
		*out = (struct place){ stream.events + 1, 0 };
		return true;
	}
	if (at == NULL || !starts_with(at, "t1_"))
		return false;
	at += 3;
	if (!number(&at, &out->line) || *at++ != '_')
		return false;
	return number(&at, &out->sub) && *at == '\0';
}

void
token_write(struct buf *out, const struct stream_token *token)
{
	buf_lit(out, "s1_e");
	buf_int(out, token->events);
	if (token->typing >= 0) {
		buf_lit(out, "_t");
		buf_int(out, token->typing);
	}
	if (token->presence >= 0) {
		buf_lit(out, "_p");
		buf_int(out, token->presence);
	}
}

void
token_write_place(struct buf *out, struct place place)
{
	buf_lit(out, "t1_");
	buf_int(out, place.line);
	buf_char(out, '_');
	buf_int(out, place.sub);
}

/*
 * Globs by their parts: each is looked for behind the one before it, and the first
 * place is the best one, since it leaves the most room for what follows. Below
 * event/push_set.
 */
#include "event/push_glob.h"

#include <string.h>

/* --- upper and lower case --- */

/* Letters of two bytes. Spec: "the exact meaning of case insensitive is defined by the
 * implementation of the homeserver" */
static unsigned
fold_two(unsigned c)
{
	if (c >= 0xc0 && c <= 0xde && c != 0xd7)
		return c + 32; /* Latin-1 */
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
		return c + (c & 1); /* Latin Extended-A, odd upper case */
	if (c == 0x178)
		return 0xff;
	if (c >= 0x100 && c <= 0x177 && c != 0x130 && c != 0x131 && c != 0x138)
		return c | 1; /* Latin Extended-A, even upper case */
	if (c >= 0x391 && c <= 0x3ab && c != 0x3a2)
		return c + 32; /* Greek */
	if (c >= 0x388 && c <= 0x38a)
		return c + 37;
	if (c == 0x386)
		return 0x3ac;
	if (c >= 0x410 && c <= 0x42f)
		return c + 32; /* Cyrillic */
	if (c >= 0x400 && c <= 0x40f)
		return c + 80;
	if ((c >= 0x460 && c <= 0x481) || (c >= 0x48a && c <= 0x4bf) ||
	    (c >= 0x4d0 && c <= 0x52f))
		return c | 1;
	if (c >= 0x531 && c <= 0x556)
		return c + 48; /* Armenian */
	return c;
}

/* Letters of three bytes: Latin Extended Additional, full-width Latin. */
static unsigned
fold_three(unsigned c)
{
	if ((c >= 0x1e00 && c <= 0x1e95) || (c >= 0x1ea0 && c <= 0x1eff))
		return c | 1;
	if (c >= 0xff21 && c <= 0xff3a)
		return c + 32;
	return c;
}

static void
fold_two_bytes(unsigned char *p)
{
	unsigned c = fold_two((p[0] & 0x1fu) << 6 | (p[1] & 0x3fu));

	p[0] = (unsigned char)(0xc0 | c >> 6);
	p[1] = (unsigned char)(0x80 | (c & 0x3f));
}

static void
fold_three_bytes(unsigned char *p)
{
	unsigned c =
	    fold_three((p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu));

	p[0] = (unsigned char)(0xe0 | c >> 12);
	p[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
	p[2] = (unsigned char)(0x80 | (c & 0x3f));
}

/* Of the character that begins with this byte. */
static size_t
bytes_of(unsigned char first)
{
	return first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

void
push_fold(char *s, size_t n)
{
	unsigned char *p = (unsigned char *)s;

	for (size_t i = 0; i < n; i += bytes_of(p[i])) {
		size_t size = bytes_of(p[i]);

		if (i + size > n)
			return;
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] += 'a' - 'A';
		else if (size == 2)
			fold_two_bytes(p + i);
		else if (size == 3)
			fold_three_bytes(p + i);
	}
}

/* --- patterns --- */

static size_t
chars_in(struct str s)
{
	size_t chars = 0;

	for (size_t i = 0; i < s.n; i++)
		chars += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return chars;
}

static struct push_glob_part
part_of(const char *p, size_t n)
{
	struct str text = { p, n };

	return (struct push_glob_part){ .text = text,
		.is_literal = memchr(p, '?', n) == NULL,
		.chars = chars_in(text) };
}

struct push_glob
push_glob_compile(struct arena *arena, const char *pattern, size_t n)
{
	char *text = arena_strndup(arena, pattern, n);
	struct push_glob glob = { .count = 0 };
	size_t stars = 0, from = 0;

	push_fold(text, n);
	for (size_t i = 0; i < n; i++)
		stars += text[i] == '*';
	glob.parts = ARENA_ARRAY(arena, struct push_glob_part, stars + 1);
	for (size_t i = 0; i <= n; i++)
		if (i == n || text[i] == '*') {
			glob.parts[glob.count++] = part_of(text + from, i - from);
			from = i + 1;
		}
	return glob;
}

/* --- matching --- */

static bool
spend(int64_t *work, size_t cost)
{
	*work -= (int64_t)cost;
	return *work > 0;
}

/* Does the part stand at this place? *end_out: where it ends. */
static bool
stands_at(
    const struct push_glob_part *part, struct str text, size_t at, size_t *end_out)
{
	size_t i = 0;

	if (part->is_literal) {
		*end_out = at + part->text.n;
		return part->text.n <= text.n - at &&
		       memcmp(text.p + at, part->text.p, part->text.n) == 0;
	}
	for (; i < part->text.n && at < text.n; i++) {
		if (part->text.p[i] == '?')
			at += bytes_of((unsigned char)text.p[at]);
		else if (part->text.p[i] == text.p[at])
			at++;
		else
			return false;
	}
	*end_out = at;
	return i == part->text.n && at <= text.n;
}

/* The first place from *at on; *at and *end_out say where it is. */
static bool
find(const struct push_glob_part *part, struct str text, size_t *at, size_t *end_out,
    int64_t *work)
{
	if (part->is_literal) {
		const char *found =
		    memmem(text.p + *at, text.n - *at, part->text.p, part->text.n);

		if (found == NULL || !spend(work, part->text.n + 1))
			return false;
		*at = (size_t)(found - text.p);
		*end_out = *at + part->text.n;
		return true;
	}
	for (; *at < text.n; *at += bytes_of((unsigned char)text.p[*at])) {
		if (!spend(work, part->text.n))
			return false;
		if (stands_at(part, text, *at, end_out))
			return true;
	}
	return false;
}

/* All parts but the first and the last, behind `at`. */
static bool
find_middle(const struct push_glob *glob, struct str text, size_t *at, int64_t *work)
{
	size_t end;

	for (int i = 1; i < glob->count - 1; i++) {
		if (!find(&glob->parts[i], text, at, &end, work))
			return false;
		*at = end;
	}
	return true;
}

/* So many characters before the end; false: there are fewer. */
static bool
step_back(struct str text, size_t chars, size_t *at_out)
{
	size_t at = text.n;

	for (; chars > 0; chars--) {
		if (at == 0)
			return false;
		do
			at--;
		while (at > 0 && ((unsigned char)text.p[at] & 0xc0) == 0x80);
	}
	*at_out = at;
	return true;
}

bool
push_glob_is(const struct push_glob *glob, struct str text, int64_t *work)
{
	const struct push_glob_part *last = &glob->parts[glob->count - 1];
	size_t at, end, last_at;

	if (!spend(work, last->text.n + 1) || !stands_at(&glob->parts[0], text, 0, &at))
		return false;
	if (glob->count == 1)
		return at == text.n;
	return find_middle(glob, text, &at, work) &&
	       step_back(text, last->chars, &last_at) && last_at >= at &&
	       stands_at(last, text, last_at, &end) && end == text.n;
}

static bool
is_word(struct str text, size_t at)
{
	char c = text.p[at];

	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

static bool
may_start(struct str text, size_t at)
{
	return at == 0 || !is_word(text, at - 1);
}

static bool
may_end(struct str text, size_t at)
{
	return at == text.n || !is_word(text, at);
}

/* As find, at a place where a word may start and (is_last) end. */
static bool
find_word(const struct push_glob_part *part, struct str text, size_t *at,
    size_t *end_out, bool is_first, bool is_last, int64_t *work)
{
	for (; *at <= text.n; (*at)++) {
		if (part->text.n == 0)
			*end_out = *at;
		else if (!find(part, text, at, end_out, work))
			return false;
		if ((!is_first || may_start(text, *at)) &&
		    (!is_last || may_end(text, *end_out)))
			return true;
		if (!spend(work, 1))
			return false;
		while (
		    *at + 1 < text.n && ((unsigned char)text.p[*at + 1] & 0xc0) == 0x80)
			(*at)++;
	}
	return false;
}

bool
push_glob_within(const struct push_glob *glob, struct str text, int64_t *work)
{
	size_t at = 0, end;
	bool is_one = glob->count == 1;

	if (!find_word(&glob->parts[0], text, &at, &end, true, is_one, work))
		return false;
	if (is_one)
		return true;
	at = end;
	return find_middle(glob, text, &at, work) &&
	       find_word(
		   &glob->parts[glob->count - 1], text, &at, &end, false, true, work);
}

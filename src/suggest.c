/*
 * "did you mean": the word nearest to a mistyped one, by the number of slips of the
 * finger between the two. Relies on nothing; used before a server is there at all.
 */
#include "suggest.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX 63

static int
smaller(int a, int b)
{
	return a < b ? a : b;
}

int
word_distance(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	int row[3][WORD_MAX + 1] = { 0 }; /* two rows back, the last one, this one */

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return INT_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[2][j] = (int)j;
	for (size_t i = 1; i <= a_len; i++) {
		memmove(row[0], row[1], 2 * sizeof row[0]);
		row[2][0] = (int)i;
		for (size_t j = 1; j <= b_len; j++) {
			int best = row[1][j - 1] + (a[i - 1] != b[j - 1]);

			best = smaller(best, row[1][j] + 1);
			best = smaller(best, row[2][j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				best = smaller(best, row[0][j - 2] + 1);
			row[2][j] = best;
		}
	}
	return row[2][b_len];
}

const char *
suggest(const char *word, const char *const *words, size_t count)
{
	const char *nearest = NULL;
	int limit = 1 + (int)strlen(word) / 3, nearest_distance = limit + 1;

	for (size_t i = 0; i < count; i++) {
		int distance =
		    strcasecmp(word, words[i]) == 0 ? 0 : word_distance(word, words[i]);

		if (distance < nearest_distance && distance < (int)strlen(words[i])) {
			nearest = words[i];
			nearest_distance = distance;
		}
	}
	return nearest;
}

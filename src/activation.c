/*
 * Socket activation, by the environment that systemd sets. Read at start, by serve.
 */
#include "activation.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_FD 3

/* How many there are for this very process. */
static int
handed_over(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	long count;

	if (pid == NULL || n == NULL || strtol(pid, NULL, 10) != getpid())
		return 0;
	count = strtol(n, NULL, 10);
	return count < 0 ? 0 : count > INT_MAX ? INT_MAX : (int)count;
}

/* Does the list of names, between colons, begin with this one? */
static bool
is_named(const char *list, const char *name)
{
	size_t n = strlen(name);

	return strncmp(list, name, n) == 0 && strcspn(list, ":") == n;
}

static const char *
names_behind(const char *list)
{
	size_t n = strcspn(list, ":");

	return list[n] == ':' ? list + n + 1 : "";
}

int
activation_take(struct activation *a, const char *name)
{
	const char *names = getenv("LISTEN_FDNAMES");
	int count = handed_over();

	if (names == NULL)
		names = "";
	for (int i = 0; i < count && i < ACTIVATION_MAX;
	     i++, names = names_behind(names)) {
		if (a->taken[i] || (name != NULL && !is_named(names, name)))
			continue;
		a->taken[i] = true;
		return FIRST_FD + i;
	}
	return 0;
}

bool
activation_is_done(const struct activation *a)
{
	int count = handed_over();

	for (int i = 0; i < count && i < ACTIVATION_MAX; i++)
		if (!a->taken[i])
			return false;
	return count <= ACTIVATION_MAX;
}

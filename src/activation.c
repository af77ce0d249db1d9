/*
 * Socket activation, by the environment that systemd sets. Read at start, by serve.
 */
#include "activation.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/str.h"

#define FIRST_FD 3

/* How many there are for this very process. */
static int
handed_over(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");

	if (pid == NULL || n == NULL || strtol(pid, NULL, 10) != getpid())
		return 0;
	return (int)strtol(n, NULL, 10);
}

/* The place of a name in a list between colons; -1: it is not there. */
static int
place_in(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (int i = 0; list != NULL; i++) {
		size_t n = strcspn(list, ":");

		if (n == length && memcmp(list, name, n) == 0)
			return i;
		list = list[n] == ':' ? list + n + 1 : NULL;
	}
	return -1;
}

int
activation_socket(const char *name, int nth)
{
	int count = handed_over();
	int place = name[0] == '\0' ? nth : place_in(getenv("LISTEN_FDNAMES"), name);

	return place >= 0 && place < count ? FIRST_FD + place : 0;
}

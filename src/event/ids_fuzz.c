/*
 * Any text at all: what the checks of event/ids say must agree with each other, and
 * what they let through must come apart again. Not part of the server.
 */
#include "event/ids.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Not assert(), to be there whatever the build says about it. */
#define must(condition)                                                                \
	do {                                                                           \
		if (!(condition))                                                      \
			abort();                                                       \
	} while (0)

static void
check_users(struct arena *arena, const char *id)
{
	if (id_user_strict(id)) {
		must(id_user_valid(id));
		must(id_localpart_strict(id_localpart(arena, id)));
	}
	if (id_user_valid(id)) {
		must(strlen(id) <= ID_MAX);
		must(id_server_name_valid(id_server(id)));
		must(id_same_server(id, id));
		must(id_is_of(id, id_server(id)));
	}
}

static void
check_versions(const char *id)
{
	int count;
	const struct room_version *list = room_version_list(&count);

	for (int i = 0; i < count; i++) {
		if (id_room_valid_in(&list[i], id))
			must(id_room_valid(id));
		if (id_event_valid(&list[i], id))
			must(id_event_valid(NULL, id));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *arena = arena_new();
	char *id = arena_strndup(arena, (const char *)data, n);

	check_users(arena, id);
	check_versions(id);
	if (id_alias_valid(id))
		must(id_server_name_valid(id_server(id)));
	if (id_server_name_valid(id))
		must(id_user_valid(arena_printf(arena, "@a:%s", id)) ||
		     strlen(id) + 3 > ID_MAX);
	arena_free(arena);
	return 0;
}

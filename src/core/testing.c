/*
 * What core adds to a test's rooms: the public list, the user directory, presence.
 */
#include "core/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/presence.h"
#include "core/public_rooms.h"
#include "core/user_directory.h"

static void
start(struct testing *t)
{
	t->core.public_rooms = public_rooms_new(&t->core);
	t->core.user_directory = user_directory_new(&t->core);
	if (presence_setup(&t->core, t->ctx.db) != M_OK) {
		fputs("testing: no presence can be read\n", stderr);
		abort();
	}
}

static void
stop(struct testing *t)
{
	public_rooms_free(t->core.public_rooms);
	presence_free(&t->core);
	user_directory_free(t->core.user_directory);
}

void
testing_open_core(struct testing *t)
{
	static const struct testing_above core = { start, stop };

	testing_open_with(t, &core);
}

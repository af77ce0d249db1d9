/*
 * `parlour room`: rooms and the directory. Relies on cmd_operate; control_rooms does
 * the work.
 */
#include <stdio.h>

#include "cmd_operate.h"

/* "!id #alias": one line that scripts take apart at the space. */
static void
print_added(const struct json *answer)
{
	print_field(answer, "room_id");
	putchar(' ');
	print_field(answer, "alias");
	putchar('\n');
}

static void
print_list(const struct json *answer)
{
	const struct json *rooms = json_get_array(answer, "rooms");

	for (uint32_t i = 0; rooms != NULL && i < rooms->n; i++) {
		const struct json *room = &rooms->items[i];
		int64_t joined = 0;

		json_get_int(room, "joined", &joined);
		print_field(room, "room_id");
		printf("  %lld joined", (long long)joined);
		if (json_get_bool(room, "published", false))
			fputs("  published", stdout);
		fputs("  ", stdout);
		print_field(room, "alias");
		fputs("  ", stdout);
		print_field(room, "name");
		putchar('\n');
	}
}

static void
print_value(const struct json *value)
{
	if (json_is(value, JSON_STR))
		print_text(json_as_str(value));
	else if (json_is(value, JSON_INT))
		printf("%lld", (long long)value->i);
	else if (json_is(value, JSON_BOOL))
		fputs(value->b ? "yes" : "no", stdout);
	for (uint32_t i = 0; json_is(value, JSON_ARRAY) && i < value->n; i++) {
		if (i > 0)
			putchar(' ');
		print_text(json_as_str(&value->items[i]));
	}
}

static void
print_shown(const struct json *answer)
{
	const struct json *room = json_get_object(answer, "room");

	for (uint32_t i = 0; room != NULL && i < room->n; i++) {
		printf("%s: ", room->members[i].key);
		print_value(&room->members[i].value);
		putchar('\n');
	}
}

static const struct operate_word words[] = {
	{ .word = "add",
	    .shown = "ALIAS",
	    .positional = "alias",
	    .options = { { "creator", "creator", OPERATE_TEXT, true },
		{ "name", "name", OPERATE_TEXT, false },
		{ "topic", "topic", OPERATE_TEXT, false },
		{ "world-readable", "world_readable", OPERATE_FLAG, false },
		{ "guests", "guests", OPERATE_FLAG, false },
		{ "unlisted", "unlisted", OPERATE_FLAG, false } },
	    .print = print_added },
	{ .word = "list", .is_list = true, .print = print_list },
	{ .word = "info",
	    .shown = "ROOM",
	    .positional = "room",
	    .is_list = true,
	    .print = print_shown },
	{ .word = "show",
	    .shown = "ROOM",
	    .positional = "room",
	    .is_list = true,
	    .print = print_shown },
	{ .word = "hide", .shown = "ROOM", .positional = "room" },
	{ .word = "publish", .shown = "ROOM", .positional = "room" },
	{ .word = "unpublish", .shown = "ROOM", .positional = "room" },
};

static int
run(const struct command *command, int argc, char **argv)
{
	return cmd_operate(command, words, sizeof words / sizeof *words, argc, argv);
}

const struct command cmd_room = {
	"room",
	"makes, shows and publishes rooms",
	"usage: parlour room add ALIAS --creator USER [--name N] [--topic T]\n"
	"                        [--world-readable] [--guests] [--unlisted]\n"
	"       parlour room list [--json]\n"
	"       parlour room info ROOM [--json]\n"
	"       parlour room publish | unpublish ROOM\n"
	"       parlour room hide | show ROOM\n\n"
	"Rooms of this server, while it runs and while it does not. 'add' makes a room "
	"that\n"
	"anyone may join, and prints its id and its alias. 'hide' closes a room's "
	"pages "
	"at\n"
	"/rooms, whatever the room itself says; 'show' opens them again, and tells "
	"what "
	"'info'\n"
	"does.\n\n"
	"  ALIAS             lobby: the room becomes #lobby:SERVER\n"
	"  ROOM              a room id, or an alias: '#lobby:example.org'\n"
	"  --creator USER    the account that makes it and has all power in it\n"
	"  --name N          the room's name\n"
	"  --topic T         its topic\n"
	"  --world-readable  all may read and hear it without joining, guests too\n"
	"  --guests          guests may join it\n"
	"  --unlisted        it is not in the public directory\n"
	"  --json            as JSON\n"
	"  --config FILE     the server's configuration\n",
	run,
};

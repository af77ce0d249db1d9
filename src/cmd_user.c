/*
 * `parlour user`: accounts. Relies on cmd_operate; control_users does the work.
 */
#include <stdio.h>

#include "cmd_operate.h"

static void
print_added(const struct json *answer)
{
	print_field(answer, "user_id");
	putchar('\n');
}

static void
print_list(const struct json *answer)
{
	const struct json *users = json_get_array(answer, "users");

	for (uint32_t i = 0; users != NULL && i < users->n; i++) {
		const struct json *user = &users->items[i];

		print_field(user, "user_id");
		if (json_get_bool(user, "admin", false))
			fputs("  admin", stdout);
		if (json_get_bool(user, "deactivated", false))
			fputs("  deactivated", stdout);
		putchar('\n');
	}
}

static const struct operate_word words[] = {
	{ .word = "add",
	    .shown = "NAME",
	    .positional = "name",
	    .wants_password = true,
	    .options = { { "admin", "admin", OPERATE_FLAG, false } },
	    .print = print_added },
	{ .word = "password",
	    .shown = "NAME",
	    .positional = "name",
	    .wants_password = true },
	{ .word = "deactivate",
	    .shown = "NAME",
	    .positional = "name",
	    .options = { { "erase", "erase", OPERATE_FLAG, false } } },
	{ .word = "list", .is_list = true, .print = print_list },
	{ .word = "ignore", .shown = "NAME", .positional = "name" },
	{ .word = "unignore", .shown = "NAME", .positional = "name" },
	{ .word = "ignored", .is_list = true, .print = print_list },
};

static int
run(const struct command *command, int argc, char **argv)
{
	return cmd_operate(command, words, sizeof words / sizeof *words, argc, argv);
}

const struct command cmd_user = {
	"user",
	"makes, changes and lists accounts",
	"usage: parlour user add NAME [--password P] [--admin]\n"
	"       parlour user password NAME [--password P]\n"
	"       parlour user deactivate NAME [--erase]\n"
	"       parlour user list [--json]\n"
	"       parlour user ignore | unignore NAME\n"
	"       parlour user ignored [--json]\n\n"
	"Accounts of this server, while it runs and while it does not. A new password "
	"ends\n"
	"all sessions of the account; a deactivated one leaves its rooms, and its name "
	"stays\n"
	"taken. What an ignored user says (of whichever server) is on none of the "
	"rooms'\n"
	"pages at /rooms; its rooms hear it as before. Without --password it is asked "
	"for, or read from stdin.\n\n"
	"  NAME           ann, or @ann:example.org\n"
	"  --password P   the password; others may see it in the list of processes\n"
	"  --admin        an account that administers the server\n"
	"  --erase        deletes the files that it has uploaded, too\n"
	"  --json         the list as JSON\n"
	"  --config FILE  the server's configuration\n",
	run,
};

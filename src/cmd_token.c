/*
 * `parlour token`: registration tokens. Relies on cmd_operate; control_tokens does the
 * work.
 */
#include <stdio.h>
#include <time.h>

#include "cmd_operate.h"

static void
print_added(const struct json *answer)
{
	print_field(answer, "token");
	putchar('\n');
}

static void
print_time(int64_t ts)
{
	time_t seconds = (time_t)(ts / 1000);
	struct tm utc;
	char text[32];

	if (gmtime_r(&seconds, &utc) != NULL &&
	    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
		printf("  until %s", text);
}

static void
print_list(const struct json *answer)
{
	const struct json *tokens = json_get_array(answer, "tokens");

	for (uint32_t i = 0; tokens != NULL && i < tokens->n; i++) {
		const struct json *token = &tokens->items[i];
		int64_t completed = 0, allowed, expires_ts;

		json_get_int(token, "completed", &completed);
		print_field(token, "token");
		printf("  used %lld", (long long)completed);
		if (json_get_int(token, "uses_allowed", &allowed))
			printf(" of %lld", (long long)allowed);
		if (json_get_int(token, "expires_ts", &expires_ts))
			print_time(expires_ts);
		putchar('\n');
	}
}

static const struct operate_word words[] = {
	{ .word = "add",
	    .shown = "TOKEN",
	    .positional = "token",
	    .may_lack = true,
	    .options = { { "token", "token", OPERATE_TEXT, false },
		{ "uses", "uses", OPERATE_NUMBER, false },
		{ "expires", "expires_in_ms", OPERATE_DURATION, false } },
	    .print = print_added },
	{ .word = "list", .is_list = true, .print = print_list },
	{ .word = "delete", .shown = "TOKEN", .positional = "token" },
};

static int
run(const struct command *command, int argc, char **argv)
{
	return cmd_operate(command, words, sizeof words / sizeof *words, argc, argv);
}

const struct command cmd_token = {
	"token",
	"hands out registration tokens",
	"usage: parlour token add [TOKEN] [--uses N] [--expires DURATION]\n"
	"       parlour token list [--json]\n"
	"       parlour token delete TOKEN\n\n"
	"Tokens with which people may register where registration.mode is token, while "
	"the\n"
	"server runs and while it does not. 'add' prints the token.\n\n"
	"  TOKEN               A-Z a-z 0-9 . _ ~ -, at most 64; made up where not "
	"given\n"
	"                      (--token TOKEN is the same)\n"
	"  --uses N            good for N registrations; else for any number\n"
	"  --expires DURATION  good for so long: 12h, 7d; else for ever\n"
	"  --json              the list as JSON\n"
	"  --config FILE       the server's configuration\n",
	run,
};

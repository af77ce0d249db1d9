/*
 * What the words of the command line share: their options, --help, and complaints.
 * Relies on getopt_long. Between main.c and the files cmd_*.c.
 */
#include "cmd.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/str.h"
#include "suggest.h"

enum { OPTIONS_MAX = 16, HELP = 0x1000 };

static _Noreturn void
option_unknown(
    const struct command *command, const char *text, const struct option *options)
{
	const char *words[OPTIONS_MAX + 1], *meant = NULL;
	size_t count = 0;

	while (options[count].name != NULL) {
		words[count] = options[count].name;
		count++;
	}
	if (starts_with(text, "--"))
		meant = suggest(text + 2, words, count);
	if (meant != NULL)
		exit(cmd_misuse(
		    command, "unknown option %s; did you mean --%s?", text, meant));
	exit(cmd_misuse(command, "unknown option %s", text));
}

int
cmd_option(
    const struct command *command, int argc, char **argv, const struct option *options)
{
	struct option all[OPTIONS_MAX + 2] = { { "help", no_argument, NULL, HELP } };
	int at = optind > 0 ? optind : 1, option;

	for (int i = 0; i < OPTIONS_MAX && options[i].name != NULL; i++)
		all[i + 1] = options[i];
	opterr = 0;
	option = getopt_long(argc, argv, ":", all, NULL);
	if (option == HELP) {
		fputs(command->usage, stdout);
		exit(0);
	}
	if (option == ':')
		exit(cmd_misuse(command, "%s needs a value", argv[optind - 1]));
	if (option == '?')
		option_unknown(command, argv[optind > at ? optind - 1 : at], all);
	return option;
}

int
cmd_misuse(const struct command *command, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "parlour %s: ", command->word);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry 'parlour %s --help'.\n", command->word);
	return 2;
}

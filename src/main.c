/*
 * The program: finds the word of the command line in one table and runs it.
 * Relies on the files cmd_*.c. A request never passes here.
 */
#include <stdio.h>
#include <string.h>
#include "base/crypto.h"
#include "cmd.h"
#include "suggest.h"

static const struct command *const commands[] = {
	&cmd_serve,
	&cmd_init,
	&cmd_check,
	&cmd_user,
	&cmd_room,
	&cmd_token,
	&cmd_media,
	&cmd_backup,
};

const char *program_path = "parlour";

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void
help(FILE *out)
{
	fprintf(out, "parlour " PARLOUR_VERSION ", a Matrix homeserver\n\n"
		     "usage: parlour WORD [OPTION...]\n\n");
	for (int i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-10s %s\n", commands[i]->word, commands[i]->summary);
	fprintf(out,
	    "\n  --version  says which version this is\n"
	    "  --help     says this; 'parlour WORD --help' more about a word\n");
}

static int
unknown(const char *word)
{
	const char *words[COMMAND_COUNT], *meant;

	for (int i = 0; i < COMMAND_COUNT; i++)
		words[i] = commands[i]->word;
	meant = suggest(word, words, COMMAND_COUNT);
	fprintf(stderr, "parlour: unknown word '%s'", word);
	if (meant != NULL)
		fprintf(stderr, "; did you mean '%s'?", meant);
	fprintf(stderr, "\nTry 'parlour --help'.\n");
	return 2;
}

int
main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	program_path = argv[0];
	if (word == NULL) {
		help(stderr);
		return 2;
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "help") == 0) {
		help(stdout);
		return 0;
	}
	if (strcmp(word, "--version") == 0) {
		puts("parlour " PARLOUR_VERSION);
		return 0;
	}
	crypto_init();
	for (int i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(word, commands[i]->word) == 0)
			return commands[i]->run(commands[i], argc - 1, argv + 1);
	}
	return unknown(word);
}

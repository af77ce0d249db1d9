/*
 * The words of the command line: `parlour WORD ...`. One row in main.c and one file
 * cmd_WORD.c each.
 */
#ifndef CMD_H
#define CMD_H

#include <getopt.h>

struct command {
	const char *word;
	const char *summary; /* one line, for `parlour --help` */
	const char *usage;   /* what `parlour WORD --help` prints */
	/* argv[0] is the word. Returns the exit status: 0 good, 1 failed, 2 misused. */
	int (*run)(const struct command *command, int argc, char **argv);
};

extern const struct command cmd_serve, cmd_init, cmd_check;
extern const struct command cmd_user, cmd_room, cmd_token, cmd_media, cmd_backup;

/* By what name this program was called: to tell people what to type next. */
extern const char *program_path;

/*
 * getopt_long for a word: knows --help, which prints the usage and exits, and a wrong
 * option, which exits with status 2. Else as getopt_long. Options have no short form.
 */
int cmd_option(
    const struct command *command, int argc, char **argv, const struct option *options);
/* Says what is wrong with how the word was used; returns 2. */
int cmd_misuse(const struct command *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif

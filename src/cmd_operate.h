/*
 * Words with words of their own that do one operation of control's: `parlour user add`.
 * Each is a row of a table in cmd_user.c, cmd_room.c, cmd_token.c, cmd_media.c.
 */
#ifndef CMD_OPERATE_H
#define CMD_OPERATE_H

#include "base/json.h"
#include "cmd.h"

enum operate_kind {
	OPERATE_FLAG, /* true */
	OPERATE_TEXT,
	OPERATE_NUMBER,	  /* from 1 */
	OPERATE_DURATION, /* 500ms, 30s, 12h, 7d: in milliseconds */
	OPERATE_SIZE,	  /* 64K, 100M: in bytes */
};

struct operate_option {
	const char *name;     /* "world-readable" */
	const char *argument; /* of the operation: "world_readable" */
	enum operate_kind kind;
	bool is_needed;
};

struct operate_word {
	const char *word;	/* "add": operation "user add" */
	const char *shown;	/* what stands behind it: "NAME"; NULL: nothing */
	const char *positional; /* the operation's argument for that */
	bool may_lack;		/* it may be left out */
	bool is_many;		/* any number of them: a list */
	bool wants_password;	/* --password, else asked for */
	bool is_list;		/* takes --json */
	struct operate_option options[6];
	/* What is wrong with how the whole was asked for; NULL: nothing. */
	const char *(*misuse)(const struct json *request);
	/* Prints what the operation answered. */
	void (*print)(const struct json *answer);
};

/* Runs `parlour COMMAND WORD ...`; argv[1] is the word. */
int cmd_operate(const struct command *command, const struct operate_word *words,
    int count, int argc, char **argv);

/* For printing: text of users', what would steer a terminal replaced; NULL: nothing. */
void print_text(const char *text);
/* The same, the string field of an object. */
void print_field(const struct json *object, const char *field);

#endif

/*
 * From the command line to an operation's arguments, and its answer to the terminal.
 * Relies on control_ask for the operation, on config_type for durations.
 */
#include "cmd_operate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "config_type.h"
#include "control.h"
#include "password.h"
#include "suggest.h"

enum {
	WORDS_MAX = 8,
	OPTIONS = 6,
	JSON_FLAG = 1,
	CONFIG = 2,
	PASSWORD = 3,
	FIRST = 16
};

/* One word being run. */
struct operating {
	const struct command *command;
	const struct operate_word *word;
	struct arena *arena;
	struct json *request;
	const char *config_file;
	bool as_json;
};

/* ---- printing ---- */

void
print_text(const char *text)
{
	const unsigned char *p = (const unsigned char *)(text == NULL ? "" : text);

	for (; *p != '\0'; p++) {
		if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			p++; /* U+0080 to U+009F */
		else if (*p >= 0x20 && *p != 0x7f) {
			putchar(*p);
			continue;
		}
		putchar('?');
	}
}

void
print_field(const struct json *object, const char *field)
{
	print_text(json_get_str(object, field));
}

/* ---- reading the command line ---- */

/* Which word? NULL after it was said what is wrong. */
static const struct operate_word *
find_word(const struct command *command, const struct operate_word *words, int count,
    const char *given)
{
	const char *names[WORDS_MAX], *meant;

	for (int i = 0; i < count; i++) {
		names[i] = words[i].word;
		if (given != NULL && strcmp(given, names[i]) == 0)
			return &words[i];
	}
	if (given == NULL || given[0] == '-') {
		cmd_misuse(command, "a word is missing, such as '%s'", names[0]);
		return NULL;
	}
	meant = suggest(given, names, (size_t)count);
	if (meant != NULL)
		cmd_misuse(
		    command, "unknown word '%s'; did you mean '%s'?", given, meant);
	else
		cmd_misuse(command, "unknown word '%s'", given);
	return NULL;
}

static void
list_options(const struct operate_word *word, struct option out[OPTIONS + 4])
{
	int n = 0;

	for (int i = 0; i < OPTIONS && word->options[i].name != NULL; i++)
		out[n++] = (struct option){ word->options[i].name,
			word->options[i].kind == OPERATE_FLAG ? no_argument
							      : required_argument,
			NULL, FIRST + i };
	if (word->wants_password)
		out[n++] =
		    (struct option){ "password", required_argument, NULL, PASSWORD };
	if (word->is_list)
		out[n++] = (struct option){ "json", no_argument, NULL, JSON_FLAG };
	out[n++] = (struct option){ "config", required_argument, NULL, CONFIG };
	out[n] = (struct option){ 0 };
}

/* As the configuration has them. */
static bool
take_measure(struct operating *o, const struct operate_option *option,
    const struct value_type *type, const char *text)
{
	struct setting row = {
		.name = option->name, .type = type, .min = 1, .max = INT64_C(1) << 50
	};
	struct buf why = { 0 };
	int64_t value = 0;
	bool good = type->parse(&row, text, &value, &why);

	buf_free(&why);
	json_set_int(o->arena, o->request, option->argument, value);
	return good;
}

static bool
take_number(struct operating *o, const struct operate_option *option, const char *text)
{
	int64_t number;

	if (!str_int(str_of(text), &number) || number < 1 || number > INT64_C(1) << 50)
		return false;
	json_set_int(o->arena, o->request, option->argument, number);
	return true;
}

/* A command line may hold any bytes; JSON only takes UTF-8. */
static bool
take_text(struct operating *o, const char *argument, const char *text)
{
	if (!utf8_valid(text, strlen(text)))
		return false;
	json_set_str(o->arena, o->request, argument, text);
	return true;
}

static bool
take_option(struct operating *o, const struct operate_option *option, const char *text)
{
	switch (option->kind) {
	case OPERATE_FLAG:
		json_set_bool(o->arena, o->request, option->argument, true);
		return true;
	case OPERATE_TEXT:
		return take_text(o, option->argument, text);
	case OPERATE_NUMBER:
		return take_number(o, option, text);
	case OPERATE_SIZE:
		return take_measure(o, option, &type_size, text);
	case OPERATE_DURATION:
		break;
	}
	return take_measure(o, option, &type_duration, text);
}

/* 0, or 2 after it was said what is wrong. */
static int
read_options(struct operating *o, int argc, char **argv)
{
	struct option options[OPTIONS + 4];
	int option;

	list_options(o->word, options);
	while ((option = cmd_option(o->command, argc, argv, options)) != -1) {
		if (option == JSON_FLAG) {
			o->as_json = true;
		} else if (option == CONFIG) {
			o->config_file = optarg;
		} else if (option == PASSWORD) {
			bool good = take_text(o, "password", optarg);

			memset(optarg, '*', strlen(optarg)); /* as ps shows it */
			if (!good)
				return cmd_misuse(
				    o->command, "the password is not UTF-8");
		} else if (!take_option(o, &o->word->options[option - FIRST], optarg)) {
			return cmd_misuse(o->command, "--%s cannot be '%s'",
			    o->word->options[option - FIRST].name, optarg);
		}
	}
	return 0;
}

/* All that stands there: a list. */
static int
read_many(struct operating *o, int argc, char **argv)
{
	struct json *list = json_array(o->arena);

	for (; optind < argc; optind++) {
		if (!utf8_valid(argv[optind], strlen(argv[optind])))
			return cmd_misuse(
			    o->command, "%s is not UTF-8", o->word->shown);
		json_push(o->arena, list, json_str(o->arena, argv[optind]));
	}
	if (list->n > 0)
		json_set(o->arena, o->request, o->word->positional, list);
	return 0;
}

static int
read_positional(struct operating *o, int argc, char **argv)
{
	const struct operate_word *word = o->word;

	if (word->is_many && read_many(o, argc, argv) != 0)
		return 2;
	if (word->shown != NULL && optind < argc) {
		if (!take_text(o, word->positional, argv[optind]))
			return cmd_misuse(o->command, "%s is not UTF-8", word->shown);
		optind++;
	}
	if (optind < argc)
		return cmd_misuse(
		    o->command, "'%s' is one word too many", argv[optind]);
	if (word->shown != NULL && !word->may_lack &&
	    json_get(o->request, word->positional) == NULL)
		return cmd_misuse(o->command, "'%s' needs %s", word->word, word->shown);
	for (int i = 0; i < OPTIONS && word->options[i].name != NULL; i++)
		if (word->options[i].is_needed &&
		    json_get(o->request, word->options[i].argument) == NULL)
			return cmd_misuse(o->command, "'%s' needs --%s", word->word,
			    word->options[i].name);
	if (word->misuse != NULL && word->misuse(o->request) != NULL)
		return cmd_misuse(
		    o->command, "'%s' %s", word->word, word->misuse(o->request));
	return 0;
}

/* Asks for the password if it was not given. */
static int
read_password(struct operating *o)
{
	char password[PASSWORD_LINE_MAX];
	const char *wrong;
	int status = 0;

	if (!o->word->wants_password || json_get(o->request, "password") != NULL)
		return 0;
	wrong = password_ask(password);
	if (wrong != NULL)
		status = cmd_misuse(o->command, "%s", wrong);
	else if (!take_text(o, "password", password))
		status = cmd_misuse(o->command, "the password is not UTF-8");
	explicit_bzero(password, sizeof password);
	return status;
}

/* ---- running it ---- */

static int
complain(const struct operating *o, const char *sentence)
{
	fprintf(
	    stderr, "parlour %s %s: %s\n", o->command->word, o->word->word, sentence);
	return 1;
}

static void
print_answer(const struct operating *o, const struct json *answer)
{
	if (o->as_json) {
		puts(json_text(o->arena, answer, NULL));
	} else if (o->word->print != NULL) {
		o->word->print(answer);
	}
}

static int
operate(struct operating *o)
{
	char *error = NULL;
	struct config *config = config_load(o->config_file, &error);
	const struct json *answer = NULL;
	int status = 0;

	if (config == NULL) {
		fprintf(stderr, "%s\n", error);
		free(error);
		return 1;
	}
	json_set_str(o->arena, o->request, "do",
	    arena_printf(o->arena, "%s %s", o->command->word, o->word->word));
	answer = control_ask(config, o->arena, o->request, &error);
	if (answer == NULL)
		status = complain(o, error);
	else
		print_answer(o, answer);
	free(error);
	config_free(config);
	return status;
}

int
cmd_operate(const struct command *command, const struct operate_word *words, int count,
    int argc, char **argv)
{
	struct operating o = { .command = command };
	int status;

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		fputs(command->usage, stdout);
		return 0;
	}
	o.word = find_word(command, words, count, argc > 1 ? argv[1] : NULL);
	if (o.word == NULL)
		return 2;
	log_setup(LOG_WARN, false); /* where the database is opened here */
	o.arena = arena_new();
	o.request = json_object(o.arena);
	status = read_options(&o, argc - 1, argv + 1);
	if (status == 0)
		status = read_positional(&o, argc - 1, argv + 1);
	if (status == 0)
		status = read_password(&o);
	if (status == 0)
		status = operate(&o);
	arena_free(o.arena);
	return status;
}

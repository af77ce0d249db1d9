/*
 * What kinds of values settings have: how each is read from text, written and freed.
 * Relies on base. Between the table of settings (config.c) and the YAML
 * (config_read.c).
 */
#ifndef CONFIG_TYPE_H
#define CONFIG_TYPE_H

#include "config.h"

struct setting;

struct value_type {
	const char *kind; /* "a size such as 64K or 100M": what messages ask for */
	bool is_list;	  /* parse adds one item; else it sets the value */
	bool is_section;  /* has keys of its own, no value */
	/* False: why says what is wrong with text, to follow "KEY: ". */
	bool (*parse)(
	    const struct setting *row, const char *text, void *field, struct buf *why);
	/* Adds nothing where there is no value. */
	void (*print)(const struct setting *row, const void *field, struct buf *out);
	void (*clear)(void *field); /* back to empty; NULL: nothing to free */
};

enum {
	SETTING_LATER = 1,  /* accepted with a warning: its feature is not there yet */
	SETTING_SECRET = 2, /* never printed */
	SETTING_INNER = 4,  /* part of an item of a list: offset is from the item */
};

/* One key. */
struct setting {
	const char *name; /* with dots: "log.level" */
	const struct value_type *type;
	size_t offset;	   /* of the field in struct config, or in the item */
	const char *value; /* the default, as it would be written; NULL: none */
	const char *help;
	int64_t min, max;	  /* of numbers */
	const char *const *words; /* of words and sets, NULL behind the last */
	unsigned later_words;	  /* those whose feature is not there yet, as bits */
	unsigned flags;
};

extern const struct value_type type_section;	 /* no field */
extern const struct value_type type_listeners;	 /* VEC(struct config_listener) */
extern const struct value_type type_text;	 /* char *, not empty */
extern const struct value_type type_texts;	 /* VEC(char *) */
extern const struct value_type type_url;	 /* char *, http or https */
extern const struct value_type type_link;	 /* char *, for people to follow */
extern const struct value_type type_server_name; /* char * */
extern const struct value_type type_database;	 /* char * */
extern const struct value_type type_bus;	 /* char * */
extern const struct value_type type_bool;	 /* bool */
extern const struct value_type type_word;	 /* int, index into words */
extern const struct value_type type_word_text;	 /* char *, one of words */
extern const struct value_type type_set;	 /* int, bits by index into words */
extern const struct value_type type_int;	 /* int64_t */
extern const struct value_type type_size;	 /* int64_t, bytes */
extern const struct value_type type_duration;	 /* int64_t, milliseconds */
extern const struct value_type type_address;	 /* struct config_address */
extern const struct value_type type_networks;	 /* VEC(struct config_network) */

#endif

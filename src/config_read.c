/*
 * From the text of a configuration to struct config, by the table of settings.
 * Relies on libyaml for the tree of nodes and their places. Used at start only.
 */
#include "config_read.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include "config_table.h"
#include "suggest.h"

enum { ERRORS_MAX = 20, SETTINGS_MAX = 128, SECTION_KEYS_MAX = 64 };

struct reader {
	struct config *config;
	const char *name; /* of the file, for messages */
	yaml_document_t document;
	struct buf *errors;
	int error_count;
	yaml_mark_t proxied; /* of a listener that only proxies may connect to */
	bool has_proxied;
};

static void section_read(
    struct reader *r, const char *prefix, yaml_node_t *node, void *holder);

/* ---- messages ---- */

/* "NAME:LINE:COLUMN: KEY: sentence"; a sentence of more than 500 bytes is cut. */
static void
say(struct reader *r, struct buf *out, yaml_mark_t mark, const char *key,
    const char *fmt, va_list ap)
{
	char sentence[500];

	vsnprintf(sentence, sizeof sentence, fmt, ap);
	buf_printf(out, "%s:%zu:%zu: ", r->name, mark.line + 1, mark.column + 1);
	buf_printf(out, "%s%s%s", key, *key != '\0' ? ": " : "", sentence);
}

__attribute__((format(printf, 4, 5))) static void
fail(struct reader *r, yaml_mark_t mark, const char *key, const char *fmt, ...)
{
	va_list ap;

	if (++r->error_count > ERRORS_MAX)
		return;
	va_start(ap, fmt);
	say(r, r->errors, mark, key, fmt, ap);
	va_end(ap);
	buf_char(r->errors, '\n');
}

__attribute__((format(printf, 4, 5))) static void
warn(struct reader *r, yaml_mark_t mark, const char *key, const char *fmt, ...)
{
	struct buf line = { 0 };
	va_list ap;

	va_start(ap, fmt);
	say(r, &line, mark, key, fmt, ap);
	va_end(ap);
	vec_push(&r->config->warnings, buf_take(&line, NULL));
}

/* ---- the table ---- */

/* The part of name behind "prefix."; NULL if it is no direct child. */
static const char *
child_name(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	if (n > 0 && (strncmp(name, prefix, n) != 0 || name[n] != '.'))
		return NULL;
	name += n > 0 ? n + 1 : 0;
	return strchr(name, '.') == NULL ? name : NULL;
}

static const struct setting *
child_find(const char *prefix, const char *key)
{
	for (size_t i = 0; i < settings_count; i++) {
		const char *name = child_name(settings[i].name, prefix);

		if (name != NULL && strcmp(name, key) == 0)
			return &settings[i];
	}
	return NULL;
}

/* A key of another section with this very name; NULL: none. */
static const char *
elsewhere_find(const char *key)
{
	for (size_t i = 0; i < settings_count; i++) {
		const char *dot = strrchr(settings[i].name, '.');

		if (dot != NULL && strcmp(dot + 1, key) == 0)
			return settings[i].name;
	}
	return NULL;
}

static const char *
key_meant(const char *prefix, const char *key)
{
	const char *words[SECTION_KEYS_MAX], *meant;
	size_t count = 0;

	for (size_t i = 0; i < settings_count && count < SECTION_KEYS_MAX; i++) {
		words[count] = child_name(settings[i].name, prefix);
		count += words[count] != NULL;
	}
	meant = suggest(key, words, count);
	return meant != NULL ? meant : elsewhere_find(key);
}

static bool
is_below(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return n == 0 || (strncmp(name, prefix, n) == 0 && name[n] == '.');
}

/* The table's own value, item by item where it is a list: "client, viewer". */
static bool
parse_default(const struct setting *row, void *field, struct buf *why)
{
	const char *at = row->value;
	bool good = true;

	if (!row->type->is_list)
		return row->type->parse(row, at, field, why);
	while (good && *at != '\0') {
		size_t n = strcspn(at, ",");
		char *item = xstrndup(at, n);

		good = row->type->parse(row, item, field, why);
		free(item);
		at += n + strspn(at + n, ", ");
	}
	return good;
}

void
settings_default(const char *prefix, void *holder)
{
	bool is_item = *prefix != '\0';
	struct buf why = { 0 };

	for (size_t i = 0; i < settings_count; i++) {
		const struct setting *row = &settings[i];
		bool is_inner = (row->flags & SETTING_INNER) != 0, good;

		if (row->value == NULL || is_inner != is_item ||
		    !is_below(row->name, prefix))
			continue;
		good = parse_default(row, setting_field(row, holder), &why);
		assert(good);
	}
	buf_free(&why);
}

/* ---- values ---- */

static bool
is_null(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	if (node->type != YAML_SCALAR_NODE ||
	    node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	return *text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

/* The text of a scalar; NULL with an error if node is none, or holds a NUL. */
static const char *
scalar_text(struct reader *r, const struct setting *row, yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	if (node->type == YAML_SCALAR_NODE && strlen(text) == node->data.scalar.length)
		return text;
	fail(r, node->start_mark, row->name, "must be %s",
	    row->type->is_list ? "text" : row->type->kind);
	return NULL;
}

static void
later_word_warn(struct reader *r, const struct setting *row, yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	for (int i = 0; row->words != NULL && row->words[i] != NULL; i++) {
		if (strcmp(row->words[i], text) == 0 &&
		    (row->later_words & (1u << i)) != 0)
			warn(r, node->start_mark, row->name,
			    "%s is not there yet; it has no effect", text);
	}
}

static void
scalar_read(
    struct reader *r, const struct setting *row, yaml_node_t *node, void *holder)
{
	const char *text = scalar_text(r, row, node);
	struct buf why = { 0 };

	if (text == NULL)
		return;
	if (row->type->parse(row, text, setting_field(row, holder), &why))
		later_word_warn(r, row, node);
	else
		fail(r, node->start_mark, row->name, "%.*s", (int)why.n, why.p);
	buf_free(&why);
}

static bool
is_same_address(const struct config_address *a, const struct config_address *b)
{
	if (a->kind != b->kind || strcmp(a->host, b->host) != 0)
		return false;
	return a->kind == ADDRESS_UNIX || (a->port != 0 && a->port == b->port);
}

/* What no key alone can tell. */
static void
listener_check(
    struct reader *r, const struct config_listener *listener, yaml_mark_t mark)
{
	const struct config *config = r->config;

	if (listener->address.kind == ADDRESS_INET && listener->address.host[0] == '\0')
		fail(r, mark, "listeners.address", "is missing");
	if (listener->apis == 0)
		fail(r, mark, "listeners.serve", "is empty");
	if ((listener->tls_certificate == NULL) != (listener->tls_key == NULL))
		fail(r, mark, "listeners.tls", "needs both certificate and key");
	for (size_t i = 0; i + 1 < config->listeners.n; i++) {
		if (is_same_address(
			&config->listeners.v[i].address, &listener->address))
			fail(r, mark, "listeners.address", "stands there twice");
	}
	if (listener->proxy_protocol) {
		r->proxied = mark;
		r->has_proxied = true;
	}
	if (!config_listener_opens(listener))
		warn(r, mark, "listeners", "this one will not be opened");
}

static void
listener_read(struct reader *r, const struct setting *row, yaml_node_t *node)
{
	struct config_listener listener = { 0 };
	int errors_before = r->error_count;

	settings_default(row->name, &listener);
	section_read(r, row->name, node, &listener);
	vec_push(&r->config->listeners, listener);
	if (r->error_count == errors_before)
		listener_check(r, &listener, node->start_mark);
}

static void
list_read(struct reader *r, const struct setting *row, yaml_node_t *node, void *holder)
{
	yaml_node_item_t *item;

	row->type->clear(setting_field(row, holder));
	if (is_null(node)) {
		if (row->type == &type_set && (row->flags & SETTING_INNER) == 0)
			fail(r, node->start_mark, row->name, "is empty");
		return;
	}
	if (node->type != YAML_SEQUENCE_NODE) {
		fail(r, node->start_mark, row->name, "must be %s", row->type->kind);
		return;
	}
	for (item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top; item++) {
		yaml_node_t *value = yaml_document_get_node(&r->document, *item);

		if (row->type->is_section)
			listener_read(r, row, value);
		else
			scalar_read(r, row, value, holder);
	}
	if ((row->type->is_section && r->config->listeners.n == 0) ||
	    (row->type == &type_set && (row->flags & SETTING_INNER) == 0 &&
		*(const int *)setting_field(row, holder) == 0))
		fail(r, node->start_mark, row->name, "is empty");
}

/* ---- sections ---- */

static void
value_read(struct reader *r, const struct setting *row, yaml_node_t *node, void *holder)
{
	if (row->type->is_list)
		list_read(r, row, node, holder);
	else if (row->type->is_section)
		section_read(r, row->name, node, holder);
	else if (is_null(node))
		fail(r, node->start_mark, row->name, "has no value");
	else
		scalar_read(r, row, node, holder);
}

static void
unknown_key(struct reader *r, const char *prefix, yaml_node_t *key)
{
	const char *text = (const char *)key->data.scalar.value, *meant;

	if (key->type != YAML_SCALAR_NODE) {
		fail(r, key->start_mark, prefix, "a key must be text");
		return;
	}
	meant = key_meant(prefix, text);
	if (meant != NULL)
		fail(r, key->start_mark, prefix, "unknown key '%s'; did you mean '%s'?",
		    text, meant);
	else
		fail(r, key->start_mark, prefix, "unknown key '%s'", text);
}

static void
pair_read(struct reader *r, const char *prefix, yaml_node_pair_t *pair, void *holder,
    bool *seen)
{
	yaml_node_t *key = yaml_document_get_node(&r->document, pair->key);
	yaml_node_t *value = yaml_document_get_node(&r->document, pair->value);
	const struct setting *row = NULL;

	if (key->type == YAML_SCALAR_NODE)
		row = child_find(prefix, (const char *)key->data.scalar.value);
	if (row == NULL) {
		unknown_key(r, prefix, key);
		return;
	}
	if (seen[row - settings]) {
		fail(r, key->start_mark, row->name, "stands there twice");
		return;
	}
	seen[row - settings] = true;
	if ((row->flags & SETTING_LATER) != 0)
		warn(r, key->start_mark, row->name,
		    "is not there yet; it has no effect");
	value_read(r, row, value, holder);
}

/* Sections nest no deeper than the table does, whatever the file holds. */
static void
section_read(struct reader *r, const char *prefix, yaml_node_t *node, void *holder)
{
	bool seen[SETTINGS_MAX] = { false };
	yaml_node_pair_t *pair;

	assert(settings_count <= SETTINGS_MAX);
	if (is_null(node))
		return;
	if (node->type != YAML_MAPPING_NODE) {
		fail(r, node->start_mark, prefix, "must be a section of keys");
		return;
	}
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
	     pair++)
		pair_read(r, prefix, pair, holder, seen);
}

/* ---- the document ---- */

static void
syntax_error(struct reader *r, const yaml_parser_t *parser)
{
	const char *problem = parser->problem;

	if (problem == NULL)
		problem = "is not YAML";
	if (parser->error == YAML_READER_ERROR) /* has no place, only an offset */
		fail(r, parser->mark, "", "%s", problem);
	else if (parser->context != NULL)
		fail(r, parser->problem_mark, "", "%s (%s, from line %zu)", problem,
		    parser->context, parser->context_mark.line + 1);
	else
		fail(r, parser->problem_mark, "", "%s", problem);
}

/* Nothing but one document may be there; an empty one sets nothing. */
static void
document_read(struct reader *r, yaml_parser_t *parser)
{
	yaml_node_t *root;
	yaml_document_t second;

	if (!yaml_parser_load(parser, &r->document)) {
		syntax_error(r, parser);
		return;
	}
	root = yaml_document_get_root_node(&r->document);
	if (root != NULL)
		section_read(r, "", root, r->config);
	if (r->has_proxied && r->config->trusted_proxies.n == 0)
		fail(r, r->proxied, "listeners.proxy_protocol",
		    "lets nobody in: trusted_proxies is empty");
	if (root != NULL && yaml_parser_load(parser, &second)) {
		root = yaml_document_get_root_node(&second);
		if (root != NULL)
			fail(r, root->start_mark, "", "a second document stands here");
		yaml_document_delete(&second);
	} else if (root != NULL) {
		syntax_error(r, parser);
	}
	yaml_document_delete(&r->document);
}

bool
config_read(struct config *config, const char *name, const char *text, size_t n,
    struct buf *errors)
{
	struct reader r = { .config = config, .name = name, .errors = errors };
	yaml_parser_t parser;

	if (!yaml_parser_initialize(&parser))
		abort(); /* out of memory */
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
	document_read(&r, &parser);
	yaml_parser_delete(&parser);
	return r.error_count == 0;
}

/*
 * What kinds of values settings have: how each is read from text, written and freed.
 * Pure functions over text; relies on base. Used at start only, before any request.
 */
#include "config_type.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/address.h"
#include "event/ids.h"
#include "suggest.h"

static void
text_clear(void *field)
{
	char **text = field;

	free(*text);
	*text = NULL;
}

static bool
text_set(void *field, const char *text)
{
	text_clear(field);
	*(char **)field = xstrdup(text);
	return true;
}

static bool
refuse(const struct setting *row, const char *text, struct buf *why)
{
	buf_printf(why, "'%s' is not %s", text, row->type->kind);
	return false;
}

static bool
text_parse(const struct setting *row, const char *text, void *field, struct buf *why)
{
	/* A secret left empty is none; any other text that is empty is forgotten. */
	if (*text == '\0' && (row->flags & SETTING_SECRET))
		return true;
	if (*text == '\0') {
		buf_str(why, "is empty");
		return false;
	}
	return text_set(field, text);
}

static void
text_print(const struct setting *row, const void *field, struct buf *out)
{
	const char *text = *(char *const *)field;

	if (text != NULL)
		buf_json_str(out, text);
}

const struct value_type type_text = { "text", false, false, text_parse, text_print,
	text_clear };

/* ---- lists of texts ---- */

static bool
texts_parse(const struct setting *row, const char *text, void *field, struct buf *why)
{
	VEC(char *) *list = field;

	if (*text == '\0') {
		buf_str(why, "is empty");
		return false;
	}
	vec_push(list, xstrdup(text));
	return true;
}

static void
texts_print(const struct setting *row, const void *field, struct buf *out)
{
	const VEC(char *) *list = field;

	buf_char(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		buf_str(out, i > 0 ? ", " : "");
		buf_json_str(out, list->v[i]);
	}
	buf_char(out, ']');
}

static void
texts_clear(void *field)
{
	VEC(char *) *list = field;

	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	vec_free(list);
}

const struct value_type type_texts = { "a list of texts", true, false, texts_parse,
	texts_print, texts_clear };

/* ---- names and places ---- */

static bool
url_parse(const struct setting *row, const char *text, void *field, struct buf *why)
{
	const char *host = strstr(text, "://");
	size_t n = strlen(text);

	if (!starts_with(text, "http://") && !starts_with(text, "https://"))
		return refuse(row, text, why);
	host += 3;
	if (*host == '\0' || *host == '/' || strcspn(text, " \t\r\n?#\"\\") != n)
		return refuse(row, text, why);
	text_set(field, text);
	if (text[n - 1] == '/')
		(*(char **)field)[n - 1] = '\0';
	return true;
}

/* For people to follow: nothing is put behind it. */
static bool
link_parse(const struct setting *row, const char *text, void *field, struct buf *why)
{
	const char *host = strstr(text, "://");

	if ((!starts_with(text, "http://") && !starts_with(text, "https://")) ||
	    host[3] == '\0' || host[3] == '/')
		return refuse(row, text, why);
	for (const char *p = text; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"<>\\", *p) != NULL)
			return refuse(row, text, why);
	return text_set(field, text);
}

const struct value_type type_link = { "a link such as https://example.org/quota", false,
	false, link_parse, text_print, text_clear };

const struct value_type type_url = { "an address such as https://example.org", false,
	false, url_parse, text_print, text_clear };

/* Decimal digits alone, at most five, up to 65535. */
static bool
port_parse(const char *text, uint16_t *port_out)
{
	size_t n = strspn(text, "0123456789");
	long port;

	if (n == 0 || n > 5 || text[n] != '\0')
		return false;
	port = strtol(text, NULL, 10);
	*port_out = (uint16_t)port;
	return port <= UINT16_MAX;
}

/* Splits HOST[:PORT] at the colon behind the host; port NULL: none. */
static void
host_split(char *text, char **port_out)
{
	char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;
	char *colon = strchr(bracket != NULL ? bracket : text, ':');

	*port_out = NULL;
	if (colon != NULL) {
		*colon = '\0';
		*port_out = colon + 1;
	}
}

/* 230 bytes, as the specification recommends, leave room for a localpart in 255. */
static bool
server_name_parse(
    const struct setting *row, const char *text, void *field, struct buf *why)
{
	if (strlen(text) > 230 || !id_server_name_valid(text))
		return refuse(row, text, why);
	return text_set(field, text);
}

const struct value_type type_server_name = {
	"a server name such as example.org or example.org:8448", false, false,
	server_name_parse, text_print, text_clear
};

/* unix:PATH, systemd or systemd:NAME; false: neither, or too long. */
static bool
address_local(const char *text, struct config_address *out)
{
	const char *rest = strchr(text, ':');

	if (starts_with(text, "unix:/"))
		out->kind = ADDRESS_UNIX;
	else if (strcmp(text, "systemd") == 0 || starts_with(text, "systemd:"))
		out->kind = ADDRESS_SYSTEMD;
	else
		return false;
	rest = rest == NULL ? "" : rest + 1;
	if (strlen(rest) >= sizeof out->host)
		return false;
	strcpy(out->host, rest);
	return true;
}

static bool
address_parse(const struct setting *row, const char *text, void *field, struct buf *why)
{
	struct config_address *address = field, found = { 0 };
	char *copy = xstrdup(text), *port_text, *host = copy;
	struct in6_addr scratch;
	bool good;

	if (address_local(text, &found)) {
		*address = found;
		free(copy);
		return true;
	}
	host_split(copy, &port_text);
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		host++;
		good = inet_pton(AF_INET6, host, &scratch) == 1;
	} else {
		good = inet_pton(AF_INET, host, &scratch) == 1;
	}
	good = good && port_text != NULL && port_parse(port_text, &found.port);
	if (good) {
		memcpy(found.host, host, strlen(host));
		*address = found;
	}
	free(copy);
	return good ? true : refuse(row, text, why);
}

static void
address_print(const struct setting *row, const void *field, struct buf *out)
{
	const struct config_address *address = field;
	bool is_ipv6 = strchr(address->host, ':') != NULL;

	if (address->kind == ADDRESS_UNIX) {
		buf_printf(out, "\"unix:%s\"", address->host);
		return;
	}
	if (address->kind == ADDRESS_SYSTEMD) {
		buf_printf(
		    out, "\"systemd%s%s\"", address->host[0] ? ":" : "", address->host);
		return;
	}
	buf_printf(out, is_ipv6 ? "\"[%s]:%u\"" : "\"%s:%u\"", address->host,
	    (unsigned)address->port);
}

const struct value_type type_address = {
	"a numeric address with a port, such as 127.0.0.1:8008 or [::1]:8008, nor "
	"unix:/PATH or systemd:NAME",
	false, false, address_parse, address_print, NULL
};

/* A driver that is not there yet is an error, not a warning: going on with another
 * database than the one asked for would look like the loss of all data. */
static bool
database_parse(
    const struct setting *row, const char *text, void *field, struct buf *why)
{
	if (starts_with(text, "postgresql://") || starts_with(text, "postgres://")) {
		buf_str(why, "PostgreSQL is not there yet; sqlite and sqlite:PATH are");
		return false;
	}
	if (strcmp(text, "sqlite") != 0 &&
	    (!starts_with(text, "sqlite:") || text[strlen("sqlite:")] == '\0'))
		return refuse(row, text, why);
	return text_set(field, text);
}

const struct value_type type_database = { "sqlite, sqlite:PATH or postgresql://...",
	false, false, database_parse, text_print, text_clear };

static bool
bus_parse(const struct setting *row, const char *text, void *field, struct buf *why)
{
	if (starts_with(text, "nats://")) {
		buf_str(why, "NATS is not there yet; local is");
		return false;
	}
	if (strcmp(text, "local") != 0)
		return refuse(row, text, why);
	return text_set(field, text);
}

const struct value_type type_bus = { "local or nats://...", false, false, bus_parse,
	text_print, text_clear };

/* ---- words ---- */

static bool
bool_parse(const struct setting *row, const char *text, void *field, struct buf *why)
{
	static const char *const words[] = { "false", "true", "off", "on", "no",
		"yes" };
	const char *meant;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*(bool *)field = i % 2 == 1;
			return true;
		}
	}
	refuse(row, text, why);
	meant = suggest(text, words, sizeof words / sizeof *words);
	if (meant != NULL)
		buf_printf(why, "; did you mean '%s'?", meant);
	return false;
}

static void
bool_print(const struct setting *row, const void *field, struct buf *out)
{
	buf_str(out, *(const bool *)field ? "true" : "false");
}

const struct value_type type_bool = { "true or false", false, false, bool_parse,
	bool_print, NULL };

/* The index of text in the row's words; -1 with why: not among them. */
static int
word_find(const struct setting *row, const char *text, struct buf *why)
{
	const char *meant;
	int count;

	for (count = 0; row->words[count] != NULL; count++) {
		if (strcmp(text, row->words[count]) == 0)
			return count;
	}
	buf_printf(why, "'%s' is not one of ", text);
	for (int i = 0; i < count; i++)
		buf_printf(why, "%s%s", i == 0 ? "" : ", ", row->words[i]);
	meant = suggest(text, row->words, (size_t)count);
	if (meant != NULL)
		buf_printf(why, "; did you mean '%s'?", meant);
	return -1;
}

static bool
word_parse(const struct setting *row, const char *text, void *field, struct buf *why)
{
	int index = word_find(row, text, why);

	if (index >= 0)
		*(int *)field = index;
	return index >= 0;
}

static void
word_print(const struct setting *row, const void *field, struct buf *out)
{
	buf_str(out, row->words[*(const int *)field]);
}

const struct value_type type_word = { "a word", false, false, word_parse, word_print,
	NULL };

static bool
word_text_parse(
    const struct setting *row, const char *text, void *field, struct buf *why)
{
	return word_find(row, text, why) >= 0 && text_set(field, text);
}

const struct value_type type_word_text = { "a word", false, false, word_text_parse,
	text_print, text_clear };

static bool
set_parse(const struct setting *row, const char *text, void *field, struct buf *why)
{
	int index = word_find(row, text, why);

	if (index >= 0)
		*(int *)field |= 1 << index;
	return index >= 0;
}

static void
set_print(const struct setting *row, const void *field, struct buf *out)
{
	int set = *(const int *)field;
	const char *comma = "";

	buf_char(out, '[');
	for (int i = 0; row->words[i] != NULL; i++) {
		if ((set & (1 << i)) == 0)
			continue;
		buf_printf(out, "%s%s", comma, row->words[i]);
		comma = ", ";
	}
	buf_char(out, ']');
}

static void
set_clear(void *field)
{
	*(int *)field = 0;
}

const struct value_type type_set = { "a list of words", true, false, set_parse,
	set_print, set_clear };

/* ---- numbers and their units ---- */

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit no_units[] = { { "", 1 }, { NULL, 0 } };
static const struct unit size_units[] = { { "", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 },
	{ "G", 1 << 30 }, { NULL, 0 } };
static const struct unit time_units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
	{ "h", 3600000 }, { "d", 86400000 }, { "w", 604800000 }, { NULL, 0 } };

static const struct unit *
unit_find(const struct unit *units, const char *name)
{
	for (; units->name != NULL; units++) {
		if (strcmp(units->name, name) == 0)
			return units;
	}
	return NULL;
}

/* In the largest unit that gives a whole number. */
static void
number_print(int64_t value, const struct unit *units, struct buf *out)
{
	const struct unit *best = units;

	for (; units->name != NULL; units++) {
		if (value != 0 && value % units->factor == 0)
			best = units;
	}
	buf_int(out, value / best->factor);
	buf_str(out, best->name);
}

static bool
out_of_range(const struct setting *row, const char *text, const struct unit *units,
    struct buf *why)
{
	buf_printf(why, "%s is not between ", text);
	number_print(row->min, units, why);
	buf_str(why, " and ");
	number_print(row->max, units, why);
	return false;
}

static bool
number_parse(const struct setting *row, const char *text, const struct unit *units,
    int64_t *value_out, struct buf *why)
{
	bool is_negative = text[0] == '-' && isdigit((unsigned char)text[1]);
	const char *number = text + is_negative;
	size_t digits = strspn(number, "0123456789");
	const struct unit *unit = unit_find(units, number + digits);
	int64_t value;

	if (digits == 0 || unit == NULL) {
		if (digits > 0 && number[digits] == '\0')
			buf_str(why, "has no unit: ");
		return refuse(row, text, why);
	}
	if (is_negative || !str_int((struct str){ number, digits }, &value) ||
	    value > row->max / unit->factor || value * unit->factor < row->min)
		return out_of_range(row, text, units, why);
	*value_out = value * unit->factor;
	return true;
}

static bool
int_parse(const struct setting *row, const char *text, void *field, struct buf *why)
{
	return number_parse(row, text, no_units, field, why);
}

static void
int_print(const struct setting *row, const void *field, struct buf *out)
{
	number_print(*(const int64_t *)field, no_units, out);
}

const struct value_type type_int = { "a whole number", false, false, int_parse,
	int_print, NULL };

static bool
size_parse(const struct setting *row, const char *text, void *field, struct buf *why)
{
	return number_parse(row, text, size_units, field, why);
}

static void
size_print(const struct setting *row, const void *field, struct buf *out)
{
	number_print(*(const int64_t *)field, size_units, out);
}

const struct value_type type_size = { "a size such as 64K or 100M", false, false,
	size_parse, size_print, NULL };

static bool
duration_parse(
    const struct setting *row, const char *text, void *field, struct buf *why)
{
	return number_parse(row, text, time_units, field, why);
}

static void
duration_print(const struct setting *row, const void *field, struct buf *out)
{
	number_print(*(const int64_t *)field, time_units, out);
}

const struct value_type type_duration = { "a duration such as 500ms, 30s, 12h or 7d",
	false, false, duration_parse, duration_print, NULL };

/* ---- networks ---- */

/* Clears what stands behind the first bits of address. */
static void
network_mask(struct in6_addr *address, int bits)
{
	for (int i = 0; i < 16; i++) {
		int keep = bits - 8 * i;

		if (keep <= 0)
			address->s6_addr[i] = 0;
		else if (keep < 8)
			address->s6_addr[i] &= (uint8_t)(0xff << (8 - keep));
	}
}

static bool
network_address(const char *host, struct in6_addr *address_out, bool *is_ipv4_out)
{
	uint8_t ipv4[4];

	*is_ipv4_out = inet_pton(AF_INET, host, ipv4) == 1;
	if (!*is_ipv4_out)
		return inet_pton(AF_INET6, host, address_out) == 1;
	*address_out = address_of_v4(ipv4);
	return true;
}

static void
network_text(const struct config_network *network, struct buf *out)
{
	bool is_ipv4 = IN6_IS_ADDR_V4MAPPED(&network->address) && network->bits >= 96;
	const uint8_t *bytes = network->address.s6_addr;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(is_ipv4 ? AF_INET : AF_INET6, is_ipv4 ? bytes + 12 : bytes, text,
	    sizeof text);
	buf_printf(out, "%s/%d", text, is_ipv4 ? network->bits - 96 : network->bits);
}

static bool
network_read(char *text, struct config_network *network_out)
{
	char *slash = strchr(text, '/');
	uint16_t bits = 0;
	bool is_ipv4;

	if (slash != NULL) {
		*slash = '\0';
		if (!port_parse(slash + 1, &bits))
			return false;
	}
	if (!network_address(text, &network_out->address, &is_ipv4))
		return false;
	if (slash == NULL)
		bits = is_ipv4 ? 32 : 128;
	if (bits > (is_ipv4 ? 32 : 128))
		return false;
	network_out->bits = is_ipv4 ? bits + 96 : bits;
	return true;
}

static bool
networks_parse(
    const struct setting *row, const char *text, void *field, struct buf *why)
{
	VEC(struct config_network) *list = field;
	struct config_network network = { 0 }, masked;
	char *copy = xstrdup(text);
	bool good = network_read(copy, &network);

	free(copy);
	if (!good) {
		buf_printf(why,
		    "'%s' is not a network such as 127.0.0.1/32 or fd00::/8", text);
		return false;
	}
	masked = network;
	network_mask(&masked.address, masked.bits);
	if (memcmp(&masked.address, &network.address, sizeof masked.address) != 0) {
		buf_printf(
		    why, "'%s' has bits behind its prefix; did you mean '", text);
		network_text(&masked, why);
		buf_str(why, "'?");
		return false;
	}
	vec_push(list, network);
	return true;
}

static void
networks_print(const struct setting *row, const void *field, struct buf *out)
{
	const VEC(struct config_network) *list = field;

	buf_char(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		buf_str(out, i > 0 ? ", \"" : "\"");
		network_text(&list->v[i], out);
		buf_char(out, '"');
	}
	buf_char(out, ']');
}

static void
networks_clear(void *field)
{
	VEC(struct config_network) *list = field;

	vec_free(list);
}

const struct value_type type_networks = { "a list of networks", true, false,
	networks_parse, networks_print, networks_clear };

/* ---- what has keys of its own ---- */

static void
listeners_clear(void *field)
{
	VEC(struct config_listener) *list = field;

	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].tls_certificate);
		free(list->v[i].tls_key);
	}
	vec_free(list);
}

const struct value_type type_section = { "a section of keys", false, true, NULL, NULL,
	NULL };
const struct value_type type_listeners = { "a list of listeners", true, true, NULL,
	NULL, listeners_clear };

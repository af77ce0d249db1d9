/*
 * The grammar of identifiers. Relies on the trait table (event/room_version) and on
 * base/crypto for randomness; every request and every event comes past here.
 */
#include "event/ids.h"

#include <arpa/inet.h>
#include <string.h>
#include "base/crypto.h"

#define OPAQUE_LEN 18
#define HASH_B64_LEN 43 /* 32 bytes, unpadded */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* ":" and 1 to 5 digits, up to the end; or nothing at all. */
static bool
port_valid(const char *p)
{
	size_t n;

	if (*p == '\0')
		return true;
	if (*p++ != ':')
		return false;
	for (n = 0; is_digit(p[n]); n++)
		;
	return n >= 1 && n <= 5 && p[n] == '\0';
}

/* "[" address "]" [port] */
static bool
ipv6_valid(const char *name)
{
	char address[46];
	struct in6_addr parsed;
	const char *end = strchr(name, ']');
	size_t n;

	if (end == NULL)
		return false;
	n = (size_t)(end - name) - 1;
	if (n >= sizeof address)
		return false;
	memcpy(address, name + 1, n);
	address[n] = '\0';
	return inet_pton(AF_INET6, address, &parsed) == 1 && port_valid(end + 1);
}

/* Four numbers and three dots are an IPv4 address, and must then be one. */
static bool
looks_like_ipv4(const char *host, size_t n)
{
	int dots = 0, digits = 0;

	for (size_t i = 0; i < n; i++) {
		if (host[i] == '.' && digits > 0 && i + 1 < n) {
			dots++;
			digits = 0;
		} else if (is_digit(host[i])) {
			digits++;
		} else {
			return false;
		}
	}
	return dots == 3;
}

static bool
ipv4_valid(const char *host, size_t n)
{
	int value = 0, digits = 0;

	for (size_t i = 0; i < n; i++) {
		if (host[i] == '.') {
			value = digits = 0;
			continue;
		}
		value = value * 10 + (host[i] - '0');
		if (++digits > 3 || value > 255)
			return false;
	}
	return true;
}

bool
id_server_name_valid(const char *name)
{
	size_t n = 0;

	if (strlen(name) > ID_MAX)
		return false;
	if (name[0] == '[')
		return ipv6_valid(name);
	while (is_alnum(name[n]) || name[n] == '-' || name[n] == '.')
		n++;
	if (n == 0 || !port_valid(name + n))
		return false;
	return !looks_like_ipv4(name, n) || ipv4_valid(name, n);
}

/* sigil, anything without ':', a ':' and a server name; 255 bytes in all. */
static bool
with_server_valid(const char *id, char sigil)
{
	const char *server;

	if (id[0] != sigil || strlen(id) > ID_MAX)
		return false;
	server = id_server(id);
	return server != NULL && id_server_name_valid(server);
}

bool
id_user_valid(const char *user_id)
{
	return with_server_valid(user_id, '@');
}

static size_t
strict_localpart_len(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._=-/+");
}

bool
id_user_strict(const char *user_id)
{
	size_t n;

	if (!id_user_valid(user_id))
		return false;
	n = strict_localpart_len(user_id + 1);
	return n > 0 && user_id[1 + n] == ':';
}

bool
id_localpart_strict(const char *localpart)
{
	size_t n = strict_localpart_len(localpart);

	return n > 0 && localpart[n] == '\0';
}

/* sigil and a reference hash. */
static bool
hashed_valid(const char *id, char sigil, char plus, char slash)
{
	if (id[0] != sigil)
		return false;
	for (int i = 1; i <= HASH_B64_LEN; i++)
		if (!is_alnum(id[i]) && id[i] != plus && id[i] != slash)
			return false;
	return id[1 + HASH_B64_LEN] == '\0';
}

bool
id_room_valid(const char *room_id)
{
	return with_server_valid(room_id, '!') || hashed_valid(room_id, '!', '-', '_');
}

bool
id_room_valid_in(const struct room_version *version, const char *room_id)
{
	if (version == NULL)
		return id_room_valid(room_id);
	if (version->create_is_room_id)
		return hashed_valid(room_id, '!', '-', '_');
	return with_server_valid(room_id, '!');
}

bool
id_alias_valid(const char *alias)
{
	return with_server_valid(alias, '#');
}

bool
id_event_valid(const struct room_version *version, const char *event_id)
{
	size_t n = strlen(event_id);

	if (version == NULL)
		return event_id[0] == '$' && n > 1 && n <= ID_MAX;
	switch (version->event_id_format) {
	case EVENT_ID_GIVEN:
		return with_server_valid(event_id, '$');
	case EVENT_ID_BASE64:
		return hashed_valid(event_id, '$', '+', '/');
	case EVENT_ID_URLSAFE:
		return hashed_valid(event_id, '$', '-', '_');
	}
	return false;
}

bool
id_mxc_valid(const char *uri)
{
	char server[ID_MAX + 1];
	size_t n, media_n = 0;

	if (strncmp(uri, "mxc://", 6) != 0)
		return false;
	uri += 6;
	n = strcspn(uri, "/");
	if (n > ID_MAX || uri[n] == '\0')
		return false;
	memcpy(server, uri, n);
	server[n] = '\0';
	uri += n + 1;
	while (is_alnum(uri[media_n]) || uri[media_n] == '_' || uri[media_n] == '-')
		media_n++;
	return media_n > 0 && uri[media_n] == '\0' && id_server_name_valid(server);
}

const char *
id_server(const char *id)
{
	const char *colon = strchr(id, ':');

	return colon == NULL ? NULL : colon + 1;
}

bool
id_is_of(const char *id, const char *server_name)
{
	const char *server = id_server(id);

	return server != NULL && strcmp(server, server_name) == 0;
}

bool
id_same_server(const char *a, const char *b)
{
	const char *server = id_server(b);

	return server != NULL && id_is_of(a, server);
}

char *
id_localpart(struct arena *arena, const char *id)
{
	const char *start = id[0] == '\0' ? id : id + 1;

	return arena_strndup(arena, start, strcspn(start, ":"));
}

char *
id_new(struct arena *arena, char sigil, const char *server_name)
{
	char opaque[OPAQUE_LEN + 1];

	random_letters(opaque, OPAQUE_LEN);
	if (server_name == NULL)
		return arena_printf(arena, "%c%s", sigil, opaque);
	return arena_printf(arena, "%c%s:%s", sigil, opaque, server_name);
}

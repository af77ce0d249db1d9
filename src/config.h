/*
 * The settings of a server: YAML (so JSON too), each key with a default, read once at
 * start. Relies on libyaml; everything else is given what it needs out of this struct.
 * Every key is one row of the table in config.c: name, type, default, limits, help.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/log.h"
#include "base/str.h"
#include "base/vec.h"
#include "room/ctx.h"

/* What a listener serves: a set of these. */
enum {
	API_CLIENT = 1,
	API_FEDERATION = 2,
	API_VIEWER = 4,
	API_METRICS = 8,
};

/* Where the server listens: numeric address and port (0: any free one), the path of a
 * Unix socket, or a socket that systemd hands over. */
struct config_address {
	enum { ADDRESS_INET, ADDRESS_UNIX, ADDRESS_SYSTEMD } kind;
	char
	    host[108]; /* without brackets; or the path; or the name, which may be "" */
	uint16_t port;
};

struct config_listener {
	struct config_address address;
	int apis;			 /* API_* */
	char *tls_certificate, *tls_key; /* files; both or neither */
	bool proxy_protocol;
};

/* IPv4 as ::ffff:a.b.c.d, its prefix counted from there (96 more). */
struct config_network {
	struct in6_addr address;
	int bits;
};

/* Made by config_load, constant afterwards: any thread may read it. */
struct config {
	char *file; /* NULL: built-in defaults */

	char *server_name;
	char *public_base_url; /* without a slash at its end; made up where not given */
	bool base_url_is_given;
	char *data_dir;
	int log_level;	/* enum log_level */
	int log_format; /* 0 text, 1 JSON */
	VEC(struct config_listener) listeners;
	char *database;	     /* as written: sqlite, sqlite:PATH */
	char *database_file; /* what that means: DATA_DIR/parlour.db or PATH */
	char *bus;

	int registration_mode;		  /* enum registration_mode */
	char *registration_shared_secret; /* NULL: none */
	char *recaptcha_verify_url, *recaptcha_public_key, *recaptcha_private_key;
	int64_t access_token_lifetime_ms; /* of sessions that hold a refresh token */

	int guests_mode; /* enum guests_mode */
	int64_t guests_lifetime_ms;

	bool federation_enabled, federation_private_addresses;
	bool federation_public_rooms, federation_device_names;
	char *federation_trusted_ca;
	bool identity_verify_certificates;

	bool limits_rate;
	int64_t limits_body_max;		/* bytes */
	int64_t limits_connections_max;		/* 0: as many as nofile allows */
	int64_t limits_connections_per_address; /* 0: no limit */
	int64_t limits_events_timeout_max_ms;
	int64_t limits_parked_per_address, limits_parked_per_token; /* 0: no limit */

	bool http_io_uring;
	int64_t http_io_threads, http_workers; /* 0: by the number of cores */
	int64_t http_head_timeout_ms, http_body_timeout_ms, http_idle_timeout_ms;
	int64_t http_unread_max;

	VEC(struct config_network) trusted_proxies;
	int64_t password_memory_kib, password_passes;
	char *rooms_default_version;
	bool rooms_public_list_without_token;
	int64_t rooms_state_memory; /* bytes; 0: none is kept */
	bool presence_enabled;

	bool viewer_enabled;
	int viewer_rooms;     /* 0 world_readable, 1 listed */
	char *viewer_title;   /* NULL: none */
	int viewer_languages; /* bits, in the order of the table's words */
	int viewer_language;  /* one of these; else the first of them */
	bool viewer_search;

	bool previews_enabled, previews_private_addresses;
	char *mail_smtp, *mail_from;
	int64_t media_max_upload, media_max_files, media_max_total;
	char *media_quota_link;
	char *media_store;
	char *media_folder; /* what that means: DATA_DIR/media or a path */
	char *s3_endpoint, *s3_region, *s3_bucket, *s3_prefix; /* bucket NULL: none */
	char *s3_access_key, *s3_secret_key;
	bool s3_bucket_in_host;
	int64_t s3_cache;
	bool media_allow_unauthenticated;
	VEC(char *) appservices;

	VEC(char *) warnings; /* "FILE:LINE:COLUMN: sentence", one each */
};

#define CONFIG_FILE "parlour.yaml"

/*
 * Reads file. NULL: CONFIG_FILE if it is there, else the defaults. NULL with *error_out
 * (malloc'ed) where something is wrong: one line "FILE:LINE:COLUMN: sentence" for each
 * mistake, in the order of the file, without a newline at the end.
 */
struct config *config_load(const char *file, char **error_out);
/* The same from memory; name stands for the file in messages. */
struct config *config_parse(
    const char *name, const char *text, size_t n, char **error_out);
struct config *config_default(void);
void config_free(struct config *config);

/* Does this program open the listener? Not if it only serves what is not there yet; a
 * warning has said so. */
bool config_listener_opens(const struct config_listener *listener);
/* Is address (IPv4 as ::ffff:a.b.c.d) one of trusted_proxies? */
bool config_trusts(const struct config *config, const struct in6_addr *address);

/* Adds what is in force, as YAML; secrets are left out. */
void config_print(const struct config *config, struct buf *out);
/* Adds a configuration to start from: every key with its help, those of the given
 * name and folder set, the others commented out. */
void config_template(const char *server_name, const char *data_dir, struct buf *out);

#endif

/*
 * The table of settings: every key there is, with its type, default, limits and help.
 * The order is that of `parlour init`'s file. A new setting is a row here and a field
 * in struct config.
 */
#include "config_table.h"

#include <stddef.h>

static const char *const log_levels[] = { "error", "warn", "info", "debug", NULL };
static const char *const log_formats[] = { "text", "json", NULL };
static const char *const apis[] = { "client", "federation", "viewer", "metrics", NULL };
static const char *const viewer_rooms[] = { "world_readable", "listed", NULL };
static const char *const languages[] = { "en", "de", "fr", "es", "ja", "ar", NULL };
static const char *const registration_modes[] = { "closed", "token", "open", NULL };
static const char *const guest_modes[] = { "off", "read", "join", NULL };
static const char *const room_versions[] = { "1", "2", "3", "4", "5", "6", "7", "8",
	"9", "10", "11", "12", NULL };

#define MS 1
#define S 1000
#define H (3600 * INT64_C(1000))
#define D (24 * H)
#define K 1024
#define M (1024 * INT64_C(1024))
#define G (1024 * M)

#define FIELD(field) .offset = offsetof(struct config, field)
#define ITEM(field) .offset = offsetof(struct config_listener, field)
#define RANGE(least, most) .min = (least), .max = (most)
#define LATER .flags = SETTING_LATER
#define SECTION(path, text, bits)                                                      \
	{                                                                              \
		.name = (path), .type = &type_section, .help = (text), .flags = (bits) \
	}

/* clang-format off */
const struct setting settings[] = {
	{ "server_name", &type_server_name, FIELD(server_name), "localhost",
	    "The name in every id, @user:NAME; it can never change." },
	{ "public_base_url", &type_url, FIELD(public_base_url), NULL,
	    "Where clients reach this server from outside." },
	{ "data_dir", &type_text, FIELD(data_dir), "./data",
	    "Holds the database, the keys and the lock of the running server." },

	SECTION("log", "One line a message, to stderr.", 0),
	{ "log.level", &type_word, FIELD(log_level), "info",
	    "error, warn, info, or debug (a line for each request).",
	    .words = log_levels },
	{ "log.format", &type_word, FIELD(log_format), "text", "text or json.",
	    .words = log_formats },

	{ "listeners", &type_listeners, FIELD(listeners), NULL,
	    "Where the server listens, and for what." },
	{ "listeners.address", &type_address, ITEM(address), NULL,
	    "ADDRESS:PORT (port 0 takes any free one), unix:/PATH, or systemd:NAME for a"
	    " socket handed over (systemd alone: the next of them).",
	    .flags = SETTING_INNER },
	{ "listeners.serve", &type_set, ITEM(apis), "client, viewer",
	    "Of client, federation, viewer, metrics.",
	    .words = apis, .later_words = API_FEDERATION,
	    .flags = SETTING_INNER },
	{ "listeners.proxy_protocol", &type_bool, ITEM(proxy_protocol), "false",
	    "Connections begin with a PROXY header; only trusted_proxies may connect.",
	    .flags = SETTING_INNER },
	SECTION("listeners.tls", "Files in PEM.", SETTING_INNER),
	{ "listeners.tls.certificate", &type_text, ITEM(tls_certificate), NULL,
	    "The certificate and its chain.", .flags = SETTING_INNER },
	{ "listeners.tls.key", &type_text, ITEM(tls_key), NULL,
	    "Its private key.", .flags = SETTING_INNER },

	{ "database", &type_database, FIELD(database), "sqlite",
	    "sqlite is DATA_DIR/parlour.db; sqlite:PATH another file." },
	{ "bus", &type_bus, FIELD(bus), "local", "How the nodes of a cluster speak." },

	SECTION("registration", "Who may make an account.", 0),
	{ "registration.mode", &type_word, FIELD(registration_mode), "closed",
	    "closed, token (`parlour token add`) or open.", .words = registration_modes },
	{ "registration.shared_secret", &type_text, FIELD(registration_shared_secret), NULL,
	    "Lets tools register accounts at /_synapse/admin/v1/register.",
	    .flags = SETTING_SECRET },
	SECTION("registration.recaptcha", "Ask for a captcha.", 0),
	{ "registration.recaptcha.verify_url", &type_url, FIELD(recaptcha_verify_url), NULL,
	    "Where answers are verified.", LATER },
	{ "registration.recaptcha.public_key", &type_text, FIELD(recaptcha_public_key), NULL,
	    "Shown to clients.", LATER },
	{ "registration.recaptcha.private_key", &type_text, FIELD(recaptcha_private_key),
	    NULL, "Known to this server alone.", .flags = SETTING_LATER | SETTING_SECRET },

	SECTION("login", "Sessions of accounts.", 0),
	{ "login.access_token_lifetime", &type_duration, FIELD(access_token_lifetime_ms),
	    "1h", "Of sessions whose client asked for a refresh token.",
	    RANGE(100 * MS, 365 * D) },

	SECTION("guests", "People without an account.", 0),
	{ "guests.mode", &type_word, FIELD(guests_mode), "join",
	    "off, read (public rooms) or join (rooms that let guests in).",
	    .words = guest_modes },
	{ "guests.lifetime", &type_duration, FIELD(guests_lifetime_ms), "7d",
	    "How long a guest lives; if it wrote something, how long unused.",
	    RANGE(100 * MS, 365 * D) },

	SECTION("federation", "Rooms shared with other servers.", 0),
	{ "federation.enabled", &type_bool, FIELD(federation_enabled), "true",
	    "Speak with other servers at all.", LATER },
	{ "federation.trusted_ca", &type_text, FIELD(federation_trusted_ca), NULL,
	    "A file of certificates to trust besides the system's.", LATER },
	{ "federation.allow_private_addresses", &type_bool,
	    FIELD(federation_private_addresses), "false",
	    "Call servers in private networks.", LATER },
	{ "federation.public_rooms", &type_bool, FIELD(federation_public_rooms), "true",
	    "Show the room directory to other servers.", LATER },
	{ "federation.device_names", &type_bool, FIELD(federation_device_names), "false",
	    "Tell other servers the names of devices.", LATER },
	SECTION("identity", "Identity servers.", 0),
	{ "identity.verify_certificates", &type_bool, FIELD(identity_verify_certificates),
	    "true", "Off for tests only.", LATER },

	SECTION("limits", "What one client may take.", 0),
	{ "limits.rate", &type_bool, FIELD(limits_rate), "on",
	    "Rate limits by token and address; off for tests." },
	{ "limits.body_max", &type_size, FIELD(limits_body_max), "1M",
	    "The largest request body.", RANGE(64 * K, 1 * G) },
	{ "limits.connections_max", &type_int, FIELD(limits_connections_max), "0",
	    "Connections at one time; 0: as many as nofile allows.", RANGE(0, 100000000) },
	{ "limits.connections_per_address", &type_int,
	    FIELD(limits_connections_per_address), "0",
	    "Connections from one address (IPv6: one /64) that is no trusted proxy; 0: no"
	    " limit.",
	    RANGE(0, 100000000) },
	{ "limits.events_timeout_max", &type_duration, FIELD(limits_events_timeout_max_ms),
	    "2m", "The longest a listener waits for one answer.", RANGE(1 * S, 1 * H) },
	{ "limits.parked_per_address", &type_int, FIELD(limits_parked_per_address), "0",
	    "Listeners waiting from one address (IPv6: one /64); 0: no limit.",
	    RANGE(0, 100000000) },
	{ "limits.parked_per_token", &type_int, FIELD(limits_parked_per_token), "0",
	    "Listeners waiting with one token; 0: no limit.", RANGE(0, 100000000) },

	SECTION("http", "The HTTP server.", 0),
	{ "http.io_threads", &type_int, FIELD(http_io_threads), "0",
	    "Threads that own connections; 0: one per core.", RANGE(0, 256) },
	{ "http.io_uring", &type_bool, FIELD(http_io_uring), "on",
	    "Send a fan-out in batches, where the kernel can (io_uring)." },
	{ "http.workers", &type_int, FIELD(http_workers), "0",
	    "Threads that run requests; 0: by the number of cores.", RANGE(0, 1024) },
	{ "http.head_timeout", &type_duration, FIELD(http_head_timeout_ms), "10s",
	    "For the whole head of a request.", RANGE(100 * MS, 1 * H) },
	{ "http.body_timeout", &type_duration, FIELD(http_body_timeout_ms), "60s",
	    "For the whole body of a request.", RANGE(100 * MS, 1 * H) },
	{ "http.idle_timeout", &type_duration, FIELD(http_idle_timeout_ms), "2m",
	    "Of a connection between two requests.", RANGE(100 * MS, 1 * D) },
	{ "http.unread_max", &type_size, FIELD(http_unread_max), "256K",
	    "What a listener may leave unread of what is shared before it is closed.",
	    RANGE(64 * K, 1 * G) },

	{ "trusted_proxies", &type_networks, FIELD(trusted_proxies), "127.0.0.1/32",
	    "Whose X-Forwarded-For is believed." },
	SECTION("password_hashing", "The cost of argon2id.", 0),
	{ "password_hashing.memory_kib", &type_int, FIELD(password_memory_kib), "65536",
	    "Memory for one hash.", RANGE(8, 4 * M) },
	{ "password_hashing.passes", &type_int, FIELD(password_passes), "2",
	    "How often it is gone over.", RANGE(1, 100) },

	SECTION("rooms", "Rooms and their directory.", 0),
	{ "rooms.default_version", &type_word_text, FIELD(rooms_default_version), "12",
	    "Of new rooms whose maker asks for none.", .words = room_versions },
	{ "rooms.public_list_without_token", &type_bool,
	    FIELD(rooms_public_list_without_token), "true",
	    "Show the room directory to anyone." },
	{ "rooms.state_memory", &type_size, FIELD(rooms_state_memory), "64M",
	    "For rooms' state as clients are shown it, so that a first sync need not read"
	    " it; 0: none.",
	    RANGE(0, 8 * G) },

	SECTION("viewer", "Public rooms as web pages, at /rooms.", 0),
	{ "viewer.enabled", &type_bool, FIELD(viewer_enabled), "true",
	    "Show them at all, on listeners that serve viewer." },
	{ "viewer.rooms", &type_word, FIELD(viewer_rooms), "world_readable",
	    "world_readable (all rooms that everybody may read) or listed (of these, those"
	    " in the directory).",
	    .words = viewer_rooms },
	{ "viewer.title", &type_text, FIELD(viewer_title), NULL,
	    "Above the list of rooms; 'Public rooms' where not given." },
	{ "viewer.languages", &type_set, FIELD(viewer_languages), "en, de, fr, es, ja, ar",
	    "Of the pages, by what the browser asks for.", .words = languages },
	{ "viewer.language", &type_word, FIELD(viewer_language), "en",
	    "For who reads none of them.", .words = languages },
	{ "viewer.search", &type_bool, FIELD(viewer_search), "true",
	    "Let people search inside rooms." },

	SECTION("presence", "Who is online.", 0),
	{ "presence.enabled", &type_bool, FIELD(presence_enabled), "true",
	    "Tell users who share a room of each other; off: all are offline." },

	SECTION("previews", "Previews of links.", 0),
	{ "previews.enabled", &type_bool, FIELD(previews_enabled), "false",
	    "Fetch them at all." },
	{ "previews.allow_private_addresses", &type_bool, FIELD(previews_private_addresses),
	    "false", "Fetch them from private networks too: for tests." },
	SECTION("mail", "How the server sends mail.", 0),
	{ "mail.smtp", &type_text, FIELD(mail_smtp), NULL, "The server that takes it, smtp://host:port.",
	    .flags = SETTING_LATER | SETTING_SECRET },
	{ "mail.from", &type_text, FIELD(mail_from), NULL, "The sender's address.", LATER },
	SECTION("media", "Uploaded files.", 0),
	{ "media.max_upload", &type_size, FIELD(media_max_upload), "100M",
	    "The largest one.", RANGE(1, 1024 * G) },
	{ "media.max_files_per_user", &type_int, FIELD(media_max_files), "0",
	    "How many one may have; 0: any number.", RANGE(0, 1000 * M) },
	{ "media.max_total_per_user", &type_size, FIELD(media_max_total), "0",
	    "How much they may come to; 0: no limit.", RANGE(0, 1024 * 1024 * G) },
	{ "media.quota_link", &type_link, FIELD(media_quota_link), NULL,
	    "A page that tells people how to get more; errors over these limits name it." },
	{ "media.store", &type_text, FIELD(media_store), NULL,
	    "A folder; DATA_DIR/media where not given." },
	{ "media.allow_unauthenticated", &type_bool, FIELD(media_allow_unauthenticated),
	    "false", "Hand files to people without a token, by the paths of before." },
	SECTION("media.s3", "Files in a bucket of an S3-compatible store.", 0),
	{ "media.s3.bucket", &type_text, FIELD(s3_bucket), NULL,
	    "Its name; where it is given, new files go there." },
	{ "media.s3.endpoint", &type_url, FIELD(s3_endpoint), NULL,
	    "Where the store is; where not given, that of AWS in the region." },
	{ "media.s3.region", &type_text, FIELD(s3_region), "us-east-1",
	    "The region that requests are signed for." },
	{ "media.s3.access_key", &type_text, FIELD(s3_access_key), NULL,
	    "The key's id.", .flags = SETTING_SECRET },
	{ "media.s3.secret_key", &type_text, FIELD(s3_secret_key), NULL,
	    "The key.", .flags = SETTING_SECRET },
	{ "media.s3.prefix", &type_text, FIELD(s3_prefix), NULL,
	    "Before the names of all objects; of a-z A-Z 0-9 - _ . /" },
	{ "media.s3.bucket_in_host", &type_bool, FIELD(s3_bucket_in_host), "false",
	    "https://BUCKET.ENDPOINT/ and not https://ENDPOINT/BUCKET/." },
	{ "media.s3.cache", &type_size, FIELD(s3_cache), "1G",
	    "How much of it is kept in the folder, too: what was asked for last.",
	    RANGE(0, 1024 * 1024 * G) },
	{ "appservices", &type_texts, FIELD(appservices), NULL,
	    "Registration files of application services.", LATER },
};
/* clang-format on */

const size_t settings_count = sizeof settings / sizeof *settings;

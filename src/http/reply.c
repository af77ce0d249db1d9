/*
 * The head of an answer, and whole answers that many connections share. Relies on the
 * clock alone; any thread may call it.
 * The last step before the bytes of an answer are written by http/answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"
#include "http/io.h"

#define DATE_LEN 29

/* Spec: client-server-api/#web-browser-clients: these stand in every answer. */
static const char cors[] =
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Allow-Methods: GET, POST, PUT, DELETE, OPTIONS\r\n"
    "Access-Control-Allow-Headers: X-Requested-With, Content-Type, Authorization\r\n";
static const char gzipped[] = "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n";
static const char json_type[] = "application/json";

static const char *
status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} texts[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 206, "Partial Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 416, "Range Not Satisfiable" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
	};
	size_t i;

	for (i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Unnamed";
}

/* RFC 9110 5.6.7. Made once a second and thread: an answer a microsecond is the goal.
 */
static void
http_date(char out[DATE_LEN + 1])
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
		"Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
		"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	static _Thread_local time_t made_at = -1;
	static _Thread_local char made[64];
	time_t now = (time_t)(clock_now_ms() / 1000);

	if (now != made_at) {
		struct tm tm;

		gmtime_r(&now, &tm);
		snprintf(made, sizeof made, "%s, %02d %s %04d %02d:%02d:%02d GMT",
		    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
		    tm.tm_hour, tm.tm_min, tm.tm_sec);
		made_at = now;
	}
	memcpy(out, made, DATE_LEN);
	out[DATE_LEN] = '\0';
}

static const char *
type_of(const struct http_reply *reply)
{
	return reply->content_type != NULL ? reply->content_type : json_type;
}

/* RFC 9110 8.6, 15.3.5, 15.4.5: these have no content, and say no length of it. */
bool
reply_is_bodiless(int status)
{
	return status == 204 || status == 304;
}

size_t
reply_head_bound(const struct http_reply *reply)
{
	size_t more = reply->headers != NULL ? strlen(reply->headers) : 0;

	return 256 + sizeof cors + sizeof gzipped + strlen(type_of(reply)) + more;
}

size_t
reply_head(const struct http_reply *reply, char *out, size_t cap)
{
	char date[DATE_LEN + 1], content[64] = "";
	int n;

	http_date(date);
	if (!reply_is_bodiless(reply->status) && !reply->goes_on)
		snprintf(
		    content, sizeof content, "Content-Length: %zu\r\n", reply->body_n);
	n = snprintf(out, cap,
	    "HTTP/1.1 %d %s\r\n"
	    "Date: %s\r\n"
	    "%s%s%s%s%s%s%s",
	    reply->status, status_text(reply->status), date,
	    reply_is_bodiless(reply->status) ? "" : "Content-Type: ",
	    reply_is_bodiless(reply->status) ? "" : type_of(reply),
	    reply_is_bodiless(reply->status) ? "" : "\r\n", content, cors,
	    reply->gzip ? gzipped : "", reply->headers != NULL ? reply->headers : "");
	return (size_t)n < cap ? (size_t)n : cap - 1;
}

static struct http_shared *
shared_new(const struct http_reply *reply, const void *body)
{
	size_t cap = reply_head_bound(reply), head_n, n = reply->body_n;
	struct http_shared *shared = xmalloc(sizeof *shared + cap + n);

	head_n = reply_head(reply, shared->bytes, cap);
	memcpy(shared->bytes + head_n, "\r\n", 2);
	head_n += 2;
	if (n > 0)
		memcpy(shared->bytes + head_n, body, n);
	atomic_init(&shared->refs, 1);
	shared->head_n = (uint32_t)head_n;
	shared->tail_n = 0;
	shared->n = (uint32_t)(head_n + n);
	return shared;
}

struct http_shared *
http_shared_new(int status, const char *content_type, const void *body, size_t n)
{
	struct http_reply reply = {
		.status = status, .content_type = content_type, .body_n = n
	};

	return shared_new(&reply, body);
}

struct http_shared *
http_shared_new_gzip(int status, const char *content_type, const void *body, size_t n)
{
	struct http_reply reply = { .status = status,
		.content_type = content_type,
		.body_n = n,
		.gzip = true };

	return shared_new(&reply, body);
}

struct http_shared *
http_block_new(const void *bytes, size_t n)
{
	struct http_shared *shared = xmalloc(sizeof *shared + 24 + n);

	atomic_init(&shared->refs, 1);
	shared->head_n = (uint32_t)snprintf(shared->bytes, 20, "%zx\r\n", n);
	shared->tail_n = 2;
	memcpy(shared->bytes + shared->head_n, bytes, n);
	memcpy(shared->bytes + shared->head_n + n, "\r\n", 2);
	shared->n = (uint32_t)(shared->head_n + n + 2);
	return shared;
}

struct http_shared *
http_bytes_new(const void *bytes, size_t n)
{
	struct http_shared *shared = xmalloc(sizeof *shared + n);

	atomic_init(&shared->refs, 1);
	shared->head_n = shared->tail_n = 0;
	memcpy(shared->bytes, bytes, n);
	shared->n = (uint32_t)n;
	return shared;
}

struct http_shared *
http_shared_ref(struct http_shared *shared)
{
	atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
	return shared;
}

void
http_shared_unref(struct http_shared *shared)
{
	if (shared == NULL)
		return;
	if (atomic_fetch_sub_explicit(&shared->refs, 1, memory_order_acq_rel) == 1)
		free(shared);
}

/*
 * The log: a line is built in memory, made harmless, and written with one write(2).
 * Relies on base/str and base/clock. Called from everywhere; holds no lock.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/str.h"

static atomic_int max_level = LOG_INFO;
static atomic_bool as_json;
static _Thread_local uint64_t request;

static const char *const level_names[] = { "error", "warn", "info", "debug" };

void
log_setup(enum log_level level, bool json)
{
	atomic_store(&max_level, level);
	atomic_store(&as_json, json);
}

bool
log_wants(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&max_level, memory_order_relaxed);
}

void
log_set_request(uint64_t request_id)
{
	request = request_id;
}

static void
add_time(struct buf *line)
{
	int64_t now_ms = clock_now_ms();
	time_t seconds = now_ms / 1000;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	buf_printf(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    (int)(now_ms % 1000));
}

/* Bytes of the character at s; 0 if s does not begin with well-formed UTF-8. */
static size_t
char_len(const char *s, size_t n)
{
	for (size_t len = 1; len <= 4 && len <= n; len++) {
		if (utf8_valid(s, len))
			return len;
	}
	return 0;
}

/* C0, DEL and C1: what could end a line or move a terminal's cursor. */
static bool
is_control(const char *s, size_t len)
{
	unsigned char c = (unsigned char)s[0];

	if (len == 2)
		return c == 0xc2 && (unsigned char)s[1] < 0xa0;
	return c < 0x20 || c == 0x7f;
}

/* Whoever put a line feed into a name must not get a line of the log for it. */
static void
add_text(struct buf *line, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = char_len(s + i, n - i);

		if (s[i] == '\n') {
			buf_lit(line, "\\n");
		} else if (len == 0 || is_control(s + i, len)) {
			len = len == 0 ? 1 : len;
			for (size_t k = 0; k < len; k++)
				buf_printf(line, "\\x%02x", (unsigned char)s[i + k]);
		} else {
			buf_add(line, s + i, len);
		}
		i += len;
	}
}

/* JSON has its own escapes; only what is no UTF-8 must be replaced before. */
static void
add_json(struct buf *line, const char *s, size_t n)
{
	struct buf clean = { 0 };

	if (utf8_valid(s, n)) {
		buf_json(line, s, n);
		return;
	}
	for (size_t i = 0; i < n;) {
		size_t len = char_len(s + i, n - i);

		if (len > 0)
			buf_add(&clean, s + i, len);
		else
			buf_lit(&clean, "\xef\xbf\xbd"); /* U+FFFD */
		i += len > 0 ? len : 1;
	}
	buf_json(line, clean.p, clean.n);
	buf_free(&clean);
}

static void
build_text(struct buf *line, enum log_level level, const struct buf *message)
{
	add_time(line);
	buf_printf(line, " %-5s ", level_names[level]);
	if (request != 0)
		buf_printf(line, "r=%llx ", (unsigned long long)request);
	add_text(line, message->p, message->n);
	buf_char(line, '\n');
}

static void
build_json(struct buf *line, enum log_level level, const struct buf *message)
{
	buf_lit(line, "{\"time\":\"");
	add_time(line);
	buf_printf(line, "\",\"level\":\"%s\"", level_names[level]);
	if (request != 0)
		buf_printf(line, ",\"request\":\"%llx\"", (unsigned long long)request);
	buf_lit(line, ",\"message\":");
	add_json(line, message->p, message->n);
	buf_lit(line, "}\n");
}

static void
write_line(const struct buf *line)
{
	size_t done = 0;

	while (done < line->n) {
		ssize_t n = write(STDERR_FILENO, line->p + done, line->n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return; /* nobody left to tell */
		done += (size_t)n;
	}
}

static void
emit(enum log_level level, const struct buf *message)
{
	struct buf line = { 0 };

	if (atomic_load_explicit(&as_json, memory_order_relaxed))
		build_json(&line, level, message);
	else
		build_text(&line, level, message);
	write_line(&line);
	buf_free(&line);
}

void
log_write(enum log_level level, const char *fmt, ...)
{
	struct buf message = { 0 };
	int saved = errno;
	va_list ap;

	if (!log_wants(level))
		return;
	va_start(ap, fmt);
	buf_vprintf(&message, fmt, ap);
	va_end(ap);
	emit(level, &message);
	buf_free(&message);
	errno = saved;
}

void
log_errno(const char *fmt, ...)
{
	struct buf message = { 0 };
	int saved = errno;
	char reason[128];
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&message, fmt, ap);
	va_end(ap);
	buf_printf(&message, ": %s", strerror_r(saved, reason, sizeof reason));
	emit(LOG_ERROR, &message);
	buf_free(&message);
	errno = saved;
}

/*
 * The log: one line a call, text or JSON, to stderr; written with one write(2).
 * Text: `2026-11-22T18:40:01.123Z info  r=1f3 store: opened data/parlour.db`.
 * Tokens never reach it: callers log routes and paths without their query.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_setup(enum log_level level, bool json);
bool log_wants(enum log_level level);
/* The request that this thread works on, in each of its lines; 0: none. */
void log_set_request(uint64_t request_id);

void log_write(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void log_errno(const char *fmt, ...) /* error level, with strerror(errno) behind it */
    __attribute__((format(printf, 1, 2)));

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                                                 \
	do {                                                                           \
		if (log_wants(LOG_DEBUG))                                              \
			log_write(LOG_DEBUG, __VA_ARGS__);                             \
	} while (0)

#endif

/*
 * Counters and gauges of all layers as one text. Relies on each layer's own *_stats; it
 * counts nothing itself. Behind GET /metrics.
 */
#include "api/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "api/client/media_hot.h"
#include "api/client/media_wait.h"
#include "api/inside.h"
#include "core/guests.h"
#include "core/media.h"
#include "event/json_event.h"
#include "room/room.h"
#include "room/state_text.h"

#define COUNTER "counter"
#define GAUGE "gauge"

/* Begins a family of samples. */
static void
family(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
single(struct buf *out, const char *name, const char *type, uint64_t value,
    const char *help)
{
	family(out, name, type, help);
	buf_printf(out, "%s %" PRIu64 "\n", name, value);
}

/* One sample of a family; label and value are words without quotes. */
static void
labelled(struct buf *out, const char *name, const char *label, const char *word,
    uint64_t value)
{
	buf_printf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, word, value);
}

static void
write_http(struct server *server, struct buf *out)
{
	struct http_stats s;

	http_server_stats(server->http, &s);
	single(
	    out, "parlour_http_connections", GAUGE, s.connections, "Open connections.");
	single(out, "parlour_http_parked", GAUGE, s.parked,
	    "Connections whose request waits without a buffer.");
	single(out, "parlour_http_accepted_total", COUNTER, s.accepted,
	    "Connections accepted.");
	single(
	    out, "parlour_http_closed_total", COUNTER, s.closed, "Connections closed.");
	single(out, "parlour_http_requests_total", COUNTER, s.requests,
	    "Requests that arrived whole.");
	single(
	    out, "parlour_http_answered_total", COUNTER, s.answered, "Answers sent.");
	single(out, "parlour_http_bad_requests_total", COUNTER, s.bad_requests,
	    "Requests that are no HTTP, too large or too slow.");
	single(out, "parlour_http_received_bytes_total", COUNTER, s.bytes_in,
	    "Bytes read from clients.");
	single(out, "parlour_http_sent_bytes_total", COUNTER, s.bytes_out,
	    "Bytes written to clients.");
	single(out, "parlour_http_memory_bytes", GAUGE, s.memory_bytes,
	    "Memory for connections, those that wait included.");
	single(out, "parlour_http_pinned_bytes", GAUGE, s.pinned_bytes,
	    "Shared answers that are still being sent.");
}

static void
write_answers(struct server *server, struct buf *out)
{
	static const char *const classes[] = { "1xx", "2xx", "3xx", "4xx", "5xx" };

	family(out, "parlour_http_answers_total", COUNTER,
	    "Answers made by a handler or in place of one, by their status.");
	for (int i = 0; i < 5; i++)
		labelled(out, "parlour_http_answers_total", "class", classes[i],
		    atomic_load(&server->stats.by_class[i + 1]));
	single(out, "parlour_http_limited_total", COUNTER,
	    atomic_load(&server->stats.limited), "Requests refused by a rate limit.");
	family(out, "parlour_workers_queued", GAUGE, "Requests waiting for a worker.");
	labelled(out, "parlour_workers_queued", "pool", "work",
	    workers_depth(server->workers));
	labelled(
	    out, "parlour_workers_queued", "pool", "slow", workers_depth(server->slow));
}

static void
write_listeners(struct server *server, struct buf *out)
{
	struct hub_stats s;

	hubs_stats(server->hubs, &s);
	family(out, "parlour_listeners", GAUGE, "Listeners that await an answer.");
	labelled(out, "parlour_listeners", "state", "parked",
	    s.parked > s.looking ? s.parked - s.looking : 0);
	labelled(out, "parlour_listeners", "state", "looking", s.looking);
	single(out, "parlour_page_watchers", GAUGE, s.watchers,
	    "Those of them who watch a room's page.");
	single(out, "parlour_page_blocks_total", COUNTER, s.pages_made,
	    "What watchers were told, made once for all of a room and language.");
	single(out, "parlour_listener_rooms", GAUGE, s.rooms,
	    "Rooms that are listened to, counted for each io thread.");
	single(out, "parlour_listener_memory_bytes", GAUGE, s.memory_bytes,
	    "Memory for listeners that wait.");
	single(out, "parlour_listener_shared_answers_total", COUNTER, s.answers_shared,
	    "Answers sent out of bytes that several listeners share.");
	single(out, "parlour_listener_bodies_total", COUNTER, s.bodies_made,
	    "Such bytes made.");
	single(out, "parlour_listener_looks_total", COUNTER, s.looks,
	    "Times that a worker looked for a listener.");
	single(out, "parlour_listener_timeouts_total", COUNTER, s.timeouts,
	    "Listeners answered with nothing when their time was over.");
}

static void
write_pages(struct server *server, struct buf *out)
{
	const struct server_pages *pages = &server->options.pages;
	struct server_page_stats s;

	if (pages->stats == NULL)
		return;
	pages->stats(pages->arg, &s);
	family(out, "parlour_pages_total", COUNTER, "Pages answered, by how.");
	labelled(out, "parlour_pages_total", "how", "made", s.made);
	labelled(out, "parlour_pages_total", "how", "kept", s.kept);
	single(out, "parlour_page_lines_total", COUNTER, s.lines_made,
	    "Events made into lines of pages, each once for a language.");
	single(out, "parlour_page_line_bytes", GAUGE, s.line_bytes,
	    "Lines that are kept in memory.");
}

static void
write_store(struct server *server, struct buf *out)
{
	struct writer_stats s;

	writer_stats(server->core->writer, &s);
	single(out, "parlour_writer_jobs_total", COUNTER, s.jobs, "Write jobs.");
	single(out, "parlour_writer_groups_total", COUNTER, s.groups,
	    "Groups of jobs, a transaction and an fsync each.");
	single(out, "parlour_writer_failed_groups_total", COUNTER, s.failed_groups,
	    "Groups that could not be committed.");
	single(out, "parlour_writer_checkpoints_total", COUNTER, s.checkpoints,
	    "Checkpoints of the write-ahead log.");
	single(out, "parlour_writer_wal_bytes", GAUGE, s.wal_bytes,
	    "Size of the write-ahead log.");
	single(out, "parlour_writer_queue_depth", GAUGE, s.queue_depth,
	    "Jobs that wait for the writer.");
}

static void
write_core(struct server *server, struct buf *out)
{
	struct json_event_stats events;
	struct guests_stats guests;
	uint64_t rooms, tail_events;

	json_event_stats(&events);
	rooms_stats(server->core->rooms, &rooms, &tail_events);
	guests_stats(server->core->guests, &guests);
	single(out, "parlour_events_encoded_total", COUNTER, events.encoded,
	    "Events encoded for clients, once per format.");
	single(out, "parlour_events_delivered_total", COUNTER, events.delivered,
	    "Events handed to clients.");
	single(out, "parlour_rooms_in_memory", GAUGE, rooms, "Rooms in memory.");
	single(out, "parlour_room_events_in_memory", GAUGE, tail_events,
	    "Events in these rooms' tails.");
	single(out, "parlour_rooms_state_memory_bytes", GAUGE,
	    state_texts_bytes(server->core->state_texts),
	    "Rooms' state as clients are shown it, kept for further answers.");
	single(out, "parlour_guests_issued_total", COUNTER, guests.issued,
	    "Guest tokens handed out.");
	single(out, "parlour_guests_with_rows", GAUGE, guests.rows,
	    "Guests that have written something.");
	single(out, "parlour_guests_denied", GAUGE, guests.denied,
	    "Guests whose token is denied before its time.");
}

static void
write_bucket(const struct media_stats *s, struct buf *out)
{
	if (!s->has_bucket)
		return;
	single(out, "parlour_media_cache_bytes", GAUGE, (uint64_t)s->bucket.cache_bytes,
	    "Bytes of the bucket's files that lie here, too.");
	single(out, "parlour_media_bucket_kept_total", COUNTER, s->bucket.kept,
	    "Files that went into the bucket.");
	single(out, "parlour_media_bucket_fetched_total", COUNTER, s->bucket.fetched,
	    "Files that came from the bucket.");
	single(out, "parlour_media_bucket_dropped_total", COUNTER, s->bucket.dropped,
	    "Files that were dropped from the bucket.");
}

static void
write_media(struct server *server, struct buf *out)
{
	struct media_stats s;
	struct media_hot_stats cached;

	media_stats(server->core, &s);
	media_hot_stats(server->media_hot, &cached);
	single(out, "parlour_media_files", GAUGE, s.files,
	    "Files on disk; the same bytes are there once.");
	single(out, "parlour_media_bytes", GAUGE, s.bytes, "Bytes of these files.");
	single(out, "parlour_media_uploads_total", COUNTER, s.uploads,
	    "Files taken from clients.");
	single(out, "parlour_media_received_bytes_total", COUNTER, s.bytes_in,
	    "Bytes of files taken from clients.");
	single(out, "parlour_media_downloads_total", COUNTER, s.downloads,
	    "Times that a file, or a part of one, was handed out.");
	single(out, "parlour_media_hot_files", GAUGE, cached.files,
	    "Files of which it is at hand what there is to say of them.");
	single(out, "parlour_media_hot_bytes", GAUGE, cached.kept_bytes,
	    "Bytes of small files that are at hand.");
	single(out, "parlour_media_hot_answers_total", COUNTER, cached.hits,
	    "Requests for files that were answered out of memory.");
	single(out, "parlour_media_waiting", GAUGE,
	    (uint64_t)media_waits_count(server->media_waits),
	    "Requests that wait for an upload that was announced.");
	write_bucket(&s, out);
	single(out, "parlour_media_sent_bytes_total", COUNTER, s.bytes_out,
	    "Bytes of files handed to clients.");
}

/* ---- the process ---- */

static uint64_t
resident_bytes(void)
{
	FILE *stream = fopen("/proc/self/statm", "re");
	unsigned long long size, resident = 0;

	if (stream == NULL)
		return 0;
	if (fscanf(stream, "%llu %llu", &size, &resident) != 2)
		resident = 0;
	fclose(stream);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t
open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	uint64_t n = 0;

	if (folder == NULL)
		return 0;
	while (readdir(folder) != NULL)
		n++;
	closedir(folder);
	return n > 3 ? n - 3 : 0; /* ".", ".." and the folder itself */
}

static double
cpu_seconds(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) < 0)
		return 0;
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
write_process(struct server *server, struct buf *out)
{
	struct rlimit limit = { 0, 0 };

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		limit.rlim_cur = 0;
	family(out, "parlour_build_info", GAUGE, "Always 1; which version this is.");
	labelled(out, "parlour_build_info", "version", PARLOUR_VERSION, 1);
	single(out, "process_resident_memory_bytes", GAUGE, resident_bytes(),
	    "Resident memory.");
	family(out, "process_cpu_seconds_total", COUNTER, "CPU time of all threads.");
	buf_printf(out, "process_cpu_seconds_total %.6f\n", cpu_seconds());
	single(out, "process_open_fds", GAUGE, open_descriptors(), "Open descriptors.");
	single(out, "process_max_fds", GAUGE, limit.rlim_cur, "Descriptors at most.");
	family(out, "process_start_time_seconds", GAUGE,
	    "When the server started, since 1970.");
	buf_printf(out, "process_start_time_seconds %.3f\n",
	    (double)server->started_ms / 1000);
}

void
metrics_write(struct server *server, struct buf *out)
{
	write_http(server, out);
	write_answers(server, out);
	write_listeners(server, out);
	write_pages(server, out);
	write_store(server, out);
	write_core(server, out);
	write_media(server, out);
	write_process(server, out);
}

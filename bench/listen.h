/*
 * What the processes of `listen` share: the listeners, the rooms, what was sent, and
 * what each worker has counted. Made by bench/listen.c before it forks; relies on
 * bench/load_conn.
 */
#ifndef BENCH_LISTEN_H
#define BENCH_LISTEN_H

#include <stdatomic.h>
#include <sys/types.h>
#include "load_conn.h"
#include "load_tools.h"

#define ID_MAX 64
#define FROM_MAX 120
#define TOKEN_MAX 1024
#define SENT_MAX (1 << 20)
#define PROBES_MAX (1 << 18)
#define WORKERS_MAX 64
#define TEXT_MAX 400
#define WAKE_BUCKETS 512
#define LANGUAGES_MAX 8
#define LANGUAGE_SIZE 8 /* of a code, with its NUL */

struct options {
	const char *server, *tls, *mode, *sender, *quiet, *languages;
	int listeners, listened, each;
	pid_t pid;
	bool gzip;
};

/* Written by the worker that holds it, read by the others when it has arrived. */
struct listener {
	const char *token; /* NULL: it needs none */
	int room;
	bool is_waiting;  /* asked, not yet answered */
	uint32_t heard;	  /* events of its room, so far */
	int64_t heard_us; /* when the last of them came */
	char from[FROM_MAX];
};

struct room {
	const char *id; /* as it stands in a path */
	int listeners;
	uint32_t sent;		 /* acknowledged to the sender; the desk's */
	_Atomic uint32_t target; /* a listener that has heard so many has arrived */
	_Atomic uint64_t order;	 /* a hash of the ids in the order of the first check */
};

/* An event that the sender was told about. */
struct sent {
	char id[ID_MAX];
	int room, by; /* by: the sender's connection */
	int64_t acked_us;
};

/* Written by one worker. */
struct tally {
	_Atomic uint64_t answers, empty, events, bytes, lost, wrong;
	_Atomic uint64_t
	    wake[WAKE_BUCKETS]; /* deliveries by the time since the answer */
	char first_wrong[TEXT_MAX];
};

/* Latencies of a probe. */
struct probe {
	_Atomic uint32_t n;
	int64_t us[PROBES_MAX];
};

struct slow_tally {
	_Atomic uint32_t open, reopened, refused;
};

/* Lies in memory that all processes see. */
struct crowd {
	const char *server, *mode, *sender, *quiet;
	struct sockaddr_in at; /* where they listen */
	pid_t pid;	       /* the server's */
	int n, room_count, worker_count;
	bool watches; /* rooms' pages, without a token */
	bool gzip;    /* streams come packed */
	int language_count;
	char languages[LANGUAGES_MAX][LANGUAGE_SIZE]; /* of pages, in turn */
	struct listener *listeners;
	struct room *rooms;
	struct sent *sent;
	char *tokens; /* one behind the other */
	size_t tokens_n;
	_Atomic uint32_t sent_n, arrived;
	struct tally tallies[WORKERS_MAX];
	struct probe sends, newcomers;
	struct slow_tally slow;
	_Atomic uint32_t addresses; /* source addresses given out */
};

/* What the desk tells its workers; each answers one byte when it has done so. */
enum order_kind { ORDER_OPEN, ORDER_PARK, ORDER_AGAIN, ORDER_CHECK, ORDER_REOPEN };

struct order {
	enum order_kind kind;
	bool on;	    /* again: ask again as soon as there is an answer */
	int64_t timeout_ms; /* of the polls */
	int64_t until_us;   /* park: all polls end then instead; 0: no */
	int64_t over_us;    /* park, reopen: spread over so long */
};

/* Is there such a way to listen? gzip: and can its answers come packed? */
bool worker_has_mode(const char *mode, bool gzip);
/* Never returns: holds listeners[from .. from + n) and follows the orders on fd. */
_Noreturn void worker_run(struct crowd *crowd, int index, int from, int n, int fd);
/* Sends to the quiet room, one event after another; connects, asks, leaves. Never
 * return. */
_Noreturn void probe_sends(struct crowd *crowd);
_Noreturn void probe_newcomers(struct crowd *crowd);
/* Holds n connections that are no use to anybody. Never returns; a byte to fd tells
 * that all are there. */
_Noreturn void slow_run(struct crowd *crowd, int n, int fd);

/* In memory that all processes share; the rooms' names are borrowed. */
struct crowd *crowd_new(const struct options *options, char **rooms, int room_count);
/* A guest's token for each listener, unless they watch pages. */
void crowd_register(struct crowd *crowd);
/* All begin where the stream ends now. */
void crowd_find_end(struct crowd *crowd);
/* A connection to the server from a loopback address of the caller's choice; -1 with
 * errno. Addresses are counted by 16,000 ports each. */
uint32_t crowd_addresses(struct crowd *crowd, int connections);
int crowd_connect(const struct crowd *crowd, uint32_t address, int index, int rcvbuf);
int wake_bucket(int64_t us);
int64_t wake_bucket_us(int bucket);

#endif

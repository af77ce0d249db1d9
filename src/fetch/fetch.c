/*
 * By libcurl, from whose conveniences everything is turned off that would make a
 * request other than the plain one: proxies, cookies, passwords, redirects (followed
 * here, each judged as the first). Below core/preview.
 */
#include "fetch/fetch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <curl/curl.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "fetch/link.h"
#include "fetch/public.h"

#define WASTE_MAX (64 << 10) /* bytes of a body that is not looked at */

struct fetcher {
	struct fetch_setup setup;
	int64_t deadline_ms;
	CURL *curl;
	/* of the fetch under way */
	const struct fetch *fetch;
	size_t header_bytes, waste_bytes;
	bool is_refused, is_cut;
};

/* --- what libcurl asks --- */

static bool
may_connect(const struct fetcher *f, const struct sockaddr *address)
{
	struct in6_addr a;

	if (f->setup.private_too)
		return true;
	if (address->sa_family == AF_INET)
		a = address_of_v4(&((const struct sockaddr_in *)address)->sin_addr);
	else if (address->sa_family == AF_INET6)
		a = ((const struct sockaddr_in6 *)address)->sin6_addr;
	else
		return false;
	return address_is_public(&a);
}

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct fetcher *f = arg;

	if (purpose != CURLSOCKTYPE_IPCXN || !may_connect(f, &address->addr)) {
		f->is_refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(
	    address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t
on_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct fetcher *f = arg;

	f->header_bytes += size * n;
	return f->header_bytes > FETCH_HEADERS_MAX ? 0 : size * n;
}

static long
status_of(struct fetcher *f)
{
	long status = 0;

	curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static size_t
on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct fetcher *f = arg;
	char *type = NULL;

	n *= size;
	if (status_of(f) / 100 != 2) {
		f->waste_bytes += n;
		return f->waste_bytes > WASTE_MAX ? 0 : n;
	}
	curl_easy_getinfo(f->curl, CURLINFO_CONTENT_TYPE, &type);
	if (n == 0 || f->fetch->take(f->fetch->arg, type, bytes, n))
		return n;
	f->is_cut = true;
	return 0;
}

static int
on_progress(
    void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
	const struct fetcher *f = arg;

	return f->setup.stop != NULL && atomic_load(f->setup.stop);
}

/* --- a fetcher --- */

static void
start_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		log_error("fetch: libcurl does not start");
		abort();
	}
}

#define SET(option, value) (void)curl_easy_setopt(f->curl, option, value)

static void
forbid_the_rest(struct fetcher *f)
{
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
}

struct fetcher *
fetcher_new(const struct fetch_setup *setup)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct fetcher *f = xcalloc(1, sizeof *f);

	pthread_once(&once, start_curl);
	f->setup = *setup;
	f->deadline_ms = clock_mono_ms() + setup->time_limit_ms;
	f->curl = curl_easy_init();
	if (f->curl == NULL)
		abort(); /* out of memory */
	forbid_the_rest(f);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L); /* no waiting for a name that does not resolve */
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_ACCEPT_ENCODING, "gzip");
	SET(CURLOPT_CAPATH, NULL); /* the file alone: it is read once a fetcher */
	SET(CURLOPT_USERAGENT, "Parlour/" PARLOUR_VERSION " (previews of links; bot)");
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, f);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, f);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, f);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, f);
	return f;
}

void
fetcher_free(struct fetcher *f)
{
	curl_easy_cleanup(f->curl);
	free(f);
}

/* --- a fetch --- */

static enum fetch_result
get_one(struct fetcher *f, const char *link)
{
	int64_t left_ms = f->deadline_ms - clock_mono_ms();
	CURLcode code;

	if (left_ms <= 0)
		return FETCH_FAILED;
	f->is_refused = f->is_cut = false;
	f->waste_bytes = 0;
	SET(CURLOPT_TIMEOUT_MS, (long)left_ms);
	SET(CURLOPT_URL, link);
	code = curl_easy_perform(f->curl);
	if (code == CURLE_OK)
		return FETCH_DONE;
	if (f->is_cut)
		return FETCH_CUT;
	log_debug("fetch: %s", curl_easy_strerror(code));
	return f->is_refused && code == CURLE_COULDNT_CONNECT ? FETCH_FORBIDDEN
							      : FETCH_FAILED;
}

/* Where it leads instead; NULL: nowhere. Not to be followed where it is no link. */
static char *
redirect_of(struct fetcher *f, struct arena *arena)
{
	char *url = NULL;

	curl_easy_getinfo(f->curl, CURLINFO_REDIRECT_URL, &url);
	return url == NULL ? NULL : link_read(arena, NULL, url);
}

static enum fetch_result
get(struct fetcher *f, struct arena *arena, const char **link)
{
	for (int i = 0; i <= FETCH_REDIRECTS_MAX; i++) {
		enum fetch_result result = get_one(f, *link);

		if (result != FETCH_DONE)
			return result;
		if (status_of(f) / 100 != 3)
			return status_of(f) / 100 == 2 ? FETCH_DONE : FETCH_FAILED;
		*link = redirect_of(f, arena);
		if (*link == NULL)
			return FETCH_FAILED;
	}
	return FETCH_FAILED;
}

enum fetch_result
fetch_get(struct fetcher *f, struct arena *arena, const struct fetch *fetch,
    const char **link_out)
{
	struct curl_slist *headers =
	    curl_slist_append(NULL, arena_printf(arena, "Accept: %s", fetch->accept));
	enum fetch_result result;

	f->fetch = fetch;
	f->header_bytes = 0;
	SET(CURLOPT_HTTPHEADER, headers);
	*link_out = fetch->link;
	result = get(f, arena, link_out);
	SET(CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	return result;
}

/*
 * By libcurl's own parser, so that what is judged here is what is asked for. Below
 * fetch.
 */
#include "fetch/link.h"

#include <stdbool.h>
#include <string.h>
#include <curl/curl.h>

/* Pages write spaces and letters of all kinds into their links. */
#define READING (CURLU_URLENCODE | CURLU_ALLOW_SPACE)

static bool
has(CURLU *u, CURLUPart part)
{
	char *text = NULL;
	bool is_there = curl_url_get(u, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return is_there;
}

static bool
is_of_the_web(CURLU *u)
{
	char *scheme = NULL;
	bool is_one = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		      (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

	curl_free(scheme);
	return is_one && has(u, CURLUPART_HOST) && !has(u, CURLUPART_USER) &&
	       !has(u, CURLUPART_PASSWORD) && !has(u, CURLUPART_OPTIONS);
}

static bool
set(CURLU *u, const char *base, const char *text)
{
	return (base == NULL || curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK) &&
	       curl_url_set(u, CURLUPART_URL, text, READING) == CURLUE_OK &&
	       curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK;
}

char *
link_read(struct arena *arena, const char *base, const char *text)
{
	CURLU *u;
	char *url = NULL, *link = NULL;

	if (strlen(text) > LINK_MAX)
		return NULL;
	u = curl_url();
	if (u != NULL && set(u, base, text) && is_of_the_web(u) &&
	    curl_url_get(u, CURLUPART_URL, &url, CURLU_NO_DEFAULT_PORT) == CURLUE_OK &&
	    strlen(url) <= LINK_MAX)
		link = arena_strdup(arena, url);
	curl_free(url);
	curl_url_cleanup(u);
	return link;
}

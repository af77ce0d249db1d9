/*
 * Whole, valid requests, for the tests of http/parse: what clients and proxies send.
 */
#ifndef HTTP_PARSE_SAMPLES_H
#define HTTP_PARSE_SAMPLES_H

#include "base/str.h"

#define HOST "Host: example.org\r\n"

static const struct {
	struct str text;
	size_t body_n; /* its last bytes that are not the head */
} samples[] = {
#define SAMPLE(text, body)                                                             \
	{                                                                              \
		{ text body, sizeof text body - 1 }, sizeof body - 1                   \
	}
	SAMPLE("GET / HTTP/1.1\r\n" HOST "\r\n", ""),
	SAMPLE("\r\nGET /a?b=c HTTP/1.1\r\n" HOST "\r\n", ""),
	SAMPLE("GET / HTTP/1.0\r\n\r\n", ""),
	SAMPLE(
	    "HEAD /_matrix/client/versions HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	    ""),
	SAMPLE("GET http://example.org:8008/a/b?c#d HTTP/1.1\r\n" HOST "\r\n", ""),
	SAMPLE("GET HTTPS://example.org HTTP/1.1\r\n" HOST "\r\n", ""),
	SAMPLE("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", ""),
	SAMPLE("OPTIONS /_matrix/client/v3/login HTTP/1.1\r\n" HOST
	       "Origin: https://app.example.org\r\n"
	       "Access-Control-Request-Method: POST\r\n\r\n",
	    ""),
	SAMPLE("GET /_matrix/client/v3/join/#room:example.org HTTP/1.1\r\n" HOST "\r\n",
	    ""),
	SAMPLE("GET /_matrix/client/v3/rooms/!a$b@c:d/%21e%2Ff?x={\"y\"} HTTP/1.1\r\n"
	       "Host: [::1]:8008\r\n\r\n",
	    ""),
	SAMPLE(
	    "GET /_matrix/client/api/v1/events?access_token=MDAxOGxvY2F0aW9uIGxv"
	    "&room_id=%21abcdefghijklmnop%3Aexample.org&from=s12_34&timeout=30000 "
	    "HTTP/1.1\r\n" HOST
	    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox\r\n"
	    "Accept: application/json\r\nAccept-Language: en-US,en;q=0.5\r\n"
	    "Accept-Encoding: gzip, deflate, br\r\nOrigin: https://app.example.org\r\n"
	    "Connection: keep-alive\r\n\r\n",
	    ""),
	SAMPLE("POST /x HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n", "hello"),
	SAMPLE("PUT /x HTTP/1.1\r\ncontent-length:   0007  \r\n" HOST
	       "Expect: 100-continue\r\n\r\n",
	    "{\"a\":1}"),
	SAMPLE("POST /x HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", ""),
	SAMPLE("DELETE /x HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", ""),
	SAMPLE("PATCH /x HTTP/1.1\r\n" HOST "X-Empty:\r\nX-Blank:  \t \r\n"
	       "X-Latin: caf\xe9 \t ol\xe9\r\n\r\n",
	    ""),
	SAMPLE("POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
	    "5\r\nhello\r\n0\r\n\r\n"),
	SAMPLE("POST /x HTTP/1.1\r\n" HOST "transfer-encoding: Chunked \r\n\r\n",
	    "A\r\n0123456789\r\n00b\r\nhello world\r\n000\r\n\r\n"),
	SAMPLE("POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
	       "Trailer: X-Sum\r\n\r\n",
	    "5;name\r\nhello\r\n1;a=\"b c;\"\r\n!\r\n0;z=1\r\nX-Sum: "
	    "1\r\nX-More:\r\n\r\n"),
	SAMPLE("GET /chat HTTP/1.1\r\n" HOST "Connection: Upgrade, keep-alive\r\n"
	       "Upgrade: websocket\r\n\r\n",
	    ""),
#undef SAMPLE
};

#define SAMPLES (sizeof samples / sizeof samples[0])

#endif

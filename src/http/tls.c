/*
 * What the connections of one TLS listener share: the context with its certificate and
 * the keys of session tickets. Relies on OpenSSL.
 * Before a connection's first byte: http/secure takes a session from here.
 */
#include "http/tls.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/thread.h"
#include "http/secure.h"

/* A stolen key opens what was said under its tickets: none lives for long. */
#define TICKET_KEY_MS (6 * 3600 * 1000)
#define KEY_NAME 16

struct ticket_key {
	unsigned char name[KEY_NAME], cipher[32], mac[32];
	int64_t made_ms;
};

/* Shared; lock guards what stands below it. */
struct http_tls {
	char *certificate, *key; /* files */
	struct lock lock;	 /* RANK_LEAF */
	SSL_CTX *ctx;
	struct ticket_key keys[2]; /* the present one and the one before */
};

/* What OpenSSL complained about first, for people. */
static const char *
why(void)
{
	unsigned long code = ERR_peek_error();
	const char *text = ERR_SYSTEM_ERROR(code)
			       ? strerrordesc_np(ERR_GET_REASON(code))
			       : ERR_reason_error_string(code);

	ERR_clear_error();
	return text != NULL ? text : "cannot be read";
}

static void
explain(char **error_out, const char *file)
{
	if (asprintf(error_out, "%s: %s", file, why()) < 0)
		abort();
}

static void
key_renew(struct http_tls *tls)
{
	struct ticket_key *key = &tls->keys[0];

	tls->keys[1] = *key;
	if (RAND_bytes(key->name, sizeof key->name) != 1 ||
	    RAND_bytes(key->cipher, sizeof key->cipher) != 1 ||
	    RAND_bytes(key->mac, sizeof key->mac) != 1)
		abort();
	key->made_ms = clock_now_ms();
}

/* The wall's clock may be set, back too. */
static void
keys_turn(struct http_tls *tls)
{
	int64_t age_ms = clock_now_ms() - tls->keys[0].made_ms;

	if (age_ms < 0 || age_ms > TICKET_KEY_MS)
		key_renew(tls);
	if (age_ms > 2 * TICKET_KEY_MS)
		key_renew(tls); /* nobody came for so long: that key is old as well */
}

/* The key for a new ticket, or that of a ticket by its name; false: none of ours. */
static bool
key_find(struct http_tls *tls, const unsigned char *name, bool is_new,
    struct ticket_key *out, bool *is_old_out)
{
	bool found = is_new;

	lock_take(&tls->lock);
	keys_turn(tls);
	*out = tls->keys[0];
	*is_old_out = false;
	for (int i = 0; !found && i < 2; i++) {
		if (memcmp(tls->keys[i].name, name, KEY_NAME) != 0)
			continue;
		*out = tls->keys[i];
		*is_old_out = i > 0;
		found = true;
	}
	lock_give(&tls->lock);
	return found;
}

static int
on_ticket(SSL *ssl, unsigned char name[KEY_NAME], unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int is_new)
{
	struct http_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct ticket_key key;
	OSSL_PARAM params[3];
	bool is_old;

	if (!key_find(tls, name, is_new, &key, &is_old))
		return 0;
	if (is_new) {
		memcpy(name, key.name, KEY_NAME);
		if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
			return -1;
	}
	params[0] = OSSL_PARAM_construct_octet_string(
	    OSSL_MAC_PARAM_KEY, key.mac, sizeof key.mac);
	params[1] = OSSL_PARAM_construct_utf8_string(
	    OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0);
	params[2] = OSSL_PARAM_construct_end();
	if (EVP_CipherInit_ex(
		cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv, is_new) != 1 ||
	    EVP_MAC_CTX_set_params(mac, params) != 1)
		return -1;
	return is_old ? 2 : 1; /* 2: good, and to be given a fresh one */
}

/* HTTP/2 where the client has it. */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
    const unsigned char *offered, unsigned offered_n, void *arg)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1";

	if (SSL_select_next_proto((unsigned char **)out, out_n, ours, sizeof ours - 1,
		offered, offered_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301 3.2 */
	return SSL_TLSEXT_ERR_OK;
}

/* A key under a passphrase is an error: there is nobody to ask. */
static int
on_passphrase(char *out, int cap, int is_for_writing, void *arg)
{
	return -1;
}

static bool
read_files(SSL_CTX *ctx, const struct http_tls *tls, char **error_out)
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, tls->certificate) != 1) {
		explain(error_out, tls->certificate);
		return false;
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, tls->key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1) {
		explain(error_out, tls->key);
		return false;
	}
	return true;
}

static SSL_CTX *
ctx_new(struct http_tls *tls, char **error_out)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL)
		abort();
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	/* Of TLS 1.2 what RFC 9113 9.2.2 lets HTTP/2 use: past words stay secret. */
	if (SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
		abort();
	SSL_CTX_set_default_passwd_cb(ctx, on_passphrase);
	/* A waiting connection keeps no buffers. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				     SSL_OP_CIPHER_SERVER_PREFERENCE |
				     SSL_OP_PRIORITIZE_CHACHA |
				     SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	SSL_CTX_set_app_data(ctx, tls);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	if (read_files(ctx, tls, error_out))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

struct http_tls *
http_tls_new(const char *certificate, const char *key, char **error_out)
{
	struct http_tls *tls = xcalloc(1, sizeof *tls);

	*error_out = NULL;
	lock_init(&tls->lock, RANK_LEAF);
	tls->certificate = xstrdup(certificate);
	tls->key = xstrdup(key);
	key_renew(tls);
	key_renew(tls); /* the one before is nobody's, but no zeros either */
	tls->ctx = ctx_new(tls, error_out);
	if (tls->ctx != NULL)
		return tls;
	http_tls_free(tls);
	return NULL;
}

bool
http_tls_reload(struct http_tls *tls, char **error_out)
{
	SSL_CTX *ctx, *old;

	*error_out = NULL;
	ctx = ctx_new(tls, error_out);
	if (ctx == NULL)
		return false;
	lock_take(&tls->lock);
	old = tls->ctx;
	tls->ctx = ctx;
	lock_give(&tls->lock);
	SSL_CTX_free(old); /* its connections hold it as long as they live */
	return true;
}

void
http_tls_free(struct http_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->ctx);
	lock_fini(&tls->lock);
	free(tls->certificate);
	free(tls->key);
	explicit_bzero(tls->keys, sizeof tls->keys);
	free(tls);
}

SSL *
tls_session(struct http_tls *tls)
{
	SSL *ssl;

	lock_take(&tls->lock);
	ssl = SSL_new(tls->ctx);
	lock_give(&tls->lock);
	if (ssl == NULL)
		abort();
	return ssl;
}

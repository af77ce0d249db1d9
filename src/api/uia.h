/*
 * User-interactive authentication: a request that must prove itself by one of several
 * stages. A session is a signed text that the client brings back; only stages completed
 * on a fallback page, and the accounts that were made, are kept in memory, for a while.
 * Spec: client-server-api/#user-interactive-authentication-api
 */
#ifndef API_UIA_H
#define API_UIA_H

#include "api/req.h"

/* Each is a flow of its own: any one that is offered will do. */
enum uia_stage { UIA_DUMMY = 1, UIA_PASSWORD = 2, UIA_REGISTRATION_TOKEN = 4 };
#define UIA_STAGES 3

/* "m.login.dummy"; NULL for what is no single stage. */
const char *uia_stage_name(enum uia_stage stage);
/* 0: none of ours. */
enum uia_stage uia_stage_find(const char *name);

/* Once, at start and end; secret: what sessions are signed with. */
void uia_setup(const uint8_t secret[32]);
void uia_free(void);

struct uia_result {
	enum uia_stage stage;
	const char *registration_token; /* of UIA_REGISTRATION_TOKEN */
	const char *session;
};

/*
 * Has the request proved itself by one of `stages` (or'ed)? user_id: whose password
 * UIA_PASSWORD asks for; NULL where that is not offered. True: go on. False: *err_out
 * is what the handler returns; mostly M_OK with the 401 and its flows written.
 * Passwords are verified here: on a slow worker.
 */
bool uia_pass(struct req *req, int stages, const char *user_id,
    struct uia_result *result_out, enum mx_err *err_out);
/* The stage turned out not to do after all: the 401 again, with errcode and sentence.
 */
enum mx_err uia_again(struct req *req, int stages, const char *user_id, enum mx_err err,
    const char *sentence);

/* --- for what must be done once alone --- */

/* On the caller's stack while a request is at work on its session. */
struct uia_turn {
	const char *session; /* NULL: none that could come again */
	struct uia_turn *next;
};

/*
 * What an earlier request with this session has made (in the arena), which is then to
 * be answered again; NULL: nothing, and it is this request's turn until uia_turn_give.
 * While another has it this waits: on a slow worker. stages, user_id: as for uia_pass.
 */
const char *uia_turn_take(
    struct req *req, int stages, const char *user_id, struct uia_turn *turn_out);
/* made: the account; NULL: none, another request may try. */
void uia_turn_give(struct uia_turn *turn, const char *made);

/* --- for the fallback pages --- */

/* Does this session exist, and offer the stage? */
bool uia_session_offers(const char *session, enum uia_stage stage);
/* Is it this user whose password the session asks for? */
bool uia_session_is_of(const char *session, const char *user_id);
/* The stage is done: the next request with the session alone passes. detail: the
 * registration token; NULL: none. */
void uia_complete(const char *session, enum uia_stage stage, const char *detail);
bool uia_is_complete(const char *session, enum uia_stage stage);

/* --- words that serve once: the nonces of shared-secret registration --- */

#define UIA_NONCE_LEN 32
void uia_nonce_new(char out[UIA_NONCE_LEN + 1]);
/* True once for each that was given out less than a minute ago. */
bool uia_nonce_take(const char *nonce);

#endif

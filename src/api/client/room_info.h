/*
 * A room with its last messages and its state: what both initialSyncs are made of.
 */
#ifndef API_CLIENT_ROOM_INFO_H
#define API_CLIENT_ROOM_INFO_H

#include "api/client/reading.h"

/* Appends the members of a RoomInfo, without braces. visible: the stream's position
 * from which the asker will listen on; what came later is left for then. M_FORBIDDEN:
 * the room's state is not the asker's to see. Spec:
 * client-server-api/#get_matrixclientv3roomsroomidinitialsync_response-200_roominfo */
enum mx_err room_info_write(
    struct req *req, struct reading *reading, int64_t visible, int limit) MUST_USE;

/* Appends "account_data": [...] of a room, or (NULL) what is global. */
enum mx_err room_info_account_data(struct req *req, const struct room *room) MUST_USE;
/* Appends the room's receipts up to `visible` to out, as m.receipt events behind others
 * and between commas: none for whoever is not in the room. */
enum mx_err room_info_receipts(struct req *req, struct reading *reading,
    int64_t visible, struct buf *out) MUST_USE;

#endif

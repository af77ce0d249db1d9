/*
 * matrix-js-sdk 43 as a guest: registers, peeks, hears live messages, joins, speaks, and
 * is made to leave when the room withdraws guest access, hearing on all the while.
 */
import { createClient } from "matrix-js-sdk";
import common from "./ann.cjs";

const { baseUrl, roomId, inRoom, ask, say, heard, untilListening, check, tell, record } = common;
const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, getChild: () => quiet };

const fetchFn = (url, options) => {
	record(options?.method ?? "GET", url);
	return fetch(url, options);
};

const isMember = (userId, membership) => (event) => event.getType() === "m.room.member"
	&& event.getStateKey() === userId && event.getContent().membership === membership;

tell(async () => {
	const earlier = await say("before the guest came");
	const nobody = createClient({ baseUrl, fetchFn, logger: quiet });
	const registered = await nobody.registerGuest({ body: {} });
	check(registered.user_id && registered.access_token, "a guest is registered");

	const guest = createClient({ baseUrl, fetchFn, logger: quiet, userId: registered.user_id,
		accessToken: registered.access_token, deviceId: registered.device_id });
	guest.setGuest(true);
	const room = await guest.peekInRoom(roomId);
	check(room.roomId === roomId, "the room is the one peeked into");
	check(room.timeline.some((e) => e.getId() === earlier), "the history is there");
	check(room.currentState.getStateEvents("m.room.create", ""), "the state is there");

	await untilListening(room);
	for (const body of ["one", "two", "three"]) {
		const live = heard(room, "Room.timeline", (e) => e.getContent().body === body, body);
		const [sent, [event]] = await Promise.all([say(body), live]);
		check(event.getId() === sent, "the message is the one that was sent");
	}

	const joined = heard(room, "Room.timeline", isMember(guest.getUserId(), "join"), "the join");
	await guest.joinRoom(roomId);
	await joined;

	const echoed = heard(room, "Room.localEchoUpdated", (e) => e.getId().startsWith("$")
		&& e.getContent().body === "hello from a guest", "the guest's own words");
	const { event_id: spoken } = await guest.sendEvent(roomId, "m.room.message",
		{ msgtype: "m.text", body: "hello from a guest" });
	await echoed;
	const seen = await ask("GET", `${inRoom}/event/${encodeURIComponent(spoken)}`);
	check(seen.sender === guest.getUserId(), "the guest is the sender");
	check((await guest.whoami()).is_guest === true, "the SDK is told it is a guest");

	const left = heard(room, "Room.timeline", isMember(guest.getUserId(), "leave"), "the leave");
	await ask("PUT", `${inRoom}/state/m.room.guest_access`, { guest_access: "forbidden" });
	await left;
	const after = heard(room, "Room.timeline", (e) => e.getContent().body === "after", "after");
	await say("after");
	await after;
	guest.stopPeeking();
	guest.stopClient();
});

/*
 * matrix-js-sdk 0.4.2, of early 2016, as a guest: registers, peeks into a room and hears
 * what is said there, through api r0.
 */
"use strict";

const sdk = require("sdk-0.4");
const request = require("request");
const common = require("./ann.cjs");

const { baseUrl, roomId, say, heard, untilListening, check, tell, recorded, promised } = common;

console.log = console.error; // the SDK talks; stdout is for the answer

tell(async () => {
	sdk.request(recorded(request));
	const earlier = await say("before the guest came");
	const registered = await promised(sdk.createClient(baseUrl).registerGuest(), "register");
	check(registered.user_id && registered.access_token, "a guest is registered");

	const guest = sdk.createClient({ baseUrl, userId: registered.user_id,
		accessToken: registered.access_token });
	guest.setGuest(true);
	const room = await promised(guest.peekInRoom(roomId), "peek");
	check(room.timeline.some((e) => e.getId() === earlier), "the history is there");
	check(room.currentState.getStateEvents("m.room.create", ""), "the state is there");

	await untilListening(room);
	for (const body of ["one", "two", "three"]) {
		const live = heard(room, "Room.timeline", (e) => e.getContent().body === body, body);
		const [sent, [event]] = await Promise.all([say(body), live]);
		check(event.getId() === sent, "the message is the one that was sent");
	}
});

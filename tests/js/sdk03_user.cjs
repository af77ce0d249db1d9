/*
 * matrix-js-sdk 0.3.0, of 2015, as a user: logs in, makes a room, starts (initialSync and
 * events on api/v1), hears others and itself, sends, joins, sets a topic, and leaves.
 */
"use strict";

const sdk = require("sdk-0.3");
const request = require("request");
const { Readable } = require("stream");
const { baseUrl, roomId, ask, say, heard, check, tell, recorded, promised } = require("./ann.cjs");

const [, , , , , user, password] = process.argv;
console.log = console.error; // the SDK talks; stdout is for the answer

tell(async () => {
	sdk.request(recorded(request));
	const login = await promised(
		sdk.createClient(baseUrl).loginWithPassword(user, password), "login");
	check(login.access_token && login.home_server, "the login has its shape of 2015");

	const client = sdk.createClient({ baseUrl, userId: login.user_id,
		accessToken: login.access_token });
	const made = await promised(client.createRoom({ visibility: "private", name: "Mine" }), "room");
	const first = await promised(client.sendTextMessage(made.room_id, "said before"), "send");

	const complete = heard(client, "syncComplete", () => true, "initialSync");
	client.on("syncError", (failure) => console.error("syncError", failure));
	client.startClient({ initialSyncLimit: 8 });
	await complete;
	const own = client.getRoom(made.room_id);
	check(own && own.name === "Mine", "the room is known by its name");
	check(own.timeline.some((e) => e.getId() === first.event_id), "what was said is there");
	check(client.pushRules && client.pushRules.global.override.length > 0, "there are push rules");

	const echoed = heard(client, "event", (e) => e.getContent().body === "live words", "own words");
	await promised(client.sendTextMessage(made.room_id, "live words"), "send");
	const [event] = await echoed;
	check(event.getSender() === login.user_id, "the sender is told as in 2015");
	check(typeof event.getAge() === "number", "the age is told as in 2015");

	const topic = heard(client, "RoomState.events", (e) => e.getType() === "m.room.topic", "topic");
	await promised(client.setRoomTopic(made.room_id, "ours"), "set the topic");
	await topic;

	await promised(client.joinRoom(roomId), "join");
	const others = heard(client, "event", (e) => e.getContent().body === "hello, new one", "ann");
	await say("hello, new one");
	await others;
	const typing = heard(client, "RoomMember.typing", (e, m) => m.typing, "ann typing");
	const { user_id: ann } = await ask("GET", "/account/whoami");
	await ask("PUT", `/rooms/${encodeURIComponent(roomId)}/typing/${encodeURIComponent(ann)}`,
		{ typing: true, timeout: 20000 });
	await typing;
	await promised(client.sendTyping(roomId, true, 5000), "typing");
	await promised(client.scrollback(client.getRoom(roomId), 5), "scrollback");

	const gone = heard(client, "event", (e) => e.getType() === "m.room.member"
		&& e.getStateKey() === login.user_id && e.getContent().membership === "leave", "leave");
	await promised(client.leave(roomId), "leave");
	await gone;
	await promised(client.setDisplayName("Old Timer"), "set a name");
	const { content_uri: picture } = JSON.parse(await promised(client.uploadContent(
		{ name: "käfer.png", type: "image/png", stream: Readable.from([Buffer.from("a beetle")]) }),
	"upload"));
	check(/^mxc:\/\/.+\/[\w-]+$/.test(picture), "an upload has a link");
	await promised(client.setAvatarUrl(picture), "set a picture");
	client.stopClient();
});

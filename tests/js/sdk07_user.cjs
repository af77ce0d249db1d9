/*
 * matrix-js-sdk 0.7.13, of 2017, as a user: logs in, starts (sync on r0), hears ann, joins,
 * sends, sees receipts and typing, tags, and scrolls back.
 */
"use strict";

const sdk = require("sdk-0.7");
const request = require("request");
const { Readable } = require("stream");
const { baseUrl, roomId, ask, say, heard, check, tell, recorded, promised } = require("./ann.cjs");

const [, , , , , user, password] = process.argv;
console.log = console.error; // the SDK talks; stdout is for the answer

tell(async () => {
	sdk.request(recorded(request));
	const login = await promised(
		sdk.createClient(baseUrl).loginWithPassword(user, password), "login");
	const client = sdk.createClient({ baseUrl, userId: login.user_id,
		accessToken: login.access_token, deviceId: login.device_id, timelineSupport: true });
	const made = await promised(client.createRoom({ visibility: "private", name: "Mine" }), "room");
	const first = await promised(client.sendTextMessage(made.room_id, "said before"), "send");

	const prepared = heard(client, "sync", (state) => state === "PREPARED", "the first sync");
	client.startClient({ initialSyncLimit: 8 });
	await prepared;
	const own = client.getRoom(made.room_id);
	check(own && own.name === "Mine", "the room is known by its name");
	check(own.timeline.some((e) => e.getId() === first.event_id), "what was said is there");

	await promised(client.joinRoom(roomId), "join");
	const hello = heard(client, "event", (e) => e.getContent().body === "hello, new one", "ann");
	const said = await say("hello, new one");
	const [event] = await hello;
	check(event.getId() === said, "the event is the one that was sent");
	const room = client.getRoom(roomId);
	check(room.getMember(login.user_id).membership === "join", "it is in the room");

	const { user_id: ann } = await ask("GET", "/account/whoami");
	const typing = heard(client, "RoomMember.typing", (e, m) => m.userId === ann && m.typing,
		"ann typing");
	await ask("PUT", `/rooms/${encodeURIComponent(roomId)}/typing/${encodeURIComponent(ann)}`,
		{ typing: true, timeout: 20000 });
	await typing;

	const { event_id: mine } = await promised(client.sendTextMessage(roomId, "words"), "send");
	const receipt = heard(client, "Room.receipt", () => room.getEventReadUpTo(ann) === mine,
		"ann's receipt");
	await ask("POST", `/rooms/${encodeURIComponent(roomId)}/receipt/m.read/`
		+ encodeURIComponent(mine), {});
	await receipt;
	await promised(client.sendReadReceipt(event), "receipt");

	const tagged = heard(client, "Room.tags", () => room.tags["u.work"], "the tag");
	await promised(client.setRoomTag(roomId, "u.work", { order: 0.5 }), "tag");
	await tagged;
	await promised(client.scrollback(room, 10), "scrollback");
	const topic = heard(client, "RoomState.events", (e) => e.getType() === "m.room.topic"
		&& e.getContent().topic === "ours", "topic");
	await promised(client.setRoomTopic(made.room_id, "ours"), "set the topic");
	await topic;
	const { content_uri: picture } = JSON.parse(await promised(client.uploadContent(
		{ name: "käfer.png", type: "image/png", stream: Readable.from([Buffer.from("a beetle")]) }),
	"upload"));
	check(/^mxc:\/\/.+\/[\w-]+$/.test(picture), "an upload has a link");
	await promised(client.setAvatarUrl(picture), "set a picture");
	client.stopClient();
});

/*
 * matrix-js-sdk 43 as two people in ten minutes: sign in, sync, a room, an invitation,
 * typing, words, receipts, files, reactions, edits, threads, redactions, unread counts, log out,
 * and back again. argv: base URL, ann's token, a room (not used), two names, a password.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createClient, ClientEvent, RoomEvent, RoomMemberEvent, SyncState,
	MatrixEventEvent, ThreadEvent } from "matrix-js-sdk";
import common from "./ann.cjs";

const { baseUrl, heard, within, check, tell, record } = common;
const [annName, benName, password] = process.argv.slice(5);
const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, getChild: () => quiet };
const fetchFn = (url, options) => {
	record(options?.method ?? "GET", url);
	return fetch(url, options);
};

async function signIn(name) {
	const nobody = createClient({ baseUrl, fetchFn, logger: quiet });
	const got = await nobody.loginRequest({ type: "m.login.password", password,
		identifier: { type: "m.id.user", user: name } });
	const client = createClient({ baseUrl, fetchFn, logger: quiet, userId: got.user_id,
		accessToken: got.access_token, deviceId: got.device_id, timelineSupport: true });
	const ready = heard(client, ClientEvent.Sync, (state) => state === SyncState.Prepared,
		`${name}'s first sync`);
	await client.startClient({ initialSyncLimit: 20, lazyLoadMembers: true, threadSupport: true,
		pollTimeout: 20000 });
	await ready;
	return client;
}

/* Waits until the test holds; it is looked at whenever the client has synced, or one of
 * the events of emitter has come. */
function until(client, what, test, emitter = client, ...events) {
	return within(new Promise((resolve) => {
		const look = () => {
			const got = test();
			if (!got) return;
			client.removeListener(ClientEvent.Sync, look);
			events.forEach((event) => emitter.removeListener(event, look));
			resolve(got);
		};
		client.on(ClientEvent.Sync, look);
		events.forEach((event) => emitter.on(event, look));
		look();
	}), what);
}

const bodyIs = (body) => (e) => e.getContent().body === body;

tell(async () => {
	const ann = await signIn(annName), ben = await signIn(benName);

	/* A room and an invitation. */
	const { room_id: id } = await ann.createRoom({ preset: "private_chat", name: "Tea" });
	const annRoom = await until(ann, "ann's room", () => ann.getRoom(id));
	await ann.invite(id, ben.getUserId());
	const invited = await until(ben, "the invitation", () => ben.getRoom(id)
		?.getMyMembership() === "invite" && ben.getRoom(id));
	check(invited.name === "Tea", "the invitation shows the room's name");
	await ben.joinRoom(id);
	const benRoom = await until(ben, "ben is in", () => ben.getRoom(id)
		?.getMyMembership() === "join" && ben.getRoom(id));
	await until(ann, "ann sees ben", () => annRoom.getMember(ben.getUserId())
		?.membership === "join");
	check(annRoom.getJoinedMemberCount() === 2, "two are in it");

	/* Typing. */
	const typing = heard(ann, RoomMemberEvent.Typing, (event, member) =>
		member.userId === ben.getUserId() && member.typing, "ben types");
	await ben.sendTyping(id, true, 20000);
	await typing;

	/* Words, and how many of them are unread. */
	const live = heard(annRoom, RoomEvent.Timeline, bodyIs("hello ann"), "ben's words");
	const { event_id: hello } = await ben.sendTextMessage(id, "hello ann");
	const [event] = await live;
	check(event.getId() === hello, "the event is the one that was sent");
	await until(ann, "one is unread", () => annRoom.getUnreadNotificationCount("total") === 1);
	const read = heard(benRoom, RoomEvent.Receipt, () => benRoom.getEventReadUpTo(
		ann.getUserId(), true) === hello, "ann's receipt");
	await ann.sendReadReceipt(event);
	await read;
	await until(ann, "nothing is unread", () => annRoom.getUnreadNotificationCount("total") === 0);
	await ann.setRoomReadMarkers(id, hello);
	await until(ann, "the marker", () => annRoom.getAccountData("m.fully_read")
		?.getContent().event_id === hello);

	/* A file and a picture go from one to the other as they are. */
	for (const [msgtype, type, name] of [["m.file", "text/plain", "tea & cake, 茶.txt"],
		["m.image", "image/png", "kettle.png"]]) {
		const bytes = randomBytes(300001);
		const seen = heard(benRoom, RoomEvent.Timeline, bodyIs(name), name);
		const { content_uri: url } = await ann.uploadContent(new Blob([bytes], { type }),
			{ name, type });
		await ann.sendMessage(id, { msgtype, body: name, url,
			info: { size: bytes.length, mimetype: type } });
		const [{ event: { content } }] = await seen;
		const got = await fetchFn(ben.mxcUrlToHttp(content.url, undefined, undefined, undefined,
			false, true, true), { headers: { Authorization: `Bearer ${ben.getAccessToken()}` } });
		check(got.status === 200 && got.headers.get("content-type") === type,
			`${name} is there for ben`);
		check(decodeURIComponent(got.headers.get("content-disposition")).endsWith(
			msgtype === "m.image" ? `filename="${name}"` : `utf-8''${name}`), "it has its name");
		check(bytes.equals(Buffer.from(await got.arrayBuffer())), "its bytes are ann's");
	}
	check((await ann.getMediaConfig(true))["m.upload.size"] >= 1 << 20, "the largest file is told");

	/* A mention is a highlight. */
	await ben.sendMessage(id, { msgtype: "m.text", body: "look here",
		"m.mentions": { user_ids: [ann.getUserId()] } });
	await until(ann, "a highlight", () => annRoom.getUnreadNotificationCount("highlight") === 1);

	/* Reaction, edit, thread. */
	const reacted = heard(benRoom, RoomEvent.Timeline, (e) => e.getType() === "m.reaction"
		&& e.getContent()["m.relates_to"].key === "+1", "the reaction");
	await ann.sendEvent(id, "m.reaction", { "m.relates_to": {
		rel_type: "m.annotation", event_id: hello, key: "+1" } });
	await reacted;
	await ben.sendMessage(id, { msgtype: "m.text", body: "* hello dear ann",
		"m.new_content": { msgtype: "m.text", body: "hello dear ann" },
		"m.relates_to": { rel_type: "m.replace", event_id: hello } });
	await until(ann, "the edit", () => annRoom.findEventById(hello)
		?.getContent().body === "hello dear ann", event, MatrixEventEvent.Replaced);
	/* The SDK knows a thread's first event by its sync alone, and trips where that comes
	 * before the answer to the sending; the event is sent all the same. */
	await ann.sendMessage(id, { msgtype: "m.text", body: "in a thread",
		"m.relates_to": { rel_type: "m.thread", event_id: hello } }).catch((failure) => {
		if (!/not a local echo/.test(failure.message)) throw failure;
	});
	await until(ben, "the thread", () => benRoom.getThread(hello)?.length === 1, benRoom,
		ThreadEvent.New, ThreadEvent.Update, ThreadEvent.NewReply);

	/* What was said is taken back. */
	const { event_id: slip } = await ben.sendTextMessage(id, "a slip of the tongue");
	await until(ann, "the slip", () => annRoom.findEventById(slip));
	await ben.redactEvent(id, slip);
	await until(ann, "the slip is gone", () => annRoom.findEventById(slip)?.isRedacted());

	/* Tags, account data, profile. */
	await ann.setRoomTag(id, "m.favourite", { order: 0.5 });
	await until(ann, "the tag", () => annRoom.tags["m.favourite"]?.order === 0.5);
	await ann.setAccountData("org.example.setting", { dark: true });
	await until(ann, "the setting", () => ann.getAccountData("org.example.setting")
		?.getContent().dark);
	await ben.setDisplayName("Benjamin");
	await until(ann, "the name", () => annRoom.getMember(ben.getUserId()).name === "Benjamin");

	/* Away, and back again: what was said meanwhile is there. */
	ann.stopClient();
	await ann.logout(false);
	for (let n = 0; n < 5; n++) await ben.sendTextMessage(id, `meanwhile ${n}`);
	const back = await signIn(annName);
	const room = back.getRoom(id);
	check(room.timeline.some(bodyIs("meanwhile 4")), "what was said meanwhile is there");
	check(room.tags["m.favourite"], "the tag is still there");
	check(back.getAccountData("org.example.setting").getContent().dark, "the setting is, too");
	check(room.getUnreadNotificationCount("total") >= 5, "they are unread");
	const edited = room.findEventById(hello);
	check(!edited || edited.getContent().body === "hello dear ann", "the edit is bundled");

	/* The server goes and comes back; whoever was listening hears on. */
	const hears = heard(room, RoomEvent.Timeline, bodyIs("after the restart"), "words after it");
	process.stdout.write("restart\n");
	await within(once(process.stdin, "data"), "the server's restart");
	process.stdin.pause();
	await ben.sendTextMessage(id, "after the restart");
	await hears;

	/* A page of the past. */
	await back.scrollback(room, 30);
	check(room.getLiveTimeline().getEvents().some((e) => e.getId() === hello), "the past is there");
	ben.stopClient();
	back.stopClient();
});

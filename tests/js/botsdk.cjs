/*
 * matrix-bot-sdk 0.5.19 as a bot that joins where it is invited, answers, and keeps account
 * data.
 */
"use strict";

const { MatrixClient, MatrixAuth, MemoryStorageProvider,
	AutojoinRoomsMixin, LogService } = require("matrix-bot-sdk");
const { baseUrl, roomId, ask, say, within, check, tell } = require("./ann.cjs");

const [, , , , , user, password] = process.argv;
LogService.setLogger({ info() {}, warn() {}, debug() {}, trace() {}, error: console.error });

tell(async () => {
	const login = await new MatrixAuth(baseUrl).passwordLogin(user, password, "a bot");
	const bot = new MatrixClient(baseUrl, login.accessToken, new MemoryStorageProvider());
	AutojoinRoomsMixin.setupOnClient(bot);
	const me = await bot.getUserId();
	const answered = within(new Promise((resolve) => {
		bot.on("room.message", async (room, event) => {
			if (event.sender === me || event.content.body !== "!ping") return;
			await bot.replyText(room, event, "pong");
			resolve(room);
		});
	}), "the question");
	const joined = within(new Promise((resolve) => bot.on("room.join", resolve)), "the join");
	await bot.start();
	await ask("POST", `/rooms/${encodeURIComponent(roomId)}/invite`, { user_id: me });
	check(await joined === roomId, "the bot has joined");
	await say("!ping");
	check(await answered === roomId, "the bot was asked");
	const chunk = (await ask("GET",
		`/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=5`)).chunk;
	check(chunk.some((e) => e.sender === me && e.content.body.endsWith("pong")), "it answered");
	await bot.setAccountData("org.example.bot", { runs: 1 });
	check((await bot.getAccountData("org.example.bot")).runs === 1, "its data is kept");
	check((await bot.getJoinedRoomMembers(roomId)).length === 2, "two are in the room");
	bot.stop();
});

/*
 * The page of hydrogen.mjs: signs in by hydrogen-view-sdk as its README has it, and shows
 * one room's timeline by its own views. window.story says who, where and which room.
 */
import { Client, FeatureSet, LoadStatus, Platform, RoomViewModel, TimelineView,
	createNavigation, createRouter, viewClassForTile } from "hydrogen-view-sdk";

const { homeserver, user, password, roomId } = window.story;
const ends = [LoadStatus.Ready, LoadStatus.Error, LoadStatus.LoginFailed];

async function begin() {
	const container = document.querySelector("#app");
	const platform = new Platform({ container, config: {}, options: { development: true },
		assetPaths: { serviceWorker: "sw.js" } });
	const navigation = createNavigation();
	platform.setNavigation(navigation);
	await platform.init();
	const urlRouter = createRouter({ navigation, history: platform.history });
	urlRouter.attach();
	const client = new Client(platform);
	const login = await client.queryLogin(homeserver).result;
	client.startWithLogin(login.password(user, password));
	await client.loadStatus.waitFor((status) => ends.includes(status)).promise;
	if (client.loginFailure || client.loadError)
		throw client.loadError ?? new Error(`login: ${client.loginFailure}`);
	const { session } = client;
	const vm = new RoomViewModel({ room: session.rooms.get(roomId), platform, urlRouter, navigation,
		ownUserId: session.userId, features: await FeatureSet.load(platform.settingsStorage) });
	await vm.load();
	container.appendChild(new TimelineView(vm.timelineViewModel, viewClassForTile).mount());
	window.say = (text) => vm.composerViewModel.sendMessage(text);
}

begin().then(() => { document.title = "ready"; }, (failure) => {
	document.title = `failed: ${failure.stack ?? failure}`;
});

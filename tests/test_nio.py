"""matrix-nio from PyPI, unchanged: registers, makes rooms, sends, reads back.

A client library of other people; what it accepts is held to be the specification's.
"""

import asyncio
import io
import os

import nio

from lib.client import fresh

PASSWORD = "correct horse battery"


def story(server, tell):
    """Runs a coroutine on a fresh client, which is closed in the end."""
    async def run():
        client = nio.AsyncClient(server.http.base)
        try:
            return await asyncio.wait_for(tell(client), 60)
        finally:
            await client.close()

    return asyncio.run(run())


async def registered(client):
    got = await client.register(fresh("nio"), PASSWORD)
    assert isinstance(got, nio.RegisterResponse), got
    return got


def test_nio_registers_logs_out_and_in(server):
    async def tell(client):
        first = await registered(client)
        assert isinstance(await client.logout(), nio.LogoutResponse)
        client.user = first.user_id
        got = await client.login(PASSWORD)
        assert isinstance(got, nio.LoginResponse), got
        assert got.user_id == first.user_id
        assert isinstance(await client.login("wrong"), nio.LoginError)

    story(server, tell)


def test_nio_creates_sends_and_reads_messages(server):
    async def tell(client):
        await registered(client)
        room = await client.room_create(name="nio's", topic="words")
        assert isinstance(room, nio.RoomCreateResponse), room
        sent = []
        for n in range(5):
            got = await client.room_send(
                room.room_id, "m.room.message", {"msgtype": "m.text", "body": f"word {n}"})
            assert isinstance(got, nio.RoomSendResponse), got
            sent.append(got.event_id)
        got = await client.room_messages(room.room_id, limit=3)
        assert isinstance(got, nio.RoomMessagesResponse), got
        assert [e.event_id for e in got.chunk] == sent[:1:-1]
        assert all(isinstance(e, nio.RoomMessageText) for e in got.chunk)
        got = await client.room_messages(room.room_id, got.end, limit=2)
        assert [e.event_id for e in got.chunk] == sent[1::-1]

    story(server, tell)


def test_nio_reads_state_members_and_context(server):
    async def tell(client):
        me = await registered(client)
        room = (await client.room_create(name="nio's")).room_id
        event = (await client.room_send(room, "m.room.message", {
            "msgtype": "m.text", "body": "around"})).event_id
        members = await client.joined_members(room)
        assert [m.user_id for m in members.members] == [me.user_id]
        assert (await client.joined_rooms()).rooms == [room]
        state = await client.room_get_state(room)
        assert isinstance(state, nio.RoomGetStateResponse), state
        name = await client.room_get_state_event(room, "m.room.name")
        assert name.content == {"name": "nio's"}
        context = await client.room_context(room, event)
        assert isinstance(context, nio.RoomContextResponse), context
        assert context.event.event_id == event
        put = await client.room_put_state(room, "m.room.topic", {"topic": "t"})
        assert isinstance(put, nio.RoomPutStateResponse), put
        redacted = await client.room_redact(room, event, "a slip")
        assert isinstance(redacted, nio.RoomRedactResponse), redacted

    story(server, tell)


def test_nio_moves_members_and_names(server):
    async def tell(client):
        await registered(client)
        room = (await client.room_create(preset=nio.RoomPreset.public_chat)).room_id
        other = nio.AsyncClient(server.http.base)
        try:
            her = await registered(other)
            assert isinstance(await client.room_invite(room, her.user_id), nio.RoomInviteResponse)
            assert isinstance(await other.join(room), nio.JoinResponse)
            assert isinstance(await client.room_kick(room, her.user_id), nio.RoomKickResponse)
            assert isinstance(await client.room_ban(room, her.user_id), nio.RoomBanResponse)
            assert isinstance(await client.room_unban(room, her.user_id), nio.RoomUnbanResponse)
            assert isinstance(await other.join(room), nio.JoinResponse)
            assert isinstance(await other.room_leave(room), nio.RoomLeaveResponse)
            assert isinstance(await other.room_forget(room), nio.RoomForgetResponse)
            assert isinstance(await other.set_displayname("Her"), nio.ProfileSetDisplayNameResponse)
            got = await client.get_displayname(her.user_id)
            assert got.displayname == "Her"
        finally:
            await other.close()

    story(server, tell)


def test_nio_lists_names_and_deletes_devices(server):
    async def tell(client):
        me = await registered(client)
        got = await client.devices()
        assert isinstance(got, nio.DevicesResponse), got
        assert [one.id for one in got.devices] == [me.device_id]
        assert isinstance(await client.update_device(me.device_id, {"display_name": "Bot"}),
                          nio.UpdateDeviceResponse)
        other = nio.AsyncClient(server.http.base, me.user_id)
        try:
            phone = await other.login(PASSWORD, device_name="the phone")
        finally:
            await other.close()
        asked = await client.delete_devices([phone.device_id])
        assert isinstance(asked, nio.DeleteDevicesAuthResponse), asked
        auth = {"type": "m.login.password", "user": me.user_id, "password": PASSWORD,
                "session": asked.session}
        assert isinstance(await client.delete_devices([phone.device_id], auth),
                          nio.DeleteDevicesResponse)
        assert [(one.id, one.display_name) for one in (await client.devices()).devices] == [
            (me.device_id, "Bot")]

    story(server, tell)


def test_nio_finds_an_alias(server):
    async def tell(client):
        me = await registered(client)
        name = fresh("nio")
        room = (await client.room_create(alias=name)).room_id
        server_name = me.user_id.split(":", 1)[1]
        got = await client.room_resolve_alias(f"#{name}:{server_name}")
        assert isinstance(got, nio.RoomResolveAliasResponse) and got.room_id == room
        assert isinstance(await client.room_resolve_alias(f"#{fresh('no')}:{server_name}"),
                          nio.RoomResolveAliasError)

    story(server, tell)


def test_nio_uploads_a_file_and_a_friend_downloads_it(server, tmp_path):
    data = os.urandom(700001)

    async def tell(ann):
        ben = nio.AsyncClient(server.http.base)
        try:
            await registered(ann)
            await registered(ben)
            for sent in data, b"small":
                got, _ = await ann.upload(io.BytesIO(sent), "image/png", "kettle.png",
                                          filesize=len(sent))
                assert isinstance(got, nio.UploadResponse), got
                file = await ben.download(got.content_uri)
                assert isinstance(file, nio.MemoryDownloadResponse), file
                assert (file.body, file.content_type, file.filename) == (
                    sent, "image/png", "kettle.png")
                file = await ben.download(got.content_uri, filename="cup of tea.png",
                                          save_to=tmp_path)
                assert isinstance(file, nio.DiskDownloadResponse), file
                assert file.body.name == "cup of tea.png" and file.body.read_bytes() == sent
        finally:
            await ben.close()

    story(server, tell)


def test_nio_syncs_and_hears_what_a_friend_says(server):
    """Two clients in one room: invitation, words, typing, receipts, all by sync_forever."""
    async def tell(ann):
        ben = nio.AsyncClient(server.http.base)
        try:
            await registered(ann)
            await registered(ben)
            assert isinstance(await ben.sync(timeout=0), nio.SyncResponse)
            made = await ann.room_create(name="nio's", invite=[ben.user_id])
            got = await ben.sync(timeout=10000)
            assert isinstance(got, nio.SyncResponse), got
            assert made.room_id in ben.invited_rooms
            assert isinstance(await ben.join(made.room_id), nio.JoinResponse)
            heard, done = [], asyncio.Event()

            async def listen(room, event):
                heard.append((room.display_name, event.sender, event.body))
                if event.body == "third":
                    done.set()

            ben.add_event_callback(listen, nio.RoomMessageText)
            await ben.sync(timeout=0, full_state=True)
            assert set(ben.rooms[made.room_id].users) == {ann.user_id, ben.user_id}
            forever = asyncio.create_task(ben.sync_forever(timeout=20000))
            for body in ("first", "second", "third"):
                got = await ann.room_send(made.room_id, "m.room.message",
                                          {"msgtype": "m.text", "body": body})
                assert isinstance(got, nio.RoomSendResponse), got
            await asyncio.wait_for(done.wait(), 20)
            assert heard == [("nio's", ann.user_id, body)
                             for body in ("first", "second", "third")]
            assert isinstance(await ben.room_read_markers(
                made.room_id, got.event_id, got.event_id), nio.RoomReadMarkersResponse)
            assert isinstance(await ben.room_typing(made.room_id), nio.RoomTypingResponse)
            got = await ann.sync(timeout=10000)
            assert ann.rooms[made.room_id].typing_users == [ben.user_id]
            assert made.room_id in got.rooms.join
            ben.stop_sync_forever()
            forever.cancel()
        finally:
            await ben.close()

    story(server, tell)

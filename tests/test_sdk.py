"""matrix-js-sdk as npm has it, 2015's and today's, unchanged, each telling its own story.

Stands on tests/js (npm ci there once; ./dev test does). Each script plays a client while
a plain fetch plays ann, and prints the requests it made.
"""

import json
import os
import pathlib
import platform
import shutil
import subprocess

import pytest

from test_media import DOWNLOAD, place

JS = pathlib.Path(__file__).parent / "js"
ARCH = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
NODE = JS / "node_modules" / f"node-linux-{ARCH}" / "bin/node"
QUIET = {**os.environ, "NODE_NO_WARNINGS": "1"}
PASSWORD = "correct horse battery"


def chromium():
    browser = shutil.which("chromium")
    if not browser:
        pytest.fail("chromium is not there: ./dev test installs it")
    return browser


def command(script, server, ann, room, *more):
    if not NODE.exists():
        pytest.fail(f"{NODE} is not there: run `npm ci` in {JS}")
    return [NODE, JS / script, server.http.base, ann.token, room, *more]


def play(script, server, ann, room, *more):
    """Runs one script to its end; the requests that its SDK made."""
    got = subprocess.run(command(script, server, ann, room, *more), text=True,
                         capture_output=True, timeout=100, env=QUIET)
    assert got.returncode == 0, got.stderr
    return json.loads(got.stdout.splitlines()[-1])["requests"]


def test_sdk_43_peeks_joins_speaks_and_is_made_to_leave(server, ann):
    room = ann.public_room()
    asked = play("sdk43_guest.mjs", server, ann, room)
    assert "POST /_matrix/client/v3/register?kind" in asked
    assert f"GET /_matrix/client/v3/rooms/{room}/initialSync?limit" in asked
    assert "GET /_matrix/client/v3/events?from,room_id,timeout" in asked
    assert ann.state(room, "m.room.guest_access") == {"guest_access": "forbidden"}
    assert [e["content"]["body"] for e in ann.all_messages(room)
            if e["type"] == "m.room.message" and e["sender"] != ann.user_id] == [
                "hello from a guest"]


def assert_has_picture(ann, ben):
    """As the SDKs of before 2018 upload it."""
    uri = ann.get(f"/profile/{ben.user_id}/avatar_url")["avatar_url"]
    got = ann.reply("GET", DOWNLOAD + place(uri), expect=200)
    assert got.body == b"a beetle"
    assert got.headers["content-disposition"].endswith("filename*=utf-8''k%C3%A4fer.png")


def test_sdk_0_4_peeks_as_a_guest(server, ann):
    room = ann.public_room()
    asked = play("sdk04_guest.cjs", server, ann, room)
    assert "POST /_matrix/client/r0/register?kind" in asked
    assert "GET /_matrix/client/r0/events?access_token,from,room_id,timeout" in asked


def test_sdk_0_3_lives_on_api_v1(server, ann, ben):
    room = ann.create_room(preset="public_chat")
    asked = play("sdk03_user.cjs", server, ann, room, ben.local_part, PASSWORD)
    assert "POST /_matrix/client/api/v1/login" in asked
    assert "GET /_matrix/client/api/v1/initialSync?access_token,limit" in asked
    assert "GET /_matrix/client/api/v1/events?access_token,from,timeout" in asked
    assert ann.membership(room, ben.user_id) == "leave"
    assert ann.get(f"/profile/{ben.user_id}/displayname") == {"displayname": "Old Timer"}
    assert "POST /_matrix/media/v1/upload?access_token,filename" in asked
    assert_has_picture(ann, ben)


def test_sdk_43_is_two_people_for_ten_minutes(private):
    server = private()
    ann, ben = server.api.register(), server.api.register()
    words = command("sdk43_people.mjs", server, ann, "!unused", ann.local_part, ben.local_part,
                    PASSWORD)
    with subprocess.Popen(words, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=QUIET) as story:
        said = story.stdout.readline()
        if said == "restart\n":
            server.stop()
            server.start()
        rest, failure = story.communicate("done\n", timeout=100)
    assert story.returncode == 0, failure
    asked = json.loads(rest.splitlines()[-1])["requests"]
    assert any(one.startswith("GET /_matrix/client/v3/sync?") for one in asked)
    assert any(one.startswith("POST /_matrix/media/v3/upload?filename") for one in asked)
    assert any(one.startswith("GET /_matrix/client/v1/media/download/") for one in asked)


def test_sdk_0_7_lives_on_r0(server, ann, ben):
    room = ann.create_room(preset="public_chat")
    asked = play("sdk07_user.cjs", server, ann, room, ben.local_part, PASSWORD)
    assert any(one.startswith("GET /_matrix/client/r0/sync?") for one in asked)
    assert any(one.startswith("POST /_matrix/media/v1/upload?") for one in asked)
    assert_has_picture(ann, ben)


def test_bot_sdk_joins_where_it_is_invited_and_answers(server, ann, ben):
    room = ann.create_room(preset="private_chat")
    play("botsdk.cjs", server, ann, room, ben.local_part, PASSWORD)
    assert ann.membership(room, ben.user_id) == "join"


def test_hydrogen_shows_a_room_in_a_browser(server, ann, ben):
    room = ann.create_room(preset="public_chat", name="Tea room")
    ben.join(room)
    folder = os.environ.get("PARLOUR_PICTURES")
    picture = str(pathlib.Path(folder, "hydrogen.png")) if folder else ""
    play("hydrogen.mjs", server, ann, room, ben.local_part, PASSWORD, chromium(), picture)
    assert [e["content"]["body"] for e in ann.all_messages(room)
            if e["type"] == "m.room.message"] == [
                "the kettle is on", "hello from hydrogen", "one lump or two?"]

"""A full disk: senders get a 5xx, nothing acknowledged is lost, reading goes on, and the
server works again once there is room, with and without a restart.

Needs a file system of its own, small enough to fill: a loop device, for which one must
be root.
"""

import os
import subprocess

import pytest

from lib.client import fresh
from lib.server import Server

SIZE = 21 << 20
# More than the log can hold: the checkpoint thread copies it into the database as soon as
# there is room, and what is sent then still finds some.
BALLAST = 11 << 20
LARGE = "All the room there is. " * 2000
pytestmark = pytest.mark.skipif("PARLOUR_URL" in os.environ, reason="needs a server of its own")


def done(*words):
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


@pytest.fixture
def small_disk(tmp_path):
    """A mounted file system of SIZE bytes, with a ballast file that may be removed."""
    image, folder = tmp_path / "image", tmp_path / "disk"
    folder.mkdir()
    with open(image, "wb") as out:
        out.truncate(SIZE)
    if not done("mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", image):
        pytest.skip("mkfs.ext4 is not there")
    if not done("mount", "-o", "loop", image, folder):
        pytest.skip("mounting a loop device is not permitted here")
    try:
        add_ballast(folder)
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def add_ballast(folder):
    (folder / "ballast").write_bytes(os.urandom(BALLAST))


def remove_ballast(folder):
    os.unlink(folder / "ballast")
    os.sync()


class Talk:
    """One who talks in a room and remembers what was acknowledged."""

    def __init__(self, client):
        self.client, self.room_id = client, client.public_room()
        self.acknowledged = []

    def say(self, text):
        """Sends once; the answer."""
        content = {"msgtype": "m.text", "body": text}
        path = self.client.room(self.room_id, f"/send/m.room.message/{fresh('t')}")
        got = self.client.reply("PUT", path, content)
        if got.status == 200:
            self.acknowledged.append(got.json()["event_id"])
        return got

    def until_full(self):
        """Large ones until one is refused, then small ones until one is."""
        for text in (LARGE, "hello"):
            for _ in range(20000):
                got = self.say(incompressible(len(text)))
                if got.status != 200:
                    break
            else:
                raise AssertionError("the disk does not fill")
        return got

    def assert_all_there(self):
        """In order, each once, and nothing that was refused."""
        told = [event["event_id"] for event in self.client.all_messages(self.room_id)
                if event["type"] == "m.room.message"]
        assert told == self.acknowledged


def incompressible(size):
    return os.urandom(size // 2).hex()


@pytest.fixture
def talk(small_disk):
    with Server(small_disk / "server", log={"level": "warn"}) as server:
        one = Talk(server.api.register())
        one.server = server
        yield one


def test_a_full_disk_refuses_with_5xx_and_loses_nothing(talk):
    refused = talk.until_full()
    assert refused.status in (500, 503, 507), refused
    assert refused.errcode(), refused
    talk.server.assert_alive()
    talk.assert_all_there()


def test_reading_and_listening_go_on_while_the_disk_is_full(talk):
    talk.until_full()
    guest = talk.server.api.guest()
    page = guest.events(rooms=[talk.room_id])
    assert page["chunk"] == []
    assert talk.client.messages(talk.room_id)["chunk"][0]["event_id"] == talk.acknowledged[-1]
    assert guest.get(guest.room(talk.room_id, "/initialSync"))["room_id"] == talk.room_id


def test_sending_works_again_once_there_is_room(talk, small_disk):
    talk.until_full()
    remove_ballast(small_disk)
    assert talk.say("there is room").status == 200
    talk.assert_all_there()


def test_a_transaction_that_was_refused_can_be_sent_again(talk, small_disk):
    talk.until_full()
    path = talk.client.room(talk.room_id, "/send/m.room.message/one")
    content = {"msgtype": "m.text", "body": incompressible(60000)}
    assert talk.client.reply("PUT", path, content).status >= 500
    remove_ballast(small_disk)
    first = talk.client.put(path, content)["event_id"]
    talk.acknowledged.append(first)
    assert talk.client.put(path, content)["event_id"] == first
    talk.assert_all_there()


def test_a_kill_while_the_disk_is_full_loses_nothing_either(talk, small_disk):
    talk.until_full()
    talk.server.kill()
    remove_ballast(small_disk)
    talk.server.start()
    talk.assert_all_there()
    assert talk.say("after the restart").status == 200
    talk.until_full()
    talk.assert_all_there()


def test_other_rooms_of_the_failed_group_work_again_too(talk, small_disk):
    other = Talk(talk.server.api.register())
    talk.until_full()
    assert other.say(incompressible(60000)).status >= 500
    remove_ballast(small_disk)
    assert other.say("there is room").status == 200
    assert talk.say("here too").status == 200
    talk.assert_all_there()
    other.assert_all_there()


def test_an_upload_that_does_not_fit_is_refused_and_leaves_its_room(talk):
    """It is the only one that is refused: what was written of it is gone when it is answered."""
    upload = "/_matrix/media/v3/upload"
    for _ in range(3):
        got = talk.client.reply("POST", upload, raw=os.urandom(2 * SIZE))
        assert (got.status, got.errcode()) == (503, "M_UNKNOWN"), got
        assert talk.say("there is room again").status == 200
    uri = talk.client.request("POST", upload, raw=b"small")["content_uri"]
    got = talk.client.reply("GET", "/_matrix/client/v1/media/download/" + uri[len("mxc://"):])
    assert got.body == b"small"
    talk.assert_all_there()

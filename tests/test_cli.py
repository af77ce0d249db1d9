"""The command line, the configuration, starting, stopping and the operator's words.

What is held is doc/operating.md; no Matrix specification.
"""

import json
import re
import signal
import socket
import sqlite3
import subprocess
import threading

import pytest

from lib.client import Client, fresh
from lib.http import Raw, quote
from lib.listen import Parked
from lib.server import Server, command, free_port, mortal, run

WORDS = ["serve", "init", "check", "user", "room", "token", "media", "backup"]


# --- help and version -------------------------------------------------------


def test_version_names_the_program_and_a_number():
    got = run("--version")
    assert got.returncode == 0 and re.match(r"parlour \d+\.\d+", got.stdout)


def test_help_names_every_word():
    got = run("--help")
    assert got.returncode == 0
    for word in WORDS:
        assert re.search(rf"^\s+{word}\b", got.stdout, re.M), word


@pytest.mark.parametrize("word", WORDS)
def test_every_word_has_help(word):
    got = run(word, "--help")
    assert got.returncode == 0 and word in got.stdout and got.stderr == ""


@pytest.mark.parametrize("words", [[], ["dance"], ["serve", "--nonsense"], ["check", "a", "b"],
                                   ["user"], ["user", "dance"], ["room", "dance"],
                                   ["token", "dance"], ["media", "dance"], ["backup"], ["init"]])
def test_a_wrong_word_or_option_is_a_failure_that_says_so(words, tmp_path):
    got = run(*words, cwd=tmp_path)
    assert got.returncode != 0 and got.stderr


# --- init and check ---------------------------------------------------------


@pytest.fixture
def initialised(tmp_path):
    got = run("init", "--server-name", "example.org", cwd=tmp_path)
    assert got.returncode == 0, got.stderr
    return tmp_path


def test_init_writes_a_commented_configuration_that_check_accepts(initialised):
    text = (initialised / "parlour.yaml").read_text()
    assert re.search(r"^server_name: \"?example.org", text, re.M) and "#" in text
    assert "127.0.0.1:8008" in text  # which another server may be listening on
    (initialised / "parlour.yaml").write_text(text.replace(":8008", f":{free_port()}"))
    got = run("check", cwd=initialised)
    assert got.returncode == 0, got.stdout + got.stderr


def test_init_makes_secret_files_that_nobody_else_reads(initialised):
    files = [f for f in (initialised / "data").iterdir() if f.is_file()]
    assert files and all(f.stat().st_mode & 0o077 == 0 for f in files)


def test_init_takes_a_folder_for_the_data(tmp_path):
    got = run("init", "--server-name", "example.org", "--data", tmp_path / "elsewhere",
              cwd=tmp_path)
    assert got.returncode == 0 and list((tmp_path / "elsewhere").iterdir())


def test_init_overwrites_nothing(initialised):
    before = (initialised / "parlour.yaml").read_bytes()
    keys = {f.name: f.read_bytes() for f in (initialised / "data").iterdir()}
    got = run("init", "--server-name", "other.org", cwd=initialised)
    assert got.returncode != 0
    assert (initialised / "parlour.yaml").read_bytes() == before
    assert {f.name: f.read_bytes() for f in (initialised / "data").iterdir()} == keys


def test_init_that_fails_can_be_repeated(tmp_path):
    got = run("init", "--server-name", "example.org", "--config", tmp_path / "no" / "x.yaml",
              cwd=tmp_path)
    assert got.returncode != 0 and "x.yaml" in got.stderr
    assert run("init", "--server-name", "example.org", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("text, where, word", [
    ("server_name: x\nregistation: {mode: open}\n", "2:1", "registration"),
    ("server_name: x\nregistration: {mode: ajar}\n", "2:22", "ajar"),
    ("server_name: x\nguests: {lifetime: soon}\n", "2:20", "lifetime"),
    ("server_name: x\nlisteners:\n  - {address: \"[::1]:1\", sreve: [client]}\n", "3:", "serve"),
    ("server_name: x\nlog: {level: loud}\n", "2:14", "loud"),
    ("server_name: x\npassword_hashing: {passes: -1}\n", "2:28", "passes"),
    ("server_name: [x]\n", "1:", "server_name"),
    ("server_name: x\nlog: {level: info\n", "", ""),
    ("server_name: x\nserver_name: y\n", "2:1", "server_name")])
def test_a_mistake_is_told_with_its_place_and_the_word_meant(tmp_path, text, where, word):
    (tmp_path / "bad.yaml").write_text(text)
    for verb in ("check", "serve"):
        got = run(verb, "--config", "bad.yaml", cwd=tmp_path)
        assert got.returncode != 0
        assert f"bad.yaml:{where}" in got.stderr and word in got.stderr, got.stderr


def test_a_configuration_that_is_not_there_is_told(tmp_path):
    got = run("check", "--config", "none.yaml", cwd=tmp_path)
    assert got.returncode != 0 and "none.yaml" in got.stderr


def test_every_key_of_the_design_is_known_and_later_ones_are_warned_of(tmp_path):
    (tmp_path / "all.yaml").write_text("""
server_name: localhost:8801
public_base_url: https://example.org
data_dir: ./data
log: {level: info, format: json}
listeners:
  - {address: "127.0.0.1:8008", serve: [client, viewer]}
  - {address: "127.0.0.1:9008", serve: [metrics]}
  - {address: "0.0.0.0:8448", tls: {certificate: a.pem, key: b.pem}, serve: [client, federation]}
database: sqlite
bus: local
registration: {mode: closed, shared_secret: "x", recaptcha: {verify_url: "https://x.org",
  public_key: a, private_key: b}}
guests: {mode: join, lifetime: 7d}
federation: {enabled: true, trusted_ca: ca.pem, allow_private_addresses: false,
  public_rooms: true, device_names: false}
identity: {verify_certificates: true}
limits: {rate: on}
trusted_proxies: [127.0.0.1/32]
password_hashing: {memory_kib: 65536, passes: 2}
rooms: {default_version: "12", public_list_without_token: true}
previews: {enabled: false, allow_private_addresses: false}
mail: {smtp: "smtp://localhost:25", from: "a@example.org"}
media: {max_upload: 100M, store: ./data/media, allow_unauthenticated: false}
appservices: [a.yaml]
""")
    got = run("check", "--config", "all.yaml", cwd=tmp_path)
    assert "unknown key" not in got.stderr + got.stdout, got.stderr
    for later in ("federation", "mail", "appservices"):
        assert re.search(rf"warning.*{later}", got.stderr + got.stdout), later


def test_a_configuration_in_json_works(tmp_path):
    port = free_port()
    (tmp_path / "c.yaml").write_text(json.dumps({
        "server_name": "json.example", "data_dir": str(tmp_path / "d"),
        "registration": {"mode": "open"}, "limits": {"rate": False},
        "listeners": [{"address": f"127.0.0.1:{port}", "serve": ["client"]}]}, indent=1))
    assert run("check", "--config", "c.yaml", cwd=tmp_path).returncode == 0


# --- serve ------------------------------------------------------------------


def test_serve_without_a_configuration_uses_what_lies_there(initialised):
    port = free_port()
    text = (initialised / "parlour.yaml").read_text()
    assert "8008" in text
    (initialised / "parlour.yaml").write_text(text.replace("8008", str(port)))
    one = Server(initialised / "unused")
    process = subprocess.Popen(mortal(*command("serve")), cwd=initialised, stderr=subprocess.PIPE)
    try:
        one.process, one.http = process, one.http.__class__(f"http://127.0.0.1:{port}")
        one.wait_until_healthy()
        assert b"example.org" in one.http.ask(
            "POST", "/_matrix/client/v3/register?kind=guest", b"{}").body
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_well(private, how):
    one = private()
    one.api.register().create_room()
    one.stop(how)


def test_a_stop_answers_parked_listeners_and_closes_the_rest(private):
    one = private()
    guest = one.api.guest()
    hall = one.api.register().public_room()
    position = guest.now([hall])
    polls = [Parked(lambda: guest.events(position, [hall], timeout=60000)) for _ in range(8)]
    one.until_parked(8)
    with Raw("127.0.0.1", one.port) as idle:
        idle.say("GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\n\r\n")
        idle.answer()
        one.stop()
        assert idle.is_closed()
    for poll in polls:
        assert poll.result()["chunk"] == []


def test_a_stop_loses_nothing_that_was_acknowledged(private):
    one = private()
    ann = one.api.register()
    room = ann.create_room()
    sent, full = [], threading.Event()

    def speak():
        try:
            while True:
                sent.append(Client(ann.http, ann.token).send(room, fresh("m")))
                if len(sent) >= 30:
                    full.set()
        except Exception:  # the server has stopped: that is the point
            full.set()

    speaking = Parked(speak)
    assert full.wait(30)
    one.stop()
    speaking.result()
    one.start()
    kept = [e["event_id"] for e in ann.all_messages(room) if e["type"] == "m.room.message"]
    assert kept[: len(sent)] == sent and len(kept) <= len(sent) + 1


def test_after_a_kill_every_acknowledged_event_is_there(private):
    one = private()
    ann = one.api.register()
    room = ann.create_room()
    sent = [ann.send(room, str(n), txn=f"k{n}") for n in range(20)]
    one.kill()
    one.start()
    kept = [e["event_id"] for e in ann.all_messages(room) if e["type"] == "m.room.message"]
    assert kept == sent
    assert ann.send(room, "3", txn="k3") == sent[3]


def refused(server):
    """Starts it where it cannot run; what it says."""
    got = run("serve", "--config", server.config, cwd=server.folder, within_s=30)
    assert got.returncode != 0
    return got.stderr + got.stdout


def test_a_port_in_use_is_refused_by_name(private):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        one = private(running=False, listeners=[
            {"address": f"127.0.0.1:{port}", "serve": ["client"]}])
        assert str(port) in refused(one)


def test_a_second_server_on_the_same_port_is_refused(private):
    one = private("one")
    two = private("two", running=False, listeners=[
        {"address": f"127.0.0.1:{one.port}", "serve": ["client"]}])
    assert str(one.port) in refused(two)
    one.assert_alive()


def test_a_second_server_on_the_same_data_is_refused(private):
    one = private("one")
    two = private("two", running=False, data_dir=str(one.folder / "data"))
    assert "data" in refused(two)
    one.assert_alive()


def database_of(server):
    files = [f for f in (server.folder / "data").rglob("*")
             if f.is_file() and f.read_bytes()[:15] == b"SQLite format 3"]
    assert len(files) == 1
    return files[0]


def test_a_damaged_database_is_refused_and_left_as_it_is(private):
    one = private()
    one.api.register()
    one.stop()
    file = database_of(one)
    whole = file.read_bytes()
    broken = b"this was a database".ljust(100) + whole[100:]
    file.write_bytes(broken)
    assert refused(one)
    assert file.read_bytes() == broken
    file.write_bytes(whole)
    one.start()


def test_a_database_is_not_served_under_another_name(private):
    one = private()
    one.api.register("ann")
    one.stop()
    one.write_config(server_name="other.example")
    said = refused(one)
    assert "other.example" in said and "localhost" in said
    assert one.run("user", "list").returncode != 0
    one.write_config(server_name="localhost")
    one.start()
    one.api.login("ann", "correct horse battery")


def test_a_database_newer_than_the_program_is_refused(private):
    one = private()
    one.stop()
    file = database_of(one)
    with sqlite3.connect(file) as db:
        row = list(db.execute("SELECT * FROM schema_version ORDER BY version DESC").fetchone())
        columns = [r[1] for r in db.execute("PRAGMA table_info(schema_version)")]
        row[columns.index("version")] = 9999
        db.execute(f"INSERT INTO schema_version VALUES ({','.join('?' * len(row))})", row)
    db.close()
    assert "newer" in refused(one).lower()


# --- the operator's words ----------------------------------------------------


@pytest.fixture(params=["running", "stopped"])
def operated(private, request):
    """A server whose operator speaks while it runs, and while it does not."""
    one = private()
    if request.param == "stopped":
        one.stop()

    class Operator:
        server = one

        def say(self, *words, expect=0, **more):
            got = one.run(*words, **more)
            assert got.returncode == expect, got.stderr
            return got.stdout

        def api(self):
            if one.process is None:
                one.start()
            return one.api

    return Operator()


def test_the_operator_makes_an_account_and_sets_its_password(operated):
    operated.say("user", "add", "ann", "--password", "first password")
    assert "@ann:localhost" in operated.say("user", "list")
    operated.say("user", "password", "ann", "--password", "second password")
    api = operated.api()
    api.login("ann", "first password", expect=(403, "M_FORBIDDEN"))
    api.login("ann", "second password")


def test_the_operator_deactivates_an_account(operated):
    operated.say("user", "add", "ann", "--password", "first password")
    operated.say("user", "deactivate", "ann")
    operated.api().login("ann", "first password", expect=403)


def test_a_password_set_by_the_operator_ends_the_sessions(private):
    one = private()
    ann = one.api.register("ann")
    assert one.run("user", "password", "ann", "--password", "another").returncode == 0
    ann.get("/account/whoami", expect=(401, "M_UNKNOWN_TOKEN"))


def test_an_account_of_a_taken_or_bad_name_is_refused(private):
    one = private()
    one.api.register("ann")
    for name in ("ann", "a b", "@x:elsewhere"):
        got = one.run("user", "add", name, "--password", "pw pw pw")
        assert got.returncode != 0 and got.stderr, name


def test_an_account_that_is_not_there_is_told(private):
    one = private()
    for word in ("password", "deactivate"):
        more = ["--password", "x"] if word == "password" else []
        assert one.run("user", word, "nobody", *more).returncode != 0


def test_the_operator_lists_the_rooms(private):
    one = private()
    room = one.api.register().create_room(name="the one")
    assert room in one.run("room", "list").stdout
    one.stop()
    assert room in one.run("room", "list").stdout


def test_the_operator_hands_out_registration_tokens(operated):
    operated.say("token", "add", "open-sesame")
    assert "open-sesame" in operated.say("token", "list")
    operated.say("token", "delete", "open-sesame")
    assert "open-sesame" not in operated.say("token", "list")


@pytest.mark.parametrize("words", [
    ["--expires", "5"], ["--expires", "soon"], ["--expires", "0s"], ["--expires", ""],
    ["--uses", "0"], ["--uses", "-1"], ["--uses", "many"], ["--uses", "9" * 30]])
def test_a_registration_token_of_no_sense_is_refused(private, words):
    one = private(running=False)
    got = one.run("token", "add", *words)
    assert got.returncode == 2 and words[0] in got.stderr


def test_a_registration_token_says_until_when_it_is_good(operated):
    operated.say("token", "add", "short", "--expires", "1h", "--uses", "3")
    assert re.search(r"short .*0 of 3 .*\d{4}-\d\d-\d\dT", operated.say("token", "list"))


def test_after_a_kill_the_operators_words_work(private):
    one = private()
    one.api.register("ann")
    one.kill()
    assert "@ann:localhost" in one.run("user", "list").stdout
    assert one.run("user", "add", "ben", "--password", "pw pw").returncode == 0
    one.start()
    one.api.login("ben", "pw pw")


def test_a_backup_under_load_is_a_whole_server(private, tmp_path):
    one = private()
    ann = one.api.register()
    room = ann.create_room()
    before = [ann.send(room, str(n)) for n in range(20)]
    going = threading.Event()
    during = []

    def speak():
        speaker = Client(ann.http, ann.token)
        while not going.is_set():
            during.append(speaker.send(room, fresh("m")))

    speaking = Parked(speak)
    file = tmp_path / "copy.backup"
    got = one.run("backup", file)
    going.set()
    speaking.result()
    assert got.returncode == 0, got.stderr
    assert file.exists() and file.stat().st_mode & 0o077 == 0
    assert one.run("backup", file).returncode != 0, "a backup overwrites nothing"


# --- logs ---------------------------------------------------------------------


def test_secrets_never_reach_the_log(private):
    one = private(log={"level": "debug"})
    ann, guest = one.api.register(password="a very secret word"), one.api.guest()
    one.api.get("/account/whoami", access_token=ann.token)
    one.api.get("/account/whoami", access_token=guest.token)
    one.api.get("/account/whoami", access_token="wrong-token-12345", expect=401)
    again = ann.login(refresh_token=True)
    ann.post("/nothing", {"access_token": ann.token}, expect=404)
    one.stop()
    text = one.log.read_text()
    for secret in (ann.token, guest.token, again.token, "a very secret word", "wrong-token-12345",
                   one.settings["registration"]["shared_secret"]):
        assert secret not in text and quote(secret) not in text


def test_at_debug_each_request_is_a_line_with_an_id(private):
    one = private(log={"level": "debug", "format": "json"})
    one.api.get("/_matrix/client/versions")
    one.stop()
    lines = [json.loads(line) for line in one.log.read_text().splitlines() if line.strip()]
    asked = [line for line in lines if "/_matrix/client/versions" in json.dumps(line)]
    assert len(asked) == 1
    assert any(re.search("id|req", key) for key in asked[0])


def test_a_request_that_is_refused_is_a_line_with_an_id_too(private):
    one = private(log={"level": "debug", "format": "json"}, limits={"rate": "on"})
    one.api.get("/nothing-like-it", expect=404)
    one.api.delete("/login", expect=405)
    body = {"type": "m.login.password", "user": "nobody", "password": "x"}
    while one.api.reply("POST", "/login", body).status != 429:
        pass
    one.stop()
    lines = [json.loads(line) for line in one.log.read_text().splitlines() if line[:1] == "{"]
    for words in ("GET (unknown) 404", "DELETE (unknown) 405", "POST /login 429"):
        asked = [line for line in lines if words in line["message"]]
        assert len(asked) == 1 and asked[0]["request"], words


def test_a_flood_of_connections_leaves_the_server_and_its_store_alive(private):
    one = private(limits={"connections_max": 64})
    ann = one.api.register()
    room = ann.create_room()
    crowd = []
    try:
        for _ in range(200):
            try:
                crowd.append(socket.create_connection(("127.0.0.1", one.port), timeout=5))
            except OSError:
                break
        ann.send(room, "on a connection kept from before")
    finally:
        for sock in crowd:
            sock.close()
    one.assert_alive()
    ann.send(room, "and after")


def test_at_the_limit_of_descriptors_the_store_still_works(private):
    one = private(running=False)
    one.start(before=["bash", "-c", 'ulimit -n 256; exec "$@"', "limited"])
    ann = one.api.register()
    room = ann.create_room()
    crowd = []
    try:
        for _ in range(400):
            sock = socket.socket()
            sock.settimeout(5)
            sock.connect(("127.0.0.1", one.port))
            crowd.append(sock)
        sent = [ann.send(room, str(n)) for n in range(5)]
    finally:
        for sock in crowd:
            sock.close()
    assert [e["event_id"] for e in ann.all_messages(room)][-5:] == sent

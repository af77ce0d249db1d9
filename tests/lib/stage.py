"""A room in which everything is said that people say: for tests of its pages, and for
pictures of them.

`python3 -m lib.stage URL` (in tests/) sets it up on a running server whose registration is
open, and prints where it is.
"""

import io
import sys

from PIL import Image, ImageDraw

from .client import Client, fresh

PALETTE = {"Maya": "#b4532a", "Jonas": "#2f6f8f", "Aiko": "#5c7a29", "Layla": "#8a4f9e"}


def png(draw, size):
    image = Image.new("RGB", size)
    draw(ImageDraw.Draw(image), *size)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def face(colour):
    """A head and shoulders."""
    def draw(d, w, h):
        d.rectangle((0, 0, w, h), fill=colour)
        d.ellipse((w * .32, h * .2, w * .68, h * .56), fill="#fff4e6")
        d.ellipse((w * .18, h * .62, w * .82, h * 1.3), fill="#fff4e6")
    return png(draw, (128, 128))


def landscape():
    """Hills at dusk."""
    def draw(d, w, h):
        for y in range(h):
            d.line((0, y, w, y), fill=(250 - y // 4, 190 - y // 4, 140 + y // 5))
        d.ellipse((w * .62, h * .3, w * .78, h * .3 + w * .16), fill="#fff1c9")
        d.polygon([(0, h), (0, h * .7), (w * .35, h * .45), (w * .7, h * .8), (w, h * .6),
                   (w, h)], fill="#3d5a6c")
        d.polygon([(0, h), (0, h * .9), (w * .5, h * .7), (w, h * .92), (w, h)],
                  fill="#22333b")
    return png(draw, (1200, 720))


class Stage:
    """One room, its people, and what they have said: events by a name each."""

    def __init__(self, api, alias=None):
        self.api = api
        self.people = {}
        for name, colour in PALETTE.items():
            person = api.register()
            person.put(f"/profile/{person.user_id}/displayname", {"displayname": name})
            mxc = upload(person, face(colour), "image/png", "face.png")
            person.put(f"/profile/{person.user_id}/avatar_url", {"avatar_url": mxc})
            self.people[name] = person
        self.maya = self.people["Maya"]
        self.alias = alias or fresh("garden")
        self.room_id = self.maya.create_room(
            preset="public_chat", name="The Evening Garden", room_alias_name=self.alias,
            topic="Plants, recipes and long evenings. House rules: https://example.org/rules",
            visibility="public",
            initial_state=[{"type": "m.room.history_visibility", "state_key": "",
                            "content": {"history_visibility": "world_readable"}}])
        mxc = upload(self.maya, landscape(), "image/png", "garden.png")
        self.state("Maya", "m.room.avatar", {"url": mxc})
        for name in ("Jonas", "Aiko", "Layla"):
            self.people[name].post(self.path(f"/join"))
        self.events = {}

    def path(self, tail):
        return self.maya.room(self.room_id, tail)

    def state(self, name, kind, content, key=""):
        return self.people[name].put(self.path(f"/state/{kind}/{key}"), content)["event_id"]

    def send(self, name, content, kind="m.room.message"):
        path = self.path(f"/send/{kind}/{fresh('t')}")
        return self.people[name].put(path, content)["event_id"]

    def text(self, name, body, html=None, **more):
        content = {"msgtype": "m.text", "body": body, **more}
        if html is not None:
            content |= {"format": "org.matrix.custom.html", "formatted_body": html}
        return self.send(name, content)

    def reply(self, name, to, body, **more):
        return self.text(name, body, **{"m.relates_to": {"m.in_reply_to": {"event_id": to}}},
                         **more)

    def edit(self, name, target, body):
        new = {"msgtype": "m.text", "body": body}
        return self.text(name, "* " + body, **{
            "m.new_content": new,
            "m.relates_to": {"rel_type": "m.replace", "event_id": target}})

    def react(self, name, target, key):
        return self.send(name, {"m.relates_to": {
            "rel_type": "m.annotation", "event_id": target, "key": key}}, "m.reaction")

    def in_thread(self, name, root, body):
        return self.text(name, body, **{"m.relates_to": {
            "rel_type": "m.thread", "event_id": root, "is_falling_back": True,
            "m.in_reply_to": {"event_id": root}}})

    def redact(self, name, target):
        return self.people[name].put(self.path(f"/redact/{target}/{fresh('r')}"),
                                     {})["event_id"]

    def play(self):
        """Everything, once."""
        said = self.events
        said["hello"] = self.text("Maya", "Good evening, everybody! The first tomatoes are ripe 🍅")
        said["second"] = self.text("Maya", "I put a basket by the gate. Take what you like.")
        said["reply"] = self.reply("Jonas", said["hello"], "Already? Ours are still green.")
        said["reaction"] = self.react("Aiko", said["hello"], "🎉")
        self.react("Layla", said["hello"], "🎉")
        self.react("Jonas", said["hello"], "🍅")
        said["html"] = self.text(
            "Aiko", "Recipe", "<p>My <strong>cold soup</strong> for hot evenings:</p>"
            "<ol><li>half a kilo of tomatoes</li><li>a cucumber, <em>peeled</em></li>"
            "<li>olive oil, vinegar, salt</li></ol>"
            "<blockquote>Blend, rest, enjoy.</blockquote>")
        said["code"] = self.text(
            "Jonas", "code", "<p>Our watering runs by itself now:</p><pre><code "
            "class=\"language-python\">if soil.moisture() &lt; 0.3:\n    pump.run(minutes=5)\n"
            "</code></pre>")
        said["table"] = self.text(
            "Aiko", "table", "<table><thead><tr><th>Bed</th><th>Planted</th><th>Harvest</th>"
            "</tr></thead><tbody><tr><td>North</td><td>Beans</td><td>July</td></tr>"
            "<tr><td>South</td><td>Squash</td><td>September</td></tr></tbody></table>")
        mxc = upload(self.people["Layla"], landscape(), "image/png", "dusk.png")
        said["image"] = self.send("Layla", {
            "msgtype": "m.image", "body": "The hill, an hour ago", "url": mxc,
            "filename": "dusk.png", "info": {"w": 1200, "h": 720, "mimetype": "image/png"}})
        said["arabic"] = self.text("Layla", "مساء الخير! الحديقة جميلة جدًا هذا المساء.")
        said["spoiler"] = self.text(
            "Jonas", "spoiler", "Who won the pumpkin contest? <span data-mx-spoiler=\"result\">"
            "Maya, by two kilos!</span>")
        said["edited"] = self.text("Jonas", "See you on Saterday")
        said["edit"] = self.edit("Jonas", said["edited"], "See you on Saturday")
        said["gone"] = self.text("Aiko", "wrong room, sorry")
        said["redaction"] = self.redact("Aiko", said["gone"])
        said["thread"] = self.text("Maya", "Who helps with the fence?")
        said["in_thread"] = self.in_thread("Jonas", said["thread"], "I do, Saturday morning.")
        self.in_thread("Aiko", said["thread"], "Me too, I bring coffee.")
        said["emote"] = self.send("Layla", {"msgtype": "m.emote", "body": "waters the roses"})
        said["notice"] = self.send("Jonas", {"msgtype": "m.notice",
                                             "body": "Weather: clear tonight, 18 °C"})
        said["file"] = self.send("Maya", {
            "msgtype": "m.file", "body": "plan.pdf", "info": {"size": 48213},
            "url": upload(self.maya, b"%PDF-1.4 a plan", "application/pdf", "plan.pdf")})
        said["audio"] = self.send("Aiko", {
            "msgtype": "m.audio", "body": "crickets.ogg", "info": {"size": 1200},
            "url": upload(self.people["Aiko"], b"OggS", "audio/ogg", "crickets.ogg")})
        said["video"] = self.send("Layla", {
            "msgtype": "m.video", "body": "fireflies.mp4", "info": {
                "w": 640, "h": 360, "size": 4000, "thumbnail_url": mxc},
            "url": upload(self.people["Layla"], b"\0\0\0\x18ftypmp42", "video/mp4", "f.mp4")})
        said["location"] = self.send("Maya", {
            "msgtype": "m.location", "body": "The garden gate", "geo_uri": "geo:48.1372,11.5756"})
        said["sticker"] = self.send("Aiko", {
            "body": "A happy sun", "url": upload(self.people["Aiko"], face("#e0a100"),
                                                 "image/png", "sun.png"),
            "info": {"w": 128, "h": 128}}, "m.sticker")
        said["poll"] = self.send("Maya", {
            "org.matrix.msc3381.poll.start": {
                "kind": "org.matrix.msc3381.poll.disclosed", "max_selections": 1,
                "question": {"org.matrix.msc1767.text": "When shall we meet?"},
                "answers": [{"id": "sat", "org.matrix.msc1767.text": "Saturday"},
                            {"id": "sun", "org.matrix.msc1767.text": "Sunday"}]},
            "org.matrix.msc1767.text": "When shall we meet?"}, "org.matrix.msc3381.poll.start")
        for name, choice in (("Jonas", "sat"), ("Aiko", "sun"), ("Layla", "sat")):
            said["vote"] = self.vote(name, choice)
        said["encrypted"] = self.send("Jonas", {
            "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "session_id": "s",
            "sender_key": "k", "device_id": "d"}, "m.room.encrypted")
        said["unknown"] = self.send("Aiko", {"x": 1}, "org.example.thing")
        for _ in range(4):
            visitor = self.api.register()
            visitor.post(self.path("/join"))
        said["last"] = self.text("Maya", "Listen to the crickets. Good night!")
        return self

    def vote(self, name, choice):
        return self.send(name, {
            "org.matrix.msc3381.poll.response": {"answers": [choice]},
            "m.relates_to": {"rel_type": "m.reference", "event_id": self.events["poll"]}},
            "org.matrix.msc3381.poll.response")


def upload(client, data, kind, name):
    got = client.reply("POST", f"/_matrix/media/v3/upload?filename={name}", raw=data,
                       headers={"Content-Type": kind}, expect=200)
    return got.json()["content_uri"]


if __name__ == "__main__":
    stage = Stage(Client(sys.argv[1]), *sys.argv[2:]).play()
    print(stage.room_id, stage.alias)

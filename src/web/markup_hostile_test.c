/*
 * What was made to break out of a page, and what keeps a reader busy. Each of it comes
 * to exactly what stands beside it, and all of it is fit to be shown.
 */
#include "web/markup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "web/markup_testing.h"

#define EVENT_BYTES (64 << 10)
#define BODY_BYTES (4 * EVENT_BYTES) /* where more than linear effort shows */
#define REL "\" rel=\"nofollow noopener ugc\">"

static const struct {
	struct str html;
	const char *shown;
} attempts[] = {
	{ STR("<script>alert(1)</script>"), "" },
	{ STR("<SCRIPT SRC=//evil.org/x.js></SCRIPT>"), "" },
	{ STR("<script/x>alert(1)</script>"), "" },
	{ STR("<scr<script>ipt>alert(1)</scr</script>ipt>"), "ipt&gt;alert(1)ipt&gt;" },
	{ STR("<script>alert(1)\n</script><b>x</b>"), "<b>x</b>" },
	{ STR("<<script>alert(1)//<</script>"), "&lt;" },
	{ STR("<img src=x onerror=alert(1)>"), "" },
	{ STR("<img src=\"x\" onerror=\"alert(1)\" alt=\"pic\">"), "pic" },
	{ STR("<IMG \"\"\"><SCRIPT>alert(\"XSS\")</SCRIPT>\">"), "&quot;&gt;" },
	{ STR("<img src=`javascript:alert(1)` alt=`onload=x`>"), "`onload=x`" },
	{ STR("<img src=\"javascript:alert(1)\">"), "" },
	{ STR("<img src=\"data:image/svg+xml,<svg onload=alert(1)>\">"), "" },
	{ STR("<img src=mxc://a.org/b onerror=alert(1) onload=alert(2) style=x id=y>"),
	    "<img src=\"/pic/0\" alt=\"\" loading=\"lazy\">" },
	{ STR("<img src=\"mxc://a.org/b&quot; onerror=&quot;alert(1)\">"), "" },
	{ STR("<img src=\"mxc://a.org/../b\">"), "" },
	{ STR("<img src=\"mxc://a.org/b\" alt='\"><script>alert(1)</script>' title=\"' "
	      "onload='x\">"),
	    "<img src=\"/pic/0\" "
	    "alt=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\" title=\"&#39; "
	    "onload=&#39;x\" loading=\"lazy\">" },
	{ STR("<img/src=\"mxc://a.org/b\"/onerror=\"alert(1)\">"), "" },
	{ STR("<img src=\"mxc://a.org/b\" srcset=\"http://evil.org/x 2x\" "
	      "usemap=\"#m\" ismap longdesc=x>"),
	    "<img src=\"/pic/0\" alt=\"\" loading=\"lazy\">" },
	{ STR("<img src=\"mxc://a.org/b\" width=\"100%\" height=\"-5\">"),
	    "<img src=\"/pic/0\" alt=\"\" width=\"100\" loading=\"lazy\">" },
	{ STR("<img src=\"mxc://a.org/b\" width=\"1e9\" "
	      "height=\"expression(alert(1))\">"),
	    "<img src=\"/pic/0\" alt=\"\" width=\"1\" loading=\"lazy\">" },
	{ STR("<b onmouseover=alert(1)>x</b>"), "<b>x</b>" },
	{ STR("<b/onclick=alert(1)>x</b>"), "<b>x</b>" },
	{ STR("<b\tonclick\t=\t\"alert(1)\">x</b>"), "<b>x</b>" },
	{ STR("<b onclick='alert(1)' ONFOCUS=alert(2) autofocus tabindex=0 "
	      "contenteditable>x</b>"),
	    "<b>x</b>" },
	{ STR("<b x=\"<b onclick=alert(1)>\">x</b>"), "<b>x</b>" },
	{ STR("<b \"onclick=alert(1)\">x</b>"), "<b>x</b>" },
	{ STR("<b =onclick=alert(1)>x</b>"), "<b>x</b>" },
	{ STR("<b 'x\"onclick=alert(1)>x</b>"), "<b>x</b>" },
	{ STR("<p style=\"background:url(javascript:alert(1))\">x</p>"), "<p>x</p>" },
	{ STR("<p style=\"position:fixed;top:0\" class=\"header\" id=\"login\">x</p>"),
	    "<p>x</p>" },
	{ STR("<span style=\"color:expression(alert(1))\" "
	      "data-mx-color=\"red;}body{display:none\">x</span>"),
	    "x" },
	{ STR("<span data-mx-color=\"#ff0000\\\"><script>\">x</span>"), "" },
	{ STR("<font color=\"red\" face=\"x\" size=\"7\" style=\"x\" "
	      "onclick=x>y</font>"),
	    "<span class=\"fg-3\">y</span>" },
	{ STR("<a href=\"javascript:alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"JaVaScRiPt:alert(1)\">x</a>"), "x" },
	{ STR("<a href=\" javascript:alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"java\tscript:alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"java&#x0A;script:alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"java&NewLine;script:alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"&#106;&#97;&#118;&#97;script:alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"&#x6A&#x61&#x76&#x61script:alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"&#0000106avascript:alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"javascript&colon;alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"javascript&#58;alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"&#1;javascript:alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"&#14;  javascript:alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"vbscript:msgbox(1)\">x</a>"), "x" },
	{ STR("<a href=\"data:text/html,<script>alert(1)</script>\">x</a>"), "x" },
	{ STR("<a href=\"data:text/html;base64,PHNjcmlwdD4=\">x</a>"), "x" },
	{ STR("<a href=\"feed:javascript:alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"view-source:javascript:alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"blob:https://a.org/b\">x</a>"), "x" },
	{ STR("<a href=\"file:///etc/passwd\">x</a>"), "x" },
	{ STR("<a href=\"about:blank\">x</a>"), "x" },
	{ STR("<a href=\"jar:https://a.org/x!/y\">x</a>"), "x" },
	{ STR("<a href=\"//evil.org/x\">x</a>"), "x" },
	{ STR("<a href=\"/logout\">x</a>"), "x" },
	{ STR("<a href=\"?delete=1\">x</a>"), "x" },
	{ STR("<a href=\"#top\">x</a>"), "x" },
	{ STR("<a href=\"\">x</a>"), "x" },
	{ STR("<a href>x</a>"), "x" },
	{ STR("<a href=\"https:evil.org\">x</a>"), "x" },
	{ STR("<a href=\"https:/evil.org\">x</a>"), "x" },
	{ STR("<a href=\"https:///evil.org\">x</a>"), "x" },
	{ STR("<a href=\"https:\\\\evil.org\">x</a>"), "x" },
	{ STR("<a href=\"https://good.org\\@evil.org/\">x</a>"), "x" },
	{ STR("<a href=\"https://\">x</a>"), "x" },
	{ STR("<a href=\"https://a.org/&quot; onclick=&quot;alert(1)\">x</a>"),
	    "<a href=\"https://a.org/%22%20onclick=%22alert(1)" REL "x</a>" },
	{ STR("<a href='https://a.org/\"onclick=\"alert(1)'>x</a>"),
	    "<a href=\"https://a.org/%22onclick=%22alert(1)" REL "x</a>" },
	{ STR("<a href=\"https://a.org/<script>\">x</a>"),
	    "<a href=\"https://a.org/%3Cscript%3E" REL "x</a>" },
	{ STR("<a href=\"https://a.org/\" onclick=\"alert(1)\" target=\"_blank\" "
	      "rel=\"opener\" download ping=\"http://evil.org\">x</a>"),
	    "<a href=\"https://a.org/" REL "x</a>" },
	{ STR("<a href=https://a.org/ href=javascript:alert(1)>x</a>"),
	    "<a href=\"https://a.org/" REL "x</a>" },
	{ STR("<a href=javascript:alert(1) href=https://a.org/>x</a>"), "x" },
	{ STR("<a HREF=\"https://a.org/\" xlink:href=\"javascript:alert(1)\">x</a>"),
	    "<a href=\"https://a.org/" REL "x</a>" },
	{ STR("<a href=\"https://a.org/x y\">x</a>"),
	    "<a href=\"https://a.org/x%20y" REL "x</a>" },
	{ STR("<a name=\"x\" id=\"y\">x</a>"), "x" },
	{ STR("<a href=\"https://a.org/\">one<a "
	      "href=\"javascript:alert(1)\">two</a></a>"),
	    "<a href=\"https://a.org/" REL "one</a>two" },
	{ STR("<svg onload=alert(1)>"), "" },
	{ STR("<svg><script>alert(1)</script></svg>"), "" },
	{ STR("<svg><a xlink:href=\"javascript:alert(1)\"><text "
	      "y=20>x</text></a></svg>y"),
	    "y" },
	{ STR("<svg><style><img src=x onerror=alert(1)></style></svg>"), "" },
	{ STR("<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">"), "" },
	{ STR("<svg><foreignObject><p>x</p></foreignObject></svg>"), "" },
	{ STR("<svg><animate onbegin=alert(1) attributeName=x dur=1s>"), "" },
	{ STR("<math><mi//xlink:href=\"data:x,<script>alert(1)</script>\">"), "" },
	{ STR("<math><mtext><table><mglyph><style><img src=x "
	      "onerror=alert(1)></style></mglyph></table></mtext></math>"),
	    "" },
	{ STR("<form><math><mtext></form><form><mglyph><style></math><img src "
	      "onerror=alert(1)>"),
	    "" },
	{ STR("<math><annotation-xml encoding=\"text/html\"><img src=x "
	      "onerror=alert(1)></annotation-xml></math>"),
	    "" },
	{ STR("<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">"), "" },
	{ STR("<noscript><img src=x onerror=alert(1)></noscript>x"), "x" },
	{ STR("<textarea><p title=\"</textarea><img src=x onerror=alert(1)>\">"), "" },
	{ STR("<title><p title=\"</title><img src=x onerror=alert(1)>\">"), "" },
	{ STR("<style><p title=\"</style><img src=x onerror=alert(1)>\">x"),
	    "&quot;&gt;x" },
	{ STR("<xmp><p title=\"</xmp><img src=x onerror=alert(1)>\">x</xmp>"),
	    "<p>x</p>" },
	{ STR("<plaintext><img src=x onerror=alert(1)>x"), "x" },
	{ STR("<listing>&lt;img onerror=alert(1)&gt;</listing>"),
	    "&lt;img onerror=alert(1)&gt;" },
	{ STR("<iframe src=\"javascript:alert(1)\"></iframe>"), "" },
	{ STR("<iframe srcdoc=\"<script>alert(1)</script>\">x</iframe>y"), "y" },
	{ STR("<object data=\"javascript:alert(1)\">x</object>"), "" },
	{ STR("<embed src=\"javascript:alert(1)\">x"), "x" },
	{ STR("<applet code=x>y</applet>"), "" },
	{ STR("<frameset onload=alert(1)><frame src=javascript:alert(1)></frameset>"),
	    "" },
	{ STR("<base href=\"javascript:alert(1)//\">x"), "x" },
	{ STR("<meta http-equiv=\"refresh\" content=\"0;url=javascript:alert(1)\">x"),
	    "x" },
	{ STR("<link rel=stylesheet href=\"http://evil.org/x.css\">x"), "x" },
	{ STR("<body onload=alert(1)>x</body>"), "x" },
	{ STR("<html onclick=alert(1)>x</html>"), "x" },
	{ STR("<head><style>b{}</style><title>t</title></head>x"), "x" },
	{ STR("<form action=\"javascript:alert(1)\"><input type=submit><button "
	      "formaction=javascript:alert(1)>x</button></form>"),
	    "x" },
	{ STR("<isindex type=image src=1 onerror=alert(1)>x"), "x" },
	{ STR("<input onfocus=alert(1) autofocus>x"), "x" },
	{ STR("<select onfocus=alert(1)><option>x</select>y"), "y" },
	{ STR("<video src=x onerror=alert(1)><source onerror=alert(1)></video>x"),
	    "x" },
	{ STR("<audio src=x onerror=alert(1)></audio>x"), "x" },
	{ STR("<details ontoggle=alert(1) open>x</details>"), "<details>x</details>" },
	{ STR("<marquee onstart=alert(1)>x</marquee>"), "x" },
	{ STR("<keygen autofocus onfocus=alert(1)>x"), "x" },
	{ STR("<template><script>alert(1)</script></template>x"), "x" },
	{ STR("<template><p>x</template><img src=x onerror=alert(1)>"), "" },
	{ STR("<dialog open onclose=alert(1)>x</dialog>"), "x" },
	{ STR("<portal src=javascript:alert(1)>x</portal>"), "x" },
	{ STR("<slot name=x onslotchange=alert(1)>y</slot>"), "y" },
	{ STR("<x-evil onclick=alert(1)>x</x-evil>"), "x" },
	{ STR("<bdo dir=rtl onmouseover=alert(1)>x</bdo>"), "x" },
	{ STR("<table background=\"javascript:alert(1)\"><td background=x>y</table>"),
	    "<table><tbody><tr><td>y</td></tr></tbody></table>" },
	{ STR("<table><style><img src=x onerror=alert(1)></style></table>"),
	    "<table></table>" },
	{ STR("<table><tr><td>x<script>alert(1)</script></td></tr></table>"),
	    "<table><tbody><tr><td>x</td></tr></tbody></table>" },
	{ STR("<table><caption><table><td>x"), "<table><caption>x</caption></table>" },
	{ STR("<li value=1 onclick=alert(1)>x</li>"), "x" },
	{ STR("<ol start=\"1 onclick=alert(1)\" type=a reversed><li value=9>x</ol>"),
	    "<ol start=\"1\"><li>x</li></ol>" },
	{ STR("<code class=\"language-c x\" onclick=y>z</code>"),
	    "<code class=\"language-c\">z</code>" },
	{ STR("<code class='language-\"onclick=\"alert(1)'>z</code>"),
	    "<code>z</code>" },
	{ STR("<code class=\"x evil\">z</code>"), "<code>z</code>" },
	{ STR("<blockquote cite=\"javascript:alert(1)\">x</blockquote>"),
	    "<blockquote>x</blockquote>" },
	{ STR("<del cite=\"javascript:alert(1)\" datetime=x>x</del>"), "<del>x</del>" },
	{ STR("<q cite=\"javascript:alert(1)\">x</q>"), "x" },
	{ STR("<!-- <img src=x onerror=alert(1)> -->x"), "x" },
	{ STR("<!--><img src=x onerror=alert(1)>-->x"), "x" },
	{ STR("<!--[if gte IE 4]><script>alert(1)</script><![endif]-->x"), "x" },
	{ STR("<!-- --!><img src=x onerror=alert(1)>"), "" },
	{ STR("<!-- -- ><img src=x onerror=alert(1)> -->x"), "x" },
	{ STR("<![CDATA[<img src=x onerror=alert(1)>]]>x"), "&lt;![CDATA[]]&gt;x" },
	{ STR("<!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]>&y;"),
	    "]&gt;&amp;y;" },
	{ STR("<!ENTITY x \"y\">z"), "&lt;!ENTITY x &quot;y&quot;&gt;z" },
	{ STR("<?xml version=\"1.0\"?><b>x</b>"), "<b>x</b>" },
	{ STR("<?php echo 1 ?>x"), "x" },
	{ STR("<%<!--'%><script>alert(1);</script -->"), "&lt;%" },
	{ STR("<b>x</b"), "<b>x</b>" },
	{ STR("<b x=\""), "<b></b>" },
	{ STR("<img src=\"mxc://a.org/b\" alt=\"x"),
	    "<img src=\"/pic/0\" alt=\"x\" loading=\"lazy\">" },
	{ STR("</p><script>alert(1)</script>"), "" },
	{ STR("</title><script>alert(1)</script>"), "" },
	{ STR("--><script>alert(1)</script>"), "--&gt;" },
	{ STR("\"><img src=x onerror=alert(1)>"), "&quot;&gt;" },
	{ STR("' onmouseover='alert(1)"), "&#39; onmouseover=&#39;alert(1)" },
	{ STR("javascript:alert(1)"), "javascript:alert(1)" },
	{ STR("&lt;script&gt;alert(1)&lt;/script&gt;"),
	    "&lt;script&gt;alert(1)&lt;/script&gt;" },
	{ STR("&#60;script&#62;alert(1)&#60;/script&#62;"),
	    "&lt;script&gt;alert(1)&lt;/script&gt;" },
	{ STR("&amp;lt;script&amp;gt;"), "&amp;lt;script&amp;gt;" },
	{ STR("+ADw-script+AD4-alert(1)+ADw-/script+AD4-"),
	    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-" },
	{ STR("\xc2\xbcscript\xc2\xbe"
	      "alert(1)\xc2\xbc/script\xc2\xbe"),
	    "\xc2\xbcscript\xc2\xbe"
	    "alert(1)\xc2\xbc/script\xc2\xbe" },
	{ STR("\xef\xbc\x9cscript\xef\xbc\x9e"
	      "alert(1)\xef\xbc\x9c/script\xef\xbc\x9e"),
	    "\xef\xbc\x9cscript\xef\xbc\x9e"
	    "alert(1)\xef\xbc\x9c/script\xef\xbc\x9e" },
	{ STR("<img src=x:alert(1) onerror=eval(src)>"), "" },
	{ STR("<a href=\"https://a.org/?x=1&y=2&lt=3\">x</a>"),
	    "<a href=\"https://a.org/?x=1&amp;y=2&amp;lt=3" REL "x</a>" },
	{ STR("<mx-reply><script>alert(1)</script><img src=x "
	      "onerror=alert(1)></mx-reply>x"),
	    "x" },
	{ STR("<span data-mx-spoiler=\"<img src=x onerror=alert(1)>\">x</span>"),
	    "<span class=\"spoiler\" tabindex=\"0\" role=\"note\"><span "
	    "class=\"spoiler-reason\">&lt;img src=x onerror=alert(1)&gt;</span><span "
	    "class=\"spoiler-text\">x</span></span>" },
	{ STR("<span data-mx-spoiler='\"><script>alert(1)</script>'>x</span>"),
	    "<span class=\"spoiler\" tabindex=\"0\" role=\"note\"><span "
	    "class=\"spoiler-reason\">&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;</"
	    "span><span class=\"spoiler-text\">x</span></span>" },
	{ STR("<span data-mx-maths=\"</code><script>alert(1)</script>\"></span>"),
	    "<code "
	    "class=\"maths\">&lt;/code&gt;&lt;script&gt;alert(1)&lt;/script&gt;</"
	    "code>" },
	{ STR("<div data-mx-maths='\"><img src=x onerror=alert(1)>'></div>"),
	    "<div><code class=\"maths\">&quot;&gt;&lt;img src=x "
	    "onerror=alert(1)&gt;</code></div>" },
	{ STR("<a href=\"matrix:u/ann:example.org&quot;onclick=&quot;x\">x</a>"),
	    "<a href=\"matrix:u/ann:example.org%22onclick=%22x" REL "x</a>" },
	{ STR("<a "
	      "href=\"https://matrix.to/#/"
	      "@ann:example.org&quot;&gt;&lt;script&gt;\">x</a>"),
	    "<a href=\"https://matrix.to/#/@ann:example.org%22%3E%3Cscript%3E" REL
	    "x</a>" },
	{ STR("<a href=\"mailto:a@b.org?subject=&quot;&gt;&lt;script&gt;\">x</a>"),
	    "<a href=\"mailto:a@b.org?subject=%22%3E%3Cscript%3E" REL "x</a>" },
	{ STR("<a href=\"magnet:?xt=urn:btih:x&dn=<script>\">x</a>"),
	    "<a href=\"magnet:?xt=urn:btih:x&amp;dn=%3Cscript%3E" REL "x</a>" },
	{ STR("<a href=\"mailto:&#10;javascript:alert(1)\">x</a>"), "x" },
	{ STR("http://a.org/\"onmouseover=\"alert(1)"),
	    "<a href=\"http://a.org/" REL
	    "http://a.org/</a>&quot;onmouseover=&quot;alert(1)" },
	{ STR("http://a.org/<script>alert(1)</script>"),
	    "<a href=\"http://a.org/" REL "http://a.org/</a>" },
	{ STR("<scr\x00ipt>alert(1)</scr\x00ipt>"), "alert(1)" },
	{ STR("<\x00script>alert(1)</script>"), "&lt;\xef\xbf\xbdscript&gt;alert(1)" },
	{ STR("<a href=\"java\x00script:alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"\x00javascript:alert(1)\">x</a>"), "x" },
	{ STR("<img src=mxc://a.org/b\x00onerror=alert(1)>"), "" },
	{ STR("\x00<b>x\x00</b>"), "\xef\xbf\xbd<b>x\xef\xbf\xbd</b>" },
	{ STR("\xc0\xbcscript\xc0\xbe"
	      "alert(1)"),
	    "\xef\xbf\xbd\xef\xbf\xbdscript\xef\xbf\xbd\xef\xbf\xbd"
	    "alert(1)" },
	{ STR("\xe0\x80\xbcscript\xe0\x80\xbe"),
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdscript\xef\xbf\xbd\xef\xbf\xbd\xef\xbf"
	    "\xbd" },
	{ STR("<b\xff onclick=x>y</b>"), "<b>y</b>" },
	{ STR("<a href=\"https://a.org/\xff\">x</a>"),
	    "<a href=\"https://a.org/\xef\xbf\xbd" REL "x</a>" },
	{ STR("<p title=\"\xe2\x82\">x</p>"), "<p>x</p>" },
	{ STR("<b>\xed\xa0\x80</b>"), "<b>\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd</b>" },
	{ STR("\xf4\x90\x80\x80<b>x</b>"),
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd<b>x</b>" },
	{ STR("\xfe\xff\x00<\x00s\x00"
	      "c\x00r\x00i\x00p\x00t\x00>"),
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd&lt;\xef\xbf\xbds\xef\xbf\xbd"
	    "c\xef\xbf\xbdr\xef\xbf\xbdi\xef\xbf\xbdp\xef\xbf\xbdt\xef\xbf\xbd&gt;" },
	{ STR("\xef\xbb\xbf<script>x</script>y"), "\xef\xbb\xbfy" },
	{ STR("<a\x0chref=\"https://a.org/\"\x0conclick=x>y</a>"),
	    "<a href=\"https://a.org/" REL "y</a>" },
	{ STR("<a\x0bonclick=x href=https://a.org/>y</a>"),
	    "<a href=\"https://a.org/" REL "y</a>" },
	{ STR("<a href=\"\x0bjavascript:alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"\xe2\x80\xaejavascript:alert(1)\">x</a>"), "x" },
	{ STR("<a href=\"https://a.org/\xe2\x80\xaegnp.exe\">x</a>"),
	    "<a href=\"https://a.org/%E2%80%AEgnp.exe" REL "x</a>" },
	{ STR("<a href=\"\xc2\xa0javascript:alert(1)\">x</a>"), "x" },
	{ STR("<b\r\nonclick=x>y\r\nz</b>"), "<b>y\nz</b>" },
	{ STR("\x1b$B<script>x</script>"), "\xef\xbf\xbd$B" },
	{ STR("<b>\xe2\x80\xae"
	      "evil</b> text"),
	    "<b>\xe2\x80\xae"
	    "evil\xe2\x80\xac</b> text" },
	{ STR("<img src=\"mxc://a.org/b\" alt=\"\xe2\x80\xaex\">"),
	    "<img src=\"/pic/0\" alt=\"\xe2\x80\xaex\xe2\x80\xac\" loading=\"lazy\">" },
};

static void
nothing_breaks_out_of_a_body(void **state)
{
	for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
		struct buf out = { 0 };
		const char *fault;

		markup_html(&out, attempts[i].html.p, attempts[i].html.n, &walk_ask);
		buf_char(&out, '\0');
		fault = walk_html(out.p, out.n - 1);
		if (fault != NULL)
			fail_msg("%s: %s", attempts[i].html.p, fault);
		assert_string_equal(out.p, attempts[i].shown);
		buf_free(&out);
	}
}

/* As a plain body it is all text; the links are ours. */
static void
a_plain_body_has_no_elements_but_links_and_breaks(void **state)
{
	for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
		struct buf out = { 0 };

		markup_text(&out, attempts[i].html.p, attempts[i].html.n);
		buf_char(&out, '\0');
		assert_null(walk_html(out.p, out.n - 1));
		for (const char *p = out.p; (p = strchr(p, '<')) != NULL; p++)
			assert_true(starts_with(p, "<a href=\"") ||
				    starts_with(p, "</a>") || starts_with(p, "<br>"));
		buf_free(&out);
	}
}

/* --- what keeps busy --- */

static int64_t
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static void
add_many(struct buf *out, const char *part, size_t until)
{
	while (out->n + strlen(part) <= until)
		buf_str(out, part);
}

static void
check_effort(const struct buf *html, const char *name)
{
	int64_t began_ms = cpu_ms(), took_ms;
	struct buf out = { 0 };
	const char *fault;

	markup_html(&out, html->p, html->n, &walk_ask);
	took_ms = cpu_ms() - began_ms;
	fault = walk_html(out.p == NULL ? "" : out.p, out.n);
	if (fault != NULL)
		fail_msg("%s: %s", name, fault);
	if (took_ms > 1000) /* with sanitizers; else under 100 ms */
		fail_msg("%s: %d ms", name, (int)took_ms);
	if (out.n > 8 * html->n + 8192)
		fail_msg("%s: %zu bytes", name, out.n);
	buf_free(&out);
}

static void
no_body_takes_long_or_grows_beyond_measure(void **state)
{
	static const struct {
		const char *first, *part, *half;
	} bodies[] = {
		{ "", "<div>", NULL },
		{ "", "<b>", NULL },
		{ "", "<b>", "</x>" },
		{ "", "<b>", "</b>" },
		{ "", "<b></p>", NULL },
		{ "", "<b><p></b>", NULL },
		{ "", "<a href=ftp://a>x", NULL },
		{ "", "<a href=ftp://a><div>", NULL },
		{ "", "<ul><li>", NULL },
		{ "<ul>", "<li><b>x", NULL },
		{ "", "<ul>x", NULL },
		{ "", "<table><td>", NULL },
		{ "", "<table>x</table>", NULL },
		{ "", "<table>x", NULL },
		{ "", "<font color=red>", "<p>x" },
		{ "", "<span data-mx-spoiler>x</span>", NULL },
		{ "", "<span data-mx-spoiler>", NULL },
		{ "", "<span data-mx-maths=x></span>", NULL },
		{ "", "<details><summary>x</summary>", NULL },
		{ "", "<img src=mxc://a/b>", NULL },
		{ "", "<br>", NULL },
		{ "", "<center>x", NULL },
		{ "<a ", "a ", NULL },
		{ "<a ", "a=\"b>\" ", NULL },
		{ "<a b='", "&amp;", NULL },
		{ "<a href='https://a/", "x", NULL },
		{ "", "<a b=\"", NULL },
		{ "<b>", "<", NULL },
		{ "<b>", "&", NULL },
		{ "<b>", "&#", NULL },
		{ "<b>", "\"", NULL },
		{ "<b>", "\xff", NULL },
		{ "<b>", "\x01", NULL },
		{ "<b>", "\r", NULL },
		{ "<b>", "\xe2\x80\xae", NULL },
		{ "<b>", "http:", NULL },
		{ "<b>", "http://", NULL },
		{ "<b>", "http://a ", NULL },
		{ "<b>http://a", ")", NULL },
		{ "<b>http://a/", "&", NULL },
		{ "<b>", "http://a/&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&& ", NULL },
		{ "<b>", "mailto:", NULL },
		{ "<!--", "-", NULL },
		{ "<!--", "--!>", NULL },
		{ "", "<!---->", NULL },
		{ "<script>", "</", NULL },
		{ "", "<script>", NULL },
		{ "", "<svg>", NULL },
		{ "", "<!", NULL },
		{ "", "<?", NULL },
		{ "</", "a", NULL },
		{ "<!DOCTYPE ", "[", NULL },
	};

	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		struct buf html = { 0 };

		buf_str(&html, bodies[i].first);
		add_many(&html, bodies[i].part,
		    bodies[i].half == NULL ? BODY_BYTES : BODY_BYTES / 2);
		if (bodies[i].half != NULL)
			add_many(&html, bodies[i].half, BODY_BYTES);
		check_effort(&html, bodies[i].part);
		buf_free(&html);
	}
}

static void
a_tag_of_countless_attributes_ends_the_reading(void **state)
{
	struct buf html = { 0 }, out = { 0 };

	while (html.n < BODY_BYTES) {
		buf_lit(&html, "<a ");
		for (int i = 0; i < 600; i++)
			buf_printf(&html, "a%x ", i);
		buf_lit(&html, ">x");
	}
	check_effort(&html, "many in each");
	buf_reset(&html);
	buf_lit(&html, "<a ");
	for (int i = 0; html.n < BODY_BYTES; i++)
		buf_printf(&html, "a%x ", i);
	check_effort(&html, "many in one");
	buf_reset(&html);
	buf_lit(&html, "<b>x</b><i ");
	for (int i = 0; i < 65; i++)
		buf_printf(&html, "a%x ", i);
	buf_lit(&html, ">y</i>z");
	markup_html(&out, html.p, html.n, &walk_ask);
	assert_int_equal(out.n, strlen("<b>x</b>"));
	buf_free(&out);
	buf_free(&html);
}

/* --- depth --- */

static size_t
count(const struct buf *b, const char *part)
{
	size_t n = 0, len = strlen(part);

	for (size_t i = 0; i + len <= b->n; i++)
		n += memcmp(b->p + i, part, len) == 0;
	return n;
}

/* Spec: "Tags must not be nested more than 100 levels deep" */
static void
what_is_too_deep_loses_its_tags_and_keeps_its_text(void **state)
{
	static const int depths[] = { 99, 100, 101, 300, 10000 };

	for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
		struct buf html = { 0 }, out = { 0 };
		size_t shown = depths[i] < 100 ? (size_t)depths[i] : 100;

		for (int k = 0; k < depths[i]; k++)
			buf_lit(&html, "<div>");
		buf_lit(&html, "<b>in the depth</b>");
		for (int k = 0; k < depths[i]; k++)
			buf_lit(&html, "</div>");
		buf_lit(&html, "behind");
		markup_html(&out, html.p, html.n, &walk_ask);
		assert_int_equal(count(&out, "<div>"), shown);
		assert_int_equal(count(&out, "</div>"), shown);
		assert_int_equal(count(&out, "<b>"), depths[i] < 100);
		assert_int_equal(count(&out, "in the depth"), 1);
		assert_int_equal(count(&out, "behind"), 1);
		assert_null(walk_html(out.p, out.n));
		buf_free(&out);
		buf_free(&html);
	}
}

static void
a_tag_without_measure_is_left_out_alone(void **state)
{
	struct buf html = { 0 }, out = { 0 };

	buf_lit(&html, "<p>before<img alt=x src=\"data:image/png;base64,");
	add_many(&html, "AAAA", EVENT_BYTES);
	buf_lit(&html, "\">behind <b>it</b></p>");
	markup_html(&out, html.p, html.n, &walk_ask);
	buf_char(&out, '\0');
	assert_string_equal(out.p, "<p>beforebehind <b>it</b></p>");
	buf_free(&out);
	buf_free(&html);
}

/* The parser is fed in pieces. */
static void
long_bodies_lose_nothing(void **state)
{
	for (int shift = 0; shift < 64; shift++) {
		struct buf html = { 0 }, out = { 0 };

		for (int i = 0; i < shift; i++)
			buf_char(&html, '.');
		for (int i = 0; i < 400; i++)
			buf_lit(&html, "<a title=\"it's\" href='https://a.org/?b=1'>"
				       "\xe2\x82\xac</a>");
		markup_html(&out, html.p, html.n, &walk_ask);
		assert_int_equal(
		    count(&out, "<a href=\"https://a.org/?b=1" REL "\xe2\x82\xac</a>"),
		    400);
		buf_free(&out);
		buf_free(&html);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_breaks_out_of_a_body),
		cmocka_unit_test(a_plain_body_has_no_elements_but_links_and_breaks),
		cmocka_unit_test(no_body_takes_long_or_grows_beyond_measure),
		cmocka_unit_test(a_tag_of_countless_attributes_ends_the_reading),
		cmocka_unit_test(what_is_too_deep_loses_its_tags_and_keeps_its_text),
		cmocka_unit_test(a_tag_without_measure_is_left_out_alone),
		cmocka_unit_test(long_bodies_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

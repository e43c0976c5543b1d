"""What makes the live page ask again by itself, and the page of those who do not bear the token."""

from __future__ import annotations

from monitoring.report.markup import Html, document, h
from monitoring.report.style import STYLE

SECONDS = 10
"""How often the page asks again."""

DOOR_STYLE = """
form { display: flex; gap: 8px; flex-wrap: wrap; margin: 14px 0; }
input, button { font: inherit; padding: 7px 11px; border: 1px solid var(--line); border-radius: 6px; color: inherit;
  background: var(--card); max-width: 100%; } button { background: var(--blue); color: var(--on-mark); border: 0; }
"""

SCRIPT = """"use strict";
// Asks for the page again and puts its main part in place of the one that stands. What comes holds no script.
const KEPT = "tipoff-token";
const live = () => document.querySelector("main");
const opened = () => [...document.querySelectorAll("details[open] > summary")].map((each) => each.textContent);

async function look() {
  const token = sessionStorage.getItem(KEPT);
  try {
    const answer = await fetch(location.href, token ? { headers: { Authorization: `Bearer ${token}` } } : {});
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.querySelector("main");
    if (!next) throw new Error(`status ${answer.status}`);
    const wasOpen = opened();
    live().replaceWith(next);
    for (const each of next.querySelectorAll("details > summary"))
      if (wasOpen.includes(each.textContent)) each.parentElement.open = true;
    document.title = page.title;
    bind();
    if (answer.status === 401 && token) refused();
  } catch (error) {
    const told = document.querySelector("#asked");
    if (told) told.textContent = `Not reached (${error.message}): what stands here is older.`;
  }
}

function refused() {
  sessionStorage.removeItem(KEPT);
  document.querySelector("#told").textContent = "That token was refused.";
}

function bind() {
  const form = document.querySelector("form");
  if (!form) return;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEPT, form.elements.token.value);
    look();
  });
}

bind();
if (sessionStorage.getItem(KEPT) && live().dataset.live !== "yes") look();
setInterval(() => { if (live().dataset.live === "yes") look(); }, MILLISECONDS);
""".replace("MILLISECONDS", str(1000 * SECONDS))


def door_page(host: str) -> Html:
    """What a stranger sees where TIPOFF_API_TOKEN is set: how to bear it, and nothing else."""
    form = h(  # its field has no name: sent before the script listens, or without one, the token stands in no address
        "form",
        h("input", type="password", id="token", autocomplete="current-password", aria_label="token", required=""),
        h("button", "Look", type="submit"),
    )
    command = f'curl -H "Authorization: Bearer $TIPOFF_API_TOKEN" http://{host}/'
    body = h(
        "main",
        h("h1", "tipoff's coordinator"),
        h("p", "This page wants the token of TIPOFF_API_TOKEN; it is kept until this tab is closed.", id="told"),
        form,
        h("p", "Without a browser: ", h("code", command), class_="muted"),
    )
    return document("tipoff", STYLE + DOOR_STYLE, body, head=script_tag())


def script_tag() -> Html:
    """The script of both pages, which the service itself serves."""
    return h("script", src="/page.js", defer="")

// A form is sent once, also by who presses twice, or again while an answer is awaited: what it makes is made once.
// A page that shows something once, as the answer to a form, is where its link leads when it is loaded anew, or where
// the link says: one with a fragment would lead nowhere then.
// Forms that a page's own script sends are that script's; one whose answer leaves the page as it is can be sent again.
"use strict";

{
  const AGAIN_MS = 5000;
  let sent = null;
  let again = 0;

  window.addEventListener("submit", (event) => {
    const { target: form } = event;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form === sent) return event.preventDefault();
    sent = form;
    clearTimeout(again);
    again = setTimeout(() => { sent = null; }, AGAIN_MS);
  });
  window.addEventListener("pageshow", () => { sent = null; });

  const shown = document.querySelector("a[data-once]");
  if (shown) window.history.replaceState(null, "", shown.dataset.once || shown.href);
}

// A click anywhere in a row opens it. The link in the row does the same without this file.
"use strict";

for (const row of document.querySelectorAll("tr[data-href]")) {
  row.classList.add("clickable");
  row.addEventListener("click", (event) => {
    const selecting = String(window.getSelection()).length > 0;
    if (event.defaultPrevented || event.target.closest("a, button") || selecting) return;
    if (event.metaKey || event.ctrlKey) window.open(row.dataset.href, "_blank", "noopener");
    else window.location.assign(row.dataset.href);
  });
}
